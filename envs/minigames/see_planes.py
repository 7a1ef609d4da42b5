"""The plane observation, (8, size, size) uint8: the playable rectangle seen from above. Compiled.

Row 0 is the north, column 0 the west, as in an image. A unit or item fills the cells whose
centres are within its radius, at least the cell it stands in; where two overlap, the brighter
stays. Health and readiness are 0..255 for 0..1. Rotation and mirror act on whole cells, so a
rotated observation is exactly `np.rot90` of the plain one.
"""

from __future__ import annotations

import math

import numpy as np

from .compiling import inner
from .orders import is_selected
from .state import BEACON_ITEM, HOSTILE, OWN, Record

_FULL = 255
BEACON_RADIUS, SHARD_RADIUS = 1.25, 0.5


@inner
def write_planes(game: Record, rule: Record, units: np.ndarray, planes: np.ndarray) -> None:
    """Write one game's observation into `planes`, (8, size, size) uint8."""
    planes[:] = 0
    for k in range(game.items):
        if game.item_kind[k] == BEACON_ITEM:
            disc(planes[7], game.item_x[k], game.item_y[k], BEACON_RADIUS, _FULL, rule)
        else:
            disc(planes[6], game.item_x[k], game.item_y[k], SHARD_RADIUS, _FULL, rule)
    for side in range(2):
        for j in range(game.places[side]):
            if game.health[side, j] > 0.0:
                draw_unit(game, side, j, rule, units, planes)


@inner
def draw_unit(
    game: Record, side: int, j: int, rule: Record, units: np.ndarray, planes: np.ndarray
) -> None:
    """The planes of one unit."""
    unit = units[game.kind[side, j]]
    x, y = game.x[side, j], game.y[side, j]
    health = int(_FULL * game.health[side, j] / unit.health)
    if side == HOSTILE:
        disc(planes[4], x, y, unit.radius, _FULL, rule)
        disc(planes[5], x, y, unit.radius, health, rule)
        return
    ready = 1.0 - game.cooldown[OWN, j] / max(unit.cooldown, 1.0)
    disc(planes[0], x, y, unit.radius, _FULL, rule)
    if is_selected(game, j):
        disc(planes[1], x, y, unit.radius, _FULL, rule)
    disc(planes[2], x, y, unit.radius, health, rule)
    disc(planes[3], x, y, unit.radius, int(_FULL * min(max(ready, 0.0), 1.0)), rule)


@inner
def disc(plane: np.ndarray, x: float, y: float, radius: float, value: int, rule: Record) -> None:
    """Draw a disc given in map units."""
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
