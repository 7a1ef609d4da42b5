"""The economy's macro actions. Compiled.

An action means its worker: the one selected, or the best of those selected. `action_remap` permutes
the eight actions from gather_minerals to center_camera as it permutes directions.
"""

from __future__ import annotations

import numpy as np

from .compiling import inner
from .construction import (
    construction_of,
    enqueue,
    find_place,
    send_to_build,
)
from .economy import count_others, is_at_work, leave_work, send_to_item, send_to_minerals
from .field import within
from .orders import command, focus_unit, is_selected, order_unit
from .spaces import (
    BUILD_BARRACKS,
    BUILD_REFINERY,
    BUILD_SUPPLY_DEPOT,
    CENTER_CAMERA,
    FIRST_MOVE,
    GATHER_GAS,
    GATHER_MINERALS,
    HOLD_POSITION,
    TRAIN_MARINE,
    TRAIN_SCV,
)
from .state import BUILD, GATHER, GEYSER_ITEM, OWN, Record
from .units import (
    BARRACKS,
    FIELD_RADIUS,
    MARINE,
    REFINERY,
    SCV,
    SUPPLY_DEPOT,
    WORKERS_A_REFINERY,
)

_IDLE_RANK, _MINING_RANK, _BUSY_RANK, _GAS_RANK = 0.0, 1.0, 2.0, 3.0
_AT_FIELD = FIELD_RADIUS + 0.375
"""Between the centres of a field and of an SCV that touches it, map units."""
_RANK = 1.0e6
"""A rank is worth more than any squared distance."""


@inner
def meaning(action: int, rule: Record) -> int:
    """The action that really happens in this variant."""
    if action < GATHER_MINERALS:
        return action
    real: int = GATHER_MINERALS + rule.direction[action - GATHER_MINERALS]
    return real


@inner
def would_gather(game: Record, j: int) -> bool:
    """Of several selected workers those that do nothing useful go to the minerals; one selected
    alone goes unless it is there already or at its structure."""
    if game.health[OWN, j] <= 0.0 or not is_selected(game, j):
        return False
    if game.selected < 0:
        return not is_at_work(game, j) and game.order[OWN, j] != BUILD
    if is_at_work(game, j):
        return is_on_gas(game, j)
    return construction_of(game, j) < 0


@inner
def is_on_gas(game: Record, j: int) -> bool:
    """Whether a worker works at a geyser."""
    on_gas: bool = is_at_work(game, j) and game.item_kind[game.target[OWN, j]] == GEYSER_ITEM
    return on_gas


@inner
def choose_worker(game: Record, x: float, y: float, for_gas: bool) -> int:
    """The selected worker to take for a task at a place, or -1: rather an idle one than one with
    empty hands on its way to minerals, than any other, than one at gas; the nearest of these.

    Of a worker at its field nobody can see whether it digs or waits: the game's interface does
    not tell it."""
    best, best_cost = -1, np.inf
    for j in range(game.places[OWN]):
        if game.health[OWN, j] <= 0.0 or game.order[OWN, j] == BUILD or not is_selected(game, j):
            continue
        rank = rank_of(game, j)
        if for_gas and rank == _GAS_RANK:
            continue
        dx, dy = x - game.x[OWN, j], y - game.y[OWN, j]
        cost = rank * _RANK + dx * dx + dy * dy
        if cost < best_cost:
            best, best_cost = j, cost
    return best


@inner
def rank_of(game: Record, j: int) -> float:
    """How much a worker's work would be disturbed by another order."""
    if not is_at_work(game, j):
        return _IDLE_RANK
    if is_on_gas(game, j):
        return _GAS_RANK
    k = game.target[OWN, j]
    at_field = within(game.x[OWN, j], game.y[OWN, j], game.item_x[k], game.item_y[k], _AT_FIELD)
    if game.order[OWN, j] == GATHER and not at_field:
        return _MINING_RANK
    return _BUSY_RANK


@inner
def command_economy(
    game: Record, action: int, mask: np.ndarray, rule: Record, units: Record
) -> None:
    """Give the orders of one action. An invalid action is counted and does nothing."""
    real = meaning(action, rule)
    if not mask[action]:
        game.invalid_actions += 1
    elif real == GATHER_MINERALS:
        send_all_to_minerals(game)
    elif real == GATHER_GAS:
        send_one_to_gas(game)
    elif real == BUILD_SUPPLY_DEPOT:
        build(game, SUPPLY_DEPOT)
    elif real == BUILD_BARRACKS:
        build(game, BARRACKS)
    elif real == BUILD_REFINERY:
        build(game, REFINERY)
    elif real == TRAIN_MARINE:
        enqueue(game, MARINE, units)
    elif real == TRAIN_SCV:
        enqueue(game, SCV, units)
    elif FIRST_MOVE <= real < FIRST_MOVE + 8 or real == HOLD_POSITION:
        move_selected(game, real, rule)
    elif real == CENTER_CAMERA:
        center_camera(game)
    else:
        command(game, action, mask, rule)


@inner
def send_all_to_minerals(game: Record) -> None:
    """Every selected worker that would go, each to the emptiest field."""
    for j in range(game.places[OWN]):
        if would_gather(game, j):
            send_to_minerals(game, j)


@inner
def send_one_to_gas(game: Record) -> None:
    """One worker to the first finished refinery that has fewer than three."""
    s = refinery_with_room(game)
    if s >= 0:
        j = choose_worker(game, game.structure_x[s], game.structure_y[s], True)
        if j >= 0:
            send_to_item(game, j, game.structure_item[s])


@inner
def refinery_with_room(game: Record) -> int:
    """The first finished refinery with fewer than three workers, or -1."""
    for s in range(game.structures):
        k = game.structure_item[s]
        finished = k >= 0 and game.structure_left[s] <= 0.0
        if finished and count_others(game, -1, k) < WORKERS_A_REFINERY:
            return s
    return -1


@inner
def build(game: Record, kind: int) -> None:
    """One worker to the next place for a structure."""
    x, y, free = find_place(game, kind)
    if free:
        j = choose_worker(game, x, y, False)
        if j >= 0:
            send_to_build(game, j, kind, x, y)


@inner
def move_selected(game: Record, action: int, rule: Record) -> None:
    """Walk or stop: all selected workers but those at their structure."""
    for j in range(game.places[OWN]):
        chosen = game.health[OWN, j] > 0.0 and is_selected(game, j)
        if chosen and construction_of(game, j) < 0:
            leave_work(game, j)
            order_unit(game, j, action, -1, rule)


@inner
def center_camera(game: Record) -> None:
    """The screen over the focus unit."""
    j = focus_unit(game)
    game.camera_x = game.x[OWN, j]
    game.camera_y = game.y[OWN, j]
