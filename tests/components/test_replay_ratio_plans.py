"""`replay_ratio.fixed` and `replay_ratio.scheduled`: as many gradient steps as were asked for."""

from __future__ import annotations

from typing import Any

import pytest

from l2rl.agents.surroundings import Surroundings
from l2rl.capabilities import CHANGE_EVENTS
from l2rl.component import Component
from l2rl.components.replay_ratio.fixed import FixedReplayRatio
from l2rl.components.replay_ratio.scheduled import ScheduledReplayRatio, scheduled_ratio
from l2rl.composition import CompositionError
from l2rl.views import ChangeEvent
from tests.components.going_on import assert_goes_on
from tests.components.small_agents import small_agent


def fixed(ratio: float) -> FixedReplayRatio:
    return FixedReplayRatio(FixedReplayRatio.Config(ratio=ratio))


def scheduled(**settings: Any) -> ScheduledReplayRatio:
    return ScheduledReplayRatio(ScheduledReplayRatio.Config(**settings))


@pytest.mark.parametrize(("kind", "ratio"), [("dqn", 0.3), ("dqn", 1.7), ("sac", 0.25)])
def test_updates_over_env_steps_are_the_ratio(kind: str, ratio: float) -> None:
    agent = small_agent(kind, fixed(ratio)).learn(220)
    assert abs(agent._n_updates - ratio * (agent.num_timesteps - 20)) <= 1
    assert agent.host.metrics()["replay_ratio/in_force"] == ratio


def test_no_updates_without_a_ratio() -> None:
    assert small_agent("dqn", fixed(0.0)).learn(100)._n_updates == 0


POINTS = ((100, 0.5), (200, 2.0), (300, 1.0))


@pytest.mark.parametrize(
    ("env_steps", "stepwise", "linear"),
    [
        (0, 0.5, 0.5),
        (100, 0.5, 0.5),
        (150, 0.5, 1.25),
        (199, 0.5, 1.985),
        (200, 2.0, 2.0),
        (275, 2.0, 1.25),
        (300, 1.0, 1.0),
        (9_999, 1.0, 1.0),
    ],
)
def test_the_plan_is_followed(env_steps: int, stepwise: float, linear: float) -> None:
    assert scheduled_ratio(POINTS, env_steps, "stepwise") == pytest.approx(stepwise)
    assert scheduled_ratio(POINTS, env_steps, "linear") == pytest.approx(linear)


def test_a_lifetime_plan_gives_the_updates_it_promises() -> None:
    agent = small_agent("dqn", scheduled(points=((0, 0.5), (120, 2.0)))).learn(220)
    # 20 of warm-up, 100 at a half, then two: decided once per collection, of 8 env steps here.
    assert agent._n_updates == pytest.approx(50 + 2 * (agent.num_timesteps - 120), abs=13)


class Announces(Component):
    provides = (CHANGE_EVENTS,)
    name = "announces"

    def announce(self, env_steps: int) -> None:
        self.agent.announce_change(ChangeEvent("announces", env_steps, "unknown", 0, 0))


@pytest.mark.parametrize("visible", [True, False])
def test_a_plan_of_the_task_begins_anew_with_each(visible: bool) -> None:
    detector = Announces()
    surroundings = Surroundings(visibility="boundaries" if visible else "hidden")
    plan = scheduled(points=((0, 0.25), (60, 1.0)), scope="task")
    agent = small_agent("dqn", plan, detector, surroundings=surroundings)
    agent.start_task(0, "a")
    agent.learn(100)
    assert agent.host.metrics()["replay_ratio/in_force"] == 1.0
    agent.end_task(0, "a")
    agent.start_task(1, "b")
    if not visible:
        detector.announce(agent.num_timesteps)
    agent.learn(40, reset_num_timesteps=False)
    assert agent.host.metrics()["replay_ratio/in_force"] == 0.25
    agent.learn(40, reset_num_timesteps=False)
    assert agent.host.metrics()["replay_ratio/in_force"] == 1.0


def test_a_plan_of_the_task_needs_to_know_of_tasks() -> None:
    with pytest.raises(CompositionError, match="TASK_BOUNDARY or CHANGE_EVENTS"):
        small_agent("dqn", scheduled(scope="task"), surroundings=Surroundings())
    small_agent("dqn", scheduled(), surroundings=Surroundings())


def test_only_one_can_steer() -> None:
    with pytest.raises(CompositionError, match="both own REPLAY_RATIO"):
        small_agent("dqn", fixed(1.0), scheduled())


def test_points_must_rise() -> None:
    with pytest.raises(ValueError, match="must rise"):
        scheduled(points=((5, 1.0), (5, 2.0)))


def test_the_state_goes_on_bit_for_bit_in_mid_task() -> None:
    assert_goes_on("dqn", lambda: [scheduled(points=((0, 0.3), (50, 1.3)), scope="task")], 80)
