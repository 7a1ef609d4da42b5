"""An arm's whole state: one record of a structured array, its generator included.

A batch of N arms is an array of N such records: stepping an arm touches one piece of memory, and
saving a batch is copying its fields. Lengths are metres, angles radians, speeds per env step.
Everything is in the arm's own frame, with its base at the origin and the table before it (y > 0);
`turn` leads from there to the world, in which the agent sees and acts.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Record = Any
"""One record of a structured array as compiled code sees it: `arm.tool_x`."""

FREE, SLIDE, SWING = range(3)
"""What an object can do: move on the table; slide along a line; swing around a pivot."""
REACH_GOAL, REACH_LINE, REACH_STATION = range(3)
"""How the distance to go is measured: tool to goal; object to goal (for a `REACH_LINE`, its x
only); along the way of what slides or swings."""

DRIFTING = ("action_gain", "action_rotation", "rotation", "mass", "response")
"""What may drift, in the order of `drift_from` and `drift_to`; the second and third in degrees."""

ARM = np.dtype(
    [
        ("generator", np.uint64),  # state of the arm's own random generator
        ("lived", np.int64),  # env steps since the arm was seeded: the clock of a drift
        ("step", np.int32),  # env steps since the start of the episode
        ("episode_return", np.float64),  # sum of the rewards since then
        ("succeeded", np.bool_),  # whether any step since then was a success
        ("success", np.bool_),  # whether this state is one
        ("last_return", np.float64),  # the same of the episode before
        ("last_length", np.int32),
        ("last_succeeded", np.bool_),
        # What a drift moves, as it is now; without one it never changes.
        ("action_gain", np.float64),
        ("action_rotation", np.float64),  # radians, counterclockwise
        ("rotation", np.float64),  # radians, of the whole table around the base
        ("mass", np.float64),
        ("response", np.float64),
        ("turn", np.float64, (2, 2)),  # from the arm's frame to the world
        # The arm.
        ("joint_1", np.float64),  # shoulder, from the x axis
        ("joint_2", np.float64),  # elbow, from the upper link
        ("speed_1", np.float64),  # radians an env step
        ("speed_2", np.float64),
        ("tool_x", np.float64),
        ("tool_y", np.float64),
        ("tool_vx", np.float64),  # over the last env step
        ("tool_vy", np.float64),
        ("opening", np.float64),  # of the gripper, 0 closed to 1 open
        ("holds", np.bool_),
        ("grip_x", np.float64),  # object minus tool when it was taken
        ("grip_y", np.float64),
        ("loaded", np.bool_),  # it has pushed or carried in the last substep
        # The object: a free disc, or the handle of what slides or swings.
        ("object_x", np.float64),
        ("object_y", np.float64),
        ("object_vx", np.float64),  # over the last env step
        ("object_vy", np.float64),
        ("way", np.float64),  # how far the handle is along its way
        ("base_x", np.float64),  # where the way starts, or the pivot
        ("base_y", np.float64),
        ("base_angle", np.float64),  # direction of the slide, or of the lever at the start
        # What is wanted.
        ("goal_x", np.float64),
        ("goal_y", np.float64),
        ("goal_way", np.float64),
        ("start_distance", np.float64),  # distance to go at the start of the episode
    ],
    align=True,
)

_DRIFTS = (len(DRIFTING),)
RULES = np.dtype(
    [
        ("task", np.int8),
        ("kind", np.int8),  # FREE, SLIDE, SWING
        ("measure", np.int8),  # REACH_GOAL, REACH_LINE, REACH_STATION or -1: object to goal
        ("has_object", np.bool_),
        ("graspable", np.bool_),
        ("fence", np.bool_),  # a low fence on the line x = 0
        ("radius", np.float64),  # of the object or handle
        ("lever", np.float64),  # of what swings
        ("direction", np.float64),  # of a slide, or of a lever at the start; radians
        ("any_direction", np.bool_),  # the lever starts anywhere
        ("way_low", np.float64),  # ends of the way
        ("way_high", np.float64),
        ("goal_way_low", np.float64),  # the goal is so far along it, drawn
        ("goal_way_high", np.float64),
        ("both_ways", np.bool_),  # or as far the other way
        ("spring", np.float64),  # how fast it goes back to the start, metres an env step
        ("tolerance", np.float64),  # distance to go of a success
        ("object_low", np.float64, (2,)),  # where the object, start of the way or pivot may be
        ("object_high", np.float64, (2,)),
        ("goal_low", np.float64, (2,)),  # where the goal may be
        ("goal_high", np.float64, (2,)),
        ("upper", np.float64),  # lengths of the links
        ("forearm", np.float64),
        ("limit", np.int32),  # env steps an episode
        ("joints", np.bool_),  # actions are joint speeds
        ("sparse", np.bool_),
        ("one_hot", np.bool_),
        ("mirror", np.bool_),
        ("drift_from", np.float64, _DRIFTS),
        ("drift_to", np.float64, _DRIFTS),
        ("drift_env_steps", np.float64),  # 0: nothing drifts
    ],
    align=True,
)
"""A task with its parameters as compiled code reads them (`catalogue.py` says what they mean)."""
