"""A game's whole state: one record of a structured array, its generator included.

A batch of N games is an array of N such records, so that stepping a game touches one piece of
memory, a game alone is the slice `games[i:i+1]`, and saving a batch is copying its fields.
Positions are map units (x to the east, y to the north), times are game loops, health is hit points.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Record = Any
"""One record of a structured array as compiled code sees it: `game.score`, `game.x[side, j]`."""

OWN, HOSTILE = 0, 1
"""The two sides: first index of every unit array."""
CAPACITY = 64
"""Places for units of one side, and for items. A place is empty when its health is 0."""

IDLE, MOVE, ATTACK_MOVE, ATTACK, HOLD = 0, 1, 2, 3, 4
"""Orders. A moving unit does not shoot; a holding one shoots but does not move."""
NO_TARGET, LOOK = -1, -2
"""Not a target: none was near at the last look; look at once."""
ALL = -1
"""`selected`: every unit. Otherwise the place of the one selected."""
BEACON_ITEM, SHARD_ITEM = 1, 2

_UNITS = (2, CAPACITY)
GAME = np.dtype(
    [
        ("generator", np.uint64),  # state of the game's own random generator
        ("loop", np.int32),  # game loops since the start of the episode
        ("score", np.float64),  # the map's score since the start of the episode
        ("episode_return", np.float64),  # sum of the rewards since then
        ("episode_length", np.int32),  # env steps since then
        ("invalid_actions", np.int32),  # since then
        ("last_return", np.float64),  # the same three of the episode before
        ("last_length", np.int32),
        ("last_invalid_actions", np.int32),
        ("over", np.bool_),  # ended by the rules, not by the clock
        ("wave", np.int32),  # respawns since the start of the episode
        ("selected", np.int32),
        ("places", np.int32, (2,)),  # places in use, the dead of this wave included
        ("deaths", np.int32, (2,)),  # in this game loop
        ("x", np.float64, _UNITS),
        ("y", np.float64, _UNITS),
        ("health", np.float64, _UNITS),
        ("cooldown", np.float64, _UNITS),  # game loops until it may shoot
        ("order_x", np.float64, _UNITS),
        ("order_y", np.float64, _UNITS),
        ("target", np.int16, _UNITS),  # place on the other side, NO_TARGET or LOOK
        ("order", np.int8, _UNITS),
        ("kind", np.int8, _UNITS),  # row of the unit table
        ("items", np.int32),
        ("item_x", np.float64, (CAPACITY,)),
        ("item_y", np.float64, (CAPACITY,)),
        ("item_kind", np.int8, (CAPACITY,)),
    ],
    align=True,
)

RULES = np.dtype(
    [
        ("step_mul", np.int32),  # game loops an env step
        ("limit", np.int32),  # game loops an episode
        ("x0", np.float64),  # the playable rectangle
        ("y0", np.float64),
        ("x1", np.float64),
        ("y1", np.float64),
        ("reward_scale", np.float64),
        ("stride", np.float64),  # how far a directional order goes, map units
        ("direction", np.int8, (8,)),  # what a directional action really does
        ("turn", np.int8, (2, 2)),  # matrix applied to all that is seen
        ("marines", np.int32),
        ("reinforcements", np.int32),
        ("roaches", np.int32),
        ("shards", np.int32),
        ("marine_side", np.int8),  # -1 drawn for each wave, 0 left, 1 right
    ],
    align=True,
)
"""The parameters of a task as compiled code reads them (`parameters.py` says what they mean)."""
