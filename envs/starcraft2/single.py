"""The Gymnasium face of one real game, `gymnasium.make("l2rl/StarCraft2-MoveToBeacon-v0")`."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np

from ..minigames.spaces import action_space, observation_space
from . import installation
from .settings import game_values
from .vec_env import final_info, make_game


class StarCraftEnv(gymnasium.Env[np.ndarray, np.int64]):
    """One game. `info["action_mask"]`, (30,) bool, says which actions are valid now.

    The keyword arguments are the task's parameters (docs/starcraft2.md). Raises `ValueError` for
    what cannot be or is not installed.
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012

    def __init__(self, task: str, **parameters: Any) -> None:
        values = game_values(task, parameters)
        missing = installation.missing([task])
        if missing:
            raise ValueError(missing)
        self.observation_space = observation_space(values["observation"], values["plane_size"])
        self.action_space = action_space()
        self.game = make_game(task, parameters, index=0, seed=0)
        self._seeded = False

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """A new episode: the first of the stream of `seed`, or the next of the present one."""
        super().reset(seed=seed)
        if seed is None and not self._seeded:
            seed = int(self.np_random.integers(2**63))
        if seed is not None:
            self.game.reseed(seed)
        self._seeded = True
        self.game.begin()
        return self.game.observation.copy(), self._info()

    def step(self, action: np.int64) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """One env step; an invalid action does nothing, and is counted at the episode's end."""
        outcome = self.game.step(int(action))
        info = self._info()
        if outcome.done:
            info.update(final_info(self.game, outcome))
        terminated = outcome.done and not outcome.truncated
        seen = self.game.observation.copy()
        return seen, outcome.reward, terminated, outcome.truncated, info

    def action_masks(self) -> np.ndarray:
        """Which actions are valid now, (30,) bool."""
        return self.game.mask.copy()

    def close(self) -> None:
        """End the game's process."""
        self.game.close()

    def _info(self) -> dict[str, Any]:
        return {"action_mask": self.action_masks()}
