"""The `gymnasium.vector` face of a batch: spaces, seeds and pictures, with same-step autoreset."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

Seen = TypeVar("Seen")


class BatchedVectorEnv(VectorEnv[Seen, np.ndarray, np.ndarray], Generic[Seen]):
    """N environments, rows of one engine."""

    def __init__(
        self,
        num_envs: int,
        observation_space: spaces.Space[Any],
        action_space: spaces.Space[Any],
        *,
        render_mode: str | None,
        render_size: tuple[int, int] | None,
    ) -> None:
        """The spaces are those of one environment."""
        self.num_envs = num_envs
        self.render_mode, self.render_size = render_mode, render_size
        self.metadata = {
            "render_modes": ["rgb_array"],
            "autoreset_mode": AutoresetMode.SAME_STEP,
        }
        self.single_observation_space = observation_space
        self.single_action_space = action_space
        self.observation_space = batch_space(observation_space, num_envs)
        self.action_space = batch_space(action_space, num_envs)
        self._seeded = False

    def reset_mask(self, options: dict[str, Any] | None) -> np.ndarray | None:
        """Which environments a reset is for, (N,) bool; None: all. Raises `ValueError`."""
        if options is None or "reset_mask" not in options:
            return None
        mask = np.ascontiguousarray(options["reset_mask"], np.bool_)
        if mask.shape != (self.num_envs,):
            raise ValueError(f"reset_mask must have shape ({self.num_envs},), not {mask.shape}")
        return mask

    def seeds(self, seed: int | Sequence[int | None] | None) -> list[int | None]:
        """The seed of each: a whole number seeds environment i with `seed + i`, a sequence with its
        own; without one the first reset draws it, and later ones go on."""
        if seed is None:
            if self._seeded:
                return [None] * self.num_envs
            seed = int(self.np_random.integers(2**62))
        self._seeded = True
        if isinstance(seed, int):
            super().reset(seed=seed)
            return [seed + i for i in range(self.num_envs)]
        if len(seed) != self.num_envs:
            raise ValueError(f"{self.num_envs} environments need as many seeds, not {len(seed)}")
        return list(seed)

    def pictures(self, draw: Callable[[int], np.ndarray]) -> tuple[np.ndarray, ...] | None:
        """`draw(i)` of each environment; None without a render mode."""
        if self.render_mode is None:
            return None
        return tuple(draw(i) for i in range(self.num_envs))
