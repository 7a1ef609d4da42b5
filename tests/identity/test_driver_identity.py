"""The driver too is stock SB3 where the curriculum is one task: same seeds, same parameters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from stable_baselines3 import DQN, PPO, SAC

from l2rl.curriculum import Task
from l2rl.randomness import derive_seed
from l2rl.task_environments import make_task_env
from tests.support.runs import differences, final_state, run_whole

YAML = """
experiment: identity
seed: 11
agent: {{learner: {learner}, n_envs: {n_envs}, settings: {settings}}}
curriculum: {{tasks: {{only: {task}}}, blocks: [{{learn: only, env_steps: {env_steps}}}]}}
evaluation: {{interval_env_steps: 200, episodes: 1, n_envs: 1}}
"""
CASES: dict[str, tuple[Any, str, int, int, dict[str, Any]]] = {
    "ppo": (PPO, "minigames/DefeatRoaches", 4, 512, {"n_steps": 32, "batch_size": 32}),
    "dqn": (DQN, "minigames/MoveToBeacon", 4, 600, {"learning_starts": 80, "buffer_size": 400}),
    "sac": (SAC, "Pendulum-v1", 1, 250, {"learning_starts": 50, "buffer_size": 200}),
}


@pytest.mark.parametrize("learner", CASES)
def test_one_task_is_learned_as_stock_sb3_learns_it(learner: str, tmp_path: Path) -> None:
    algorithm, task, n_envs, env_steps, settings = CASES[learner]
    yaml = tmp_path / "experiment.yaml"
    yaml.write_text(
        YAML.format(
            learner=learner, n_envs=n_envs, settings=settings, task=task, env_steps=env_steps
        )
    )
    ours = final_state(run_whole(yaml, tmp_path).path)["agent"]["policy"]

    seed = derive_seed(11, "learning", 0) % 2**31
    env = make_task_env(Task("only", task), n_envs=n_envs, seed=seed)
    stock = algorithm("MlpPolicy", env, seed=11, device="cpu", **settings)
    env.seed(seed)
    stock.learn(env_steps)
    assert differences(ours, dict(stock.policy.state_dict())) == []
