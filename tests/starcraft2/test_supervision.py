"""Whatever becomes of the game's process, the run goes on as if nothing had happened, or says why
it cannot."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from l2rl.envs.starcraft2.loopback.launcher import NURSERY
from l2rl.envs.starcraft2.supervisor import RESTARTS
from l2rl.envs.starcraft2.vec_env import StarCraftVecEnv
from l2rl.errors import UserError
from tests.starcraft2.play import (
    Step,
    any_valid,
    assert_same_play,
    game_process,
    played,
    steps,
)

TASK = "DefeatRoaches"
SHORT = {"limit_s": 10, "call_timeout_s": 1.0}
"""Episodes of 20 env steps."""
N_STEPS = 30

Faults = Callable[..., None]


def make(n_envs: int = 1, **parameters: Any) -> StarCraftVecEnv:
    return StarCraftVecEnv(TASK, {**SHORT, **parameters}, n_envs=n_envs, seed=1)


@pytest.fixture(scope="module")
def undisturbed_steps() -> dict[int, list[Step]]:
    """Filled by the first test that needs it."""
    return {}


@pytest.fixture
def undisturbed(undisturbed_steps: dict[int, list[Step]]) -> list[Step]:
    """What one game gives when nothing goes wrong."""
    if 1 not in undisturbed_steps:
        env = make()
        undisturbed_steps[1] = played(env, N_STEPS)
        assert env.drain_events() == []
        env.close()
    return undisturbed_steps[1]


@pytest.fixture
def env() -> Iterator[StarCraftVecEnv]:
    env = make()
    yield env
    env.close()


@pytest.mark.parametrize(
    ("fault", "at"),
    [
        ("die", "step"),
        ("die", "action"),
        ("die", "observation"),
        ("die", "create_game"),
        ("die", "launch"),
        ("hang", "step"),
        ("hang", "observation"),
        ("garbage", "observation"),
        ("garbage", "join_game"),
        ("empty", "step"),
        ("no_status", "step"),
        ("wrong_id", "action"),
        ("wrong_status", "step"),
        ("error", "step"),
        ("stuck", "step"),
        ("not_a_number", "observation"),
        ("off_the_map", "observation"),
    ],
)
def test_a_failure_loses_nothing(
    fault: str, at: str, undisturbed: list[Step], env: StarCraftVecEnv, faults: Faults
) -> None:
    loop = 80 if at in ("step", "action", "observation") else 0
    faults({"fault": fault, "at": at, "loop": loop})
    assert_same_play(played(env, N_STEPS), undisturbed)
    (event,) = env.drain_events()
    assert event.name == "environment_restarted"
    assert event.detail["env"] == f"starcraft2/{TASK}"
    # The tenth step reaches loop 80; only its observation comes after that.
    assert event.detail["step"] == {"step": 10, "action": 10, "observation": 9}.get(at, 0)
    assert event.detail["failure"]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_a_process_that_is_killed_or_stopped_loses_nothing(
    how: signal.Signals,
    undisturbed: list[Step],
    env: StarCraftVecEnv,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(NURSERY)
    policy, seen = any_valid(0), env.reset()
    some = list(steps(env, policy, seen, 7))
    os.kill(game_process(env), how)
    rest = list(steps(env, policy, some[-1].seen, N_STEPS - 7))
    assert_same_play(some + rest, undisturbed)
    assert [event.name for event in env.drain_events()] == ["environment_restarted"]


def test_an_answer_that_is_only_late_is_no_failure(
    undisturbed: list[Step], env: StarCraftVecEnv, faults: Faults
) -> None:
    faults({"fault": "slow", "at": "step", "times": 3})
    assert_same_play(played(env, N_STEPS), undisturbed)
    assert env.drain_events() == []


def test_one_game_of_several_fails_alone(faults: Faults) -> None:
    env = make(2)
    quiet = played(env, N_STEPS)
    env.close()
    env = make(2)
    policy, seen = any_valid(0), env.reset()
    some = list(steps(env, policy, seen, 5))
    other = env.games[0].client
    os.kill(game_process(env, 1), signal.SIGKILL)
    rest = list(steps(env, policy, some[-1].seen, N_STEPS - 5))
    assert_same_play(some + rest, quiet)
    assert [event.detail["game"] for event in env.drain_events()] == [1]
    assert env.games[0].client is other
    env.close()


def test_an_episode_that_always_fails_at_one_step_is_given_up(
    undisturbed: list[Step], env: StarCraftVecEnv, faults: Faults
) -> None:
    faults({"fault": "die", "at": "step", "loop": 40, "times": 3})
    policy = any_valid(0)
    got = list(steps(env, policy, env.reset(), 6))
    assert not any(step.dones[0] for step in got[:5])
    last = got[5]
    assert last.dones[0]
    assert last.rewards[0] == 0
    assert last.infos[0]["TimeLimit.truncated"]
    assert "3 failures" in last.infos[0]["cut"]
    assert last.infos[0]["episode"]["l"] == 6
    assert last.infos[0]["terminal_observation"].tobytes() == got[4].seen[0].tobytes()
    assert [event.name for event in env.drain_events()] == [
        *["environment_restarted"] * 3,
        "episode_cut",
    ]
    # The next episode of the stream is the one that would have come anyway.
    second = next(step for step in undisturbed if step.dones[0])
    assert last.seen.tobytes() == second.seen.tobytes()
    assert not any(step.dones[0] for step in steps(env, policy, last.seen, 10))


def test_the_run_stops_clearly_when_patience_is_at_its_end(faults: Faults) -> None:
    env = make(restarts=2)
    faults({"fault": "error", "at": "step", "times": 99})
    env.reset()
    with pytest.raises(UserError, match=r"failed 3 times in this run.*`restarts` allows 2") as told:
        env.step(np.zeros(1, int))
    assert "An error that was asked for" in str(told.value)
    assert f"starcraft2/{TASK}, game 0" in str(told.value)
    env.close()


def test_a_game_that_never_starts_is_told_with_its_last_words(faults: Faults) -> None:
    env = make(attempts=2)
    faults({"fault": "die", "at": "launch", "times": 99})
    with pytest.raises(UserError, match="no episode could be begun in 2 attempts") as told:
        env.reset()
    assert "The simulation dies at its launch" in str(told.value)
    env.close()


def test_the_budget_is_the_runs_and_not_an_environments(faults: Faults) -> None:
    for expected in (1, 2):
        env = make()
        faults({"fault": "die", "at": "step"})
        env.reset()
        env.step(np.zeros(1, int))
        assert env.drain_events()[0].detail["restarts"] == expected
        env.close()
    assert RESTARTS.count == 2


def test_processes_are_recycled_without_a_trace(undisturbed: list[Step]) -> None:
    env = make(recycle_after_episodes=1)
    policy, seen = any_valid(0), env.reset()
    first = game_process(env)
    got = list(steps(env, policy, seen, N_STEPS))
    assert game_process(env) != first
    assert_same_play(got, undisturbed)
    assert env.drain_events() == []
    assert RESTARTS.count == 0
    env.close()
