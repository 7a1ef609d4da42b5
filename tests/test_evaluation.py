"""Evaluation has no effect on learning: parameters with and without it are bit-identical."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch

from l2rl.agents.dqn import LifelongDQN
from l2rl.agents.surroundings import Surroundings
from l2rl.component import Component
from l2rl.envs.minigames import SUITE
from l2rl.evaluation import Evaluator
from l2rl.views import EvaluationEvent
from tests.support.runs import differences, final_state, run_whole

YAML = """
experiment: isolated
seed: {seed}
agent:
  learner: {learner}
  n_envs: 3
  settings: {settings}
curriculum:
  visibility: labels
  tasks: {{first: {tasks[0]}, second: {tasks[1]}}}
  blocks: [{{learn: first, env_steps: 400}}, {{learn: second, env_steps: 300}}]
checkpoint: {{interval_s: null}}
"""
SETTINGS = {
    "ppo": "{n_steps: 16, batch_size: 24, n_epochs: 2}",
    "dqn": "{learning_starts: 60, batch_size: 16, buffer_size: 300}",
    "sac": "{learning_starts: 60, batch_size: 16, buffer_size: 300, train_freq: 4}",
}
MINIGAMES = ("minigames/MoveToBeacon", "minigames/DefeatRoaches")
PENDULA = ("Pendulum-v1", "{env: Pendulum-v1, parameters: {g: 5.0}}")
OFTEN = "{interval_env_steps: 60, episodes: 3, n_envs: 2, deterministic: false}"
NEVER = "{interval_env_steps: null, at_start: false, at_block_end: false, at_end: false}"


@pytest.mark.parametrize("learner", SETTINGS)
@pytest.mark.parametrize("seed", [1, 2])
def test_evaluating_often_or_never_gives_the_same_agent(
    learner: str, seed: int, tmp_path: Path
) -> None:
    tasks = PENDULA if learner == "sac" else MINIGAMES
    yaml = tmp_path / "experiment.yaml"
    yaml.write_text(
        YAML.format(learner=learner, seed=seed, settings=SETTINGS[learner], tasks=tasks)
    )
    often = run_whole(yaml, tmp_path / "often", [f"evaluation={OFTEN}"])
    never = run_whole(yaml, tmp_path / "never", [f"evaluation={NEVER}"])
    one, other = final_state(often.path), final_state(never.path)
    assert differences(one["agent"], other["agent"]) == []
    assert differences(one["generators"], other["generators"]) == []
    assert one["position"]["evaluations"] > 5 > other["position"]["evaluations"] == 0


class Meddler(Component):
    """Changes the network for the time of an evaluation, as an expert pool does."""

    def __init__(self, config: object = None) -> None:
        super().__init__(config)
        self.seen: list[str | None] = []

    @contextmanager
    def evaluation_context(self, event: EvaluationEvent) -> Iterator[None]:
        self.seen.append(event.label)
        values = {n: torch.zeros_like(p) for n, p in event.phases["q"].parameters.items()}
        with event.lend({"q": values}):
            yield


def agent_with(component: Component) -> LifelongDQN:
    env = SUITE.make("MoveToBeacon", parameters={}, n_envs=2, seed=0)
    return LifelongDQN(
        "MlpPolicy",
        env,
        components=[component],
        surroundings=Surroundings(visibility="labels", labels=("beacon",)),
        seed=0,
    )


def evaluator(deterministic: bool = True) -> Evaluator:
    def make(task: str, seed: int) -> object:
        return SUITE.make("MoveToBeacon", parameters={}, n_envs=2, seed=seed)

    return Evaluator(make, seed=0, episodes=3, deterministic=deterministic)  # type: ignore[arg-type]


def test_what_a_context_changed_is_back_bit_for_bit() -> None:
    agent = agent_with(Meddler())
    before = {k: v.clone() for k, v in agent.policy.state_dict().items()}
    evaluator().evaluate(agent, "beacon", 0)
    assert all(torch.equal(v, before[k]) for k, v in agent.policy.state_dict().items())


def test_a_component_without_the_need_hears_no_label() -> None:
    meddler = Meddler()
    evaluator().evaluate(agent_with(meddler), "beacon", 0)
    assert meddler.seen == [None]


def test_each_evaluation_plays_the_same_episodes() -> None:
    agent = agent_with(Component())
    measure = evaluator(deterministic=False)
    one, other = (measure.evaluate(agent, "beacon", i) for i in range(2))
    assert np.array_equal(one.returns, other.returns)
    assert len(one.returns) == 3
