"""Small agents on a toy task, and phases made by hand, for tests of components."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import gymnasium as gym
import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.vec_env import VecEnv
from torch import nn

from l2rl.agents.surroundings import Surroundings
from l2rl.assembly import learner_class
from l2rl.component import Component
from l2rl.engine.phase import Phase
from l2rl.views import AgentView, ComponentGenerators, HeadFunction, TransitionBatch

LABELS: Final = Surroundings(visibility="labels", labels=("a", "b"))
ACTIONS: Final[Mapping[str, spaces.Space[Any]]] = {
    "ppo": spaces.Discrete(3),
    "ppo-box": spaces.Box(-1.0, 3.0, (2,), np.float32),
    "dqn": spaces.Discrete(3),
    "sac": spaces.Box(-1.0, 3.0, (2,), np.float32),
    "td3": spaces.Box(-1.0, 3.0, (2,), np.float32),
    "tqc": spaces.Box(-1.0, 3.0, (2,), np.float32),
    "qrdqn": spaces.Discrete(3),
    "crossq": spaces.Box(-1.0, 3.0, (2,), np.float32),
}
_OFF_POLICY: Final[dict[str, Any]] = {
    "learning_starts": 20,
    "batch_size": 32,
    "buffer_size": 400,
    "learning_rate": 3e-3,
}
SETTINGS: Final[Mapping[str, dict[str, Any]]] = {
    "ppo": {"n_steps": 64, "batch_size": 32, "n_epochs": 4, "learning_rate": 3e-3},
    **dict.fromkeys(("dqn", "sac", "td3", "tqc", "qrdqn", "crossq"), _OFF_POLICY),
}
N_ENVS: Final = 2


class Guess(gym.Env[np.ndarray, Any]):
    """Reward for following a sign that a random observation shows; which of its four numbers is
    the sign depends on the task."""

    def __init__(self, action_space: spaces.Space[Any], task: int = 0) -> None:
        self.observation_space = spaces.Box(-np.inf, np.inf, (4,), np.float32)
        self.action_space = action_space
        self.task = task
        self.seen = np.zeros(4, np.float32)
        self.steps = 0

    def _observe(self) -> np.ndarray:
        self.seen = self.np_random.standard_normal(4).astype(np.float32)
        return self.seen

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.steps = 0
        return self._observe(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.steps += 1
        reward = float(np.sum(action) * self.seen[self.task % 4])
        return self._observe(), reward, False, self.steps >= 20, {}


class MaskedGuess(Guess):
    """The same with one invalid action, which the observation names."""

    def action_masks(self) -> np.ndarray:
        """(n,) bool, True where valid."""
        assert isinstance(self.action_space, spaces.Discrete)
        masks = np.full(int(self.action_space.n), True)
        masks[int(abs(self.seen[3]) * 10) % len(masks)] = False
        return masks


def toy_env(
    kind: str, task: int = 0, *, seed: int = 3, n_envs: int = N_ENVS, masks: bool = False
) -> VecEnv:
    """Two environments of one toy task, for agents of that kind."""
    cls = MaskedGuess if masks else Guess
    return make_vec_env(lambda: cls(ACTIONS[kind], task), n_envs, seed=seed)


def small_agent(
    kind: str,
    *components: Component,
    surroundings: Surroundings = LABELS,
    env: VecEnv | None = None,
    **settings: Any,
) -> Any:
    """A lifelong agent of kind `ppo`, `ppo-box` or a learner's name, always from the same seed."""
    learner = kind.partition("-")[0]
    cls = learner_class(learner)
    merged = {"policy_kwargs": {"net_arch": [16, 16]}, **SETTINGS[learner], **settings}
    return cls(
        "MlpPolicy",
        env or toy_env(kind),
        components=components,
        surroundings=surroundings,
        seed=0,
        device="cpu",
        **merged,
    )


def parameters_of(agent: Any) -> dict[str, torch.Tensor]:
    """A copy of everything that the optimisers move."""
    return {
        f"{name}/{n}": p.detach().clone()
        for name, phase in agent._phases.items()
        for n, p in phase.parameters.items()
    }


def same(one: Any, other: Any) -> bool:
    """Whether two agents have the same parameters, bit for bit."""
    ours, theirs = parameters_of(one), parameters_of(other)
    return ours.keys() == theirs.keys() and all(torch.equal(ours[n], theirs[n]) for n in ours)


def hand_made_phase(heads: HeadFunction, lr: float = 0.05, **values: list[float]) -> Phase:
    """Phase `q` of a few acting parameters under plain SGD, with any heads."""
    parameters = {name: nn.Parameter(torch.tensor(value)) for name, value in values.items()}
    return Phase(
        name="q",
        network=None,
        parameters=parameters,
        roles=dict.fromkeys(parameters, "acting"),
        targets={},
        output_layers=frozenset(),
        optimizer=torch.optim.SGD(list(parameters.values()), lr=lr),
        heads=heads,
    )


def bound(component: Component, phase: Phase, *offered: str) -> list[tuple[str, dict[str, Any]]]:
    """Bind a component to an agent with one phase; returns the list that its events go to."""
    component.name = "under_test"
    events: list[tuple[str, dict[str, Any]]] = []
    view = AgentView(
        learner="dqn",
        phases={phase.name: phase.view()},
        observation_space=spaces.Box(-np.inf, np.inf, (1,), np.float32),
        action_space=spaces.Discrete(2),
        n_envs=1,
        gamma=0.99,
        device=torch.device("cpu"),
        offered=frozenset(offered),
        labels=None,
        env_steps=lambda: 0,
        emit=lambda name, **detail: events.append((name, detail)),
        announce_change=lambda event: None,
        service=lambda capability: None,
    )
    component.bind(view, ComponentGenerators(0, "under_test"))
    return events


def experience(observations: list[list[float]]) -> TransitionBatch:
    """A collection of one environment with these observations, (steps, obs_dim)."""
    states = np.array(observations, np.float32)[:, None]
    nothing = np.zeros(states.shape[:2], np.float32)
    return TransitionBatch(
        observations=states,
        actions=nothing.astype(np.int64),
        rewards=nothing,
        next_observations=states,
        terminated=nothing.astype(bool),
        truncated=nothing.astype(bool),
        belief=0,
        first_index=0,
        env_steps=len(states),
    )
