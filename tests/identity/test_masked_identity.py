"""Under action masks PPO is sb3-contrib's MaskablePPO, and DQN where all is valid is SB3's DQN.

Where MaskablePPO itself is not defined ours differs: a minibatch of one sample, whose advantage it
normalises to NaN, stays as it is (as in SB3's PPO).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from gymnasium import spaces
from sb3_contrib import MaskablePPO
from stable_baselines3 import DQN
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.env_util import make_vec_env

from l2rl.agents.dqn import LifelongDQN
from l2rl.agents.ppo import LifelongPPO
from l2rl.curriculum import Task
from l2rl.randomness import derive_seed
from l2rl.task_environments import make_task_env
from tests.support.masked_env import ShownMasks
from tests.support.runs import differences, final_state, run_whole

POLICIES = {"vector": "MlpPolicy", "image": "CnnPolicy", "dict": "MultiInputPolicy"}
DISCRETE, MULTI = spaces.Discrete(5), spaces.MultiDiscrete([2, 4])
PPO_SETTINGS: dict[str, Any] = {"n_steps": 32, "batch_size": 24, "n_epochs": 3}
DQN_SETTINGS: dict[str, Any] = {
    "learning_starts": 40,
    "batch_size": 16,
    "buffer_size": 90,
    "target_update_interval": 50,
}
PPO_CASES: dict[str, tuple[str, Any, dict[str, Any]]] = {
    "vector": ("vector", DISCRETE, {"ent_coef": 0.01}),
    "target-kl": ("vector", DISCRETE, {"target_kl": 1e-4}),
    "multidiscrete": ("vector", MULTI, {"ent_coef": 0.01, "clip_range_vf": 0.2}),
    "dict": ("dict", DISCRETE, {}),
    "image": ("image", DISCRETE, {"n_epochs": 1}),
}
DQN_CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "vector": ("vector", {}),
    "n-step": ("vector", {"n_steps": 3}),
    "dict": ("dict", {}),
    "image": ("image", {"gradient_steps": 2}),
}


def same_policy(one: BaseAlgorithm, other: BaseAlgorithm) -> bool:
    assert one._n_updates == other._n_updates > 0
    return differences(dict(one.policy.state_dict()), dict(other.policy.state_dict())) == []


def trained(algorithm: Any, kind: str, space: Any, n_envs: int, **settings: Any) -> BaseAlgorithm:
    always = settings.pop("always", False)
    make = lambda: ShownMasks(space, kind, strict=False, always=always)  # noqa: E731
    env = make_vec_env(make, n_envs, seed=7)
    model: BaseAlgorithm = algorithm(POLICIES[kind], env, seed=7, device="cpu", **settings)
    return model.learn(130)


@pytest.mark.parametrize("n_envs", [1, 3])
@pytest.mark.parametrize("name", PPO_CASES)
def test_masked_ppo_is_maskable_ppo(name: str, n_envs: int) -> None:
    kind, space, settings = PPO_CASES[name]
    settings = {**PPO_SETTINGS, **settings}
    ours = trained(LifelongPPO, kind, space, n_envs, action_masks=True, **settings)
    assert same_policy(ours, trained(MaskablePPO, kind, space, n_envs, **settings))


@pytest.mark.parametrize("n_envs", [1, 3])
@pytest.mark.parametrize("name", DQN_CASES)
def test_masked_dqn_is_dqn_where_everything_is_valid(name: str, n_envs: int) -> None:
    kind, settings = DQN_CASES[name]
    settings = {**DQN_SETTINGS, **settings, "always": True}
    ours = trained(LifelongDQN, kind, DISCRETE, n_envs, action_masks=True, **settings)
    assert same_policy(ours, trained(DQN, kind, DISCRETE, n_envs, **settings))


@pytest.mark.parametrize("algorithm", [LifelongPPO, LifelongDQN])
def test_the_comparison_can_fail(algorithm: Any) -> None:
    settings = PPO_SETTINGS if algorithm is LifelongPPO else DQN_SETTINGS
    masked = trained(algorithm, "vector", DISCRETE, 3, action_masks=True, **settings)
    assert not same_policy(masked, trained(algorithm, "vector", DISCRETE, 3, **settings))


YAML = """
experiment: identity
seed: 11
agent:
  learner: ppo
  n_envs: {n_envs}
  action_masks: true
  settings: {{n_steps: 32, batch_size: 32, n_epochs: 2}}
curriculum: {{tasks: {{only: {task}}}, blocks: [{{learn: only, env_steps: 256}}]}}
evaluation: {{interval_env_steps: 100, episodes: 1, n_envs: 1}}
"""


@pytest.mark.parametrize(("task", "n_envs"), [("minigames/DefeatRoaches", 4), ("Taxi-v4", 1)])
def test_the_driver_too_learns_as_maskable_ppo(task: str, n_envs: int, tmp_path: Path) -> None:
    yaml = tmp_path / "experiment.yaml"
    yaml.write_text(YAML.format(task=task, n_envs=n_envs))
    ours = final_state(run_whole(yaml, tmp_path).path)["agent"]["policy"]
    seed = derive_seed(11, "learning", 0) % 2**31
    env = make_task_env(Task("only", task), n_envs=n_envs, seed=seed)
    settings: dict[str, Any] = {"n_steps": 32, "batch_size": 32, "n_epochs": 2}
    theirs = MaskablePPO("MlpPolicy", env, seed=11, device="cpu", **settings)
    env.seed(seed)
    theirs.learn(256)
    assert differences(ours, dict(theirs.policy.state_dict())) == []
