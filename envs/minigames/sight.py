"""What the own side sees: fog of war, the screen, and what has been explored. Compiled.

Under `fog` an enemy or item is seen when it is within the sight of an own unit or structure; under
`camera` it must also be on the screen, a square of 24 map units around the camera. Without both
everything is seen and nothing here costs anything.
"""

from __future__ import annotations

import numpy as np

from .compiling import inner
from .field import within
from .state import EXPLORED, HOSTILE, OWN, Record

SCREEN = 24.0
"""Width and height of the screen, map units (the public interface's default)."""
CELL = 2.0
"""Width and height of a cell of the explored map, map units."""


@inner
def hides(rule: Record) -> bool:
    """Whether anything can be out of sight in this variant."""
    hiding: bool = rule.fog | rule.camera
    return hiding


@inner
def enemy_seen(game: Record, rule: Record, k: int) -> bool:
    """Whether the own side sees a living enemy."""
    seen: bool = game.health[HOSTILE, k] > 0.0 and (not hides(rule) or game.visible[k] != 0)
    return seen


@inner
def item_seen(game: Record, rule: Record, k: int) -> bool:
    """Whether there still is an item that the own side sees."""
    seen: bool = game.item_kind[k] != 0 and (not hides(rule) or game.item_visible[k] != 0)
    return seen


@inner
def nearest_seen(game: Record, rule: Record, x: float, y: float) -> int:
    """Place of the enemy in sight that is nearest to a point, -1 without one."""
    best, best_square = -1, np.inf
    for k in range(game.places[HOSTILE]):
        if enemy_seen(game, rule, k):
            dx, dy = game.x[HOSTILE, k] - x, game.y[HOSTILE, k] - y
            square = dx * dx + dy * dy
            if square < best_square:
                best, best_square = k, square
    return best


@inner
def on_screen(game: Record, x: float, y: float) -> bool:
    """Whether a point is inside the camera's square."""
    shown: bool = abs(x - game.camera_x) <= SCREEN / 2 and abs(y - game.camera_y) <= SCREEN / 2
    return shown


@inner
def in_sight(game: Record, x: float, y: float, units: Record) -> bool:
    """Whether some own unit or structure sees a point."""
    for j in range(game.places[OWN]):
        if game.health[OWN, j] > 0.0:
            sight = units.sight[game.kind[OWN, j]]
            if within(game.x[OWN, j], game.y[OWN, j], x, y, sight):
                return True
    for j in range(game.structures):
        sight = units.sight[game.structure_kind[j]]
        if within(game.structure_x[j], game.structure_y[j], x, y, sight):
            return True
    return False


@inner
def point_seen(game: Record, x: float, y: float, rule: Record, units: Record) -> bool:
    """Whether something at a point is seen."""
    if rule.camera and not on_screen(game, x, y):
        return False
    return (not rule.fog) or in_sight(game, x, y, units)


@inner
def look_around(game: Record, rule: Record, units: Record) -> None:
    """Bring everything that is seen up to date; once an env step, after it."""
    if not hides(rule):
        return
    for k in range(game.places[HOSTILE]):
        x, y = game.x[HOSTILE, k], game.y[HOSTILE, k]
        game.visible[k] = game.health[HOSTILE, k] > 0.0 and point_seen(game, x, y, rule, units)
    for k in range(game.items):
        game.item_visible[k] = point_seen(game, game.item_x[k], game.item_y[k], rule, units)
    if rule.fog:
        explore(game, units)


@inner
def explore(game: Record, units: Record) -> None:
    """Mark every cell whose centre some own unit sees."""
    for j in range(game.places[OWN]):
        if game.health[OWN, j] > 0.0:
            x, y = game.x[OWN, j], game.y[OWN, j]
            sight = units.sight[game.kind[OWN, j]]
            for row in range(first_cell(y - sight), last_cell(y + sight) + 1):
                for column in range(first_cell(x - sight), last_cell(x + sight) + 1):
                    if within(x, y, cell_centre(column), cell_centre(row), sight):
                        game.explored[row, column] = 1


@inner
def first_cell(low: float) -> int:
    """The first cell whose centre is not below a coordinate."""
    return max(int(np.ceil(low / CELL - 0.5)), 0)


@inner
def last_cell(high: float) -> int:
    """The last cell whose centre is not above a coordinate."""
    return min(int(np.floor(high / CELL - 0.5)), EXPLORED - 1)


@inner
def cell_centre(index: int) -> float:
    """A cell's middle along one axis, map units."""
    return (index + 0.5) * CELL


@inner
def survey(game: Record, rule: Record, x: float, y: float) -> tuple[float, float, float]:
    """Of the playable rectangle: the share explored, and the way (dx, dy) from a point to the
    nearest cell that is not; (0, 0) when all is explored or nothing is hidden."""
    if not rule.fog:
        return 1.0, 0.0, 0.0
    explored, cells = 0, 0
    best, best_x, best_y = np.inf, x, y
    for row in range(first_cell(rule.y0), last_cell(rule.y1) + 1):
        for column in range(first_cell(rule.x0), last_cell(rule.x1) + 1):
            cells += 1
            if game.explored[row, column] != 0:
                explored += 1
                continue
            dx, dy = cell_centre(column) - x, cell_centre(row) - y
            if dx * dx + dy * dy < best:
                best = dx * dx + dy * dy
                best_x, best_y = cell_centre(column), cell_centre(row)
    return explored / max(cells, 1), best_x - x, best_y - y
