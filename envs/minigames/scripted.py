"""A simple hand-written policy for each game, to judge the simulation and to test it.

They read the vector observation of the default variant only, as an agent does: a variant that
remaps actions or turns what is seen misleads them too, which is the point of those variants.
"""

from __future__ import annotations

import numpy as np

from .spaces import (
    ATTACK_NEAREST,
    ATTACK_WEAKEST,
    FIRST_MOVE,
    FOCUS,
    NO_OP,
    SELECT_NEXT,
    TARGET_FIELDS,
    TARGETS,
)

_ALL_SELECTED, _MOVING = FOCUS + 14, FOCUS + 5


def towards(seen: np.ndarray, rank: int | np.ndarray = 0) -> np.ndarray:
    """The directional action nearest to the way to a target; seen (N, 128), returns (N,)."""
    rows = np.arange(len(seen))
    cos = seen[rows, TARGETS + TARGET_FIELDS * rank + 3]
    sin = seen[rows, TARGETS + TARGET_FIELDS * rank + 4]
    eighth = np.rint(np.arctan2(sin, cos) / (np.pi / 4)).astype(np.int64) % 8
    return FIRST_MOVE + eighth


def beacon_policy(seen: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Walk to the beacon."""
    return towards(seen)


def shards_policy(seen: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Send the selected marine to its nearest shard, then select the other one."""
    fresh = seen[:, _MOVING] == 0
    near = seen[:, TARGETS + 5] * 16 < 4.5
    rest = np.where(near & ~fresh, towards(seen), SELECT_NEXT)
    actions = np.where(fresh, towards(seen), rest)
    everybody = (seen[:, _ALL_SELECTED] == 1) & masks[:, SELECT_NEXT]
    return np.where(everybody, SELECT_NEXT, np.where(masks[np.arange(len(seen)), actions], actions, NO_OP))


def roaches_policy(seen: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Everybody attacks the weakest roach in sight, else goes for the nearest."""
    return np.where(masks[:, ATTACK_WEAKEST], ATTACK_WEAKEST, ATTACK_NEAREST)


POLICIES = {
    "MoveToBeacon": beacon_policy,
    "CollectMineralShards": shards_policy,
    "DefeatRoaches": roaches_policy,
}
"""From (observations (N, 128), masks (N, 26)) to actions (N,), for each game."""
