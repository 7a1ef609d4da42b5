"""Saving and restoring real games in mid-episode, and whole runs that are killed."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pytest

from l2rl import running
from l2rl.config import load_experiment
from l2rl.envs.minigames.spaces import N_ACTIONS
from l2rl.envs.starcraft2.vec_env import StarCraftVecEnv
from l2rl.lifetime import Lifetime
from l2rl.runs.tidy_log import read_log
from l2rl.task_environments import stateful
from tests.starcraft2.play import Step, assert_same_play, game_process
from tests.support.runs import (
    assert_same_life,
    differences,
    final_state,
    resume_killed,
    run_killed,
    run_whole,
)

Make = Callable[..., StarCraftVecEnv]
ACTIONS = np.random.default_rng(0).integers(0, N_ACTIONS, (60, 2))
"""For two games; an episode has 20 env steps."""


@pytest.fixture
def make() -> Iterator[Make]:
    """Makes environments of two games, and closes them."""
    made = []

    def one(task: str = "DefeatRoaches", **parameters: Any) -> StarCraftVecEnv:
        made.append(StarCraftVecEnv(task, {"limit_s": 10, **parameters}, n_envs=2, seed=3))
        return made[-1]

    yield one
    for env in made:
        env.close()


def acted(env: StarCraftVecEnv, actions: np.ndarray) -> list[Step]:
    """What these actions lead to."""
    got = []
    for row in actions:
        seen, rewards, dones, infos = env.step(row)
        got.append(Step(seen, env.action_masks(), rewards, dones, infos))
    return got


def test_other_processes_go_on_where_the_state_was_taken(make: Make) -> None:
    env, other = make(), make()
    env.reset()
    acted(env, ACTIONS[:27])
    state, masks = env.state_dict(), env.action_masks()
    other.load_state_dict(state)
    assert differences(other.state_dict(), state) == []
    assert other.action_masks().tobytes() == masks.tobytes()
    assert_same_play(acted(other, ACTIONS[27:]), acted(env, ACTIONS[27:]))
    assert other.drain_events() == []


def test_a_state_can_be_gone_back_to_in_the_same_process(make: Make) -> None:
    env = make()
    env.reset()
    acted(env, ACTIONS[:5])
    state, first = env.state_dict(), [game_process(env, i) for i in range(2)]
    onward = acted(env, ACTIONS[5:40])
    env.load_state_dict(state)
    assert_same_play(acted(env, ACTIONS[5:40]), onward)
    assert [game_process(env, i) for i in range(2)] == first


def test_seeds_decide_everything(make: Make) -> None:
    one, other = make(), make()
    one.reset()
    acted(one, ACTIONS[:3])
    for env in (one, other):
        env.seed(12)
        env.reset()
    assert_same_play(acted(one, ACTIONS[:25]), acted(other, ACTIONS[:25]))
    other.seed(13)
    other.reset()
    assert other.state_dict()["games"][0]["stream"] == 13


def test_the_state_before_the_first_reset_starts_no_process(make: Make) -> None:
    env, other = make(), make()
    env.seed(4)
    other.load_state_dict(env.state_dict())
    assert [game.client for game in other.games] == [None, None]
    env.reset()
    other.reset()
    assert_same_play(acted(env, ACTIONS[:3]), acted(other, ACTIONS[:3]))


def test_a_state_of_another_task_is_refused(make: Make) -> None:
    with pytest.raises(ValueError, match="task DefeatRoaches, not MoveToBeacon"):
        make("MoveToBeacon").load_state_dict(make().state_dict())
    with pytest.raises(ValueError, match="parameters"):
        make(step_mul=4).load_state_dict(make().state_dict())


def test_an_episode_that_leads_elsewhere_is_told_and_cut(make: Make) -> None:
    env, other = make(), make()
    env.reset()
    before = acted(env, ACTIONS[:9])[-1]
    state = env.state_dict()
    state["games"][1]["actions"][3:6] = 1
    other.load_state_dict(state)
    (event,) = other.drain_events()
    assert (event.name, event.detail["game"], event.detail["step"]) == ("resume_inexact", 1, 9)
    assert other.action_masks().tobytes() == before.masks.tobytes()
    (step,) = acted(other, ACTIONS[9:10])
    (undisturbed,) = acted(env, ACTIONS[9:10])
    assert list(step.dones) == [False, True]
    assert step.seen[0].tobytes() == undisturbed.seen[0].tobytes()
    end = step.infos[1]
    assert end["TimeLimit.truncated"]
    assert "played again" in end["cut"]
    assert end["terminal_observation"].tobytes() == before.seen[1].tobytes()
    assert end["episode"]["l"] == 10
    assert [event.name for event in other.drain_events()] == ["episode_cut"]
    # The next episode is the next of the stream, as if this one had ended by itself.
    onward = acted(env, ACTIONS[10:20])[-1]
    assert onward.dones[1]
    assert step.seen[1].tobytes() == onward.seen[1].tobytes()


# ---- whole runs ----------------------------------------------------------------------------

YAML = """
experiment: real
seed: 5
agent:
  learner: ppo
  n_envs: 2
  settings: {n_steps: 8, batch_size: 16, n_epochs: 1}
