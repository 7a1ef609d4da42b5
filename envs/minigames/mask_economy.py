"""Which actions are valid in the economy games. Compiled.

Valid is what would have an effect: money, supply, room in a queue, a worker, a place, and what the
game asks for first (a depot before barracks, barracks before marines).
"""

from __future__ import annotations

import numpy as np

from .compiling import inner
from .construction import BARRACKS_PLACES, DEPOT_PLACES, construction_of, shortest_queue
from .field import count_alive
from .ledger import (
    BARRACKS_COMING,
    BARRACKS_DONE,
    DEPOTS,
    DEPOTS_COMING,
    ON_GAS,
    REFINERIES,
    REFINERIES_COMING,
    RESERVED,
    SCVS_QUEUED,
    SUPPLY_CAP,
    SUPPLY_USED,
    count_all,
)
from .orders import is_selected, weakest_unit
from .orders_economy import choose_worker, meaning, would_gather
from .spaces import (
    BUILD_BARRACKS,
    BUILD_REFINERY,
    BUILD_SUPPLY_DEPOT,
    CENTER_CAMERA,
    FIRST_MOVE,
    GATHER_GAS,
    GATHER_MINERALS,
    HOLD_POSITION,
    NO_OP,
    SELECT_ALL,
    SELECT_NEXT,
    SELECT_WEAKEST,
    TRAIN_MARINE,
    TRAIN_SCV,
)
from .state import ALL, CAPACITY, MINERAL_ITEM, OWN, STRUCTURES, Record
from .units import BARRACKS, COMMAND_CENTRE, MARINE, REFINERY, SCV, SUPPLY_DEPOT, WORKERS_A_REFINERY


@inner
def write_economy_mask(
    game: Record, rule: Record, units: Record, mask: np.ndarray, army: bool
) -> None:
    """Which actions are valid now, (30,) bool. `army`: the game is BuildMarines, where workers
    are not moved about and gas is not needed; without it no barracks are built."""
    for action in range(mask.shape[0]):
        mask[action] = False
    own = count_alive(game, OWN)
    movable = not army and can_move(game)
    mask[NO_OP] = True
    for d in range(8):
        mask[FIRST_MOVE + d] = movable
    mask[HOLD_POSITION] = movable
    mask[SELECT_ALL] = own > 1 and game.selected != ALL
    mask[SELECT_NEXT] = own > 1
    mask[SELECT_WEAKEST] = own > 1 and game.selected != weakest_unit(game)
    counts = count_all(game, units)
    for action in range(GATHER_MINERALS, CENTER_CAMERA + 1):
        mask[action] = is_valid(game, meaning(action, rule), counts, own, rule, units, army)


@inner
def is_valid(
    game: Record,
    action: int,
    counts: np.ndarray,
    own: int,
    rule: Record,
    units: Record,
    army: bool,
) -> bool:
    """Whether one of the eight economy actions is possible now."""
    purse = game.minerals - counts[RESERVED]
    if action == GATHER_MINERALS:
        return can_gather(game)
    if action == CENTER_CAMERA:
        shown: bool = rule.camera and own > 0
        return shown
    if action == TRAIN_SCV:
        room = own + counts[SCVS_QUEUED] < CAPACITY
        return room and can_train(game, SCV, COMMAND_CENTRE, purse, counts, units)
    if action == BUILD_SUPPLY_DEPOT:
        room = counts[DEPOTS] + counts[DEPOTS_COMING] < DEPOT_PLACES
        return room and can_build(game, SUPPLY_DEPOT, purse, units)
    if not army:
        return can_use_gas(game, action, purse, counts, rule, units)
    if action == BUILD_BARRACKS:
        room = counts[BARRACKS_DONE] + counts[BARRACKS_COMING] < BARRACKS_PLACES
        return room and counts[DEPOTS] > 0 and can_build(game, BARRACKS, purse, units)
    return action == TRAIN_MARINE and can_train(game, MARINE, BARRACKS, purse, counts, units)


@inner
def can_use_gas(
    game: Record, action: int, purse: int, counts: np.ndarray, rule: Record, units: Record
) -> bool:
    """The two actions about gas."""
    if action == GATHER_GAS:
        room = counts[ON_GAS] < WORKERS_A_REFINERY * counts[REFINERIES]
        return room and choose_worker(game, 0.0, 0.0, True) >= 0
    if action == BUILD_REFINERY:
        room = counts[REFINERIES] + counts[REFINERIES_COMING] < rule.geysers
        return room and can_build(game, REFINERY, purse, units)
    return False


@inner
def can_train(
    game: Record, kind: int, place: int, purse: int, counts: np.ndarray, units: Record
) -> bool:
    """Money, supply, and room in a queue."""
    price, supply = units.minerals[kind], units.supply[kind]
    if purse < price or counts[SUPPLY_CAP] - counts[SUPPLY_USED] < supply:
        return False
    return shortest_queue(game, place) >= 0


@inner
def can_build(game: Record, kind: int, purse: int, units: Record) -> bool:
    """Money and a worker. What structures will cost whose workers are on the way is spent."""
    if purse < units.minerals[kind] or game.structures >= STRUCTURES:
        return False
    return choose_worker(game, 0.0, 0.0, False) >= 0


@inner
def can_move(game: Record) -> bool:
    """Whether some selected worker is not at its structure."""
    for j in range(game.places[OWN]):
        chosen = game.health[OWN, j] > 0.0 and is_selected(game, j)
        if chosen and construction_of(game, j) < 0:
            return True
    return False


@inner
def can_gather(game: Record) -> bool:
    """Whether some field has minerals and some selected worker would go there."""
    if not has_minerals(game):
        return False
    for j in range(game.places[OWN]):  # noqa: SIM110 (a generator is no code for numba)
        if would_gather(game, j):
            return True
    return False


@inner
def has_minerals(game: Record) -> bool:
    """Whether some field is not used up."""
    for k in range(game.items):  # noqa: SIM110
        if game.item_kind[k] == MINERAL_ITEM:
            return True
    return False
