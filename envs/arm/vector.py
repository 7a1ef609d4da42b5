"""The `gymnasium.vector` face: N arms in one VectorEnv with same-step autoreset."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..batched.vector import BatchedVectorEnv
from .engine import Engine
from .spaces import action_space, observation_space


class ArmVectorEnv(BatchedVectorEnv[np.ndarray]):
    """N arms at one task, the same as a `SyncVectorEnv` of `ArmEnv` in same-step mode.

    An ended episode is followed by the next within the step: the observation is the new one's, and
    `infos["final_obs"][i]` and `infos["final_info"]` have the old one's.
    """

    def __init__(
        self,
        task: str,
        *,
        num_envs: int = 1,
        render_mode: str | None = None,
        render_size: tuple[int, int] | None = None,
        **parameters: Any,
    ) -> None:
        """`render_size`: (width, height) of pictures in pixels."""
        self.engine = Engine(task, parameters, [0] * num_envs)
        super().__init__(
            num_envs,
            observation_space(),
            action_space(),
            render_mode=render_mode,
            render_size=render_size,
        )

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """New episodes of all arms, or of those of `options["reset_mask"]`, (N,) bool.

        A whole number seeds arm i with `seed + i`, a sequence arm i with its own.
        """
        chosen = self.reset_mask(options)
        self.engine.seed(self.seeds(seed))
        seen = self.engine.reset(chosen)
        present = np.ones(self.num_envs, np.bool_) if chosen is None else chosen.copy()
        return seen, {"success": self.engine.arms["success"] & present, "_success": present}

    def step(
        self, actions: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Observations, rewards (N,) float64, terminations, truncations (N,) bool, infos."""
        step = self.engine.step(actions)
        infos: dict[str, Any] = {}
        for i in np.flatnonzero(step.dones):
            infos = self._add_info(infos, self._final(int(i), bool(step.successes[i])), int(i))
        # After a restart the info is the new episode's.
        infos["success"] = step.successes & ~step.dones | (self.engine.arms["success"] & step.dones)
        infos["_success"] = np.ones(self.num_envs, np.bool_)
        return (
            step.observations,
            step.rewards.astype(np.float64),
            np.zeros(self.num_envs, np.bool_),
            step.dones,
            infos,
        )

    def _final(self, i: int, success: bool) -> dict[str, Any]:
        succeeded = bool(self.engine.arms["last_succeeded"][i])
        return {
            "final_obs": self.engine.last_seen[i].copy(),
            "final_info": {"success": success, "is_success": succeeded},
        }

    def render(self) -> tuple[np.ndarray, ...] | None:
        """One picture an arm, (height, width, 3) uint8; None without a render mode."""
        from .render import picture

        return self.pictures(lambda i: picture(self.engine, i, size=self.render_size))
