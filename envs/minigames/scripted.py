"""A simple hand-written policy for each game, to judge the simulation and to test it.

They read the vector observation of the default variant only, as an agent does: a variant that
remaps actions or turns what is seen misleads them too, which is the point of those variants.
"""

from __future__ import annotations

import numpy as np

from .spaces import (
    BUILD_BARRACKS,
    BUILD_REFINERY,
    BUILD_SUPPLY_DEPOT,
    CENTER_CAMERA,
    ECONOMY,
    FIRST_ATTACK,
    FIRST_MOVE,
    FOCUS,
    GATHER_GAS,
    GATHER_MINERALS,
    HOLD_POSITION,
    NO_OP,
    RETREAT,
    SELECT_ALL,
    SUMMARY,
    TARGET_FIELDS,
    TARGETS,
    TRAIN_MARINE,
    TRAIN_SCV,
)

_CAMERA_BEHIND = 3 / 16
"""Of the focus unit, as the vector has it."""
_NEAR, _MOST_READY = 6 / 16, 0.7
"""An enemy's distance, as the vector has it, and the share of weapons ready to stand with."""


def towards(seen: np.ndarray, rank: np.ndarray | int = 0) -> np.ndarray:
    """The direction, 0 to 7, nearest to the way to the target at this rank (0 is the nearest).

    `seen` is (N, 164) float32, `rank` (N,) or one for all; returns (N,) int64.
    """
    rows, at = np.arange(len(seen)), TARGETS + TARGET_FIELDS * rank
    angle = np.arctan2(seen[rows, at + 4], seen[rows, at + 3])
    eighth: np.ndarray = np.rint(angle / (np.pi / 4)).astype(np.int64) % 8
    return eighth


def beacon_policy(seen: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Walk to the beacon."""
    return FIRST_MOVE + towards(seen)


def shards_policy(seen: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """The first marine walks to its nearest shard, the other one beside it.

    Commanding each in turn scores no better (docs/minigames.md): an order every second step
    costs about as much as the second way gains.
    """
    return FIRST_MOVE + towards(seen)


def roaches_policy(seen: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Everybody attacks the weakest of the roaches listed."""
    fields = seen[:, TARGETS:].reshape(len(seen), -1, TARGET_FIELDS)
    health = np.where(fields[:, :, 0] > 0, fields[:, :, 7], np.inf)
    return FIRST_ATTACK + towards(seen, health.argmin(axis=1))


def zerglings_policy(seen: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Attack what is seen; walk to the nearest dark place otherwise, the camera with them."""
    at = FOCUS + 15
    dark = np.rint(np.arctan2(seen[:, at + 1], seen[:, at]) / (np.pi / 4)).astype(np.int64) % 8
    actions = np.where(seen[:, TARGETS] > 0, FIRST_ATTACK + towards(seen), FIRST_MOVE + dark)
    # The screen reaches 12 map units from the camera: follow before an enemy could be beyond it.
    off = np.hypot(seen[:, FOCUS + 17], seen[:, FOCUS + 18]) > _CAMERA_BEHIND
    return np.where(off & masks[:, CENTER_CAMERA], CENTER_CAMERA, actions)


def zergs_policy(seen: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Stand and shoot; fall back while weapons reload and an enemy is near."""
    distance = np.where(seen[:, TARGETS] > 0, seen[:, TARGETS + 5], np.inf)
    near = (distance < _NEAR) & (seen[:, SUMMARY + 4] < _MOST_READY)
    return np.where(near & masks[:, RETREAT], RETREAT, HOLD_POSITION)


def first_wanted(masks: np.ndarray, wishes: list[tuple[int, np.ndarray | bool]]) -> np.ndarray:
    """The first action of (action, wanted (N,)) that is wanted and valid, else no_op; (N,)."""
    actions = np.full(len(masks), NO_OP)
    for action, wanted in reversed(wishes):
        actions[masks[:, action] & wanted] = action
    return actions


def collect_policy(seen: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Always an SCV in the queue and supply for more, two SCVs a field, the others to gas."""
    block = seen[:, ECONOMY:]
    supply_left, workers, on_minerals = 16 * block[:, 3], 32 * block[:, 4], 32 * block[:, 6]
    late = seen[:, 0] < 0.2
    return first_wanted(
        masks,
        [
            (SELECT_ALL, True),
            (GATHER_GAS, on_minerals > 16),
            (GATHER_MINERALS, True),
            (BUILD_SUPPLY_DEPOT, (supply_left < 4) & (block[:, 11] == 0) & ~late),
            (TRAIN_SCV, (block[:, 16] < 0.4) & ~late),
            (BUILD_REFINERY, (workers > 18) & (block[:, 15] == 0) & ~late),
        ],
    )


def marines_policy(seen: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """SCVs up to two a field, depots ahead of need, a barracks whenever there is money left."""
    block = seen[:, ECONOMY:]
    supply_left, workers, barracks = 16 * block[:, 3], 32 * block[:, 4], 8 * block[:, 12]
    coming = 4 * block[:, 11]
    short = supply_left + 8 * coming < 3 + 1.5 * barracks
    return first_wanted(
        masks,
        [
            (SELECT_ALL, True),
            (GATHER_MINERALS, True),
            (TRAIN_SCV, (workers < 20) & (block[:, 16] < 0.4)),
            (BUILD_SUPPLY_DEPOT, short),
            (TRAIN_MARINE, 16 * block[:, 17] < 1.5 * barracks),
            (BUILD_BARRACKS, (barracks + 4 * block[:, 13] < 8)),
        ],
    )


POLICIES = {
    "MoveToBeacon": beacon_policy,
    "CollectMineralShards": shards_policy,
    "FindAndDefeatZerglings": zerglings_policy,
    "DefeatRoaches": roaches_policy,
    "DefeatZerglingsAndBanelings": zergs_policy,
    "CollectMineralsAndGas": collect_policy,
    "BuildMarines": marines_policy,
}
"""From (observations (N, 164), masks (N, 30)) to actions (N,), for each game."""
