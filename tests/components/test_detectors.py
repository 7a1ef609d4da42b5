"""The other detectors: their tests on scalar streams, on toy worlds, and the baselines."""

from __future__ import annotations

import copy
import random
import sys
from typing import Any

import numpy as np
import pytest
import torch

from l2rl.agents.surroundings import Surroundings
from l2rl.component import Component
from l2rl.components.consolidation.ewc import ElasticWeightConsolidation
from l2rl.components.detection.adwin import Adwin
from l2rl.components.detection.cusum import Cusum, CusumDetector, CusumTest
from l2rl.components.detection.kswin import Kswin
from l2rl.components.detection.never import NeverDetector
from l2rl.components.detection.oracle import OracleDetector
from l2rl.components.detection.page_hinkley import PageHinkley
from l2rl.components.detection.random_delay import RandomDelayConfig, RandomDelayDetector
from l2rl.components.detection.river_test import MOST_FED, RiverTest, river_drift
from l2rl.components.detection.sliced_wasserstein import squared_distance, unit_directions
from l2rl.components.detection.wasserstein import WassersteinDetector
from l2rl.errors import UserError

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

DETECTORS: tuple[type[Component], ...] = (
    CusumDetector,
    PageHinkley,
    Adwin,
    Kswin,
    WassersteinDetector,
)

# ---- scalar streams ------------------------------------------------------------------------


def run_lengths(shift: float, runs: int, slack: float = 0.5, limit: float = 5.0) -> np.ndarray:
    """Values until the alarm, run after run."""
    generator, lengths = np.random.default_rng(0), []
    for _ in range(runs):
        total, count = Cusum(slack, limit), 0
        while True:
            count += 1
            if total.update(float(generator.standard_normal() + shift)):
                break
        lengths.append(count)
    return np.array(lengths)


def siegmund(shift: float, slack: float, limit: float) -> float:
    """Approximate mean run length of a CUSUM of unit Gaussians."""
    drift, b = shift - slack, limit + 1.166
    return float((np.exp(-2 * drift * b) + 2 * drift * b - 1) / (2 * drift**2))


def test_run_lengths_of_cusum_are_siegmunds() -> None:
    assert siegmund(0.0, 0.5, 5.0) == pytest.approx(938.2, abs=0.1)
    assert siegmund(1.0, 0.5, 5.0) == pytest.approx(10.34, abs=0.01)
    assert run_lengths(0.0, 400).mean() == pytest.approx(938.2, rel=0.12)
    assert run_lengths(1.0, 2000).mean() == pytest.approx(10.34, rel=0.05)
    assert run_lengths(1.5, 2000, 0.75, 4.0).mean() == pytest.approx(
        siegmund(1.5, 0.75, 4.0), rel=0.05
    )


def test_errors_are_standardised_and_suspicious_ones_are_not_normal() -> None:
    test = CusumTest(0.5, 5.0, window=50)
    generator = np.random.default_rng(0)
    for value in generator.normal(20.0, 4.0, 50):
        test.absorb(float(value))
    assert test.mean == pytest.approx(20.0, abs=1.5)
    assert test.sigma == pytest.approx(4.0, rel=0.3)
    before = list(test.values)
    assert [test.update(36.0) for _ in range(2)] == [False, True]
    assert test.is_suspicious
    assert test.values == before
    test.restart()
    assert not test.is_suspicious


def stream() -> list[float]:
    generator = random.Random(12345)
    return [*generator.choices([0, 1], k=1000), *generator.choices(range(4, 8), k=1000)]


def first_alarm(test: RiverTest) -> int | None:
    return next((i for i, value in enumerate(stream()) if test._take(float(value))), None)


def test_rivers_tests_alarm_where_they_are_published_to() -> None:
    drift = river_drift()
    assert first_alarm(RiverTest(lambda: drift.PageHinkley(mode="up"), 5)) == 1006
    assert first_alarm(RiverTest(drift.ADWIN, 5)) == 1023
    kswin = RiverTest(lambda: drift.KSWIN(alpha=1e-4, seed=42), 5)
    assert first_alarm(kswin) == 1016


def test_a_fall_is_no_alarm() -> None:
    drift = river_drift()
    for make in (drift.ADWIN, lambda: drift.KSWIN(alpha=1e-4, seed=42)):
        test = RiverTest(make, 10)
        assert not any(test._take(-float(value)) for value in stream())


