"""MoveToBeacon: one marine, one beacon that moves when it is reached; +1 each time. Compiled."""

from __future__ import annotations

from ..batched.chance import uniform
from .compiling import inner
from .field import add_unit, draw_place, march_all, within
from .state import BEACON_ITEM, OWN, Record
from .units import MARINE

REACH = 1.25
"""The marine's centre within this of the beacon's scores, map units; tested each game loop."""
_INSET, _HOLE, _LEAST_DISTANCE = 1.5, 4.0, 5.0


@inner
def start_beacon(game: Record, rule: Record, units: Record) -> None:
    """A marine anywhere and a beacon away from it."""
    x = uniform(game, rule.x0, rule.x1)
    y = uniform(game, rule.y0, rule.y1)
    add_unit(game, OWN, MARINE, x, y, units)
    move_beacon(game, rule)


@inner
def move_beacon(game: Record, rule: Record) -> None:
    """Put the beacon at least 5 from the marine, not in the middle."""
    x, y = draw_place(game, _INSET, _INSET, _LEAST_DISTANCE, _HOLE, rule)
    game.items = 1
    game.item_kind[0] = BEACON_ITEM
    game.item_x[0] = x
    game.item_y[0] = y


@inner
def loop_beacon(game: Record, rule: Record, units: Record) -> None:
    """One game loop."""
    march_all(game, rule, units)
    if within(game.x[OWN, 0], game.y[OWN, 0], game.item_x[0], game.item_y[0], REACH):
        game.score += 1.0
        game.wave += 1
        move_beacon(game, rule)
