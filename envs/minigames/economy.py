"""Workers: to a field or refinery, dig, home with the load, and again. Compiled.

One worker at a time digs on a field or is inside a refinery; others wait beside it. A worker walks
in a straight line through other workers and structures: mining workers do not collide in the game
either. At each end of its way it loses `TURN_LOOPS`, the time to brake and start again.
"""

from __future__ import annotations

import math

import numpy as np

from .compiling import inner
from .field import add_unit, keep_inside, walk
from .state import CAPACITY, GATHER, GEYSER_ITEM, IDLE, MINERAL_ITEM, NO_TARGET, OWN, RETURN, Record
from .units import (
    COMMAND_CENTRE,
    FIELD_RADIUS,
    GAS_A_TRIP,
    GAS_LOOPS,
    MINERALS_A_TRIP,
    MINING_LOOPS,
    REFINERY,
    SCV,
    TURN_LOOPS,
)

_CROWD = 1.0e6
"""One worker more on a field weighs as much as this squared distance: fields fill up evenly."""


@inner
def add_worker(game: Record, x: float, y: float, units: Record) -> int:
    """An idle SCV with empty hands; its place, or -1 when all are taken."""
    j: int = game.places[OWN]
    add_unit(game, OWN, SCV, x, y, units)
    if game.places[OWN] == j:
        return -1
    game.target[OWN, j] = NO_TARGET
    game.work_left[j] = 0.0
    game.cargo[j] = 0
    game.cargo_kind[j] = 0
    return j


@inner
def leave_work(game: Record, j: int) -> None:
    """Take a worker off what it does, before it gets another order."""
    k = game.target[OWN, j]
    if game.order[OWN, j] == GATHER and k >= 0 and game.item_worker[k] == j:
        game.item_worker[k] = -1
    game.work_left[j] = 0.0
    game.order[OWN, j] = IDLE
    game.target[OWN, j] = NO_TARGET


@inner
def send_to_item(game: Record, j: int, k: int) -> None:
    """A worker works at this item from now on; what it carries it brings home first."""
    leave_work(game, j)
    if k < 0:
        return
    game.order[OWN, j] = RETURN if game.cargo[j] > 0 else GATHER
    game.target[OWN, j] = k
    game.order_x[OWN, j] = game.item_x[k]
    game.order_y[OWN, j] = game.item_y[k]


@inner
def send_to_minerals(game: Record, j: int) -> None:
    """A worker goes to the field with the fewest workers, the nearest of these."""
    leave_work(game, j)
    send_to_item(game, j, choose_field(game, j))


@inner
def choose_field(game: Record, j: int) -> int:
    """The field with minerals and the fewest other workers, the nearest of these; -1 without."""
    others = np.zeros(CAPACITY, np.int64)
    for i in range(game.places[OWN]):
        if i != j and is_at_work(game, i):
            others[game.target[OWN, i]] += 1
    best, best_cost = -1, np.inf
    for k in range(game.items):
        if game.item_kind[k] == MINERAL_ITEM:
            dx, dy = game.item_x[k] - game.x[OWN, j], game.item_y[k] - game.y[OWN, j]
            cost = others[k] * _CROWD + dx * dx + dy * dy
            if cost < best_cost:
                best, best_cost = k, cost
    return best


@inner
def is_at_work(game: Record, j: int) -> bool:
    """Whether a living worker gathers or returns: its target is an item."""
    order = game.order[OWN, j]
    working: bool = order in (GATHER, RETURN) and game.health[OWN, j] > 0.0
    return working


@inner
def is_crowded(game: Record, j: int, k: int) -> bool:
    """Whether more than one other worker is on this field."""
    return game.item_kind[k] == MINERAL_ITEM and count_others(game, j, k) > 1


@inner
def count_others(game: Record, j: int, k: int) -> int:
    """Workers on item k besides j."""
    count = 0
    for i in range(game.places[OWN]):
        if i != j and game.target[OWN, i] == k and is_at_work(game, i):
            count += 1
    return count