def test_rivers_tests_are_restored_from_what_they_were_fed() -> None:
    drift = river_drift()
    make = lambda: drift.KSWIN(alpha=1e-4, seed=42)  # noqa: E731
    one, other = RiverTest(make, 5), RiverTest(make, 5)
    for value in stream()[:1003]:
        one._take(float(value))
    other.load_state_dict(copy.deepcopy(one.state_dict()))
    rest = [(one._take(float(v)), other._take(float(v))) for v in stream()[1003:1300]]
    assert any(ours for ours, _ in rest)
    assert all(ours == theirs for ours, theirs in rest)


def test_what_was_fed_does_not_grow_without_end() -> None:
    test = RiverTest(river_drift().PageHinkley, 5)
    for _ in range(MOST_FED + 10):
        test._take(0.0)
    assert len(test.fed) == MOST_FED // 2 + 10


def test_without_river_the_way_out_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "river", None)
    with pytest.raises(UserError, match=r"pip install 'l2rl\[river\]'"):
        Bench(0, Adwin)


@pytest.mark.parametrize(("d", "shift"), [(16, 3.28), (4, 1.0)])
def test_the_distance_of_a_translation_is_its_square_over_the_dimension(
    d: int, shift: float
) -> None:
    generator = torch.Generator().manual_seed(0)
    points = torch.randn((100, d), generator=generator)
    delta = torch.randn(d, generator=generator)
    delta *= shift / delta.norm()
    directions = unit_directions(d, 10_000, generator)
    distance = float(squared_distance(points, points + delta, directions))
    assert distance == pytest.approx(float((delta @ directions).square().mean()), rel=1e-4)
    assert distance == pytest.approx(shift**2 / d, rel=0.04)
    assert float(squared_distance(points, points.flip(0), directions)) < 1e-10


def test_samples_of_any_size_can_be_compared() -> None:
    one = torch.tensor([[0.0], [1.0]])
    other = torch.tensor([[0.0], [0.5], [1.0]])
    # Quantiles: [0, 1/2] is 0, then 1; against thirds of 0, 1/2, 1.
    expected = (1 / 6) * 0.25 + (1 / 6) * 0.25
    distance = squared_distance(one, other, torch.ones(1, 1))
    assert float(distance) == pytest.approx(expected, abs=1e-6)
    assert float(squared_distance(other, one, torch.ones(1, 1))) == pytest.approx(expected)


# ---- toy worlds ----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", DETECTORS)
def test_every_change_is_seen_and_known_contexts_are_recognised(kind: type[Component]) -> None:
    bench = Bench(0, kind)
    worlds = (A(1), other_dynamics(2), A(3), other_observations(4), other_dynamics(5))
    told = [bench.run(world, 10_000, constant) for world in worlds]
    # Of KSWIN, whose significance is a rate of false alarms, the first event of each world.
    assert [events[0][1:] for events in told[1:]] == [
        ("new", 1),
        ("recurring", 0),
        ("new", 2),
        ("recurring", 1),
    ]
    assert max(events[0][0] for events in told[1:]) <= 1_000
    assert sum(map(len, told)) <= 4 + (kind is Kswin)


@pytest.mark.parametrize("kind", DETECTORS)
def test_a_change_of_reward_alone_is_seen(kind: type[Component]) -> None:
    bench = Bench(0, kind)
    assert bench.run(A(), 12_000, constant) == []
    events = bench.run(CHANGES["reward"](), 2_500, constant)
    assert [event[1:] for event in events] == [("new", 1)]


@pytest.mark.parametrize("kind", DETECTORS)
def test_a_policy_that_improves_is_no_change(kind: type[Component]) -> None:
    assert Bench(5, kind).run(A(5), 25_000, improving) == []


@pytest.mark.parametrize("kind", DETECTORS)
def test_state_round_trips_in_mid_suspicion(kind: type[Component]) -> None:
    bench, other = Bench(0, kind), Bench(9, kind)
    bench.run(A(), 10_000, constant)
    bench.run(other_observations(), 96, constant)
    other.detector.load_state_dict(copy.deepcopy(bench.detector.state_dict()))
    other.generators.load_state_dict(copy.deepcopy(bench.generators.state_dict()))
    results = [each.run(other_observations(7), 1_500, constant) for each in (bench, other)]
    assert results[0] == results[1]
    assert bench.detector.belief == 1
    assert equal(bench.detector.state_dict(), other.detector.state_dict())


