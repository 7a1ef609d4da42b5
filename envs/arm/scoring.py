"""Distance to go, success and reward. Compiled.

The dense reward is bounded and rises with progress, after Meta-World's second version
(arXiv:1910.10897): getting near, grasping, moving the object, 1 in success.
"""

from __future__ import annotations

import math

from .compiling import inner
from .contact import FIST
from .state import REACH_GOAL, REACH_LINE, REACH_STATION, Record

NEAR = 0.1
"""Distance at which nearness is a half, metres."""


@inner
def distance_to_go(arm: Record, rule: Record) -> float:
    """Metres between the present state and what is wanted."""
    distance: float
    if rule.measure == REACH_GOAL:
        distance = math.hypot(arm.goal_x - arm.tool_x, arm.goal_y - arm.tool_y)
    elif rule.measure == REACH_LINE:
        distance = max(arm.goal_x - arm.object_x, 0.0)
    elif rule.measure == REACH_STATION:
        distance = abs(arm.goal_way - arm.way)
    else:
        distance = math.hypot(arm.goal_x - arm.object_x, arm.goal_y - arm.object_y)
    return distance


@inner
def judge(arm: Record, rule: Record) -> None:
    """Whether this state is a success."""
    arm.success = distance_to_go(arm, rule) <= rule.tolerance


@inner
def nearness(distance: float) -> float:
    """1 at 0, a half at `NEAR`, falling slowly."""
    return NEAR / (NEAR + distance)


@inner
def hand_distance(arm: Record, rule: Record) -> float:
    """Metres from the tool to where it can do something: over what can be grasped; behind what can
    only be pushed, seen from the goal."""
    x, y = arm.object_x, arm.object_y
    if not rule.graspable:
        away = math.hypot(x - arm.goal_x, y - arm.goal_y)
        if away > 1e-6:
            reach = FIST + rule.radius
            x += reach * (x - arm.goal_x) / away
            y += reach * (y - arm.goal_y) / away
    return math.hypot(x - arm.tool_x, y - arm.tool_y)


@inner
def reward_of(arm: Record, rule: Record) -> float:
    """The reward of the present state, 0 to 1."""
    if arm.success:
        return 1.0
    if rule.sparse:
        return 0.0
    distance = distance_to_go(arm, rule)
    if rule.measure == REACH_GOAL:
        return 0.9 * nearness(distance)
    progress = 0.0
    if arm.start_distance > 0.0:
        progress = min(max(1.0 - distance / arm.start_distance, 0.0), 1.0)
    near = nearness(hand_distance(arm, rule))
    if not rule.graspable:
        return 0.3 * near + 0.6 * progress
    held = 1.0 if arm.holds else 0.0
    return 0.2 * near + 0.2 * held + 0.5 * progress
