"""What is asked of all units at once is what asking them one by one gives, to the last bit."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numba
import numpy as np
import pytest
from minigame_helpers import engine

from l2rl.envs.minigames import bits, dark, field
from l2rl.envs.minigames.rules import rules_of
from l2rl.envs.minigames.state import EXPLORED, GAME, HOSTILE, OWN
from l2rl.envs.minigames.units import BANELING, MARINE, ROACH, ZERGLING, unit_columns, unit_table

F32 = np.float32


@numba.njit
def ask(games: Any, side: int, x: Any, y: Any, square: Any, out: Any) -> None:
    game = games[0]
    out[0] = bits.living(game, side)
    out[1] = bits.busy(game, side)
    out[2] = bits.in_motion(game, side)
    out[3] = bits.near(game, side, x, y, square, np.float32(2) * square)
    out[4] = bits.sees(game, side, x, y, np.float32(3)) & bits.below(game.places[side])
    out[5] = bits.inside(game, side, x, y, np.float32(3)) & bits.below(game.places[side])
    out[6] = bits.nearest(game, side, x, y, out[0]) if out[0] != 0 else -1


@numba.njit
def keep_apart(games: Any, rules: Any, columns: Any) -> None:
    field.separate(games[0], rules[0], columns[0])


@numba.njit
def mark(games: Any, row: int, first: int, x: float, rise: float, square: float) -> int:
    dark.uncover(games[0], row, first, x, rise, square)
    return dark.dark_cells(games[0], row)


def crowds(count: int) -> Iterator[np.ndarray]:
    """Games with units thrown together, some dead, on places in use and beyond them."""
    chance = np.random.default_rng(0)
    for i in range(count):
        games = np.zeros(1, GAME)
        games["places"][0] = chance.integers(0, 65, 2) if i % 2 else chance.integers(0, 15, 2)
        # Coarse coordinates: equal distances, and units at one point, are common.
        for name in ("x", "y"):
            games[name] = 26 + chance.integers(0, 24, (1, 2, 64)) / (4 if i % 3 else 5)
        games["health"] = chance.integers(-1, 3, (1, 2, 64))
        games["cooldown"] = chance.integers(-1, 2, (1, 2, 64))
        games["order"] = chance.integers(0, 2, (1, 2, 64))
        games["target"] = chance.integers(-1, 1, (1, 2, 64))
        games["moved"] = chance.integers(0, 2, (1, 2, 64))
        games["kind"][0, OWN] = MARINE
        games["kind"][0, HOSTILE] = chance.choice([ROACH, ZERGLING, BANELING], 64)
        yield games


def places(word: int) -> list[int]:
    """The bits that are set."""
    return [j for j in range(64) if word >> j & 1]


@pytest.mark.parametrize("side", [OWN, HOSTILE])
def test_bits_are_what_each_unit_answers(side: int) -> None:
    x, y, square = F32(28.3), F32(27.9), F32(1.7)
    for games in crowds(60):
        out = np.zeros(7, np.int64)
        ask(games, side, x, y, square, out)
        game, used = games[0], range(games[0]["places"][side])
        dx, dy = game["x"][side] - x, game["y"][side] - y
        squares, alive = dx * dx + dy * dy, game["health"][side] > 0
        reach = np.where(game["kind"][side] == ROACH, F32(2) * square, square)
        idle = (game["order"][side] == 0) & (game["target"][side] == -1)
        expected = [
            alive,
            ~idle | (game["cooldown"][side] > 0),
            alive & (game["moved"][side] != 0),
            alive & (squares < reach),
            squares <= 9,
            (abs(dx) <= 3) & (abs(dy) <= 3),
        ]
        for word, wanted in zip(out[:6], expected, strict=True):
            assert places(int(word)) == [j for j in used if wanted[j]]
        living = [j for j in used if alive[j]]
        assert out[6] == (min(living, key=lambda j: (squares[j], j)) if living else -1)


def push_each_other(game: Any, rule: Any, table: np.ndarray) -> None:
    """One unit after the other, each with all others in order of places: the rule itself."""
    low, high = (rule["x0"], rule["y0"]), (rule["x1"], rule["y1"])
    for side in range(2):
        for j in range(game["places"][side]):
            if not game["moved"][side, j] or game["health"][side, j] <= 0:
                continue
            game["moved"][side, j] = 0
            start = game["x"][side, j], game["y"][side, j]
            for other in (side, 1 - side):
                if noticed(game, side, j, other, start, table) <= (side == other):
                    continue
                for k in range(game["places"][other]):
                    if game["health"][other, k] > 0 and (side, j) != (other, k):
                        push(game, (side, j), (other, k), table, low, high)


def noticed(game: Any, side: int, j: int, other: int, start: Any, table: np.ndarray) -> int:
    """How many of a side may be too near to where a unit stood when its turn came, itself too."""
    widest = field.WIDEST_OWN if other == OWN else field.WIDEST_HOSTILE
    reach = table["radius"][game["kind"][side, j]] + widest - field.SLACK
    used = slice(game["places"][other])
    dx, dy = game["x"][other, used] - start[0], game["y"][other, used] - start[1]
    near = (dx * dx + dy * dy < F32(reach * reach)) & (game["health"][other, used] > 0)
    return int(near.sum())


def push(game: Any, one: Any, two: Any, table: np.ndarray, low: Any, high: Any) -> None:
    dx, dy = (game[name][two] - game[name][one] for name in ("x", "y"))
    square = dx * dx + dy * dy
    reach = table["radius"][game["kind"][one]] + table["radius"][game["kind"][two]]
    if float(square) >= (reach - field.SLACK) ** 2:
        return
    dx, dy, length = float(dx), float(dy), float(np.sqrt(square))
    if length < 1e-9:
        dx, dy, length = 1e-9, 0.0, 1e-9
    share = 0.5 * (reach - length) / length
    for axis, (name, way) in enumerate((("x", dx), ("y", dy))):
        for unit, sign in ((one, -1.0), (two, 1.0)):
            to = float(F32(float(game[name][unit]) + sign * way * share))
            game[name][unit] = min(max(to, low[axis]), high[axis])
    game["moved"][one] = game["moved"][two] = 1


def test_units_are_kept_apart_as_one_pair_after_the_other_would_be() -> None:
    rules = rules_of("DefeatRoaches", engine("DefeatRoaches").values)
    pushed = 0
    for games in crowds(60):
        expected = games.copy()
        push_each_other(expected[0], rules[0], unit_table())
        before = games["x"].copy()
        keep_apart(games, rules, unit_columns())
        pushed += int((games["x"] != before).sum())
        for name in ("x", "y", "moved"):
            assert np.array_equal(games[name], expected[name]), name
    assert pushed > 500


def test_a_row_of_the_map_is_uncovered_as_far_as_is_seen() -> None:
    for x in (0.0, 7.5, 31.0, 40.25, 63.9):
        games = np.zeros(1, GAME)
        games["explored"][0, 5, 30] = 1
        first = min(max(math.ceil((x - 9.0) / 2 - 0.5), 0), EXPLORED - dark.SPAN)
        left = mark(games, 5, first, x, 4.0, 81.0)
        centres = (np.arange(EXPLORED) + 0.5) * 2
        seen = (centres - x) ** 2 + 4.0 <= 81.0
        seen[30] = True
        assert np.array_equal(games["explored"][0, 5] != 0, seen)
        assert places(left) == np.flatnonzero(~seen).tolist()
        assert games["explored"].sum() == seen.sum()
