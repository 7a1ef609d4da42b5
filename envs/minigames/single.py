"""The Gymnasium face of one game, `gymnasium.make("l2rl/MoveToBeacon-v0", step_mul=4)`."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np

from .engine import Engine
from .observations import Observations, row
from .units import LOOPS_PER_SECOND


class MinigameEnv(gymnasium.Env[Observations, Any]):
    """One game. `info["action_mask"]`, (30,) bool, says which actions are valid now.

    With `actions="functions"` it is (573,), and `info["available_actions"]` is the same.

    The keyword arguments are the task's parameters (docs/minigames.md).
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 2}  # noqa: RUF012

    def __init__(
        self,
        task: str,
        *,
        render_mode: str | None = None,
        render_size: tuple[int, int] | None = None,
        **parameters: Any,
    ) -> None:
        """`render_size`: (width, height) of pictures in pixels; 720 x 432 by default."""
        self.engine = Engine(task, parameters, [0])
        self.render_mode, self.render_size = render_mode, render_size
        fps = max(LOOPS_PER_SECOND // self.engine.values["step_mul"], 1)
        self.metadata = {"render_modes": ["rgb_array"], "render_fps": fps}
        self.observation_space = self.engine.observation_space
        self.action_space = self.engine.action_space
        self._seeded = False
        self._last_action: Any = None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observations, dict[str, Any]]:
        """A new episode. A seed plays the same game as `game_seeds=[seed]` in a batch."""
        super().reset(seed=seed)
        if seed is None and not self._seeded:
            seed = int(self.np_random.integers(2**63))
        self._seeded = True
        self._last_action = None
        self.engine.seed([seed])
        seen = self.engine.reset()
        return row(seen, 0), self._info()

    def step(self, action: Any) -> tuple[Observations, float, bool, bool, dict[str, Any]]:
        """One env step; an invalid action does nothing, and is counted at the episode's end."""
        actions = np.array([action], np.int64)
        self._last_action = action
        seen, rewards, dones, truncated, ended = self.engine.step(actions, restart=False)
        info = self._info()
        if ended:
            info["invalid_actions"] = int(self.engine.games["last_invalid_actions"][0])
        over = bool(dones[0] and not truncated[0])
        return row(seen, 0), float(rewards[0]), over, bool(truncated[0]), info

    def action_masks(self) -> np.ndarray:
        """Which actions are valid now, (30,) bool; of function calls every part, one after the
        other, as sb3-contrib expects."""
        mask: np.ndarray = self.engine.masks[0].copy()
        return mask

    def render(self) -> np.ndarray | None:
        """A picture for people, (height, width, 3) uint8; None without a render mode."""
        if self.render_mode is None:
            return None
        from .render import picture

        return picture(self.engine, 0, size=self.render_size, action=self._last_action)

    def _info(self) -> dict[str, Any]:
        return {name: masks[0].copy() for name, masks in self.engine.valid().items()}
