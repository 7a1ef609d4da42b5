"""CollectMineralShards: marines take shards, +1 each; new ones when none is left. Compiled."""

from __future__ import annotations

from ..batched.chance import uniform
from .compiling import inner
from .field import add_unit, draw_place, march_all, within
from .state import OWN, SHARD_ITEM, Record
from .units import MARINE

REACH = 1.0
"""A marine's centre within this of a shard's takes it, map units. An assumption: the map leaves
the contact to the two models."""
_INSET, _LEAST_DISTANCE = 1.0, 2.0


@inner
def start_shards(game: Record, rule: Record, units: Record) -> None:
    """Marines anywhere, then the first shards."""
    for _ in range(rule.marines):
        x = uniform(game, rule.x0, rule.x1)
        y = uniform(game, rule.y0, rule.y1)
        add_unit(game, OWN, MARINE, x, y, units)
    new_shards(game, rule)


@inner
def new_shards(game: Record, rule: Record) -> None:
    """A full set of shards, each at least 2 from every marine."""
    for k in range(rule.shards):
        x, y = draw_place(game, _INSET, _INSET, _LEAST_DISTANCE, 0.0, rule)
        game.item_kind[k] = SHARD_ITEM
        game.item_x[k] = x
        game.item_y[k] = y
    game.items = rule.shards


@inner
def take_shards(game: Record, j: int) -> None:
    """Remove the shards that a marine touches; the last one takes the free place."""
    x, y = game.x[OWN, j], game.y[OWN, j]
    k = 0
    while k < game.items:
        if within(x, y, game.item_x[k], game.item_y[k], REACH):
            last = game.items - 1
            game.item_x[k] = game.item_x[last]
            game.item_y[k] = game.item_y[last]
            game.items = last
            game.score += 1.0
        else:
            k += 1


@inner
def loop_shards(game: Record, rule: Record, units: Record) -> None:
    """One game loop."""
    march_all(game, rule, units)
    for j in range(game.places[OWN]):
        take_shards(game, j)
    if game.items == 0:
        game.wave += 1
        new_shards(game, rule)
