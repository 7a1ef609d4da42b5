"""CollectMineralsAndGas and BuildMarines: a command centre, SCVs, fields and geysers. Compiled.

CollectMineralsAndGas scores each mineral and each unit of gas brought home; BuildMarines scores
each finished marine, which then leaves the field as a number. Both end by time. Where fields and
geysers lie is ours: two arcs around the command centre at the game's usual distances.
"""

from __future__ import annotations

import math

from ..batched.chance import uniform
from .compiling import inner
from .construction import add_structure, advance_structures, go_and_build
from .economy import add_worker, carry_home, gather, place_around, send_to_minerals
from .field import march, speed_of
from .state import (
    BUILD,
    GATHER,
    GEYSER_ITEM,
    IDLE,
    MINERAL_ITEM,
    MOVE,
    OWN,
    RETURN,
    Record,
)
from .units import COMMAND_CENTRE, GEYSER_GAS

_CENTRE = (9.89, 9.01)
"""The command centre from the rectangle's south-western corner, map units: (29.83, 28.01) there."""
_ARC, _NEAR, _FAR = 8, 7.0, 8.0
"""Fields an arc, and their distances from the command centre, near and far by turns."""
_STEP = math.radians(13.0)
"""Between two fields of an arc."""
_GEYSERS = (math.radians(115.0), math.radians(245.0), math.radians(65.0), math.radians(295.0))
_GEYSER_DISTANCE = 7.2
_WORKERS_RING = (3.2, 4.2)
"""Distances from the command centre at which SCVs start."""


@inner
def start_economy(game: Record, rule: Record, units: Record, at_work: bool) -> None:
    """The base at its start; the first SCV is selected. `at_work`: the SCVs harvest already."""
    game.minerals = rule.start_minerals
    add_structure(game, COMMAND_CENTRE, rule.x0 + _CENTRE[0], rule.y0 + _CENTRE[1])
    for k in range(rule.fields):
        add_field(game, k, rule)
    for k in range(rule.geysers):
        x, y = place_around(game, _GEYSER_DISTANCE, _GEYSERS[k])
        add_item(game, GEYSER_ITEM, x, y, GEYSER_GAS)
    turned = uniform(game, 0.0, 2.0 * math.pi)
    for j in range(rule.workers):
        radius = uniform(game, _WORKERS_RING[0], _WORKERS_RING[1])
        x, y = place_around(game, radius, turned + 2.0 * math.pi * j / rule.workers)
        add_worker(game, x, y, units)
    if at_work:
        for j in range(rule.workers):
            send_to_minerals(game, j)
    game.selected = 0


@inner
def add_field(game: Record, k: int, rule: Record) -> None:
    """The k-th mineral field: eight in the west, from the middle outwards, then the east."""
    place = k % _ARC
    side = 1.0 if place % 2 == 0 else -1.0
    angle = side * (place // 2 + 0.5) * _STEP
    if k < _ARC:
        angle = math.pi - angle
    x, y = place_around(game, _NEAR if place % 4 < 2 else _FAR, angle)
    add_item(game, MINERAL_ITEM, x, y, rule.field_minerals)


@inner
def add_item(game: Record, kind: int, x: float, y: float, left: int) -> None:
    """A field or geyser with what is in it."""
    k = game.items
    game.items = k + 1
    game.item_kind[k] = kind
    game.item_x[k] = x
    game.item_y[k] = y
    game.item_left[k] = left
    game.item_worker[k] = -1


@inner
def work_all(game: Record, rule: Record, units: Record) -> int:
    """One loop of all workers; minerals and gas brought home in it."""
    delivered = 0
    for j in range(game.places[OWN]):
        order = game.order[OWN, j]
        if order == IDLE:
            continue
        speed = speed_of(game, OWN, j, units)
        if order == GATHER:
            gather(game, j, speed, rule, units)
        elif order == RETURN:
            delivered += carry_home(game, j, speed, rule, units)
        elif order == BUILD:
            go_and_build(game, j, speed, rule, units)
        elif order == MOVE:
            march(game, OWN, j, speed, rule)
    return delivered


@inner
def loop_collect(game: Record, rule: Record, units: Record) -> None:
    """One game loop of CollectMineralsAndGas."""
    advance_structures(game, units)
    game.score += work_all(game, rule, units)


@inner
def loop_build(game: Record, rule: Record, units: Record) -> None:
    """One game loop of BuildMarines."""
    before = game.marines_built
    advance_structures(game, units)
    work_all(game, rule, units)
    game.score += game.marines_built - before
