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

IDLE, MOVE, ATTACK_MOVE, ATTACK, HOLD, GATHER, RETURN, BUILD = range(8)
"""Orders. A moving unit does not shoot; a holding one shoots but does not move. GATHER goes to the
item `target` and works there, RETURN carries what it holds to the command centre and goes back to
the item `target`, BUILD goes to (order_x, order_y) and puts up a structure of the kind `target`."""
NO_TARGET, LOOK = -1, -2
"""Not a target: none was near at the last look; look at once."""
ALL, GROUP = -1, -2
"""`selected`: every unit; those marked in `chosen`. Otherwise the place of the one selected."""
BEACON_ITEM, SHARD_ITEM, MINERAL_ITEM, GEYSER_ITEM = 1, 2, 3, 4
"""Kinds of items: what lies on the map and is nobody's."""
STRUCTURES = 40
"""Places for own structures, the command centre first."""
WAITING = 5
"""Orders that may wait behind the one a unit follows."""
EXPLORED = 32
"""Cells along each side of the map of what has been seen: 2 x 2 map units a cell."""

_UNITS = (2, CAPACITY)
# Flags of nested arrays are uint8: numba has no nested arrays of booleans.
GAME = np.dtype(
    [
        ("generator", np.uint64),  # state of the game's own random generator
        ("loop", np.int32),  # game loops since the start of the episode
        ("lived", np.int64),  # env steps since the game was seeded: the clock of a drift
        ("score", np.float64),  # the map's score since the start of the episode
        ("episode_return", np.float64),  # sum of the rewards since then
        ("episode_length", np.int32),  # env steps since then
        ("invalid_actions", np.int32),  # since then
        ("last_return", np.float64),  # the same three of the episode before
        ("last_length", np.int32),
        ("last_invalid_actions", np.int32),
        ("over", np.bool_),  # ended by the rules, not by the clock
        ("wave", np.int32),  # respawns since the start of the episode
        # What a drift moves, as it is now; without one it never changes.
        ("own_speed", np.float64),  # factors
        ("enemy_speed", np.float64),
        ("enemy_health", np.float64),
        ("enemy_damage", np.float64),
        ("reward_scale", np.float64),
        ("angle", np.float64),  # radians all that is seen is turned by, before `turn` of the rules
        ("turn", np.float64, (2, 2)),  # both together: the matrix applied to what is seen
        # Units. Place, health and cooldown are float32 as in the game's own interface, so that
        # a game read through that interface is the same to the last bit.
        ("selected", np.int32),
        ("chosen", np.uint8, (CAPACITY,)),  # the selection where `selected` is GROUP
        ("places", np.int32, (2,)),  # places in use, the dead of this wave included
        ("deaths", np.int32, (2,)),  # in this game loop
        ("x", np.float32, _UNITS),
        ("y", np.float32, _UNITS),
        ("health", np.float32, _UNITS),
        ("cooldown", np.float32, _UNITS),  # game loops until it may shoot
        ("order_x", np.float32, _UNITS),
        ("order_y", np.float32, _UNITS),
        ("target", np.int16, _UNITS),  # place on the other side, item, kind, NO_TARGET or LOOK
        ("order", np.int8, _UNITS),
        ("kind", np.int8, _UNITS),  # row of the unit table
        ("moved", np.uint8, _UNITS),  # since units were last kept apart
        ("tag", np.int32, _UNITS),  # names a unit from its first to its last loop in an episode
        ("tags", np.int32),  # given so far in this episode
        ("visible", np.uint8, (CAPACITY,)),  # hostile units that the own side sees now
        # Items.
        ("items", np.int32),
        ("item_x", np.float32, (CAPACITY,)),
        ("item_y", np.float32, (CAPACITY,)),
        ("item_kind", np.int8, (CAPACITY,)),  # 0: used up
        ("item_left", np.int32, (CAPACITY,)),  # minerals or gas still in it
        ("item_worker", np.int16, (CAPACITY,)),  # place of the worker at work there, or -1
        ("item_visible", np.uint8, (CAPACITY,)),
        # What is seen of the map.
        ("camera_x", np.float32),  # centre of the screen
        ("camera_y", np.float32),
        ("explored", np.uint8, (EXPLORED, EXPLORED)),  # [y, x], from the south-west
        # Economy.
        ("minerals", np.int32),
        ("vespene", np.int32),
        ("marines_built", np.int32),  # since the start of the episode; they leave the field
        ("work_left", np.float32, (CAPACITY,)),  # loops a worker still digs, or turns round
        ("cargo", np.int8, (CAPACITY,)),  # what a worker carries
        ("cargo_kind", np.int8, (CAPACITY,)),  # MINERAL_ITEM or GEYSER_ITEM
        ("structures", np.int32),  # places in use
        ("structure_kind", np.int8, (STRUCTURES,)),  # row of the unit table
        ("structure_x", np.float32, (STRUCTURES,)),
        ("structure_y", np.float32, (STRUCTURES,)),
        ("structure_left", np.float32, (STRUCTURES,)),  # loops until it is finished; 0: it is
        ("structure_builder", np.int16, (STRUCTURES,)),  # the worker busy with it, or -1
        ("structure_item", np.int16, (STRUCTURES,)),  # the geyser under a refinery, or -1
        ("queue", np.int8, (STRUCTURES,)),  # units ordered and not finished, at most 5
        ("queue_left", np.float32, (STRUCTURES,)),  # until the first is; 0: it waits for supply
        # What only function calls use (`calls.py`); nothing without them.
        ("structure_chosen", np.uint8, (STRUCTURES,)),  # selected structures
        ("inspected", np.int16),  # enemy or item selected to look at: a code of `selection.py`
        ("unit_groups", np.uint16, (CAPACITY,)),  # bit g: in control group g
        ("structure_groups", np.uint16, (STRUCTURES,)),
        ("waiting", np.int8, (CAPACITY,)),  # queued orders
        ("waiting_order", np.int8, (CAPACITY, WAITING)),
        ("waiting_target", np.int16, (CAPACITY, WAITING)),
        ("waiting_x", np.float32, (CAPACITY, WAITING)),
        ("waiting_y", np.float32, (CAPACITY, WAITING)),
        ("patrols", np.uint8, (CAPACITY,)),  # goes back at the end of its way to ...
        ("patrol_x", np.float32, (CAPACITY,)),
        ("patrol_y", np.float32, (CAPACITY,)),
        ("rallies", np.uint8),  # new workers go to ...
        ("rally_x", np.float32),
        ("rally_y", np.float32),
        ("rally_item", np.int16),  # and work there; -1: they do not
    ],
    align=True,
)

