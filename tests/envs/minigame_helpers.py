"""Shared by the minigame tests: playing batches with random actions, and comparing them."""

from __future__ import annotations

from typing import Any

import numpy as np

from l2rl.envs.minigames.engine import Engine
from l2rl.envs.minigames.functions import (
    N_COLUMNS,
    N_FUNCTIONS,
    from_function_call,
    function_ids,
    function_table,
)
from l2rl.envs.minigames.spaces import N_ACTIONS
from l2rl.envs.minigames.state import LOOK

TASKS = (
    "MoveToBeacon",
    "CollectMineralShards",
    "FindAndDefeatZerglings",
    "DefeatRoaches",
    "DefeatZerglingsAndBanelings",
    "CollectMineralsAndGas",
    "BuildMarines",
)


def random_actions(steps: int, n: int, seed: int = 0) -> np.ndarray:
    """Actions, valid or not, (steps, n)."""
    return np.random.default_rng(seed).integers(0, N_ACTIONS, (steps, n))


def engine(task: str, seeds: Any = (1,), **parameters: Any) -> Engine:
    """An engine with one game a seed."""
    return Engine(task, parameters, list(seeds))


def same(first: tuple[Any, ...], second: tuple[Any, ...]) -> bool:
    """Whether two results of a step hold the same bits."""
    return all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def put(game: np.void, side: int, j: int, x: float, y: float, health: float | None = None) -> None:
    """Move a unit that then looks around, and change its health."""
    game["target"][side, j] = LOOK
    game["x"][side, j], game["y"][side, j] = x, y
    game["order_x"][side, j], game["order_y"][side, j] = x, y
    if health is not None:
        game["health"][side, j] = health


def call(games: Engine, name: str, *arguments: Any) -> tuple[Any, ...]:
    """One env step in which the first game does a function call and the others nothing."""
    actions = np.zeros((games.n_games, N_COLUMNS), np.int64)
    actions[0] = from_function_call(function_ids()[name], arguments)
    return games.step(actions)


def available(games: Engine, i: int = 0) -> set[str]:
    """Names of the functions that are available in game i."""
    return {function_table()[k].name for k in np.flatnonzero(games.masks[i, :N_FUNCTIONS])}
