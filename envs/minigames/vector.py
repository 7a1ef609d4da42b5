"""The `gymnasium.vector` face: N games in one VectorEnv with same-step autoreset."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..batched.vector import BatchedVectorEnv
from .engine import Engine
from .observations import Observations, copied, row


class MinigameVectorEnv(BatchedVectorEnv[Observations]):
    """N games of one task, the same as a `SyncVectorEnv` of `MinigameEnv` in same-step mode.

    An ended game restarts within the step: its observation is the new episode's, and
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
        """`render_size`: (width, height) of pictures in pixels; 720 x 432 by default."""
        self.engine = Engine(task, parameters, [0] * num_envs)
        super().__init__(
            num_envs,
            self.engine.observation_space,
            self.engine.action_space,
            render_mode=render_mode,
            render_size=render_size,
        )

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[Observations, dict[str, Any]]:
        """New episodes in all games, or in those of `options["reset_mask"]`, (N,) bool.

        A whole number seeds game i with `seed + i`, a sequence game i with its own.
        """
        chosen = self.reset_mask(options)
        self.engine.seed(self.seeds(seed))
        seen = self.engine.reset(chosen)
        return seen, self._infos(chosen)

    def step(
        self, actions: np.ndarray
    ) -> tuple[Observations, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Observations, rewards (N,) float64, terminations, truncations (N,) bool, infos."""
        seen, rewards, dones, truncations, ended = self.engine.step(actions)
        infos: dict[str, Any] = {}
        if ended:
            for i in np.flatnonzero(dones):
                infos = self._add_info(infos, self._final(int(i)), int(i))
        infos.update(self._infos(None))
        return seen, rewards.astype(np.float64), dones & ~truncations, truncations, infos

    def _final(self, i: int) -> dict[str, Any]:
        info = {"invalid_actions": int(self.engine.games["last_invalid_actions"][i])}
        return {"final_obs": copied(row(self.engine.last_seen, i)), "final_info": info}

    def _infos(self, chosen: np.ndarray | None) -> dict[str, Any]:
        present = np.ones(self.num_envs, np.bool_) if chosen is None else chosen.copy()
        infos: dict[str, Any] = {}
        for name, masks in self.engine.valid().items():
            infos[name], infos[f"_{name}"] = masks.copy(), present
        return infos

    def render(self) -> tuple[np.ndarray, ...] | None:
        """One picture a game, (height, width, 3) uint8; None without a render mode."""
        from .render import picture

        return self.pictures(lambda i: picture(self.engine, i, size=self.render_size))
