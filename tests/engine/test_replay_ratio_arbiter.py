"""The arbiter loses no fraction, clamps, and does not chatter."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from l2rl.engine.replay_ratio import ReplayRatioArbiter


@given(
    ratio=st.floats(0.0, 8.0),
    chunks=st.lists(st.integers(1, 64), min_size=1, max_size=200),
)
def test_updates_equal_ratio_times_env_steps_to_one_step(ratio: float, chunks: list[int]) -> None:
    arbiter = ReplayRatioArbiter()
    arbiter.propose(ratio)
    updates = sum(arbiter.gradient_steps(n) for n in chunks)
    assert abs(updates - ratio * sum(chunks)) <= 1.0 + 1e-6
    assert arbiter.realised == pytest.approx(updates / sum(chunks))


def test_proposals_are_clamped_and_small_changes_ignored() -> None:
    arbiter = ReplayRatioArbiter(minimum=0.25, maximum=2.0, hysteresis=0.1)
    assert arbiter.propose(9.0)
    assert arbiter.ratio == 2.0
    assert not arbiter.propose(1.95)
    assert arbiter.ratio == 2.0
    assert arbiter.propose(0.0)
    assert arbiter.ratio == 0.25
    assert not arbiter.propose(None)


def test_state_round_trip_keeps_the_credit() -> None:
    one, other = ReplayRatioArbiter(), ReplayRatioArbiter()
    one.propose(0.3)
    one.gradient_steps(1)
    other.load_state_dict(one.state_dict())
    assert [one.gradient_steps(1) for _ in range(9)] == [other.gradient_steps(1) for _ in range(9)]
