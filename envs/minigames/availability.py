"""Which functions are available: what the selection can do, as pysc2 reports it. Compiled."""

from __future__ import annotations

import numpy as np

from .calls_economy import shortest_chosen
from .compiling import inner
from .construction import construction_of
from .field import count_alive
from .functions import N_FUNCTIONS
from .ledger import DEPOTS, SCVS_QUEUED, SUPPLY_CAP, SUPPLY_USED, count_all
from .selection import count_chosen, is_idle_worker, is_worker, unit_chosen
from .state import CAPACITY, OWN, STRUCTURES, Record
from .units import BARRACKS, COMMAND_CENTRE, MARINE, REFINERY, SCV, SUPPLY_DEPOT
from .verbs import (
    ATTACK_VERB,
    BUILD_BARRACKS,
    BUILD_DEPOT,
    BUILD_QUEUE,
    BUILD_REFINERY,
    CANCEL_LAST,
    GATHER_VERB,
    HOLD_VERB,
    KNOWN,
    MOVE_CAMERA,
    MOVE_VERB,
    N_VERBS,
    NO_OP,
    PATROL_VERB,
    RALLY_WORKERS,
    RETURN_VERB,
    SELECT_ARMY,
    SELECT_CONTROL_GROUP,
    SELECT_IDLE_WORKER,
    SELECT_POINT,
    SELECT_RECT,
    SELECT_UNIT,
    SMART_VERB,
    SPECIFIC,
    STOP_VERB,
    TRAIN_MARINE,
    TRAIN_SCV,
    VERBS,
)


@inner
def write_available(game: Record, rule: Record, units: Record, mask: np.ndarray) -> None:
    """Write into the first 573 places of `mask` which functions are available now."""
    able = np.zeros(N_VERBS, np.bool_)
    note_interface(game, able)
    note_orders(game, rule, able)
    if game.structures > 0:
        note_workers(game, rule, units, able)
        note_structures(game, rule, units, able)
    mask[:N_FUNCTIONS] = False
    for function in KNOWN:
        if not (SPECIFIC[function] and rule.hide_specific):
            mask[function] = able[VERBS[function]]


@inner
def note_interface(game: Record, able: np.ndarray) -> None:
    """What the interface itself can do now."""
    able[NO_OP] = True
    able[MOVE_CAMERA] = True
    able[SELECT_POINT] = True
    able[SELECT_RECT] = True
    able[SELECT_CONTROL_GROUP] = True
    able[SELECT_UNIT] = count_chosen(game) > 1
    for j in range(game.places[OWN]):
        if is_idle_worker(game, j):
            able[SELECT_IDLE_WORKER] = True
        if game.health[OWN, j] > 0.0 and not is_worker(game, j):
            able[SELECT_ARMY] = True


@inner
def note_orders(game: Record, rule: Record, able: np.ndarray) -> None:
    """What any selected unit can be told; not in BuildMarines, nor at work on a structure."""
    if rule.army:
        return
    for j in range(game.places[OWN]):
        if unit_chosen(game, j) and construction_of(game, j) < 0:
            able[ATTACK_VERB] = True
            able[MOVE_VERB] = True
            able[PATROL_VERB] = True
            able[SMART_VERB] = True
            able[STOP_VERB] = True
            able[HOLD_VERB] = True
            return


@inner
def note_workers(game: Record, rule: Record, units: Record, able: np.ndarray) -> None:
    """What a selected worker can be told, where there are minerals for it."""
    counts = count_all(game, units)
    room = game.structures < STRUCTURES
    for j in range(game.places[OWN]):
        if unit_chosen(game, j) and is_worker(game, j) and construction_of(game, j) < 0:
            able[GATHER_VERB] = True
            able[RETURN_VERB] |= game.cargo[j] > 0
            able[BUILD_DEPOT] = room and pays(game, SUPPLY_DEPOT, units)
            after_depot = rule.army and counts[DEPOTS] > 0
            able[BUILD_BARRACKS] = room and after_depot and pays(game, BARRACKS, units)
            able[BUILD_REFINERY] = room and rule.geysers > 0 and pays(game, REFINERY, units)


@inner
def pays(game: Record, kind: int, units: Record) -> bool:
    """Whether there are minerals for a structure or unit."""
    enough: bool = game.minerals >= units.minerals[kind]
    return enough


@inner
def note_structures(game: Record, rule: Record, units: Record, able: np.ndarray) -> None:
    """What a selected structure can be told."""
    counts = count_all(game, units)
    supply = counts[SUPPLY_CAP] - counts[SUPPLY_USED] > 0
    if count_alive(game, OWN) + counts[SCVS_QUEUED] < CAPACITY:
        place = shortest_chosen(game, COMMAND_CENTRE)
        able[TRAIN_SCV] = place >= 0 and supply and pays(game, SCV, units)
    place = shortest_chosen(game, BARRACKS)
    able[TRAIN_MARINE] = place >= 0 and supply and pays(game, MARINE, units)
    for s in range(game.structures):
        if game.structure_chosen[s] != 0:
            able[CANCEL_LAST] |= game.queue[s] > 0 and not rule.army
            able[BUILD_QUEUE] |= game.queue[s] > 0
    able[BUILD_QUEUE] &= count_chosen(game) == 1
    if game.structure_chosen[0] != 0 and not rule.army:
        able[RALLY_WORKERS] = True
        able[SMART_VERB] = True
