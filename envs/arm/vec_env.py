"""The Stable-Baselines3 face: N arms as one VecEnv whose state can be saved and restored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from l2rl.randomness import derive_seed

from ..batched.vec_env import DrawnVecEnv
from .engine import Engine
from .spaces import action_space, observation_space

Infos = list[dict[str, Any]]
STEPS_PER_SECOND: Any = 20
"""For films only: nothing in the simulation depends on seconds."""


class ArmVecEnv(DrawnVecEnv):
    """N arms at one task.

    Arm i is seeded by `derive_seed(seed, i)`, or by `arm_seeds[i]` when these are given. Every info
    has `success` (bool): whether the state reached is one. An episode ends at its time limit only
    and the next starts at once; its last info has `terminal_observation`, `TimeLimit.truncated`,
    `episode` (`r`, `l`, and `success`: 1 when any step was one) and `is_success`, the same as bool.
    """

    def __init__(
        self,
        task: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        n_envs: int = 1,
        seed: int = 0,
        arm_seeds: Sequence[int] | None = None,
    ) -> None:
        seeds = arm_seeds or [derive_seed(seed, i) for i in range(n_envs)]
        self.engine = Engine(task, parameters or {}, seeds)
        self.render_mode = "rgb_array"
        super().__init__(len(seeds), observation_space(), action_space())
        self.metadata["render_fps"] = STEPS_PER_SECOND
        self._actions = np.zeros((len(seeds), *action_space().shape), np.float32)

    def reset(self) -> np.ndarray:
        """Start a new episode of every arm; arms given a seed by `seed()` start from it."""
        self.engine.seed(self._seeds)
        self._reset_seeds()
        self._reset_options()
        return self.engine.reset()

    def step_async(self, actions: np.ndarray) -> None:
        """Take the actions, (N, 3)."""
        self._actions = actions

    def step_wait(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, Infos]:
        """Observations (N, 31) float32, rewards (N,) float32, dones (N,) bool, infos."""
        step = self.engine.step(self._actions)
        infos: Infos = [{"success": success} for success in step.successes.tolist()]
        if step.ended:
            for i in np.flatnonzero(step.dones):
                infos[i].update(self._final_info(int(i)))
        return step.observations, step.rewards, step.dones, infos

    def _final_info(self, i: int) -> dict[str, Any]:
        arm = self.engine.arms[i]
        succeeded = bool(arm["last_succeeded"])
        return {
            "terminal_observation": self.engine.last_seen[i].copy(),
            "TimeLimit.truncated": True,
            "is_success": succeeded,
            "episode": {
                "r": float(arm["last_return"]),
                "l": int(arm["last_length"]),
                "success": float(succeeded),
            },
        }

    def state_dict(self) -> dict[str, Any]:
        """The whole state as plain arrays and numbers (`StatefulVecEnv`)."""
        return {"engine": self.engine.state_dict(), "pending_seeds": list(self._seeds)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue exactly where `state_dict` was taken."""
        self.engine.load_state_dict(state["engine"])
        self._seeds = list(state["pending_seeds"])

    def picture(
        self, index: int, *, size: tuple[int, int] | None = None, panel: bool = True
    ) -> np.ndarray:
        """One arm as it is now (`FilmableVecEnv`)."""
        from .render import picture

        return picture(self.engine, index, size=size, panel=panel)

    def film(
        self,
        index: int,
        action: Any,
        shares: Sequence[float],
        *,
        size: tuple[int, int] | None = None,
        panel: bool = True,
    ) -> list[np.ndarray]:
        """One arm while it takes an action (`FilmableVecEnv`)."""
        from .render import film

        return film(self.engine, index, action, shares, size=size, panel=panel)

    def caption(self, index: int) -> str:
        """One arm in one line (`FilmableVecEnv`)."""
        from .render import words

        return words(self.engine, index)
