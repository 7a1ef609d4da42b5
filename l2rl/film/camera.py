"""A camera on one environment of a VecEnv: what it shows at its start, and in each of its steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np
from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv, VecEnv

from l2rl.environments import FilmableVecEnv
from l2rl.errors import UserError
from l2rl.film.pace import Pace

DEFAULT_STEPS_PER_SECOND = 10.0
"""Where an environment does not say (`metadata["render_fps"]`) how fast its world runs."""


class Camera:
    """Films environment `index`. `before(action)`, then the VecEnv's step, then `after(...)`.

    `size` (width, height) and `panel` are for environments that can choose (`FilmableVecEnv`);
    others have pictures of one kind, one a step at most.
    """

    def __init__(
        self,
        env: VecEnv,
        index: int = 0,
        *,
        fps: float,
        speed: float,
        size: tuple[int, int] | None = None,
        panel: bool = True,
    ) -> None:
        self._env, self._index = env, index
        inner = env.unwrapped
        self._filmable: FilmableVecEnv | None = None
        if isinstance(inner, FilmableVecEnv):
            self._filmable = inner
        self.size, self.panel = size, panel
        self.pace = Pace(steps_per_second(env), fps=fps, speed=speed)
        self._due = 0

    def opening(self) -> np.ndarray:
        """The first picture of an episode. Raises `UserError` where there are no pictures."""
        self.pace.begin()
        return self.still()

    def still(self) -> np.ndarray:
        """A picture of what is now. Raises `UserError` where there are no pictures."""
        if self._filmable is not None:
            return self._filmable.picture(self._index, size=self.size, panel=self.panel)
        return self._drawn()

    def before(self, action: Any) -> list[np.ndarray]:
        """Pictures of the step to come; environments that cannot foresee it have theirs after."""
        shares = self.pace.shares()
        self._due = len(shares)
        if self._filmable is None:
            return []
        return self._filmable.film(self._index, action, shares, size=self.size, panel=self.panel)

    def after(self, done: bool, info: Mapping[str, Any]) -> list[np.ndarray]:
        """Pictures of the step that has been taken, its end for certain when it was the last."""
        if self._filmable is not None:
            return []
        if done:
            last = info.get("terminal_picture")
            return [np.asarray(last)] if last is not None else []
        return [self._drawn()] * self._due if self._due else []

    def caption(self) -> str:
        """What the environment says of itself, if anything."""
        return self._filmable.caption(self._index) if self._filmable is not None else ""

    def _drawn(self) -> np.ndarray:
        try:
            picture = self._get_image()
        except (NotImplementedError, AttributeError):
            picture = None
        except gymnasium.error.DependencyNotInstalled as error:
            raise UserError(f"its pictures cannot be drawn: {error}") from error
        if picture is None:
            name = type(self._env.unwrapped).__name__
            raise UserError(f"{name} offers no pictures (its `get_images()` has none)")
        return np.asarray(picture, dtype=np.uint8)

    def _get_image(self) -> Any:
        inner = self._env.unwrapped
        if isinstance(inner, DummyVecEnv | SubprocVecEnv):
            # `get_images` would draw all environments for the sake of one.
            return inner.env_method("render", indices=[self._index])[0]
        return inner.get_images()[self._index]


def natural_fps(env: VecEnv) -> float:
    """Pictures a second that suit this world: its steps, but neither jerky nor a flood."""
    return min(max(steps_per_second(env), 10.0), 25.0)


def natural_speed(env: VecEnv) -> float:
    """How much faster a film of this world may run: worlds of slow steps are strategy games, and a
    minute of them is long."""
    return 4.0 if steps_per_second(env) < 4 else 1.0


def live_speed(env: VecEnv) -> float:
    """The same before somebody's eyes: half as fast, since nothing can be looked at again."""
    return max(natural_speed(env) / 2, 1.0)


def steps_per_second(env: VecEnv) -> float:
    """Env steps in a second of the environment's world."""
    try:
        metadata = env.get_attr("metadata", [0])[0]
    except AttributeError:
        metadata = {}
    return float(metadata.get("render_fps") or DEFAULT_STEPS_PER_SECOND)
