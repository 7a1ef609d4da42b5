"""What the economy games show beside units and items: numbers 8 to 27, and structures. Compiled.

  8  square root of minerals / 20: 50 is 0.35, 100 is 0.5, 400 is 1
  9  gas / 1000
 10  supply used / 100
 11  supply left / 16
 12  workers / 32
 13  free workers (they neither gather, return nor build) / 8
 14  workers on minerals / 32
 15  workers on gas / 16
 16  workers that build or go to build / 4
 17  room on gas: places for workers in finished refineries / 12
 18, 19  supply depots finished / 16; coming (under construction or a worker on its way) / 4
 20, 21  barracks finished / 8; coming / 4
 22, 23  refineries finished / 4; coming / 4
 24  SCVs in the queue / 5
 25  marines in all queues / 16
 26  barracks with an empty queue / 8
 27  what the focus worker does: 1 minerals, -1 gas, 0.5 builds, 0 is free

Clipped to [-2, 2] as everything else.
"""

from __future__ import annotations

import math

import numpy as np

from .compiling import inner
from .economy import is_at_work
from .ledger import (
    BARRACKS_COMING,
    BARRACKS_DONE,
    BUILDING,
    DEPOTS,
    DEPOTS_COMING,
    FREE,
    IDLE_BARRACKS,
    MARINES_QUEUED,
    ON_GAS,
    ON_MINERALS,
    REFINERIES,
    REFINERIES_COMING,
    SCVS_QUEUED,
    SUPPLY_CAP,
    SUPPLY_USED,
    count_all,
)
from .orders import focus_unit
from .see_planes import disc
from .spaces import BOUND, ECONOMY, PLANES, SIGHT
from .state import BUILD, GEYSER_ITEM, OWN, Record
from .units import WORKERS_A_REFINERY

STRUCTURE_PLANE = PLANES.index("structures")
_FULL, _UNFINISHED = 255, 128


@inner
def write_economy(game: Record, units: Record, seen: np.ndarray) -> None:
    """Write the block `ECONOMY` of one game's vector observation, 20 numbers."""
    counts = count_all(game, units)
    block = seen[ECONOMY:SIGHT]
    block[0] = math.sqrt(game.minerals) / 20.0
    block[1] = game.vespene / 1000.0
    block[2] = counts[SUPPLY_USED] / 100.0
    block[3] = (counts[SUPPLY_CAP] - counts[SUPPLY_USED]) / 16.0
    block[4] = (counts[FREE] + counts[ON_MINERALS] + counts[ON_GAS] + counts[BUILDING]) / 32.0
    block[5] = counts[FREE] / 8.0
    block[6] = counts[ON_MINERALS] / 32.0
    block[7] = counts[ON_GAS] / 16.0
    block[8] = counts[BUILDING] / 4.0
    block[9] = (WORKERS_A_REFINERY * counts[REFINERIES] - counts[ON_GAS]) / 12.0
    block[10] = counts[DEPOTS] / 16.0
    block[11] = counts[DEPOTS_COMING] / 4.0
    block[12] = counts[BARRACKS_DONE] / 8.0
    block[13] = counts[BARRACKS_COMING] / 4.0
    block[14] = counts[REFINERIES] / 4.0
    block[15] = counts[REFINERIES_COMING] / 4.0
    block[16] = counts[SCVS_QUEUED] / 5.0
    block[17] = counts[MARINES_QUEUED] / 16.0
    block[18] = counts[IDLE_BARRACKS] / 8.0
    block[19] = job_of(game, focus_unit(game))
    for i in range(block.shape[0]):
        block[i] = min(max(block[i], -BOUND), BOUND)


@inner
def job_of(game: Record, j: int) -> float:
    """One number for what a worker does."""
    if j < 0:
        return 0.0
    if game.order[OWN, j] == BUILD:
        return 0.5
    if not is_at_work(game, j):
        return 0.0
    return -1.0 if game.item_kind[game.target[OWN, j]] == GEYSER_ITEM else 1.0


@inner
def draw_structures(game: Record, rule: Record, units: Record, planes: np.ndarray) -> None:
    """The plane of structures: 255 where one stands, 128 where it is under construction."""
    for s in range(game.structures):
        value = _UNFINISHED if game.structure_left[s] > 0.0 else _FULL
        radius = units.radius[game.structure_kind[s]]
        x, y = game.structure_x[s], game.structure_y[s]
        disc(planes[STRUCTURE_PLANE], game, x, y, radius, value, rule)
