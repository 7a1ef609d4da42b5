"""Agents written for pysc2 play the simulation: time steps as they know them, and their calls.

Needs pysc2 (`pip install "l2rl[sc2]"`); nothing else here does.

    from pysc2_evolved.agents.scripted_agent import MoveToBeacon
    scores = play("MoveToBeacon", MoveToBeacon, n_episodes=10, seed=0)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np

from .features import N_CARGO, N_LISTED
from .functions import from_function_call
from .single import MinigameEnv

_LISTS = {"single_select": 1, "multi_select": N_LISTED, "build_queue": 5, "cargo": N_CARGO}


class TimeStep(NamedTuple):
    """What a pysc2 agent's `step` is given."""

    step_type: int
    """0 the first of an episode, 1 in between, 2 the last."""
    reward: float
    discount: float
    observation: Any

    def first(self) -> bool:
        """Whether an episode begins."""
        return self.step_type == 0

    def last(self) -> bool:
        """Whether it has ended."""
        return self.step_type == 2


@cache
def _library(name: str) -> Any:
    for package in ("pysc2_evolved", "pysc2"):
        try:
            return import_module(f"{package}.lib.{name}")
        except ImportError:
            continue
    raise ImportError('pysc2 is not installed\n  pip install "l2rl[sc2]"')


def as_observation(seen: Mapping[str, np.ndarray]) -> Any:
    """The features of one game as pysc2's observation: named, and without the empty rows."""
    arrays, features = _library("named_array"), _library("features")
    named = arrays.NamedDict({name: array for name, array in seen.items() if name not in _LISTS})
    named["feature_screen"] = arrays.NamedNumpyArray(
        seen["feature_screen"], names=[features.ScreenFeatures, None, None]
    )
    named["feature_minimap"] = arrays.NamedNumpyArray(
        seen["feature_minimap"], names=[features.MinimapFeatures, None, None]
    )
    named["player"] = arrays.NamedNumpyArray(seen["player"], names=features.Player)
    named["available_actions"] = np.flatnonzero(seen["available_actions"])
    for name in _LISTS:
        rows = seen[name][seen[name][:, 0] != 0]
        named[name] = arrays.NamedNumpyArray(rows, names=[None, features.UnitLayer])
    return named


def play(
    task: str, make_agent: Callable[[], Any], *, n_episodes: int, seed: int, **parameters: Any
) -> list[float]:
    """The scores of a pysc2 agent; episode i has the seed `seed + i`.

    Raises `ImportError` without pysc2, `ValueError` for a task or parameter that is not there.
    """
    env = MinigameEnv(task, actions="functions", observation="features", **parameters)
    return [_episode(env, make_agent(), seed + i) for i in range(n_episodes)]


def _episode(env: MinigameEnv, agent: Any, seed: int) -> float:
    agent.setup({}, None)
    agent.reset()
    seen, _ = env.reset(seed=seed)
    step = TimeStep(0, 0.0, 1.0, as_observation(seen))
    score, ended = 0.0, False
    while not ended:
        call = agent.step(step)
        action = from_function_call(call.function, call.arguments)
        seen, reward, over, truncated, _ = env.step(action)
        score, ended = score + reward, over or truncated
        step = TimeStep(2 if ended else 1, reward, 0.0 if over else 1.0, as_observation(seen))
    return score
