"""The function calls of pysc2: the table, the arguments, and one flat action for all. No numba.

A *call* is pysc2's `FunctionCall`: a function's id and one list of numbers for each of its
arguments, `(331, [[0], [23, 40]])` being `Move_screen("now", (23, 40))`. A learner's action is a
row of `MultiDiscrete`: the function, then every argument that any function takes, in the order of
pysc2's `action_spec().types`; a function reads its own arguments and ignores the others.

`function_table.csv` is pysc2's table (version 4.0, Apache-2.0) of the functions on feature layers:
id, name, arguments, and the game's ability id, with the general one that stands for it, or 0.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from gymnasium import spaces

SCREEN_SIZES = (16, 32, 64, 84)
POINTS = ("screen", "minimap", "screen2")
"""Arguments that are a point, (x, y), x to the right and y down; both below the screen's size."""
CHOICES = {
    "queued": 2,  # now, queued
    "control_group_act": 5,  # recall, set, append, set_and_steal, append_and_steal
    "control_group_id": 10,
    "select_point_act": 4,  # select, toggle, select_all_type, add_all_type
    "select_add": 2,  # select, add
    "select_unit_act": 4,  # select, deselect, select_all_type, deselect_all_type
    "select_unit_id": 500,
    "select_worker": 4,  # select, add, select_all, add_all
    "build_queue_id": 10,
    "unload_id": 500,
}
"""The other arguments and how many values each has."""
ARGUMENTS = (*POINTS, *CHOICES)
"""All arguments, in the order of pysc2's `action_spec().types`."""
N_COLUMNS = 1 + 2 * len(POINTS) + len(CHOICES)
"""Numbers in an action."""


def _columns() -> dict[str, slice]:
    places, at = {}, 1
    for name in ARGUMENTS:
        width = 2 if name in POINTS else 1
        places[name] = slice(at, at + width)
        at += width
    return places


COLUMNS = _columns()
"""Where each argument stands in an action; column 0 is the function."""


@dataclass(frozen=True)
class Function:
    """One row of the table."""

    id: int
    name: str
    arguments: tuple[str, ...]
    ability_id: int
    """The game's ability, 0 for what the interface does itself."""
    general_id: int
    """The ability that stands for this one too where specific ones are hidden, or 0."""


@cache
def function_table() -> tuple[Function, ...]:
    """All functions; `function_table()[i].id == i`."""
    path = Path(__file__).with_name("function_table.csv")
    with path.open(newline="", encoding="utf-8") as lines:
        return tuple(
            Function(
                int(row["id"]),
                row["name"],
                tuple(row["arguments"].split()),
                int(row["ability_id"]),
                int(row["general_id"]),
            )
            for row in csv.DictReader(lines)
        )


N_FUNCTIONS = 573


@cache
def function_ids() -> dict[str, int]:
    """From a function's name to its id."""
    return {function.name: function.id for function in function_table()}


def function_space(screen_size: int) -> spaces.MultiDiscrete:
    """The space of function calls on a square screen and minimap of so many pixels."""
    sizes = [screen_size] * (2 * len(POINTS)) + list(CHOICES.values())
    return spaces.MultiDiscrete(np.array([N_FUNCTIONS, *sizes]))


def to_function_call(action: Sequence[int] | np.ndarray) -> tuple[int, list[list[int]]]:
    """An action, (17,) whole numbers, as pysc2's `(function, arguments)`.

    Raises `ValueError` for another shape or an id that is not in the table.
    """
    row = np.asarray(action)
    if row.shape != (N_COLUMNS,) or row.dtype.kind not in "iu":
        raise ValueError(f"an action is {N_COLUMNS} whole numbers, not {row.dtype} {row.shape}")
    function = _function(int(row[0]))
    return function.id, [row[COLUMNS[name]].tolist() for name in function.arguments]


def from_function_call(function_id: int, arguments: Sequence[Sequence[int]]) -> np.ndarray:
    """pysc2's `(function, arguments)` as an action, (17,) int64; what it does not use is 0.

    Raises `ValueError` for an id that is not in the table or arguments of another layout.
    """
    function = _function(int(function_id))
    wanted = f"{function.name} takes [{', '.join(function.arguments)}]"
    if len(arguments) != len(function.arguments):
        raise ValueError(f"{wanted}: {len(function.arguments)} arguments, not {len(arguments)}")
    action = np.zeros(N_COLUMNS, np.int64)
    action[0] = function.id
    for name, given in zip(function.arguments, arguments, strict=True):
        width = 2 if name in POINTS else 1
        if np.shape(given) != (width,):
            raise ValueError(f"{wanted}: {name} is {width} numbers, not {given!r}")
        # As pysc2 does: a point may be given in fractions of a pixel.
        action[COLUMNS[name]] = np.floor(np.asarray(given))
    return action


def _function(function_id: int) -> Function:
    if not 0 <= function_id < N_FUNCTIONS:
        raise ValueError(f"there is no function {function_id}: ids are 0 to {N_FUNCTIONS - 1}")
    return function_table()[function_id]
