"""A simple hand-written policy for each game, to judge the simulation and to test it.

They read the vector observation of the default variant only, as an agent does: a variant that
remaps actions or turns what is seen misleads them too, which is the point of those variants.
"""

from __future__ import annotations

import numpy as np

from .spaces import (
    FIRST_MOVE,
    FIRST_TARGET,
    N_ATTACK_TARGETS,
    TARGET_FIELDS,
    TARGETS,
)


def towards(seen: np.ndarray) -> np.ndarray:
    """The directional action nearest to the way to the nearest target.

    `seen` is (N, 128) float32; returns actions (N,) int64.
    """
    cos, sin = seen[:, TARGETS + 3], seen[:, TARGETS + 4]
    eighth: np.ndarray = np.rint(np.arctan2(sin, cos) / (np.pi / 4)).astype(np.int64) % 8
    return eighth + FIRST_MOVE


def beacon_policy(seen: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Walk to the beacon."""
    return towards(seen)


def shards_policy(seen: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """The first marine walks to its nearest shard, the other one beside it.

    Commanding each in turn scores no better (docs/minigames.md): an order every second step
    costs about as much as the second way gains.
    """
    return towards(seen)


def roaches_policy(seen: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Everybody attacks the weakest of the four nearest roaches."""
    fields = seen[:, TARGETS : TARGETS + TARGET_FIELDS * N_ATTACK_TARGETS]
    fields = fields.reshape(len(seen), N_ATTACK_TARGETS, TARGET_FIELDS)
    health = np.where(fields[:, :, 0] > 0, fields[:, :, 7], np.inf)
    rank: np.ndarray = health.argmin(axis=1)
    return rank + FIRST_TARGET


POLICIES = {
    "MoveToBeacon": beacon_policy,
    "CollectMineralShards": shards_policy,
    "DefeatRoaches": roaches_policy,
}
"""From (observations (N, 128), masks (N, 34)) to actions (N,), for each game."""
