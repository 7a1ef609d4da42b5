"""The Gymnasium face of one real game, `gymnasium.make("l2rl/StarCraft2-MoveToBeacon-v0")`."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np

from ..minigames.functions import N_FUNCTIONS
from ..minigames.observations import Observations, copied
from . import installation
from .settings import game_values
from .vec_env import final_info, make_game, spaces_of


class StarCraftEnv(gymnasium.Env[Observations, Any]):
    """One game. `info["action_mask"]`, (30,) bool, says which actions are valid now. With
    `actions="functions"` it is (573,), and `info["available_actions"]` is the same.

    The keyword arguments are the task's parameters (docs/starcraft2.md). Raises `ValueError` for
    what cannot be or is not installed.
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012

    def __init__(self, task: str, **parameters: Any) -> None:
        values = game_values(task, parameters)
        missing = installation.missing([task])
        if missing:
            raise ValueError(missing)
        self.observation_space, self.action_space = spaces_of(values)
        self._functions = values["actions"] == "functions"
        self.game = make_game(task, parameters, index=0, seed=0)
        self._seeded = False

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observations, dict[str, Any]]:
        """A new episode: the first of the stream of `seed`, or the next of the present one."""
        super().reset(seed=seed)
        if seed is None and not self._seeded:
            seed = int(self.np_random.integers(2**63))
        if seed is not None:
            self.game.reseed(seed)
        self._seeded = True
        self.game.begin()
        return copied(self.game.observation), self._info()

    def step(self, action: Any) -> tuple[Observations, float, bool, bool, dict[str, Any]]:
        """One env step; an invalid action does nothing, and is counted at the episode's end."""
        outcome = self.game.step(np.array(action) if self._functions else int(action))
        info = self._info()
        if outcome.done:
            info.update(final_info(self.game, outcome))
        terminated = outcome.done and not outcome.truncated
        seen = copied(self.game.observation)
        return seen, outcome.reward, terminated, outcome.truncated, info

    def action_masks(self) -> np.ndarray:
        """Which actions are valid now, (30,) bool; of function calls every part, one after the
        other, as sb3-contrib expects."""
        return self.game.mask.copy()

    def close(self) -> None:
        """End the game's process."""
        self.game.close()

    def _info(self) -> dict[str, Any]:
        if not self._functions:
            return {"action_mask": self.action_masks()}
        available = self.action_masks()[:N_FUNCTIONS]
        return {"action_mask": available, "available_actions": available.copy()}
