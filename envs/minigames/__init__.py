"""The minigames: seven small StarCraft II maps, simulated anew.

`SUITE` is what the core finds. The faces are `vec_env.MinigameVecEnv` (Stable-Baselines3),
`single.MinigameEnv` (`gymnasium.Env`) and `vector.MinigameVectorEnv` (`gymnasium.vector`).
Importing this package does not import numba; making an environment does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np
from stable_baselines3.common.vec_env import VecEnv

from l2rl.environments import Controls, EnvironmentSuite, ScriptedPolicy, TaskInfo

from ..batched.parameters import Parameter, choice
from .catalogue import GAMES, longest_episode, task_values

__all__ = ["SUITE", "MinigameSuite"]


_BACKEND = Parameter(
    "embedded",
    "what plays: embedded (these simulations), sc2 (StarCraft II itself)",
    choice("embedded", "sc2"),
)


_RETURN_RANGES = {
    "MoveToBeacon": (0.5, 25.1),
    "CollectMineralShards": (9.1, 92.6),
    "FindAndDefeatZerglings": (1.9, 35.6),
    "DefeatRoaches": (0.7, 43.1),
    "DefeatZerglingsAndBanelings": (42.0, 1253.0),
    "CollectMineralsAndGas": (278.0, 6409.0),
    "BuildMarines": (45.0, 132.7),
}
"""Mean return of uniform actions, and of the better of the scripted policy and trained PPO, as
docs/minigames.md has them."""


class MinigameSuite(EnvironmentSuite):
    """All games with shared spaces; see docs/minigames.md."""

    name = "minigames"
    version = "2"

    def tasks(self) -> Mapping[str, TaskInfo]:
        """Every game with its variants and parameters."""
        return {
            name: TaskInfo(
                name=name,
                summary=game.summary,
                variants=game.variants,
                parameters={
                    **{key: value.line for key, value in game.parameters.items()},
                    "backend": _BACKEND.line,
                },
                reward_version="1",
                return_range=_RETURN_RANGES[name],
            )
            for name, game in GAMES.items()
        }

    def make(self, task: str, *, parameters: Mapping[str, Any], n_envs: int, seed: int) -> VecEnv:
        """A `MinigameVecEnv`; with `backend: sc2` a `StarCraftVecEnv`."""
        suite, parameters = _backend(task, parameters)
        if suite is not None:
            return suite.make(task, parameters=parameters, n_envs=n_envs, seed=seed)
        from .vec_env import MinigameVecEnv

        return MinigameVecEnv(task, parameters, n_envs=n_envs, seed=seed)

    def episode_limit(self, task: str, parameters: Mapping[str, Any]) -> int | None:
        """The time limit: every game ends there at the latest."""
        suite, parameters = _backend(task, parameters)
        if suite is not None:
            return suite.episode_limit(task, parameters)
        return longest_episode(task_values(task, parameters))

    def check(self, task: str, parameters: Mapping[str, Any]) -> None:
        """Raise `ValueError` for an unknown task, parameter or value; compiles nothing."""
        suite, parameters = _backend(task, parameters)
        if suite is not None:
            suite.check(task, parameters)
        else:
            task_values(task, parameters)

    def scripted_policy(self, task: str) -> ScriptedPolicy | None:
        """The game's policy of `scripted.py`, if it has one; it reads vector observations."""
        from .scripted import POLICIES

        if task not in POLICIES:
            return None

        def act(seen: np.ndarray, masks: np.ndarray | None) -> np.ndarray:
            if seen.ndim != 2 or masks is None:
                raise ValueError("it reads vector observations, not planes")
            return POLICIES[task](seen, masks)

        return act

    def controls(self, task: str) -> Controls:
        """The keys of `controls.py`."""
        from .controls import CONTROLS

        return CONTROLS


def _backend(
    task: str, parameters: Mapping[str, Any]
) -> tuple[EnvironmentSuite | None, dict[str, Any]]:
    """(the suite that plays instead, or None; the other parameters). Raises `ValueError`."""
    others = {name: value for name, value in parameters.items() if name != "backend"}
    backend = parameters.get("backend", _BACKEND.default)
    try:
        _BACKEND.check(backend)
    except ValueError as error:
        raise ValueError(
            f"minigames/{task}: backend = {backend!r} is not possible; it must be {error}"
        ) from None
    if backend == "embedded":
        return None, others
    from ..starcraft2 import SUITE as STARCRAFT

    return STARCRAFT, others


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
