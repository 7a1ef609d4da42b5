"""The plane observation, (12, size, size) uint8: the playable rectangle seen from above. Compiled.

Row 0 is the north, column 0 the west, as in an image. A unit or item fills the cells whose
centres are within its radius, at least the cell it stands in; where two overlap, the brighter
stays. Health and readiness are 0..255 for 0..1. Rotation and mirror act on whole cells, so a
rotated observation is exactly `np.rot90` of the plain one; a drifting angle turns every place
around the middle first. What is out of sight is not drawn: `visible` is 255 where the own side
sees, 128 where it has seen before.
"""

from __future__ import annotations

import math

import numpy as np

from .compiling import inner
from .dark import CELL
from .field import full_health
from .orders import is_selected
from .sight import enemy_seen, hides, item_seen, on_screen, point_seen
from .spaces import PLANES
from .state import BEACON_ITEM, EXPLORED, GEYSER_ITEM, HOSTILE, MINERAL_ITEM, OWN, Record

_FULL, _REMEMBERED = 255, 128
BEACON_RADIUS, SHARD_RADIUS, RESOURCE_RADIUS = 1.25, 0.5, 1.0
OWN_UNITS = PLANES.index("own_units")
OWN_SELECTED = PLANES.index("own_selected")
OWN_HEALTH = PLANES.index("own_health")
OWN_READY = PLANES.index("own_ready")
HOSTILE_UNITS = PLANES.index("hostile_units")
HOSTILE_HEALTH = PLANES.index("hostile_health")
RESOURCES, GAS, BEACON = PLANES.index("resources"), PLANES.index("gas"), PLANES.index("beacon")
VISIBLE, CAMERA = PLANES.index("visible"), PLANES.index("camera")


@inner
def write_planes(game: Record, rule: Record, units: Record, planes: np.ndarray) -> None:
    """Write one game's observation into `planes`, (12, size, size) uint8."""
    planes[:] = 0
    write_sight(game, rule, units, planes)
    for k in range(game.items):
        if item_seen(game, rule, k):
            draw_item(game, k, rule, planes)
    for side in range(2):
        for j in range(game.places[side]):
            if game.health[side, j] > 0.0 and (side == OWN or enemy_seen(game, rule, j)):
                draw_unit(game, side, j, rule, units, planes)


@inner
def write_sight(game: Record, rule: Record, units: Record, planes: np.ndarray) -> None:
    """What is seen now or was seen before, and the screen."""
    if not hides(rule):
        planes[VISIBLE] = _FULL
        planes[CAMERA] = _FULL
        return
    size = planes.shape[1]
    for along in range(size):
        for across in range(size):
            x = rule.x0 + (across + 0.5) * (rule.x1 - rule.x0) / size
            y = rule.y0 + (along + 0.5) * (rule.y1 - rule.y0) / size
            x, y = turned_around(x, y, -game.angle, rule)
            if point_seen(game, x, y, rule, units):
                put(planes[VISIBLE], across, along, _FULL, rule)
            elif explored(game, x, y):
                put(planes[VISIBLE], across, along, _REMEMBERED, rule)
            if not rule.camera or on_screen(game, x, y):
                put(planes[CAMERA], across, along, _FULL, rule)


@inner
def explored(game: Record, x: float, y: float) -> bool:
    """Whether the cell of the explored map around a point has been seen."""
    row = min(max(int(y / CELL), 0), EXPLORED - 1)
    column = min(max(int(x / CELL), 0), EXPLORED - 1)
    seen: bool = game.explored[row, column] != 0
    return seen


@inner
def draw_item(game: Record, k: int, rule: Record, planes: np.ndarray) -> None:
    """The plane of one item."""
    x, y = game.item_x[k], game.item_y[k]
    kind = game.item_kind[k]
    if kind == BEACON_ITEM:
        disc(planes[BEACON], game, x, y, BEACON_RADIUS, _FULL, rule)
    elif kind == GEYSER_ITEM:
        disc(planes[GAS], game, x, y, RESOURCE_RADIUS, _FULL, rule)
    else:
        radius = RESOURCE_RADIUS if kind == MINERAL_ITEM else SHARD_RADIUS
        disc(planes[RESOURCES], game, x, y, radius, _FULL, rule)


@inner
def draw_unit(
    game: Record, side: int, j: int, rule: Record, units: Record, planes: np.ndarray
) -> None:
    """The planes of one unit."""
    kind = game.kind[side, j]
    radius = units.radius[kind]
    x, y = game.x[side, j], game.y[side, j]
    health = int(_FULL * game.health[side, j] / full_health(game, side, kind, units))
    if side == HOSTILE:
        disc(planes[HOSTILE_UNITS], game, x, y, radius, _FULL, rule)
        disc(planes[HOSTILE_HEALTH], game, x, y, radius, health, rule)
        return
    ready = 1.0 - game.cooldown[OWN, j] / max(units.cooldown[kind], 1.0)
    disc(planes[OWN_UNITS], game, x, y, radius, _FULL, rule)
    if is_selected(game, j):
        disc(planes[OWN_SELECTED], game, x, y, radius, _FULL, rule)
    disc(planes[OWN_HEALTH], game, x, y, radius, health, rule)
    disc(planes[OWN_READY], game, x, y, radius, int(_FULL * min(max(ready, 0.0), 1.0)), rule)


@inner
def turned_around(x: float, y: float, angle: float, rule: Record) -> tuple[float, float]:
    """A place turned around the rectangle's middle, by an angle in radians."""
    if angle == 0.0:
        return x, y
    middle_x, middle_y = 0.5 * (rule.x0 + rule.x1), 0.5 * (rule.y0 + rule.y1)
    cosine, sine = math.cos(angle), math.sin(angle)
    dx, dy = x - middle_x, y - middle_y
    return middle_x + cosine * dx - sine * dy, middle_y + sine * dx + cosine * dy


@inner
def disc(
    plane: np.ndarray,
    game: Record,
    x: float,
    y: float,
    radius: float,
    value: int,
    rule: Record,
) -> None:
    """Draw a disc given in map units."""
    x, y = turned_around(x, y, game.angle, rule)
    if x < rule.x0 or x > rule.x1 or y < rule.y0 or y > rule.y1:
        return
    size = plane.shape[0]
    wide = (rule.x1 - rule.x0) / size
    high = (rule.y1 - rule.y0) / size
    across = min(int((x - rule.x0) / wide), size - 1)
    along = min(int((y - rule.y0) / high), size - 1)
    put(plane, across, along, value, rule)
    reach_x, reach_y = math.ceil(radius / wide), math.ceil(radius / high)
    for i in range(max(across - reach_x, 0), min(across + reach_x + 1, size)):
        for j in range(max(along - reach_y, 0), min(along + reach_y + 1, size)):
            dx = rule.x0 + (i + 0.5) * wide - x
            dy = rule.y0 + (j + 0.5) * high - y
            if dx * dx + dy * dy <= radius * radius:
                put(plane, i, j, value, rule)


@inner
def put(plane: np.ndarray, across: int, along: int, value: int, rule: Record) -> None:
    """Brighten the cell at (across, along) as the variant shows it."""
    size = plane.shape[0]
    # Twice the offset from the middle is whole, so turning it is exact.
    dx, dy = 2 * across + 1 - size, 2 * along + 1 - size
    turn = rule.turn
    column = (turn[0, 0] * dx + turn[0, 1] * dy + size - 1) // 2
    row = size - 1 - (turn[1, 0] * dx + turn[1, 1] * dy + size - 1) // 2
    if plane[row, column] < value:
        plane[row, column] = value
