"""With no components each learner is stock Stable-Baselines3, bit for bit."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces
from sb3_contrib import QRDQN, TQC, CrossQ
from stable_baselines3 import DQN, PPO, SAC, TD3
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.env_util import make_vec_env

from l2rl.agents.crossq import LifelongCrossQ
from l2rl.agents.dqn import LifelongDQN
from l2rl.agents.ppo import LifelongPPO
from l2rl.agents.qrdqn import LifelongQRDQN
from l2rl.agents.sac import LifelongSAC
from l2rl.agents.td3 import LifelongTD3
from l2rl.agents.tqc import LifelongTQC


class NoisyTarget(gym.Env[Any, Any]):
    """A tiny task with any spaces: the reward depends on action, observation and chance."""

    def __init__(self, observation_space: spaces.Space[Any], action_space: spaces.Space[Any]):
        self.observation_space = observation_space
        self.action_space = action_space
        self.steps = 0

    def _observe(self) -> Any:
        space = self.observation_space
        if isinstance(space, spaces.Box) and space.dtype == np.uint8:
            return self.np_random.integers(0, 256, space.shape).astype(np.uint8)
        if isinstance(space, spaces.Box):
            return self.np_random.standard_normal(space.shape).astype(np.float32)
        if isinstance(space, spaces.Dict):
            return {k: self.np_random.random(s.shape, np.float32) for k, s in space.items()}
        return int(self.np_random.integers(space.n))  # type: ignore[attr-defined]

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.steps = 0
        return self._observe(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.steps += 1
        reward = float(np.sum(action)) * 0.1 + float(self.np_random.standard_normal())
        ended = bool(self.np_random.random() < 0.05)
        return self._observe(), reward, ended, self.steps >= 25, {}


VECTOR = spaces.Box(-np.inf, np.inf, (5,), np.float32)
IMAGE = spaces.Box(0, 255, (3, 36, 36), np.uint8)
DICT = spaces.Dict(
    {"a": spaces.Box(0, 1, (3,), np.float32), "b": spaces.Box(0, 1, (2,), np.float32)}
)
BOX = spaces.Box(-1.0, 2.0, (2,), np.float32)
DISCRETE = spaces.Discrete(4)

PPO_SETTINGS: dict[str, Any] = {"n_steps": 32, "batch_size": 24, "n_epochs": 3}
OFF_POLICY: dict[str, Any] = {"learning_starts": 40, "batch_size": 16, "buffer_size": 300}

CASES = {
    "ppo-vector-discrete": (LifelongPPO, PPO, VECTOR, DISCRETE, PPO_SETTINGS),
    "ppo-vector-box": (LifelongPPO, PPO, VECTOR, BOX, {**PPO_SETTINGS, "ent_coef": 0.01}),
    "ppo-image-discrete": (LifelongPPO, PPO, IMAGE, DISCRETE, {**PPO_SETTINGS, "n_epochs": 1}),
    "ppo-image-box": (LifelongPPO, PPO, IMAGE, BOX, {**PPO_SETTINGS, "n_epochs": 1}),
    "ppo-dict": (LifelongPPO, PPO, DICT, DISCRETE, PPO_SETTINGS),
    "ppo-multidiscrete": (
        LifelongPPO,
        PPO,
        VECTOR,
        spaces.MultiDiscrete([2, 3]),
        {**PPO_SETTINGS, "clip_range_vf": 0.2},
    ),
    "ppo-multibinary": (LifelongPPO, PPO, VECTOR, spaces.MultiBinary(3), PPO_SETTINGS),
    "ppo-target-kl": (LifelongPPO, PPO, VECTOR, DISCRETE, {**PPO_SETTINGS, "target_kl": 1e-4}),
    "ppo-sde": (LifelongPPO, PPO, VECTOR, BOX, {**PPO_SETTINGS, "use_sde": True}),
    "dqn-vector": (
        LifelongDQN,
        DQN,
        VECTOR,
        DISCRETE,
        {**OFF_POLICY, "target_update_interval": 50},
    ),
    "dqn-image": (LifelongDQN, DQN, IMAGE, DISCRETE, {**OFF_POLICY, "gradient_steps": 2}),
    "dqn-all-steps": (LifelongDQN, DQN, VECTOR, DISCRETE, {**OFF_POLICY, "gradient_steps": -1}),
    "dqn-n-step": (LifelongDQN, DQN, VECTOR, DISCRETE, {**OFF_POLICY, "n_steps": 3}),
    "sac-vector": (LifelongSAC, SAC, VECTOR, BOX, OFF_POLICY),
    "sac-image": (LifelongSAC, SAC, IMAGE, BOX, {**OFF_POLICY, "train_freq": 8}),
    "sac-fixed-entropy": (LifelongSAC, SAC, VECTOR, BOX, {**OFF_POLICY, "ent_coef": 0.1}),
    "sac-sde": (LifelongSAC, SAC, VECTOR, BOX, {**OFF_POLICY, "use_sde": True}),
    "td3-vector": (LifelongTD3, TD3, VECTOR, BOX, {**OFF_POLICY, "gradient_steps": 2}),
    "td3-image": (LifelongTD3, TD3, IMAGE, BOX, {**OFF_POLICY, "train_freq": 8}),
    "td3-n-step": (LifelongTD3, TD3, VECTOR, BOX, {**OFF_POLICY, "n_steps": 3}),
    "tqc-vector": (LifelongTQC, TQC, VECTOR, BOX, OFF_POLICY),
    "tqc-fixed-entropy": (LifelongTQC, TQC, VECTOR, BOX, {**OFF_POLICY, "ent_coef": 0.1}),
    "qrdqn-vector": (
        LifelongQRDQN,
        QRDQN,
        VECTOR,
        DISCRETE,
        {**OFF_POLICY, "target_update_interval": 50, "max_grad_norm": 0.5},
    ),
    "qrdqn-no-clip": (LifelongQRDQN, QRDQN, VECTOR, DISCRETE, OFF_POLICY),
    "crossq-vector": (LifelongCrossQ, CrossQ, VECTOR, BOX, OFF_POLICY),
    "crossq-sde": (LifelongCrossQ, CrossQ, VECTOR, BOX, {**OFF_POLICY, "use_sde": True}),
}


def trained(
    algorithm: type[BaseAlgorithm], case: tuple[Any, ...], seed: int, n_envs: int
) -> BaseAlgorithm:
    _, _, observation_space, action_space, settings = case
    env = make_vec_env(lambda: NoisyTarget(observation_space, action_space), n_envs, seed=seed)
    policy = {"Box": "MlpPolicy", "Dict": "MultiInputPolicy"}[type(observation_space).__name__]
    if isinstance(observation_space, spaces.Box) and observation_space.dtype == np.uint8:
        policy = "CnnPolicy"
    model = algorithm(policy, env, seed=seed, device="cpu", **settings)
    return model.learn(130)


@pytest.mark.parametrize("n_envs", [1, 3])
@pytest.mark.parametrize("name", CASES)
def test_without_components_it_is_stock_sb3(name: str, n_envs: int) -> None:
    case = CASES[name]
    ours, stock = (trained(algorithm, case, 7, n_envs) for algorithm in case[:2])
    for key, value in stock.policy.state_dict().items():
        assert torch.equal(ours.policy.state_dict()[key], value), key
    if getattr(stock, "log_ent_coef", None) is not None:
        assert torch.equal(ours.log_ent_coef, stock.log_ent_coef)  # type: ignore[attr-defined]
    assert ours._n_updates == stock._n_updates > 0


def test_the_comparison_can_fail() -> None:
    case = CASES["ppo-vector-discrete"]
    one, other = trained(LifelongPPO, case, 7, 1), trained(LifelongPPO, case, 8, 1)
    assert not torch.equal(one.policy.action_net.weight, other.policy.action_net.weight)