DRIFTING = (
    "own_speed",
    "enemy_speed",
    "enemy_health",
    "enemy_damage",
    "observation_angle",
    "reward_scale",
)
"""What may drift, in the order of `drift_from` and `drift_to`."""

RULES = np.dtype(
    [
        ("step_mul", np.int32),  # game loops an env step
        ("limit", np.int32),  # game loops an episode
        ("x0", np.float64),  # the playable rectangle
        ("y0", np.float64),
        ("x1", np.float64),
        ("y1", np.float64),
        ("stride", np.float64),  # how far a directional order goes, map units
        ("direction", np.int8, (8,)),  # what a directional action really does
        ("turn", np.int8, (2, 2)),  # matrix applied to all that is seen
        ("drift_from", np.float64, (len(DRIFTING),)),
        ("drift_to", np.float64, (len(DRIFTING),)),
        ("drift_env_steps", np.float64),  # 0: nothing drifts
        ("fog", np.bool_),  # enemies and items are seen only near own units
        ("camera", np.bool_),  # and only on the screen
        ("screen_size", np.int32),  # pixels along a side of screen and minimap
        ("army", np.bool_),  # BuildMarines: barracks and marines, and no walking about
        ("hide_specific", np.bool_),  # functions: only general ones are available
        ("marines", np.int32),
        ("reinforcements", np.int32),
        ("roaches", np.int32),
        ("zerglings", np.int32),
        ("banelings", np.int32),
        ("bounty", np.float64, (4,)),  # score of a dead enemy, by its kind
        ("groups", np.int32),  # the enemies of a wave come in so many groups
        ("placement", np.int8),  # PLACEMENTS
        ("marine_side", np.int8),  # -1 drawn for each wave, 0 left, 1 right
        ("shards", np.int32),
        ("workers", np.int32),
        ("start_minerals", np.int32),
        ("fields", np.int32),  # mineral fields
        ("geysers", np.int32),
        ("field_minerals", np.int32),  # in each of them
    ],
    align=True,
)
"""The parameters of a task as compiled code reads them (`parameters.py` says what they mean)."""

OPPOSITE, RANDOM, SURROUND = range(3)
"""Placement of enemy groups: facing the marines; anywhere at a distance; all around them."""