@inner
def gather(game: Record, j: int, speed: float, rule: Record, units: Record) -> None:
    """One loop of a worker on its way to an item, waiting there, or digging."""
    k = game.target[OWN, j]
    if game.work_left[j] > 0.0:
        game.work_left[j] -= 1.0
        if game.work_left[j] <= 0.0 and game.item_worker[k] == j:
            take_load(game, j, k)
    elif game.item_kind[k] == 0:
        send_to_minerals(game, j)
    elif reached(game, j, game.item_x[k], game.item_y[k], item_radius(game, k, units), units):
        if game.item_worker[k] < 0:
            game.item_worker[k] = j
            # Added, not set: the fraction of a loop carries over, so the mean is exact.
            game.work_left[j] += GAS_LOOPS if game.item_kind[k] == GEYSER_ITEM else MINING_LOOPS
        else:
            game.work_left[j] = 0.0
    else:
        walk(game, OWN, j, game.item_x[k], game.item_y[k], speed)
        keep_inside(game, OWN, j, rule)


@inner
def item_radius(game: Record, k: int, units: Record) -> float:
    """Of a field, or of the refinery on a geyser."""
    radius: float = FIELD_RADIUS
    if game.item_kind[k] == GEYSER_ITEM:
        radius = units.radius[REFINERY]
    return radius


@inner
def reached(game: Record, j: int, x: float, y: float, radius: float, units: Record) -> bool:
    """Whether a worker touches what stands at a place."""
    reach = radius + units.radius[SCV]
    dx, dy = x - game.x[OWN, j], y - game.y[OWN, j]
    touching: bool = dx * dx + dy * dy <= reach * reach
    return touching


@inner
def take_load(game: Record, j: int, k: int) -> None:
    """The end of digging: the item has less, the worker turns round and carries it home."""
    full = GAS_A_TRIP if game.item_kind[k] == GEYSER_ITEM else MINERALS_A_TRIP
    load = min(full, game.item_left[k])
    game.cargo[j] = load
    game.cargo_kind[j] = game.item_kind[k]
    game.item_worker[k] = -1
    game.item_left[k] -= load
    if game.item_left[k] <= 0:
        game.item_kind[k] = 0
    game.order[OWN, j] = RETURN
    game.order_x[OWN, j] = game.structure_x[0]
    game.order_y[OWN, j] = game.structure_y[0]
    game.work_left[j] += TURN_LOOPS


@inner
def carry_home(game: Record, j: int, speed: float, rule: Record, units: Record) -> int:
    """One loop of a worker that carries something; what it delivers in this loop."""
    x, y = game.structure_x[0], game.structure_y[0]
    if game.work_left[j] > 0.0:
        game.work_left[j] -= 1.0
    elif reached(game, j, x, y, units.radius[COMMAND_CENTRE], units):
        return deliver(game, j)
    else:
        walk(game, OWN, j, x, y, speed)
        keep_inside(game, OWN, j, rule)
    return 0


@inner
def deliver(game: Record, j: int) -> int:
    """Empty the hands and go back; to another field when two others work at the old one."""
    load: int = game.cargo[j]
    if game.cargo_kind[j] == GEYSER_ITEM:
        game.vespene += load
    else:
        game.minerals += load
    k = game.target[OWN, j]
    rest = game.work_left[j]
    game.cargo[j] = 0
    if game.item_kind[k] == 0 or is_crowded(game, j, k):
        send_to_minerals(game, j)
    else:
        send_to_item(game, j, k)
    game.work_left[j] = rest + TURN_LOOPS
    return load


@inner
def place_around(game: Record, radius: float, angle: float) -> tuple[float, float]:
    """A point around the command centre."""
    x: float = game.structure_x[0] + radius * math.cos(angle)
    y: float = game.structure_y[0] + radius * math.sin(angle)
    return x, y
