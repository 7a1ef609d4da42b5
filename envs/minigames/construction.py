"""Structures: where they go, workers that build them, and their queues. Compiled.

A worker walks to the place, the price is taken when it begins, and it stays there until the
structure stands; then it is idle, or works in its refinery. Places are fixed in a grid beside the
command centre, so that an action need not say where. A unit is paid for when it is ordered, takes
supply when it is the first of its queue, and waits there when supply is short.
"""

from __future__ import annotations

import math

from .compiling import inner
from .economy import add_worker, leave_work, place_around, reached, send_to_item
from .field import keep_inside, walk, within
from .ledger import supply_left, trained_by
from .state import BUILD, GEYSER_ITEM, OWN, STRUCTURES, Record
from .units import BARRACKS, COMMAND_CENTRE, MARINE, QUEUE_LENGTH, REFINERY, SCV, SUPPLY_DEPOT

_DEPOT_X, _BARRACKS_X = (11.1, 13.1, 15.1), (5.4, 8.6)
"""Columns of places, map units east of the command centre."""
_ROWS = (0, 1, -1, 2, -2, 3, -3, 4, -4)
_DEPOT_SPACING, _BARRACKS_SPACING = 1.99, 2.99
DEPOT_PLACES, BARRACKS_PLACES = 27, 12
_GOLDEN_ANGLE = math.pi * (3.0 - math.sqrt(5.0))


@inner
def find_place(game: Record, kind: int) -> tuple[float, float, bool]:
    """Where the next structure of a kind goes, and whether there is such a place."""
    if kind == REFINERY:
        for k in range(game.items):
            x, y = game.item_x[k], game.item_y[k]
            if game.item_kind[k] == GEYSER_ITEM and is_free(game, x, y):
                return x, y, True
        return 0.0, 0.0, False
    for place in range(DEPOT_PLACES if kind == SUPPLY_DEPOT else BARRACKS_PLACES):
        x, y = grid_place(game, kind, place)
        if is_free(game, x, y):
            return x, y, True
    return 0.0, 0.0, False


@inner
def grid_place(game: Record, kind: int, place: int) -> tuple[float, float]:
    """The place-th place of depots or barracks, from the command centre outwards."""
    if kind == SUPPLY_DEPOT:
        column, row = place // 9, place % 9
        across, along = _DEPOT_X[column], _ROWS[row] * _DEPOT_SPACING
    else:
        column, row = place // 6, place % 6
        across, along = _BARRACKS_X[column], (_ROWS[row] - 0.5) * _BARRACKS_SPACING
    return game.structure_x[0] + across, game.structure_y[0] + along


@inner
def is_free(game: Record, x: float, y: float) -> bool:
    """Whether no structure stands at a place and no worker is on the way to build there."""
    for s in range(game.structures):
        if within(game.structure_x[s], game.structure_y[s], x, y, 0.5):
            return False
    for j in range(game.places[OWN]):
        to_x, to_y = game.order_x[OWN, j], game.order_y[OWN, j]
        if game.order[OWN, j] == BUILD and within(to_x, to_y, x, y, 0.5):
            return False
    return True


@inner
def send_to_build(game: Record, j: int, kind: int, x: float, y: float) -> None:
    """A worker goes to a place and puts up a structure there."""
    leave_work(game, j)
    game.order[OWN, j] = BUILD
    game.target[OWN, j] = kind
    game.order_x[OWN, j] = x
    game.order_y[OWN, j] = y


@inner
def construction_of(game: Record, j: int) -> int:
    """The structure that a worker is busy with, or -1."""
    if game.order[OWN, j] == BUILD:
        for s in range(game.structures):
            if game.structure_builder[s] == j:
                return s
    return -1


@inner
def go_and_build(game: Record, j: int, speed: float, rule: Record, units: Record) -> None:
    """One loop of a worker with a structure to put up."""
    if construction_of(game, j) >= 0:
        return
    x, y = game.order_x[OWN, j], game.order_y[OWN, j]
    if reached(game, j, x, y, units.radius[game.target[OWN, j]], units):
        begin(game, j, units)
    else:
        walk(game, OWN, j, x, y, speed)
        keep_inside(game, OWN, j, rule)


