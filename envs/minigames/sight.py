"""What the own side sees: fog of war, the screen, and what has been explored. Compiled.

Under `fog` an enemy or item is seen when it is within the sight of an own unit or structure; under
`camera` it must also be on the screen, a square of 24 map units around the camera. Without both
everything is seen and nothing here costs anything.
"""

from __future__ import annotations

import numpy as np

from .bits import below, count_bits, highest, inside, living, lowest, nearest, sees, visible
from .compiling import hot, inner
from .dark import CELL, SPAN, dark_cells, uncover
from .field import within
from .state import EXPLORED, HOSTILE, OWN, Record

SCREEN = 24.0
"""Width and height of the screen, map units (the public interface's default)."""


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


@hot
def enemies_seen(game: Record, rule: Record) -> int:
    """The living enemies that the own side sees, as bits."""
    bits = living(game, HOSTILE)
    return bits & visible(game, HOSTILE) if hides(rule) else bits


@inner
def nearest_seen(game: Record, rule: Record, x: np.float32, y: np.float32) -> int:
    """Place of the enemy in sight that is nearest to a unit's place, -1 without one."""
    bits = enemies_seen(game, rule)
    return -1 if bits == 0 else nearest(game, HOSTILE, x, y, bits)


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
    bits = enemies_in_sight(game, rule, units)
    for k in range(game.places[HOSTILE]):
        game.visible[k] = (bits >> k) & 1
    for k in range(game.items):
        game.item_visible[k] = point_seen(game, game.item_x[k], game.item_y[k], rule, units)
    if rule.fog:
        explore(game, units)


@inner
def enemies_in_sight(game: Record, rule: Record, units: Record) -> int:
    """The living enemies at places that are seen now (`point_seen`), as bits."""
    bits = living(game, HOSTILE)
    if rule.camera:
        bits &= inside(game, HOSTILE, game.camera_x, game.camera_y, np.float32(SCREEN / 2))
    if not rule.fog or bits == 0:
        return bits
    seen = 0
    own = living(game, OWN)
    while own != 0:
        j = lowest(own)
        own &= own - 1
        sight = np.float32(units.sight[game.kind[OWN, j]])
        seen |= sees(game, HOSTILE, game.x[OWN, j], game.y[OWN, j], sight)
    for s in range(game.structures):
        sight = np.float32(units.sight[game.structure_kind[s]])
        seen |= sees(game, HOSTILE, game.structure_x[s], game.structure_y[s], sight)
    return bits & seen


@inner
def explore(game: Record, units: Record) -> None:
    """Mark every cell whose centre some own unit sees."""
    own = living(game, OWN)
    while own != 0:
        j = lowest(own)
        own &= own - 1
        x, y = game.x[OWN, j], game.y[OWN, j]
        sight = units.sight[game.kind[OWN, j]]
        column = min(first_cell(x - sight), EXPLORED - SPAN)
        for row in range(first_cell(y - sight), last_cell(y + sight) + 1):
            dy = cell_centre(row) - y
            uncover(game, row, column, x, dy * dy, sight * sight)


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
    first, last = first_cell(rule.x0), last_cell(rule.x1)
    columns = below(last + 1) & ~below(first)
    # Of the cells to the west the last is the nearest, of those to the east the first.
    west = below(int(np.floor(x / CELL - 0.5)) + 1)
    dark, rows = 0, 0
    best, best_x, best_y = np.inf, x, y
    for row in range(first_cell(rule.y0), last_cell(rule.y1) + 1):
        rows += 1
        bits = dark_cells(game, row) & columns
        dark += count_bits(bits)
        dy = cell_centre(row) - y
        if bits == 0 or dy * dy >= best:
            continue
        for side in range(2):
            half = bits & (~west if side == 1 else west)
            if half == 0:
                continue
            column = lowest(half) if side == 1 else highest(half)
            dx = cell_centre(column) - x
            if dx * dx + dy * dy < best:
                best = dx * dx + dy * dy
                best_x, best_y = cell_centre(column), cell_centre(row)
    cells = rows * max(last + 1 - first, 0)
    return (cells - dark) / max(cells, 1), best_x - x, best_y - y
