"""Screen and minimap: from pixels to map units and back, as pysc2's `Features` does. Compiled.

Both are squares of `screen_size` pixels, column 0 in the west and row 0 in the north. The screen
shows 24 x 24 map units around the camera, the minimap the whole map of 64 x 64. A point is in the
pixel that it lies in; a pixel means the point in its middle.
"""

from __future__ import annotations

import math

import numpy as np

from .compiling import inner
from .field import clamp, within
from .sight import SCREEN, in_sight
from .state import Record

MAP = 64.0
"""Width and height of the map, map units."""
_EIGHTH = math.pi / 4


@inner
def world_to_screen(
    game: Record, x: float, y: float, size: int, shown: float
) -> tuple[float, float]:
    """A map point in pixels of a view around the camera, fractions kept; `shown` map units wide.

    The sums are taken in pysc2's order, so that not even rounding differs.
    """
    scale, half = size / shown, size / 2
    across = np.float64(x) - np.float64(game.camera_x)
    along = (-np.float64(y) + MAP) - (-np.float64(game.camera_y) + MAP)
    return across * scale + half, along * scale + half


@inner
def screen_to_world(game: Record, column: int, row: int, rule: Record) -> tuple[float, float]:
    """The map point in the middle of a pixel of the screen."""
    scale, half = rule.screen_size / SCREEN, rule.screen_size / 2
    across = (column + 0.5 - half) / scale + np.float64(game.camera_x)
    along = (row + 0.5 - half) / scale + (-np.float64(game.camera_y) + MAP)
    return across, MAP - along


@inner
def world_to_minimap(x: float, y: float, size: int) -> tuple[float, float]:
    """A map point in pixels of the minimap, fractions kept."""
    scale = size / MAP
    return np.float64(x) * scale, (-np.float64(y) + MAP) * scale


@inner
def minimap_to_world(column: int, row: int, rule: Record) -> tuple[float, float]:
    """The map point in the middle of a pixel of the minimap."""
    scale = rule.screen_size / MAP
    return (column + 0.5) / scale, MAP - (row + 0.5) / scale


@inner
def covers(
    game: Record, x: float, y: float, radius: float, column: int, row: int, rule: Record
) -> bool:
    """Whether a disc on the map is drawn on a pixel of the screen: its middle is inside, or the
    disc's middle is in the pixel."""
    at_x, at_y = screen_to_world(game, column, row, rule)
    if within(at_x, at_y, x, y, radius):
        return True
    across, along = world_to_screen(game, x, y, rule.screen_size, SCREEN)
    same: bool = (math.floor(across) == column) & (math.floor(along) == row)
    return same


@inner
def lit(game: Record, x: float, y: float, rule: Record, units: Record) -> bool:
    """Whether the fog leaves a point open, wherever the screen is."""
    return (not rule.fog) or in_sight(game, x, y, units)


@inner
def move_camera(game: Record, column: int, row: int, rule: Record) -> None:
    """Centre the screen on a pixel of the minimap, as far as the playable rectangle goes."""
    x, y = minimap_to_world(column, row, rule)
    game.camera_x = clamp(x, rule.x0, rule.x1)
    game.camera_y = clamp(y, rule.y0, rule.y1)


@inner
def remapped(column: int, row: int, rule: Record) -> tuple[int, int]:
    """The pixel that an order aims at, where `action_remap` exchanges the eight directions.

    It keeps its distance from the middle, and turns by as much as its direction is moved; what
    would come to lie beyond the edge is clicked at the edge.
    """
    half = rule.screen_size / 2
    dx, dy = column + 0.5 - half, half - (row + 0.5)
    direction = int(np.rint(math.atan2(dy, dx) / _EIGHTH)) % 8
    moved = rule.direction[direction] - direction
    if moved == 0:
        return column, row
    cosine, sine = math.cos(_EIGHTH * moved), math.sin(_EIGHTH * moved)
    across, along = half + cosine * dx - sine * dy, half - (sine * dx + cosine * dy)
    last = rule.screen_size - 1
    return min(max(math.floor(across), 0), last), min(max(math.floor(along), 0), last)