# ---- baselines -----------------------------------------------------------------------------

LABELS = Surroundings(visibility="labels", labels=("a", "b"))
BOUNDARIES = Surroundings(visibility="boundaries")


def changes(agent: Any) -> list[dict[str, Any]]:
    return [
        dict(event.detail, env_steps=event.env_steps)
        for event in agent.host.drain_events()
        if event.name == "change_detected"
    ]


def lived(agent: Any, *labels: str, env_steps: int = 64) -> Any:
    for index, label in enumerate(labels):
        agent.start_task(index, label)
        agent.learn(env_steps, reset_num_timesteps=index == 0)
        agent.end_task(index, label)
    return agent


def test_the_oracle_announces_at_once_and_knows_what_returns() -> None:
    agent = lived(small_agent("ppo", OracleDetector(), surroundings=LABELS), "a", "b", "a")
    told = changes(agent)
    assert [(c["kind"], c["belief"]) for c in told] == [("new", 1), ("recurring", 0)]
    assert told[0]["env_steps"] == agent.num_timesteps // 3


def test_without_labels_every_block_is_new_to_the_oracle() -> None:
    agent = lived(small_agent("ppo", OracleDetector(), surroundings=BOUNDARIES), "a", "b", "a")
    assert [(c["kind"], c["belief"]) for c in changes(agent)] == [("new", 1), ("new", 2)]


def test_experience_after_a_boundary_has_the_new_belief() -> None:
    seen: list[int] = []

    class Listens(Component):
        def on_transitions(self, batch: Any) -> None:
            seen.append(batch.belief)

    lived(small_agent("ppo", OracleDetector(), Listens(), surroundings=LABELS), "a", "b", "a")
    assert seen == [0, 1, 0]


def test_components_follow_the_oracle_where_they_are_told_to() -> None:
    config = ElasticWeightConsolidation.Config(trigger="detected", minimum_states=1)
    agent = small_agent(
        "ppo", OracleDetector(), ElasticWeightConsolidation(config), surroundings=LABELS
    )
    lived(agent, "a", "b")
    assert agent.host.composition.components[1]._consolidations == 1


def test_never_changes_nothing() -> None:
    hidden = Surroundings()
    plain = parameters_of(lived(small_agent("ppo", surroundings=hidden), "a", "b"))
    agent = lived(small_agent("ppo", NeverDetector(), surroundings=hidden), "a", "b")
    assert changes(agent) == []
    assert equal(plain, parameters_of(agent))


def delays(mean: float, seeds: int) -> list[int]:
    result = []
    for seed in range(seeds):
        component = RandomDelayDetector(RandomDelayConfig(mean_delay_env_steps=mean))
        component.name = f"late{seed}"
        agent = small_agent("dqn", component, surroundings=LABELS, learning_starts=10_000)
        lived(agent, "a", "b", env_steps=512)
        result += [c["env_steps"] - 512 for c in changes(agent)]
    return result


def test_the_random_delay_is_random_and_late() -> None:
    late = delays(100.0, 6)
    assert len(set(late)) > 1
    assert all(delay > 0 for delay in late)
    assert delays(0.0, 1) == [0]


def test_false_alarms_come_at_the_rate_that_was_asked_for() -> None:
    config = RandomDelayConfig(mean_delay_env_steps=0.0, false_alarms_per_million_env_steps=4_000.0)
    detector = RandomDelayDetector(config)
    agent = small_agent("dqn", detector, surroundings=LABELS, learning_starts=10_000)
    lived(agent, "a", env_steps=5_000)
    assert 8 <= len(changes(agent)) <= 32


def test_a_late_announcement_survives_a_round_trip() -> None:
    def make() -> Any:
        config = RandomDelayConfig(mean_delay_env_steps=500.0)
        return small_agent("ppo", RandomDelayDetector(config), surroundings=LABELS)

    agent = lived(make(), "a")
    agent.start_task(1, "b")
    saved = copy.deepcopy(agent.host.state_dict())
    other = make()
    other.host.load_state_dict(saved)
    ours, theirs = (each.host.composition.components[0].due for each in (agent, other))
    assert ours == theirs is not None


def test_the_baselines_need_what_they_are_told() -> None:
    with pytest.raises(UserError, match="TASK_BOUNDARY"):
        small_agent("dqn", OracleDetector(), surroundings=Surroundings())
