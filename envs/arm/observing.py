"""What the agent sees of an arm: `spaces.py` has the places, docs/arm.md the meaning. Compiled.

Everything passes through `turn`, so an agent sees the world in which its actions act.
"""

from __future__ import annotations

import math

import numpy as np

from .compiling import inner
from .kinematics import FASTEST_JOINT, TOOL_STEP
from .spaces import (
    BOUND,
    GOAL,
    HOLDS,
    JOINT_SPEEDS,
    LINKS,
    OBJECT,
    OBJECT_SPEED,
    ONE_HOT,
    ONE_HOT_SIZE,
    OPENING,
    TO_GOAL,
    TO_OBJECT,
    TOOL,
    TOOL_SPEED,
    WAY,
)
from .state import FREE, REACH_GOAL, Record


@inner
def write_pair(arm: Record, seen: np.ndarray, place: int, x: float, y: float) -> None:
    """A vector of the arm's frame, as it is in the world."""
    turned_x = arm.turn[0, 0] * x + arm.turn[0, 1] * y
    turned_y = arm.turn[1, 0] * x + arm.turn[1, 1] * y
    seen[place] = min(max(turned_x, -BOUND), BOUND)
    seen[place + 1] = min(max(turned_y, -BOUND), BOUND)


@inner
def observe(arm: Record, rule: Record, seen: np.ndarray) -> None:
    """Fill one observation, (31,) float32."""
    seen[:] = 0.0
    write_arm(arm, rule, seen)
    if rule.has_object:
        write_pair(arm, seen, OBJECT, arm.object_x, arm.object_y)
        write_pair(arm, seen, TO_OBJECT, arm.object_x - arm.tool_x, arm.object_y - arm.tool_y)
        speed = 1.0 / TOOL_STEP
        write_pair(arm, seen, OBJECT_SPEED, speed * arm.object_vx, speed * arm.object_vy)
        if rule.kind != FREE:
            seen[WAY] = arm.way / max(rule.way_high, -rule.way_low)
    x, y = arm.object_x, arm.object_y
    if rule.measure == REACH_GOAL:
        x, y = arm.tool_x, arm.tool_y
    write_pair(arm, seen, GOAL, arm.goal_x, arm.goal_y)
    write_pair(arm, seen, TO_GOAL, arm.goal_x - x, arm.goal_y - y)
    if rule.one_hot and rule.task < ONE_HOT_SIZE:
        seen[ONE_HOT + rule.task] = 1.0


@inner
def write_arm(arm: Record, rule: Record, seen: np.ndarray) -> None:
    """Links, joints, tool and gripper."""
    both = arm.joint_1 + arm.joint_2
    write_pair(arm, seen, LINKS, math.cos(arm.joint_1), math.sin(arm.joint_1))
    write_pair(arm, seen, LINKS + 2, math.cos(both), math.sin(both))
    sense = -1.0 if rule.mirror else 1.0
    seen[JOINT_SPEEDS] = sense * arm.speed_1 / FASTEST_JOINT
    seen[JOINT_SPEEDS + 1] = sense * arm.speed_2 / FASTEST_JOINT
    write_pair(arm, seen, TOOL, arm.tool_x, arm.tool_y)
    speed = 1.0 / TOOL_STEP
    write_pair(arm, seen, TOOL_SPEED, speed * arm.tool_vx, speed * arm.tool_vy)
    seen[OPENING] = arm.opening
    seen[HOLDS] = 1.0 if arm.holds else 0.0
