"""What is owned, at work and on the way: counted in one pass over workers and structures. Compiled.

Used by the masks, the orders and the observation of the economy games.
"""

from __future__ import annotations

import numpy as np

from .compiling import inner
from .state import BUILD, GATHER, GEYSER_ITEM, OWN, RETURN, Record
from .units import BARRACKS, COMMAND_CENTRE, MARINE, SCV, SUPPLY_DEPOT, SUPPLY_LIMIT

(
    FREE,  # workers that neither gather, return nor build
    ON_MINERALS,
    ON_GAS,
    BUILDING,  # workers at a structure or on the way to its place
    DEPOTS,  # finished
    BARRACKS_DONE,
    REFINERIES,
    DEPOTS_COMING,  # under construction, or a worker is on the way
    BARRACKS_COMING,
    REFINERIES_COMING,
    SCVS_QUEUED,
    MARINES_QUEUED,
    IDLE_BARRACKS,  # finished, with an empty queue
    SUPPLY_USED,  # by what lives, what has been built, and what is being made now
    SUPPLY_CAP,
    RESERVED,  # minerals that structures will cost whose workers are on the way
    N_COUNTS,
) = range(17)
"""Places in the array that `count_all` returns."""

_DONE, _COMING = DEPOTS - SUPPLY_DEPOT, DEPOTS_COMING - SUPPLY_DEPOT


@inner
def count_all(game: Record, units: Record) -> np.ndarray:
    """All counts of one game, (N_COUNTS,) int64."""
    counts = np.zeros(N_COUNTS, np.int64)
    count_structures(game, units, counts)
    count_workers(game, units, counts)
    counts[SUPPLY_CAP] = min(counts[SUPPLY_CAP], SUPPLY_LIMIT)
    counts[SUPPLY_USED] += game.marines_built
    return counts


@inner
def count_workers(game: Record, units: Record, counts: np.ndarray) -> None:
    """What the workers do, and what they will build."""
    for j in range(game.places[OWN]):
        if game.health[OWN, j] > 0.0:
            counts[SUPPLY_USED] += units.supply[game.kind[OWN, j]]
            order, target = game.order[OWN, j], game.target[OWN, j]
            if order == BUILD:
                counts[BUILDING] += 1
                counts[_COMING + target] += 1
                counts[RESERVED] += units.minerals[target]
            elif order != GATHER and order != RETURN:
                counts[FREE] += 1
            elif game.item_kind[target] == GEYSER_ITEM:
                counts[ON_GAS] += 1
            else:
                counts[ON_MINERALS] += 1


@inner
def count_structures(game: Record, units: Record, counts: np.ndarray) -> None:
    """Structures, supply and queues."""
    for s in range(game.structures):
        kind = game.structure_kind[s]
        if game.structure_left[s] > 0.0:
            counts[_COMING + kind] += 1
            if game.structure_builder[s] >= 0:
                # `count_workers` meets its worker, and cannot tell that it has arrived and paid.
                counts[_COMING + kind] -= 1
                counts[RESERVED] -= units.minerals[kind]
            continue
        counts[SUPPLY_CAP] -= min(units.supply[kind], 0)
        if game.queue_left[s] > 0.0:
            counts[SUPPLY_USED] += units.supply[trained_by(kind)]
        if kind == COMMAND_CENTRE:
            counts[SCVS_QUEUED] += game.queue[s]
            continue
        counts[_DONE + kind] += 1
        if kind == BARRACKS:
            counts[MARINES_QUEUED] += game.queue[s]
            counts[IDLE_BARRACKS] += game.queue[s] == 0


@inner
def trained_by(kind: int) -> int:
    """The unit that a kind of structure makes."""
    return SCV if kind == COMMAND_CENTRE else MARINE


@inner
def supply_left(game: Record, units: Record) -> int:
    """Supply that is free now."""
    counts = count_all(game, units)
    left: int = counts[SUPPLY_CAP] - counts[SUPPLY_USED]
    return left
