"""The Gymnasium face of one arm, `gymnasium.make("l2rl/ArmPush-v0", mirror=True)`."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np

from .engine import Engine
from .spaces import action_space, observation_space
from .vec_env import STEPS_PER_SECOND


class ArmEnv(gymnasium.Env[np.ndarray, np.ndarray]):
    """One arm. `info["success"]` says whether the state reached is one; the last info of an episode
    has `is_success`: whether any was.

    The keyword arguments are the task's parameters (docs/arm.md). Episodes are truncated at
    `episode_steps` and never terminate.
    """

    metadata: dict[str, Any] = {  # noqa: RUF012
        "render_modes": ["rgb_array"],
        "render_fps": STEPS_PER_SECOND,
    }

    def __init__(
        self,
        task: str,
        *,
        render_mode: str | None = None,
        render_size: tuple[int, int] | None = None,
        **parameters: Any,
    ) -> None:
        """`render_size`: (width, height) of pictures in pixels."""
        self.engine = Engine(task, parameters, [0])
        self.render_mode, self.render_size = render_mode, render_size
        self.observation_space, self.action_space = observation_space(), action_space()
        self._seeded = False

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """A new episode. A seed lives the same life as `arm_seeds=[seed]` in a batch."""
        super().reset(seed=seed)
        if seed is None and not self._seeded:
            seed = int(self.np_random.integers(2**63))
        self._seeded = True
        self.engine.seed([seed])
        return self.engine.reset()[0], {"success": bool(self.engine.arms["success"][0])}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """One env step; action (3,)."""
        step = self.engine.step(np.asarray(action)[None], restart=False)
        info = {"success": bool(step.successes[0])}
        if step.ended:
            info["is_success"] = bool(self.engine.arms["last_succeeded"][0])
        return step.observations[0], float(step.rewards[0]), False, bool(step.dones[0]), info

    def render(self) -> np.ndarray | None:
        """A picture for people, (height, width, 3) uint8; None without a render mode."""
        if self.render_mode is None:
            return None
        from .render import picture

        return picture(self.engine, 0, size=self.render_size)
