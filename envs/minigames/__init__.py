"""The minigames: seven small StarCraft II maps, simulated anew; three of them are built.

`SUITE` is what the core finds. The faces are `vec_env.MinigameVecEnv` (Stable-Baselines3),
`single.MinigameEnv` (`gymnasium.Env`) and `vector.MinigameVectorEnv` (`gymnasium.vector`).
Importing this package does not import numba; making an environment does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium
from stable_baselines3.common.vec_env import VecEnv

from l2rl.environments import EnvironmentSuite, TaskInfo

from .catalogue import GAMES, longest_episode, task_values

__all__ = ["SUITE", "MinigameSuite"]


class MinigameSuite(EnvironmentSuite):
    """All games with shared spaces; see docs/minigames.md."""

    name = "minigames"
    version = "1"

    def tasks(self) -> Mapping[str, TaskInfo]:
        """Every game with its variants and parameters."""
        return {
            name: TaskInfo(
                name=name,
                summary=game.summary,
                variants=game.variants,
                parameters={key: value.line for key, value in game.parameters.items()},
                reward_version="1",
            )
            for name, game in GAMES.items()
        }

    def make(self, task: str, *, parameters: Mapping[str, Any], n_envs: int, seed: int) -> VecEnv:
        """A `MinigameVecEnv`."""
        from .vec_env import MinigameVecEnv

        return MinigameVecEnv(task, parameters, n_envs=n_envs, seed=seed)

    def episode_limit(self, task: str, parameters: Mapping[str, Any]) -> int:
        """The time limit: every game ends there at the latest."""
        return longest_episode(task_values(task, parameters))

    def check(self, task: str, parameters: Mapping[str, Any]) -> None:
        """Raise `ValueError` for an unknown task, parameter or value; compiles nothing."""
        task_values(task, parameters)


def _register() -> None:
    for name in GAMES:
        gymnasium.register(
            id=f"l2rl/{name}-v0",
            entry_point="l2rl.envs.minigames.single:MinigameEnv",
            vector_entry_point="l2rl.envs.minigames.vector:MinigameVectorEnv",
            kwargs={"task": name},
        )


SUITE = MinigameSuite()
_register()
