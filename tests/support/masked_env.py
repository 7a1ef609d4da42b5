"""A task whose observation shows which actions are valid, and that stops at an invalid one."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces


class InvalidActionTaken(AssertionError):
    """An agent under masks did what it must not do."""


class ShownMasks(gym.Env[Any, Any]):
    """Action k is valid where number k of the observation (the last axis of an image, half its
    range) is positive, and pays that number. Half of the episodes are cut by a time limit.

    `offers`: `method` (sb3-contrib's convention), `info` (`info["action_mask"]`) or `nothing`.
    """

    def __init__(
        self,
        action_space: spaces.Space[Any] | None = None,
        kind: str = "vector",
        offers: str = "method",
        strict: bool = True,
        always: bool = False,
        empty_after: int | None = None,
    ) -> None:
        self.action_space = action_space or spaces.Discrete(5)
        self.sizes = getattr(self.action_space, "nvec", None)
        if self.sizes is None:
            self.sizes = np.array([getattr(self.action_space, "n", 1)])
        self.n = int(self.sizes.sum())
        self.kind, self.offers, self.strict, self.always = kind, offers, strict, always
        self.empty_after = empty_after
        self.observation_space = {
            "vector": spaces.Box(-np.inf, np.inf, (self.n,), np.float32),
            "image": spaces.Box(0, 255, (1, 36, 36), np.uint8),
            "dict": spaces.Dict({"shown": spaces.Box(-np.inf, np.inf, (self.n,), np.float32)}),
        }[kind]
        self.numbers = np.ones(self.n, np.float32)
        self.steps = self.total = 0
        if offers == "method":
            self.action_masks = lambda: self._mask()

    def _mask(self) -> np.ndarray:
        if self.empty_after is not None and self.total >= self.empty_after:
            return np.zeros(self.n, bool)
        return np.ones(self.n, bool) if self.always else self.numbers > 0

    def _observe(self) -> Any:
        self.numbers = self.np_random.standard_normal(self.n).astype(np.float32)
        for start, size in zip(np.cumsum([0, *self.sizes[:-1]]), self.sizes, strict=True):
            self.numbers[start + self.np_random.integers(size)] = 1.0
        if self.kind == "image":
            seen = np.zeros((1, 36, 36), np.uint8)
            seen[0, :, : self.n] = np.where(self.numbers > 0, 200, 20)
            return seen
        return self.numbers.copy() if self.kind == "vector" else {"shown": self.numbers.copy()}

    def _info(self) -> dict[str, Any]:
        return {"action_mask": self._mask().astype(np.int8)} if self.offers == "info" else {}

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.steps = 0
        return self._observe(), self._info()

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        chosen = np.cumsum([0, *self.sizes[:-1]]) + np.reshape(action, -1)
        if self.strict and not self._mask()[chosen].all():
            raise InvalidActionTaken(f"{action} under {self._mask()}")
        self.steps += 1
        self.total += 1
        reward = float(self.numbers[chosen].sum())
        over = bool(self.np_random.random() < 0.08)
        return self._observe(), reward, over, not over and self.steps >= 9, self._info()


def shown_masks(observations: Any) -> np.ndarray:
    """The masks that observations (batch, n), (batch, 1, 36, 36) or dictionaries show, bool."""
    if isinstance(observations, dict):
        observations = observations["shown"]
    return np.asarray(observations) > 0


for _offers in ("method", "info", "nothing"):
    gym.register(f"l2rl-test/ShownMasks-{_offers}-v0", ShownMasks, kwargs={"offers": _offers})
