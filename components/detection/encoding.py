"""Transitions of any plain space as rows of numbers: (observation, action | reward, change)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from gymnasium import spaces

Encode = Callable[[np.ndarray], torch.Tensor]


@dataclass(frozen=True)
class RowLayout:
    """Where things stand in a row: observation, action, reward, change of the observation."""

    observation: int
    """Numbers an observation takes."""
    action: int
    """Numbers an action takes."""

    @property
    def inputs(self) -> int:
        """Length of (observation, action)."""
        return self.observation + self.action

    @property
    def targets(self) -> int:
        """Length of (reward, change)."""
        return 1 + self.observation

    @property
    def width(self) -> int:
        """Length of a row."""
        return self.inputs + self.targets


class TransitionEncoder:
    """Makes rows, (batch, width) float32. Long observations pass a fixed random projection."""

    def __init__(
        self,
        observation_space: spaces.Space[Any],
        action_space: spaces.Space[Any],
        *,
        most_features: int,
        generator: torch.Generator,
    ) -> None:
        """Raises `ValueError` for nested spaces."""
        self._encode_observation, size = encoding(observation_space)
        self._encode_action, action_size = encoding(action_space)
        self.projection: torch.Tensor | None = None
        if size > most_features:
            normal = torch.randn((size, most_features), generator=generator)
            self.projection = normal / size**0.5
        self.layout = RowLayout(min(size, most_features), action_size)

    def rows(
        self,
        observations: np.ndarray,
        actions: np.ndarray,
        rewards: np.ndarray,
        next_observations: np.ndarray,
    ) -> torch.Tensor:
        """Rows of (batch, ...) transitions."""
        before = self._observed(observations)
        change = self._observed(next_observations) - before
        reward = torch.from_numpy(np.array(rewards, dtype=np.float32)).reshape(-1, 1)
        return torch.cat([before, self._encode_action(actions), reward, change], dim=1)

    def _observed(self, observations: np.ndarray) -> torch.Tensor:
        encoded = self._encode_observation(observations)
        return encoded if self.projection is None else encoded @ self.projection


def encoding(space: spaces.Space[Any]) -> tuple[Encode, int]:
    """How values of a space become (batch, size) float32, and that size.

    Discrete parts become one-hot, uint8 is divided by 255, all else is flattened. Raises
    `ValueError` for a space that is none of Box, Discrete, MultiDiscrete, MultiBinary.
    """
    if isinstance(space, spaces.Discrete):
        return _one_hot([int(space.n)], int(space.start)), int(space.n)
    if isinstance(space, spaces.MultiDiscrete):
        sizes = [int(n) for n in space.nvec.reshape(-1)]
        return _one_hot(sizes, 0), sum(sizes)
    if isinstance(space, spaces.Box | spaces.MultiBinary):
        scale = 255.0 if space.dtype == np.uint8 and isinstance(space, spaces.Box) else 1.0
        return _flat(scale), int(np.prod(space.shape))
    raise ValueError(f"cannot encode a space of type {type(space).__name__}: flatten it first")


def _flat(scale: float) -> Encode:
    def encode(values: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.array(values, dtype=np.float32)).flatten(1) / scale

    return encode


def _one_hot(sizes: list[int], start: int) -> Encode:
    def encode(values: np.ndarray) -> torch.Tensor:
        chosen = torch.from_numpy(np.array(values, dtype=np.int64)).reshape(-1, len(sizes)) - start
        parts = [torch.nn.functional.one_hot(chosen[:, i], size) for i, size in enumerate(sizes)]
        return torch.cat(parts, dim=1).float()

    return encode