@inner
def begin(game: Record, j: int, units: Record) -> None:
    """Pay, and mark the ground; without the money the worker gives up."""
    kind = game.target[OWN, j]
    if game.minerals < units.minerals[kind] or game.structures >= STRUCTURES:
        leave_work(game, j)
        return
    game.minerals -= units.minerals[kind]
    s = add_structure(game, kind, game.order_x[OWN, j], game.order_y[OWN, j])
    game.structure_left[s] = units.build_loops[kind]
    game.structure_builder[s] = j
    if kind == REFINERY:
        for k in range(game.items):
            if within(
                game.item_x[k], game.item_y[k], game.structure_x[s], game.structure_y[s], 0.5
            ):
                game.structure_item[s] = k


@inner
def add_structure(game: Record, kind: int, x: float, y: float) -> int:
    """A finished structure with an empty queue; its place."""
    s: int = game.structures
    game.structures = s + 1
    game.structure_kind[s] = kind
    game.structure_x[s] = x
    game.structure_y[s] = y
    game.structure_left[s] = 0.0
    game.structure_builder[s] = -1
    game.structure_item[s] = -1
    game.queue[s] = 0
    game.queue_left[s] = 0.0
    return s


@inner
def advance_structures(game: Record, units: Record) -> None:
    """One loop of all structures."""
    waiting = False
    for s in range(game.structures):
        if game.structure_left[s] > 0.0:
            game.structure_left[s] -= 1.0
            if game.structure_left[s] <= 0.0:
                finish(game, s)
        elif game.queue[s] > 0:
            if game.queue_left[s] > 0.0:
                advance_queue(game, s, units)
            waiting = waiting or (game.queue[s] > 0 and game.queue_left[s] <= 0.0)
    if waiting:
        start_waiting(game, units)


@inner
def finish(game: Record, s: int) -> None:
    """A structure stands; its worker is free, or the first in the refinery."""
    game.structure_left[s] = 0.0
    j = game.structure_builder[s]
    game.structure_builder[s] = -1
    if j >= 0:
        send_to_item(game, j, game.structure_item[s])


@inner
def advance_queue(game: Record, s: int, units: Record) -> None:
    """One loop of the unit that is being made."""
    game.queue_left[s] -= 1.0
    if game.queue_left[s] <= 0.0:
        game.queue_left[s] = 0.0
        game.queue[s] -= 1
        release(game, trained_by(game.structure_kind[s]), units)


@inner
def start_waiting(game: Record, units: Record) -> None:
    """Begin the units that are first in their queues, as far as there is supply."""
    left = supply_left(game, units)
    for s in range(game.structures):
        if game.queue[s] > 0 and game.queue_left[s] <= 0.0:
            kind = trained_by(game.structure_kind[s])
            if left >= units.supply[kind]:
                left -= units.supply[kind]
                game.queue_left[s] = units.build_loops[kind]


@inner
def release(game: Record, kind: int, units: Record) -> None:
    """A trained unit: an SCV stands beside the command centre, a marine is counted."""
    if kind == MARINE:
        game.marines_built += 1
        return
    radius = units.radius[COMMAND_CENTRE] + units.radius[SCV]
    x, y = place_around(game, radius, _GOLDEN_ANGLE * game.places[OWN])
    add_worker(game, x, y, units)


@inner
def enqueue(game: Record, kind: int, units: Record) -> None:
    """Pay for a unit and order it where the queue is shortest."""
    s = shortest_queue(game, BARRACKS if kind == MARINE else COMMAND_CENTRE)
    if s >= 0:
        game.minerals -= units.minerals[kind]
        game.queue[s] += 1


@inner
def shortest_queue(game: Record, kind: int) -> int:
    """The finished structure of a kind with the shortest queue that has room, or -1."""
    best, length = -1, QUEUE_LENGTH
    for s in range(game.structures):
        finished = game.structure_kind[s] == kind and game.structure_left[s] <= 0.0
        if finished and game.queue[s] < length:
            best, length = s, game.queue[s]
    return best
