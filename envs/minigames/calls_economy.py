"""Function calls of the economy: gather, return, build at a place, train, cancel, rally. Compiled.

A structure stands on whole cells of the map: its footprint is a square, 2 cells wide for a supply
depot, 3 for barracks and a refinery, 5 for the command centre; a field covers 2 x 1, a geyser 3.
"""

from __future__ import annotations

import math

import numpy as np

from .compiling import inner
from .field import within
from .ledger import trained_by
from .order_queue import NO_ONE, issue
from .orders_economy import choose_worker
from .selection import (
    FIRST_ENEMY,
    FIRST_ITEM,
    FIRST_STRUCTURE,
    GEYSER_RADIUS,
    is_worker,
    unit_chosen,
)
from .state import BUILD, GATHER, GEYSER_ITEM, MINERAL_ITEM, OWN, RETURN, Record
from .units import COMMAND_CENTRE, QUEUE_LENGTH, REFINERY, SUPPLY_DEPOT

_TOUCH = 0.1
"""Footprints may overlap by so much, map units: the places of macro actions are that close."""


@inner
def footprint(kind: int) -> float:
    """Half of the width of a structure's square, map units."""
    if kind == COMMAND_CENTRE:
        return 2.5
    return 1.0 if kind == SUPPLY_DEPOT else 1.5


@inner
def find_site(
    game: Record, kind: int, x: float, y: float, rule: Record
) -> tuple[float, float, bool]:
    """Where a structure aimed at a point stands, and whether it can."""
    half = footprint(kind)
    if kind == REFINERY:
        for k in range(game.items):
            near = within(game.item_x[k], game.item_y[k], x, y, GEYSER_RADIUS)
            if near and game.item_kind[k] == GEYSER_ITEM:
                at_x, at_y = np.float64(game.item_x[k]), np.float64(game.item_y[k])
                return at_x, at_y, not meets_structure(game, at_x, at_y, half)
        return x, y, False
    x, y = math.floor(x - half + 0.5) + half, math.floor(y - half + 0.5) + half
    inside = rule.x0 <= x - half and x + half <= rule.x1 and rule.y0 <= y - half
    free = inside and y + half <= rule.y1 and not meets_item(game, x, y, half)
    return x, y, free and not meets_structure(game, x, y, half)


@inner
def meets_structure(game: Record, x: float, y: float, half: float) -> bool:
    """Whether a square meets a structure, or the place of one whose worker is on the way."""
    for s in range(game.structures):
        reach = half + footprint(game.structure_kind[s]) - _TOUCH
        if abs(game.structure_x[s] - x) < reach and abs(game.structure_y[s] - y) < reach:
            return True
    for j in range(game.places[OWN]):
        if game.order[OWN, j] == BUILD:
            reach = half + footprint(game.target[OWN, j]) - _TOUCH
            if abs(game.order_x[OWN, j] - x) < reach and abs(game.order_y[OWN, j] - y) < reach:
                return True
    return False


@inner
def meets_item(game: Record, x: float, y: float, half: float) -> bool:
    """Whether a square meets a field or a geyser."""
    for k in range(game.items):
        wide = 1.0 if game.item_kind[k] == MINERAL_ITEM else 1.5
        high = 0.5 if game.item_kind[k] == MINERAL_ITEM else 1.5
        near = abs(game.item_x[k] - x) < half + wide and abs(game.item_y[k] - y) < half + high
        if near and game.item_kind[k] != 0:
            return True
    return False


@inner
def build_at(game: Record, kind: int, x: float, y: float, queued: bool, rule: Record) -> bool:
    """One of the selected workers goes to build; False where nothing can stand."""
    x, y, free = find_site(game, kind, x, y, rule)
    j = choose_worker(game, x, y, False)
    if free and j >= 0:
        issue(game, j, BUILD, x, y, kind, queued, rule)
    return free and j >= 0


@inner
def item_to_work(game: Record, code: int) -> int:
    """The field, or the geyser of a finished refinery, that a code means; NO_ONE without."""
    if code >= FIRST_ITEM:
        k = code - FIRST_ITEM
        return k if game.item_kind[k] == MINERAL_ITEM else NO_ONE
    if FIRST_STRUCTURE <= code < FIRST_ENEMY:
        s = code - FIRST_STRUCTURE
        item: int = game.structure_item[s]
        return item if game.structure_left[s] <= 0.0 else NO_ONE
    return NO_ONE


@inner
def gather_at(game: Record, code: int, queued: bool, rule: Record) -> bool:
    """Every selected worker works there; False where nothing can be gathered."""
    k = item_to_work(game, code)
    if k < 0:
        return False
    for j in range(game.places[OWN]):
        if unit_chosen(game, j) and is_worker(game, j):
            issue(game, j, GATHER, game.item_x[k], game.item_y[k], k, queued, rule)
    return True


@inner
def return_cargo(game: Record, queued: bool, rule: Record) -> None:
    """Every selected worker that carries something brings it home."""
    for j in range(game.places[OWN]):
        if unit_chosen(game, j) and game.cargo[j] > 0:
            issue(game, j, RETURN, 0.0, 0.0, NO_ONE, queued, rule)


@inner
def shortest_chosen(game: Record, kind: int) -> int:
    """Of the selected finished structures of a kind that with the shortest queue that has room,
    or -1."""
    best, length = -1, QUEUE_LENGTH
    for s in range(game.structures):
        ready = game.structure_kind[s] == kind and game.structure_left[s] <= 0.0
        if ready and game.structure_chosen[s] != 0 and game.queue[s] < length:
            best, length = s, game.queue[s]
    return best


@inner
def train(game: Record, place: int, units: Record) -> None:
    """Pay for a unit, and order it in the selected structure with the shortest queue."""
    s = shortest_chosen(game, place)
    if s >= 0:
        game.minerals -= units.minerals[trained_by(place)]
        game.queue[s] += 1


@inner
def cancel(game: Record, index: int, units: Record) -> bool:
    """Take a unit out of the queue of the first selected structure that has one, for its price;
    index -1 is the last. False when the queue is shorter."""
    for s in range(game.structures):
        if game.structure_chosen[s] != 0 and game.queue[s] > 0:
            place = game.queue[s] - 1 if index < 0 else index
            if place >= game.queue[s]:
                return False
            game.queue[s] -= 1
            game.minerals += units.minerals[trained_by(game.structure_kind[s])]
            if place == 0:
                game.queue_left[s] = 0.0
            return True
    return False


@inner
def rally(game: Record, x: float, y: float, code: int) -> None:
    """New workers go to a point, or to work at what is there."""
    game.rallies = 1
    game.rally_x = x
    game.rally_y = y
    game.rally_item = item_to_work(game, code)
