"""FindAndDefeatZerglings: three marines look for zerglings on a large, dark map. Compiled.

+1 a zergling, -1 a marine. The first two zerglings stand within reach of the marines' start, the
others wherever there is room. When all are dead as many come again, away from the marines. A
zergling stands still until it sees a marine. Ends without marines.
"""

from __future__ import annotations

import math

import numpy as np

from ..batched.chance import uniform
from .combat import fight
from .compiling import inner
from .field import add_unit, clamp, count_alive, distance, nearest_alive
from .state import HOSTILE, OWN, Record
from .units import MARINE, ZERGLING

_MARINES_RADIUS = 1.0
_FIRST, _SECOND = (8.0, 9.0), (7.5, 9.5)
"""Distances of the first two zerglings from the centre, map units."""
_INSET, _HOLE = 1.0, 10.5
_APART, _FROM_MARINES = 5.0, 9.0
_TRIES = 1000
"""Draws before a place that is only the best so far is accepted (crowded variants)."""


@inner
def start_zerglings(game: Record, rule: Record, units: Record) -> None:
    """Marines around the centre, zerglings near and far."""
    x, y = 0.5 * (rule.x0 + rule.x1), 0.5 * (rule.y0 + rule.y1)
    turned = uniform(game, 0.0, 2.0 * math.pi)
    for j in range(rule.marines):
        angle = turned + 2.0 * math.pi * j / rule.marines
        at_x, at_y = x + _MARINES_RADIUS * math.cos(angle), y + _MARINES_RADIUS * math.sin(angle)
        add_unit(game, OWN, MARINE, at_x, at_y, units)
    if rule.zerglings > 0:
        add_at_distance(game, x, y, _FIRST[0], _FIRST[1], rule, units)
    if rule.zerglings > 1:
        add_at_distance(game, x, y, _SECOND[0], _SECOND[1], rule, units)
    while game.places[HOSTILE] < rule.zerglings:
        add_somewhere(game, _HOLE, 0.0, rule, units)


@inner
def add_at_distance(
    game: Record, x: float, y: float, near: float, far: float, rule: Record, units: Record
) -> None:
    """A zergling in any direction from a point, in the rectangle."""
    angle, radius = uniform(game, 0.0, 2.0 * math.pi), uniform(game, near, far)
    at_x = clamp(x + radius * math.cos(angle), rule.x0, rule.x1)
    at_y = clamp(y + radius * math.sin(angle), rule.y0, rule.y1)
    add_unit(game, HOSTILE, ZERGLING, at_x, at_y, units)


@inner
def add_somewhere(
    game: Record, hole: float, from_marines: float, rule: Record, units: Record
) -> None:
    """A zergling at least 5 from all others, `hole` from the centre, `from_marines` from those.

    Where a hundred draws find no such place, the one of them with the widest gap to others.
    """
    x, y = 0.5 * (rule.x0 + rule.x1), 0.5 * (rule.y0 + rule.y1)
    best_x, best_y, best = x, y, -1.0
    for _ in range(_TRIES):
        at_x = uniform(game, rule.x0 + _INSET, rule.x1 - _INSET)
        at_y = uniform(game, rule.y0 + _INSET, rule.y1 - _INSET)
        if distance(at_x, at_y, x, y) < hole:
            continue
        if gap_to(game, OWN, at_x, at_y) < from_marines:
            continue
        gap = gap_to(game, HOSTILE, at_x, at_y)
        if gap > best:
            best_x, best_y, best = at_x, at_y, gap
        if gap >= _APART:
            break
    add_unit(game, HOSTILE, ZERGLING, best_x, best_y, units)


@inner
def gap_to(game: Record, side: int, x: float, y: float) -> float:
    """Distance of a point from the nearest living unit of a side, infinite without one."""
    j = nearest_alive(game, side, x, y)
    return np.inf if j < 0 else distance(x, y, game.x[side, j], game.y[side, j])


@inner
def loop_zerglings(game: Record, rule: Record, units: Record) -> None:
    """One game loop."""
    fight(game, rule, units)
    if game.deaths[OWN] > 0 and count_alive(game, OWN) == 0:
        game.over = True
    elif game.deaths[HOSTILE] > 0 and count_alive(game, HOSTILE) == 0:
        game.wave += 1
        game.places[HOSTILE] = 0
        while game.places[HOSTILE] < rule.zerglings:
            add_somewhere(game, 0.0, _FROM_MARINES, rule, units)
