"""Pairs of components that meet where parameters are owned, copied or lent: both have effect."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from l2rl import running
from l2rl.agents.surroundings import Surroundings
from l2rl.component import Component
from l2rl.components.consolidation.ewc import ElasticWeightConsolidation
from l2rl.components.experts.pool import ExpertPool
from l2rl.components.exploration.old_skills import OldSkills, OldSkillsConfig
from l2rl.components.isolation.packnet import PackNet
from l2rl.components.isolation.settings import PackNetConfig
from l2rl.components.replay.reservoir import Reservoir
from l2rl.components.sleep.settings import WakeSleepConfig
from l2rl.components.sleep.wake_sleep import WakeSleep
from tests.components.small_agents import parameters_of, same, small_agent
from tests.support.runs import assert_same_life, run_killed, run_whole

PAIRS = sorted((Path(__file__).parents[2] / "examples" / "pairs").glob("*.yaml"))
SHORT = [
    "agent.n_envs=2",
    "agent.settings.learning_starts=30",
    "evaluation.interval_env_steps=null",
    "checkpoint.interval_env_steps=20",
]


def packnet() -> PackNet:
    return PackNet(PackNetConfig(retrain_updates=5))


def wake_sleep() -> WakeSleep:
    return WakeSleep(WakeSleepConfig(minimum_states=32, batch_size=64))


def ewc() -> ElasticWeightConsolidation:
    settings = {"fisher_samples": 32, "minimum_states": 16, "strength": 1e4}
    return ElasticWeightConsolidation(ElasticWeightConsolidation.Config(**settings))


def old_skills() -> OldSkills:
    return OldSkills(OldSkillsConfig(exploration_env_steps=40, minimum_env_steps=0))


def lived(kind: str, *components: Component) -> Any:
    """Two tasks and the first again, asleep after each."""
    seen = Surroundings(visibility="labels", labels=("a", "b"), has_sleep=True)
    agent = small_agent(kind, *components, surroundings=seen)
    for index, label in enumerate("aba"):
        agent.start_task(index, label)
        agent.learn(80 if kind == "dqn" else 40, reset_num_timesteps=False)
        agent.end_task(index, label)
        assert len(list(agent.host.sleep(5, 5))) == 5
    return agent


@pytest.mark.parametrize("kind", ["dqn", "sac"])
@pytest.mark.parametrize(
    "make",
    [(packnet, Reservoir), (wake_sleep, ewc), (ExpertPool, old_skills), (packnet, wake_sleep)],
    ids=["packnet+reservoir", "wake_sleep+ewc", "pool+old_skills", "packnet+wake_sleep"],
)
def test_a_pair_runs_the_same_in_any_order_and_finitely(kind: str, make: Any) -> None:
    one = lived(kind, *(build() for build in make))
    other = lived(kind, *(build() for build in reversed(make)))
    assert same(one, other)
    assert all(bool(torch.isfinite(p).all()) for p in parameters_of(one).values())


def test_sleep_moves_no_weight_that_a_task_owns() -> None:
    isolation = packnet()
    seen = Surroundings(visibility="labels", labels=("a", "b"), has_sleep=True)
    agent = small_agent("dqn", isolation, wake_sleep(), surroundings=seen)
    for index, label in enumerate("ab"):
        agent.start_task(index, label)
        agent.learn(80, reset_num_timesteps=False)
        agent.end_task(index, label)
        before = parameters_of(agent)
        assert len(list(agent.host.sleep(5, 5))) == 5
        assert all(torch.equal(before[n], p) for n, p in parameters_of(agent).items())


def test_after_a_sleep_the_penalty_of_ewc_still_pulls_to_where_it_woke_up() -> None:
    consolidation = ewc()
    agent = lived("dqn", wake_sleep(), consolidation)
    woke_up = agent._phases["q"].flat_row()
    assert consolidation.metrics()["q/penalty"] == 0.0
    agent.start_task(3, "b")
    agent.learn(80, reset_num_timesteps=False)
    assert consolidation.metrics()["q/penalty"] > 0.0
    assert not torch.equal(agent._phases["q"].flat_row(), woke_up)


@pytest.mark.slow
@pytest.mark.parametrize("path", PAIRS, ids=lambda path: path.stem)
def test_a_pair_killed_and_resumed_ends_as_it_would_have(path: Path, tmp_path: Path) -> None:
    text = path.read_text().replace("4_000", "80").replace("2_000", "40").replace("1_000", "60")
    yaml = tmp_path / path.name
    yaml.write_text(text.replace(": 200}", ": 8}").replace(": 100}", ": 6}"))
    straight = run_whole(yaml, tmp_path / "straight", SHORT)
    killed = run_killed(yaml, tmp_path / "killed", 60, SHORT)
    running.resume(killed)
    assert_same_life(straight.path, killed)
