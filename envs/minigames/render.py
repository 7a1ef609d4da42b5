"""A picture of one game: beacon, shards, units and their health. numpy only."""

from __future__ import annotations

import numpy as np

from .engine import Engine
from .see_planes import BEACON_RADIUS, SHARD_RADIUS
from .state import ALL, BEACON_ITEM, HOSTILE, OWN

PIXELS = 12
"""Pixels a map unit."""
_GROUND, _BEACON, _SHARD = (30, 30, 36), (70, 110, 200), (90, 220, 230)
_MARINE, _ROACH, _CHOSEN, _HEALTH = (80, 200, 90), (210, 80, 70), (240, 240, 240), (250, 220, 80)


def picture(engine: Engine, i: int) -> np.ndarray:
    """Game i's playable rectangle, north up, (height, width, 3) uint8."""
    rule, game = engine.rules[0], engine.games[i]
    wide = round(float(rule["x1"] - rule["x0"]) * PIXELS)
    high = round(float(rule["y1"] - rule["y0"]) * PIXELS)
    image = np.empty((high, wide, 3), np.uint8)
    image[:] = _GROUND
    origin = (float(rule["x0"]), float(rule["y1"]))
    for k in range(game["items"]):
        beacon = game["item_kind"][k] == BEACON_ITEM
        radius = BEACON_RADIUS if beacon else SHARD_RADIUS
        centre = (game["item_x"][k], game["item_y"][k])
        _disc(image, origin, centre, radius, _BEACON if beacon else _SHARD)
    for side in (HOSTILE, OWN):
        for j in range(game["places"][side]):
            if game["health"][side, j] > 0:
                _unit(image, origin, engine, game, side, j)
    return image


def _unit(
    image: np.ndarray,
    origin: tuple[float, float],
    engine: Engine,
    game: np.void,
    side: int,
    j: int,
) -> None:
    """A disc, white-rimmed when selected, with its health as a bar above."""
    kind = engine.units[game["kind"][side, j]]
    x, y = float(game["x"][side, j]), float(game["y"][side, j])
    radius = float(kind["radius"])
    if side == OWN and game["selected"] in (ALL, j):
        _disc(image, origin, (x, y), radius + 0.12, _CHOSEN)
    _disc(image, origin, (x, y), radius, _MARINE if side == OWN else _ROACH)
    left, top = int((x - radius - origin[0]) * PIXELS), int((origin[1] - y - radius) * PIXELS) - 3
    length = int(2 * radius * PIXELS * float(game["health"][side, j] / kind["health"]))
    image[max(top, 0) : max(top + 2, 0), max(left, 0) : max(left + length, 0)] = _HEALTH


def _disc(
    image: np.ndarray,
    origin: tuple[float, float],
    centre: tuple[float, float],
    radius: float,
    colour: tuple[int, int, int],
) -> None:
    rows, columns = np.ogrid[: image.shape[0], : image.shape[1]]
    x = origin[0] + (columns + 0.5) / PIXELS
    y = origin[1] - (rows + 0.5) / PIXELS
    image[(x - centre[0]) ** 2 + (y - centre[1]) ** 2 <= radius**2] = colour
