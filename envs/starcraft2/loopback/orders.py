"""The engine's orders as Python may give them, one unit at a time, to the game of a simulation."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...minigames.compiling import entry
from ...minigames.construction import construction_of, send_to_build
from ...minigames.economy import leave_work, send_to_item, send_to_minerals
from ...minigames.ledger import count_all
from ...minigames.orders import set_order


@entry()
def go(games: Any, j: int, order: int, x: float, y: float, rules: np.ndarray) -> None:
    """Walk, fight or stand: an order with a point."""
    leave_work(games[0], j)
    set_order(games[0], j, order, x, y, rules[0])


@entry()
def work(games: Any, j: int, k: int) -> None:
    """Work at an item."""
    send_to_item(games[0], j, k)


@entry()
def go_home(games: Any, j: int) -> None:
    """Bring home what the worker carries, to go on then wherever there is room."""
    send_to_minerals(games[0], j)


@entry()
def put_up(games: Any, j: int, kind: int, x: float, y: float) -> None:
    """Put up a structure."""
    send_to_build(games[0], j, kind, x, y)


@entry()
def is_building(games: Any, j: int) -> bool:
    """Whether a worker is at the structure that it puts up."""
    return construction_of(games[0], j) >= 0


@entry()
def counts(games: Any, unit_columns: np.ndarray) -> np.ndarray:
    """What is owned and on the way, (ledger.N_COUNTS,) int64."""
    return count_all(games[0], unit_columns[0])
