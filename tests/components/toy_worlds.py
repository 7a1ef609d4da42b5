"""Toy worlds that change, and a detector on its own that watches them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from gymnasium import spaces

from l2rl.component import Component
from l2rl.components.detection.loss_deviation import LossDeviation
from l2rl.views import AgentView, ChangeEvent, ComponentGenerators, TransitionBatch

MOVES = np.array([[0, 0], [1, 0], [-1, 0], [0, 1], [0, -1]], np.float32)
N_ENVS = 8


@dataclass
class World:
    """A point walks to a goal; a policy that is right with probability `skill` moves it."""

    seed: int
    gain: float = 1.0
    """Of the reward."""
    moves: np.ndarray = None  # type: ignore[assignment]
    see: Callable[[np.ndarray], np.ndarray] = lambda seen: seen

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)
        self.moves = MOVES if self.moves is None else self.moves
        self.place = self.rng.uniform(-1, 1, (N_ENVS, 2)).astype(np.float32)
        self.goal = self.rng.uniform(-1, 1, (N_ENVS, 2)).astype(np.float32)

    def seen(self) -> np.ndarray:
        return self.see(np.concatenate([self.place, self.goal - self.place], axis=1))

    def actions(self, skill: float) -> np.ndarray:
        way = self.goal - self.place
        best = (way[:, None] * MOVES[None]).sum(axis=2).argmax(axis=1)
        random = self.rng.integers(0, len(MOVES), N_ENVS)
        return np.where(self.rng.random(N_ENVS) < skill, best, random)

    def step(self, skill: float) -> dict[str, np.ndarray]:
        before, actions = self.seen(), self.actions(skill)
        noise = 0.02 * self.rng.standard_normal((N_ENVS, 2)).astype(np.float32)
        self.place = np.clip(self.place + 0.2 * self.moves[actions] + noise, -1, 1)
        there = np.linalg.norm(self.goal - self.place, axis=1) < 0.25
        after = self.seen()
        self.goal[there] = self.rng.uniform(-1, 1, (int(there.sum()), 2))
        ended = self.rng.random(N_ENVS) < 0.05
        self.place[ended] = self.rng.uniform(-1, 1, (int(ended.sum()), 2))
        return {
            "observations": before,
            "actions": actions,
            "rewards": (self.gain * there).astype(np.float32),
            "next_observations": after,
        }


def A(seed: int = 1) -> World:
    return World(seed)


def other_reward(seed: int = 2) -> World:
    return World(seed, gain=-1.0)


def other_dynamics(seed: int = 3) -> World:
    return World(seed, moves=MOVES[[0, 3, 4, 1, 2]])


def other_observations(seed: int = 4) -> World:
    return World(seed, see=lambda seen: seen[:, [2, 3, 0, 1]] + 2.0)


class Bench:
    """A detector on its own, and what it announced."""

    def __init__(
        self, seed: int = 0, kind: type[Component] = LossDeviation, **settings: Any
    ) -> None:
        self.events: list[ChangeEvent] = []
        self.env_steps = 0
        self.detector: Any = kind(kind.Config(**settings))
        self.detector.name = "detector"
        self.generators = ComponentGenerators(seed, "detector")
        self.detector.bind(self._view(), self.generators)

    def _view(self) -> AgentView:
        return AgentView(
            learner="dqn",
            phases={},
            observation_space=spaces.Box(-np.inf, np.inf, (4,), np.float32),
            action_space=spaces.Discrete(len(MOVES)),
            n_envs=N_ENVS,
            gamma=0.99,
            device=torch.device("cpu"),
            offered=frozenset(),
            labels=None,
            env_steps=lambda: self.env_steps,
            emit=lambda name, **detail: None,
            announce_change=self.events.append,
            service=lambda capability: None,
        )

    def run(self, world: World, env_steps: int, skill: Callable[[float], float]) -> list[Any]:
        """Let it see `env_steps` of a world; (delay, kind, belief) of what it announced."""
        self.events.clear()
        start = self.env_steps
        for _ in range(env_steps // (4 * N_ENVS)):
            steps = [world.step(skill((self.env_steps - start) / env_steps)) for _ in range(4)]
            self.env_steps += 4 * N_ENVS
            self.detector.on_transitions(batch_of(steps, self.env_steps))
        return [(e.env_steps - start, e.kind, e.belief) for e in self.events]


def batch_of(steps: list[dict[str, np.ndarray]], env_steps: int) -> TransitionBatch:
    arrays = {name: np.stack([step[name] for step in steps]) for name in steps[0]}
    never = np.zeros(arrays["rewards"].shape, bool)
    return TransitionBatch(
        **arrays, terminated=never, truncated=never, belief=0, first_index=0, env_steps=env_steps
    )


def constant(done: float) -> float:
    return 0.7


def improving(done: float) -> float:
    return 0.95 * min(1.0, 1.5 * done)


CHANGES = {
    "reward": other_reward,
    "dynamics": other_dynamics,
    "observations": other_observations,
}


def equal(one: Any, other: Any) -> bool:
    """Equality of nested state, bit for bit."""
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(equal(one[k], other[k]) for k in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(equal, one, other))
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, np.ndarray):
        return np.array_equal(one, other)
    return bool(one == other)
