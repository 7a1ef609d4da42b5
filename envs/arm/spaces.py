"""The spaces that every task and every variant shares; docs/arm.md has the same table in prose.

Places that a task does not use hold 0, so one network fits all tasks. Nothing names the task,
unless the parameter `task_one_hot` asks for it.
"""

from __future__ import annotations

import numpy as np
from gymnasium import spaces

LINKS, JOINT_SPEEDS, TOOL, TOOL_SPEED, OPENING, HOLDS = 0, 4, 6, 8, 10, 11
OBJECT, TO_OBJECT, OBJECT_SPEED, WAY = 12, 14, 16, 18
GOAL, TO_GOAL, ONE_HOT = 19, 21, 23
"""Where the parts of an observation start."""
ONE_HOT_SIZE = 8
OBSERVATION_SIZE = ONE_HOT + ONE_HOT_SIZE
ACTION_SIZE = 3
BOUND = 2.0
"""Every number of an observation is clipped to [-BOUND, BOUND]."""


def observation_space() -> spaces.Box:
    """(31,) float32."""
    return spaces.Box(-BOUND, BOUND, (OBSERVATION_SIZE,), np.float32)


def action_space() -> spaces.Box:
    """(3,) float32: two of motion, and the gripper: 1 closes it, -1 opens it."""
    return spaces.Box(-1.0, 1.0, (ACTION_SIZE,), np.float32)
