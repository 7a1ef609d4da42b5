"""The detector: its test on scalar streams, its model on toy worlds, its state."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces

from l2rl.agents.surroundings import Surroundings
from l2rl.components.detection.deviation_test import DeviationTest
from l2rl.components.detection.encoding import TransitionEncoder
from l2rl.components.detection.loss_deviation import LossDeviation

from .small_agents import parameters_of, small_agent
from .toy_worlds import (
    CHANGES,
    A,
    Bench,
    constant,
    equal,
    improving,
    other_dynamics,
    other_observations,
)

# ---- the test, on scalars ------------------------------------------------------------------


def with_baseline(**settings: Any) -> DeviationTest:
    """μ = 0 and kσ = 0.3, in a window so long that later losses do not move it."""
    test = DeviationTest(window=100_000, **settings)
    test.values = [0.1, -0.1] * 50_000
    test.smoothed = 0.0
    return test


@pytest.mark.parametrize(("jump", "delay"), [(1.0, 2), (0.5, 5), (0.4, 7), (0.31, 16)])
def test_delay_has_the_closed_form(jump: float, delay: int) -> None:
    test = with_baseline()
    alarms = [test.update(jump) for _ in range(delay)]
    assert alarms == [False] * (delay - 1) + [True]
    assert delay == math.ceil(math.log(1 - 0.3 / jump) / math.log(1 - 0.2))


def gaussian(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(count)


def test_smoothing_divides_the_deviation_by_three() -> None:
    test = DeviationTest(window=20_000)
    for loss in gaussian(20_000):
        test.absorb(float(loss))
    assert test.sigma == pytest.approx(1 / 3, abs=0.01)


def alarms_per_loss(count: int = 30_000, **settings: Any) -> float:
    test = DeviationTest(least=100, **settings)
    alarms = 0
    for loss in gaussian(count):
        if test.update(float(loss)):
            alarms += 1
            test.dismiss()
    return alarms / count


def test_rates_of_false_alarms() -> None:
    assert alarms_per_loss(freeze=False) == pytest.approx(0.00235, abs=0.0009)
    assert alarms_per_loss() == pytest.approx(0.0035, abs=0.0012)
    assert alarms_per_loss(needed=3, among=5) == pytest.approx(0.0004, abs=0.0003)


def delay_of(shift: float, seed: int, most: int = 200) -> int:
    losses = gaussian(200 + most, seed)
    test = DeviationTest(least=100)
    for loss in losses[:200]:
        test.update(float(loss))
    after = enumerate(losses[200:], 1)
    return next((i for i, loss in after if test.update(float(loss + shift))), most)


@pytest.mark.parametrize(("shift", "delay"), [(1.5, 10.0), (3.0, 2.4), (10.0, 1.0)])
def test_mean_delay_for_shifts_in_raw_deviations(shift: float, delay: float) -> None:
    # Of 1.5 deviations the window now and then makes a habit before the alarm: a few per cent
    # of the streams wait for very long, which is why the mean depends on where they end.
    delays = [delay_of(shift, seed) for seed in range(200)]
    assert np.mean(delays) == pytest.approx(delay, rel=0.3)


def test_raw_losses_in_the_window_would_mask_what_smoothed_ones_show() -> None:
    losses = gaussian(120, 1)
    losses[100:] += 10.0
    ours, smoothed = DeviationTest(least=50), 0.0
    ours_alarms, raw_alarms = [], []
    for i, loss in enumerate(losses):
        smoothed = 0.2 * loss + 0.8 * smoothed
        window = losses[max(0, i - 99) : i + 1]
        raw_alarms.append(i >= 50 and smoothed > window.mean() + 3 * window.std())
        ours_alarms.append(ours.update(float(loss)))
    assert any(ours_alarms[100:103])
    assert not any(raw_alarms[100:103])


def test_one_outlier_is_no_alarm_but_is_suspicious() -> None:
    test = with_baseline(needed=3, among=5, clip=4.0)
    assert not test.update(1000.0)
    assert test.is_suspicious
    assert not any(test.update(0.0) for _ in range(20))
    assert not test.is_suspicious
    assert [test.update(1000.0) for _ in range(4)] == [False, False, False, True]


# ---- toy worlds ----------------------------------------------------------------------------


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_of_one_thing_is_detected(what: str) -> None:
    bench = Bench()
    assert bench.run(A(), 14_000, constant) == []
    events = bench.run(CHANGES[what](), 6_000, constant)
    assert len(events) == 1
    delay, kind, belief = events[0]
    assert (kind, belief) == ("new", 1)
    assert delay <= 1_000


@pytest.mark.parametrize("seed", range(3))
def test_a_policy_that_improves_is_no_change(seed: int) -> None:
    assert Bench(seed).run(A(seed), 40_000, improving) == []


def test_known_contexts_are_recognised() -> None:
    bench = Bench()
    told = []
    for world in (A(1), other_dynamics(2), A(3), other_observations(4), other_dynamics(5)):
        told += [event[1:] for event in bench.run(world, 10_000, constant)]
    assert told == [("new", 1), ("recurring", 0), ("new", 2), ("recurring", 1)]


def test_at_the_cap_the_nearest_context_is_believed_in() -> None:
    bench = Bench(max_contexts=1)
    for world in (A(1), other_observations(2)):
        assert bench.run(world, 10_000, constant) == []
    assert bench.detector.metrics()["contexts"] == 1


def test_suspicious_experience_is_held_back_from_the_model_in_force() -> None:
    bench = Bench()
    bench.run(A(), 14_000, constant)
    before = copy.deepcopy(bench.detector.contexts[0].model.state_dict())
    bench.run(other_observations(), 3_000, constant)
    after = bench.detector.contexts[0].model.state_dict()
    assert bench.detector.belief == 1
    assert equal(before["network"], after["network"])
    assert before["seen"] == after["seen"] == 14_000 // 64 * 64
    assert bench.detector.contexts[1].model.seen > 2_500


def test_the_units_of_observation_and_reward_do_not_matter() -> None:
    delays = []
    for unit in (1.0, 1000.0):
        bench = Bench()
        for kind in (A, other_dynamics):
            world = kind()
            world.gain, world.see = unit, lambda seen, unit=unit: seen * unit
            events = bench.run(world, 10_000, constant)
        delays.append(events)
    assert delays[0] == delays[1] != []


def test_context_errors_tell_contexts_apart() -> None:
    bench = Bench()
    worlds = [A(1), other_dynamics(2), other_observations(3)]
    for world in worlds:
        bench.run(world, 10_000, constant)
    for truth, world in enumerate(worlds):
        steps = [world.step(0.9) for _ in range(8)]
        joined = {name: np.concatenate([s[name] for s in steps]) for name in steps[0]}
        errors = bench.detector.context_errors(**joined)
        assert min(errors, key=lambda context: errors[context]) == truth
        assert errors[truth] < 1.0 < min(e for c, e in errors.items() if c != truth)


@pytest.mark.parametrize("extra", [32, 192])
def test_state_round_trips_in_mid_task_and_in_mid_suspicion(extra: int) -> None:
    bench, other = Bench(), Bench(seed=9)
    bench.run(A(), 8_000, constant)
    bench.run(other_observations(), extra, constant)
    other.detector.load_state_dict(copy.deepcopy(bench.detector.state_dict()))
    other.generators.load_state_dict(copy.deepcopy(bench.generators.state_dict()))
    assert equal(bench.detector.state_dict(), other.detector.state_dict())
    results = [each.run(other_observations(7), 8_000, constant) for each in (bench, other)]
    assert results[0] == results[1] != []
    assert equal(bench.detector.state_dict(), other.detector.state_dict())


# ---- on an agent ---------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["ppo", "ppo-box", "dqn", "sac"])
def test_the_learner_does_not_notice_the_detector(kind: str) -> None:
    hidden = Surroundings()
    results = []
    for components in ([LossDeviation()], []):
        agent = small_agent(kind, *components, surroundings=hidden)
        results.append(parameters_of(agent.learn(256)))
    assert equal(*results)


@pytest.mark.parametrize(
    ("space", "size"),
    [
        (spaces.Discrete(3, start=1), 3),
        (spaces.MultiDiscrete([2, 3]), 5),
        (spaces.MultiBinary(4), 4),
        (spaces.Box(0, 255, (2, 3), np.uint8), 6),
        (spaces.Box(0, 255, (3, 20, 20), np.uint8), 32),
    ],
)
def test_every_plain_space_becomes_numbers(space: spaces.Space[Any], size: int) -> None:
    generator = torch.Generator().manual_seed(0)
    encoder = TransitionEncoder(space, space, most_features=32, generator=generator)
    values = np.stack([space.sample() for _ in range(7)])
    rows = encoder.rows(values, values, np.zeros(7), values)
    assert encoder.layout.observation == size
    assert rows.shape == (7, encoder.layout.width)
    assert rows[:, : encoder.layout.inputs].abs().max() <= 10
    assert not rows[:, encoder.layout.inputs :].any()


def test_a_nested_space_is_refused() -> None:
    nested = spaces.Dict({"a": spaces.Discrete(2)})
    with pytest.raises(ValueError, match="flatten"):
        TransitionEncoder(nested, nested, most_features=8, generator=torch.Generator())
