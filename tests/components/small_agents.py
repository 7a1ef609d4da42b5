"""Small agents on a toy task (`l2rl.testing.agents`), and what only our own tests need of them."""

from __future__ import annotations

import copy
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.env_util import make_vec_env

from l2rl.component import Component
from l2rl.state_codec import decode, encode
from l2rl.testing.agents import (
    ACTIONS,
    LABELS,
    SETTINGS,
    Guess,
    bound,
    experience,
    hand_made_phase,
    parameters_of,
    same,
    small_agent,
)

__all__ = [
    "ACTIONS",
    "LABELS",
    "SETTINGS",
    "Guess",
    "Pictures",
    "bound",
    "experience",
    "goes_on_alike",
    "hand_made_phase",
    "parameters_of",
    "picture_agent",
    "same",
    "small_agent",
]


class Pictures(gym.Env[np.ndarray, Any]):
    """Noise of 36x36 pixels."""

    observation_space = spaces.Box(0, 255, (1, 36, 36), np.uint8)
    action_space = spaces.Discrete(3)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        return self.observation_space.sample(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        return self.observation_space.sample(), 0.0, False, False, {}


def picture_agent(learner: Any, *components: Component, **policy: Any) -> Any:
    """An agent of a learner's class that sees `Pictures`, with settings of its policy."""
    env = make_vec_env(Pictures, 1, seed=0)
    kwargs = {"features_extractor_kwargs": {"features_dim": 8}, **policy}
    settings: dict[str, Any] = {"seed": 0, "device": "cpu", "policy_kwargs": kwargs}
    return learner("CnnPolicy", env, components=components, **settings)


def goes_on_alike(one: Any, other: Any, steps: int) -> bool:
    """Whether two agents end with the same parameters when `other`, whatever it was, is given
    the state of `one` and both learn on, from the same states of the environments."""
    # A state as it is read is live: going on would change it.
    state = copy.deepcopy(decode(*encode(one.exact_state())))
    for agent in (one, other):
        # Also the action space, which all small agents of a kind have in common.
        agent.load_exact_state(copy.deepcopy(state))
        torch.manual_seed(1)
        np.random.seed(1)  # noqa: NPY002
        agent.env.seed(4)
        agent.env.reset()
        agent.learn(steps, reset_num_timesteps=False)
    return same(one, other)
