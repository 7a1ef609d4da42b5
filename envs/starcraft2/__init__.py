"""StarCraft II itself: the same tasks, spaces and actions as the embedded minigames.

`SUITE` is what the core finds. `starcraft2/MoveToBeacon` and `minigames/MoveToBeacon` with
`parameters: {backend: sc2}` are the same. Importing this package imports neither the client
library nor numba; making an environment does. docs/starcraft2.md says what must be installed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium
from stable_baselines3.common.vec_env import VecEnv

from l2rl.environments import EnvironmentSuite, TaskInfo

from ..minigames.catalogue import GAMES, find_game, longest_episode
from . import installation
from .settings import game_values, parameters_of, supervision_of, variants_of

__all__ = ["SUITE", "StarCraftSuite"]


class StarCraftSuite(EnvironmentSuite):
    """The seven minigames on the real game; see docs/starcraft2.md."""

    name = "starcraft2"

    @property
    def version(self) -> str:  # type: ignore[override]
        """The newest installed build of the game, which is the one that plays."""
        builds = installation.builds()
        return f"build {builds[-1]}" if builds else "not installed"

    def tasks(self) -> Mapping[str, TaskInfo]:
        """Every game with the variants and parameters that its map can do."""
        return {
            name: TaskInfo(
                name=name,
                summary=game.summary,
                variants=variants_of(name),
                parameters={key: value.line for key, value in parameters_of(name).items()},
            )
            for name, game in GAMES.items()
        }

    def make(self, task: str, *, parameters: Mapping[str, Any], n_envs: int, seed: int) -> VecEnv:
        """A `StarCraftVecEnv`; no process starts before its first reset."""
        self.check(task, parameters)
        from .vec_env import StarCraftVecEnv

        return StarCraftVecEnv(task, parameters, n_envs=n_envs, seed=seed)

    def episode_limit(self, task: str, parameters: Mapping[str, Any]) -> int:
        """The time limit: every game ends there at the latest."""
        return longest_episode(game_values(task, parameters))

    def check(self, task: str, parameters: Mapping[str, Any]) -> None:
        """Raise `ValueError` for what cannot be, or for what is not installed; starts nothing."""
        find_game(task)
        game_values(task, parameters)
        supervision_of(task, parameters)
        missing = installation.missing([task])
        if missing:
            raise ValueError(missing)

    def missing(self) -> str | None:
        """None when the library, the game and all maps are there; otherwise what to install."""
        return installation.missing(GAMES)


def _register() -> None:
    for name in GAMES:
        gymnasium.register(
            id=f"l2rl/StarCraft2-{name}-v0",
            entry_point="l2rl.envs.starcraft2.single:StarCraftEnv",
            kwargs={"task": name},
        )


SUITE = StarCraftSuite()
_register()
