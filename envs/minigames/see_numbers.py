"""The features that are no pictures: player, selection, queues, control groups. Compiled."""

from __future__ import annotations

import numpy as np

from .compiling import inner
from .features import N_GROUPS, N_LISTED, N_QUEUED, PLACES, UNIT_ROW
from .ledger import SUPPLY_CAP, SUPPLY_USED, count_all, trained_by
from .screen import lit
from .selection import (
    FIRST_ENEMY,
    FIRST_ITEM,
    FIRST_STRUCTURE,
    NOTHING,
    count_chosen,
    is_idle_worker,
    is_worker,
    place_of,
    unit_chosen,
)
from .state import BEACON_ITEM, GEYSER_ITEM, HOSTILE, MINERAL_ITEM, OWN, Record
from .units import SCV

_PLAYER, _LOOP = PLACES["player"].start, PLACES["game_loop"].start
_SINGLE, _MULTI = PLACES["single_select"].start, PLACES["multi_select"].start
_QUEUE, _PRODUCTION = PLACES["build_queue"].start, PLACES["production_queue"].start
_GROUPS = PLACES["control_groups"].start
_ROW = len(UNIT_ROW)
_SELF, _NEUTRAL, _ENEMY = 1, 3, 4
_MAKES_SCV, _MAKES_MARINE = 524, 560
_BEACON, _SHARD, _MINERAL_FIELD, _GEYSER = 317, 1680, 341, 342


@inner
def type_of_item(kind: int) -> int:
    """The game's number of an item's unit type."""
    if kind == BEACON_ITEM:
        return _BEACON
    if kind == MINERAL_ITEM:
        return _MINERAL_FIELD
    return _GEYSER if kind == GEYSER_ITEM else _SHARD


@inner
def write_numbers(game: Record, numbers: np.ndarray, rule: Record, units: Record) -> None:
    """Write one game's numbers, (589,) int32."""
    numbers[:] = 0
    numbers[_LOOP] = game.loop
    write_player(game, numbers[_PLAYER:], units)
    write_selection(game, numbers, rule, units)
    for group in range(N_GROUPS):
        write_group(game, group, numbers[_GROUPS + 2 * group :], units)


@inner
def write_player(game: Record, player: np.ndarray, units: Record) -> None:
    """The numbers of `features.PLAYER`."""
    player[0] = 1
    player[1] = game.minerals
    player[2] = game.vespene
    for j in range(game.places[OWN]):
        if game.health[OWN, j] > 0.0:
            supply = units.supply[game.kind[OWN, j]]
            worker = is_worker(game, j)
            player[3] += supply
            player[5] += 0 if worker else supply
            player[6] += supply if worker else 0
            player[7] += is_idle_worker(game, j)
            player[8] += not worker
    if game.structures > 0:
        counts = count_all(game, units)
        player[3] = counts[SUPPLY_USED]
        player[4] = counts[SUPPLY_CAP]
        # Finished marines have left the field and keep their supply.
        player[5] = game.marines_built


@inner
def write_selection(game: Record, numbers: np.ndarray, rule: Record, units: Record) -> None:
    """One selected stands in `single_select`, several in `multi_select`."""
    count = count_chosen(game)
    if count == 0:
        write_inspected(game, numbers[_SINGLE:], rule, units)
        return
    row = 0
    for code in range(FIRST_STRUCTURE + game.structures):
        chosen = False
        if code >= FIRST_STRUCTURE:
            chosen = game.structure_chosen[code - FIRST_STRUCTURE] != 0
        elif code < game.places[OWN]:
            chosen = unit_chosen(game, code)
        if chosen and row < N_LISTED:
            at = _SINGLE if count == 1 else _MULTI + _ROW * row
            write_own(game, code, numbers[at:], units)
            row += 1
            if count == 1 and code >= FIRST_STRUCTURE:
                write_queue(game, code - FIRST_STRUCTURE, numbers, units)


@inner
def write_row(row: np.ndarray, type_id: int, relative: int, health: float, progress: float) -> None:
    """One unit of a list."""
    row[0] = type_id
    row[1] = relative
    row[2] = int(health)
    row[6] = int(100.0 * progress)


@inner
def write_own(game: Record, code: int, row: np.ndarray, units: Record) -> None:
    """An own unit or structure; `build_progress` is 0 when it is finished."""
    if code < FIRST_STRUCTURE:
        type_id = units.type_id[game.kind[OWN, code]]
        write_row(row, type_id, _SELF, game.health[OWN, code], 0.0)
        return
    s = code - FIRST_STRUCTURE
    kind = game.structure_kind[s]
    built = 1.0 - game.structure_left[s] / max(units.build_loops[kind], 1.0)
    progress = built if game.structure_left[s] > 0.0 else 0.0
    write_row(row, units.type_id[kind], _SELF, units.health[kind] * built, progress)


@inner
def write_queue(game: Record, s: int, numbers: np.ndarray, units: Record) -> None:
    """What a structure makes: units in `build_queue`, abilities in `production_queue`."""
    kind = trained_by(game.structure_kind[s])
    for place in range(min(game.queue[s], N_QUEUED)):
        progress = 0.0
        if place == 0 and game.queue_left[s] > 0.0:
            progress = 1.0 - game.queue_left[s] / units.build_loops[kind]
        row = numbers[_QUEUE + _ROW * place :]
        write_row(row, units.type_id[kind], _SELF, units.health[kind], progress)
        numbers[_PRODUCTION + 2 * place] = _MAKES_SCV if kind == SCV else _MAKES_MARINE
        numbers[_PRODUCTION + 2 * place + 1] = int(100.0 * progress)


@inner
def write_inspected(game: Record, row: np.ndarray, rule: Record, units: Record) -> None:
    """An enemy or item that was clicked on, as long as it is there and seen."""
    code = game.inspected
    if code == NOTHING:
        return
    x, y, radius = place_of(game, code, units)
    if radius <= 0.0 or not lit(game, x, y, rule, units):
        return
    if code >= FIRST_ITEM:
        write_row(row, type_of_item(game.item_kind[code - FIRST_ITEM]), _NEUTRAL, 0.0, 0.0)
    else:
        j = code - FIRST_ENEMY
        type_id = units.type_id[game.kind[HOSTILE, j]]
        write_row(row, type_id, _ENEMY, game.health[HOSTILE, j], 0.0)


@inner
def write_group(game: Record, group: int, row: np.ndarray, units: Record) -> None:
    """A control group: the type of its first member, and how many they are."""
    bit = 1 << group
    for j in range(game.places[OWN]):
        if game.health[OWN, j] > 0.0 and game.unit_groups[j] & bit != 0:
            if row[1] == 0:
                row[0] = units.type_id[game.kind[OWN, j]]
            row[1] += 1
    for s in range(game.structures):
        if game.structure_groups[s] & bit != 0:
            if row[1] == 0:
                row[0] = units.type_id[game.structure_kind[s]]
            row[1] += 1