curriculum:
  visibility: labels
  backend: sc2
  tasks:
    beacon: {env: minigames/MoveToBeacon, parameters: {limit_s: 5}}
    roaches: {env: minigames/DefeatRoaches, parameters: {limit_s: 5}}
  blocks: [{learn: beacon, env_steps: 64}, {learn: roaches, env_steps: 48}]
evaluation: {episodes: 1, n_envs: 1}
checkpoint: {interval_env_steps: 16, interval_s: null}
logging: {interval_env_steps: 32}
"""


class KillsTheGame:
    """An observer that kills a game's process, as `kill -9` does, at some progress reports."""

    def __init__(self, *when: int) -> None:
        self.when, self.reports = when, 0

    def on_progress(self, lifetime: Lifetime) -> None:
        self.reports += 1
        env = stateful(lifetime.env)
        assert isinstance(env, StarCraftVecEnv)
        if self.reports in self.when:
            os.kill(game_process(env, self.reports % 2), signal.SIGKILL)

    def on_message(self, text: str) -> None:
        pass


def experiment(tmp_path: Path) -> Path:
    yaml = tmp_path / "experiment.yaml"
    yaml.write_text(YAML)
    return yaml


@pytest.mark.slow
def test_a_run_that_is_killed_and_resumed_is_the_same_life(tmp_path: Path) -> None:
    yaml = experiment(tmp_path)
    whole = run_whole(yaml, tmp_path / "whole")
    chance = random.Random(0)
    path = run_killed(yaml, tmp_path / "killed", chance.randint(3, 6))
    resume_killed(path, chance.randint(1, 3))
    running.resume(path)
    assert_same_life(whole.path, path)


@pytest.mark.slow
def test_a_run_whose_game_is_killed_is_the_same_life_with_that_in_its_log(tmp_path: Path) -> None:
    yaml = experiment(tmp_path)
    whole = run_whole(yaml, tmp_path / "whole")
    disturbed = running.start(
        load_experiment(yaml), root=tmp_path / "disturbed", observer=KillsTheGame(3, 8)
    )
    first, second = final_state(whole.path), final_state(disturbed.path)
    for part in ("agent", "env", "position", "generators"):
        assert differences(first[part], second[part], part) == []
    quiet, log = (read_log(run.log_path).drop_columns(["row"]) for run in (whole, disturbed))
    restarts = pc.equal(pc.cast(log["metric"], "string"), "environment_restarted")
    assert pc.sum(restarts).as_py() == 2
    assert log.filter(pc.invert(restarts)).to_pylist() == quiet.to_pylist()
