"""The Stable-Baselines3 face: N games as one VecEnv whose state can be saved and restored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from l2rl.randomness import derive_seed

from ..batched.vec_env import DrawnVecEnv
from .engine import Engine
from .observations import Observations, copied, row
from .units import LOOPS_PER_SECOND

if TYPE_CHECKING:
    from .render import Film

Infos = list[dict[str, Any]]


class MinigameVecEnv(DrawnVecEnv):
    """N games of one task.

    Game i is seeded by `derive_seed(seed, i)`, or by `game_seeds[i]` when these are given. An
    ended game restarts at once; its info then has `terminal_observation`, `terminal_action_mask`,
    `TimeLimit.truncated`, `episode` (`r`, `l`) and `invalid_actions`. All other infos are empty.
    """

    def __init__(
        self,
        task: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        n_envs: int = 1,
        seed: int = 0,
        game_seeds: Sequence[int] | None = None,
    ) -> None:
        seeds = game_seeds or [derive_seed(seed, i) for i in range(n_envs)]
        self.engine = Engine(task, parameters or {}, seeds)
        self.render_mode = "rgb_array"
        super().__init__(len(seeds), self.engine.observation_space, self.engine.action_space)
        self.metadata["render_fps"] = LOOPS_PER_SECOND / self.engine.values["step_mul"]
        self._film: Film | None = None
        self._actions = np.zeros((len(seeds), *(self.engine.action_space.shape or ())), np.int64)
        # Whose last action is none of its present episode's; for pictures.
        self._fresh = np.ones(len(seeds), np.bool_)

    def reset(self) -> Observations:
        """Start a new episode in every game; games given a seed by `seed()` start from it."""
        self.engine.seed(self._seeds)
        self._reset_seeds()
        self._reset_options()
        self._fresh = np.ones(self.num_envs, np.bool_)
        return self.engine.reset()

    def step_async(self, actions: np.ndarray) -> None:
        """Take the actions, (N,) whole numbers, or (N, 17) function calls."""
        self._actions = actions

    def step_wait(self) -> tuple[Observations, np.ndarray, np.ndarray, Infos]:
        """Observations, rewards (N,) float32, dones (N,) bool, infos."""
        seen, rewards, dones, truncated, ended = self.engine.step(self._actions)
        self._fresh = dones
        infos: Infos = [{} for _ in range(self.num_envs)]
        if ended:
            for i in np.flatnonzero(dones):
                infos[i] = self._final_info(int(i), bool(truncated[i]))
        return seen, rewards, dones, infos

    def _final_info(self, i: int, truncated: bool) -> dict[str, Any]:
        game = self.engine.games[i]
        return {
            "terminal_observation": copied(row(self.engine.last_seen, i)),
            "terminal_action_mask": self.engine.last_masks[i].copy(),
            "TimeLimit.truncated": truncated,
            "episode": {"r": float(game["last_return"]), "l": int(game["last_length"])},
            "invalid_actions": int(game["last_invalid_actions"]),
        }

    def action_masks(self) -> np.ndarray:
        """Which actions are valid now, (N, 30) bool; of function calls every part, one after the
        other, as sb3-contrib expects. A view that the next step overwrites."""
        return self.engine.masks

    def state_dict(self) -> dict[str, Any]:
        """The whole state as plain arrays and numbers (`StatefulVecEnv`)."""
        return {"engine": self.engine.state_dict(), "pending_seeds": list(self._seeds)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue exactly where `state_dict` was taken."""
        self.engine.load_state_dict(state["engine"])
        self._seeds = list(state["pending_seeds"])
        self._fresh = np.ones(self.num_envs, np.bool_)

    def picture(
        self, index: int, *, size: tuple[int, int] | None = None, panel: bool = True
    ) -> np.ndarray:
        """One game as it is now (`FilmableVecEnv`)."""
        from .render import picture

        action = self._told_action(index)
        return picture(self.engine, index, size=size, panel=panel, action=action)

    def film(
        self,
        index: int,
        action: Any,
        shares: Sequence[float],
        *,
        size: tuple[int, int] | None = None,
        panel: bool = True,
    ) -> list[np.ndarray]:
        """One game while it takes an action (`FilmableVecEnv`)."""
        from .render import Film

        if self._film is None:
            self._film = Film(self.engine)
        return self._film.frames(index, action, shares, size=size, panel=panel)

    def caption(self, index: int) -> str:
        """One game in one line (`FilmableVecEnv`)."""
        from .render import words

        return words(self.engine, index, self._told_action(index))

    def _told_action(self, index: int) -> Any:
        """The action of a game's last step, None when its episode has just begun."""
        return None if self._fresh[index] else self._actions[index]
