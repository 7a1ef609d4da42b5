"""Machine code is compiled once, found again by later processes, and never mixed up."""

from __future__ import annotations

import itertools
import subprocess
import sys
from typing import Any

import pytest

from l2rl.envs.minigames.catalogue import GAMES
from l2rl.envs.minigames.kernel import build

SCRIPT = """
import numpy as np
from l2rl.envs.minigames.engine import Engine

engine = Engine("MoveToBeacon", {}, [1])
engine.step(np.zeros(1))
kernel = engine._kernel
print(*(sum(f.stats.cache_misses.values()) for f in kernel.compiled))
"""


def names(entry: Any) -> set[str]:
    """Of an entry point and of the compiled functions that it closes over."""
    cells = [cell.cell_contents for cell in entry.py_func.__closure__ or ()]
    inside = {cell.py_func.__qualname__ for cell in cells if hasattr(cell, "py_func")}
    return {entry.py_func.__qualname__, *inside}


def test_what_is_made_for_one_game_has_no_name_in_common_with_another() -> None:
    # The linker takes functions of one name for one function: found as a process that played
    # DefeatRoaches with the rules of MoveToBeacon, each compiled by another process before.
    made = {game.code: names(build(game.code, False).compiled[0]) for game in GAMES.values()}
    see = {name for name in made[0] if "see" in name}
    assert see, "functions are found"
    for one, other in itertools.combinations(made, 2):
        assert made[one] & made[other] <= see, (one, other)


def test_the_two_kinds_of_observation_are_not_mixed_up() -> None:
    vector, planes = (names(build(0, kind).compiled[0]) for kind in (False, True))
    assert {n for n in vector if "see" in n}.isdisjoint(n for n in planes if "see" in n)


@pytest.mark.slow
def test_a_second_process_compiles_nothing() -> None:
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True
        )
    assert done.stdout.split() == ["0"]
