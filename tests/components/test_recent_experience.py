"""The small memory of recent states: uniform at first, forgetting at a known rate later."""

from __future__ import annotations

import numpy as np
import pytest

from l2rl.components.recent_experience import RecentExperience
from l2rl.state_codec import decode, encode


def filled(count: int, capacity: int, horizon: int, seed: int = 0, step: int = 7) -> np.ndarray:
    memory = RecentExperience(capacity, horizon, np.random.default_rng(seed))
    for first in range(0, count, step):
        memory.add({"number": np.arange(first, min(first + step, count))})
    return memory.read("number")


def test_everything_is_kept_in_order_while_there_is_room() -> None:
    assert filled(20, capacity=30, horizon=100).tolist() == list(range(20))


def test_up_to_the_horizon_the_sample_is_uniform_over_the_period() -> None:
    kept = np.concatenate([filled(400, 20, horizon=1000, seed=s) for s in range(200)])
    shares = np.histogram(kept, bins=4, range=(0, 400))[0] / len(kept)
    assert shares == pytest.approx([0.25] * 4, abs=0.03)
    assert all(len(set(filled(400, 20, 1000, seed=s))) == 20 for s in range(5))


def test_beyond_it_the_mean_age_is_the_horizon() -> None:
    kept = np.concatenate([filled(3000, 20, horizon=200, seed=s) for s in range(100)])
    assert np.mean(2999 - kept) == pytest.approx(200, rel=0.1)


def test_a_new_period_starts_empty_and_state_goes_on_bit_for_bit() -> None:
    memory = RecentExperience(10, 50, np.random.default_rng(0))
    memory.add({"number": np.arange(40)})
    memory.clear()
    assert len(memory) == 0
    memory.add({"number": np.arange(100, 125)})
    assert memory.read("number").min() >= 100
    again = RecentExperience(10, 50, np.random.default_rng(1))
    again.load_state_dict(decode(*encode(memory.state_dict())))
    again.generator.bit_generator.state = memory.generator.bit_generator.state
    for one in (memory, again):
        one.add({"number": np.arange(125, 160)})
    assert np.array_equal(memory.read("number"), again.read("number"))
