"""How an episode begins: tool, object and goal are drawn. Compiled."""

from __future__ import annotations

import math

from ..batched.chance import uniform
from .compiling import inner
from .contact import keep_on_table, place_handle
from .kinematics import put_tool
from .scoring import distance_to_go, judge
from .state import FREE, REACH_LINE, Record

START_LOW, START_HIGH = (-0.1, 0.33), (0.1, 0.43)
"""Corners of the region in which the tool starts."""


@inner
def start(arm: Record, rule: Record) -> None:
    """A new episode. Every task draws the same count of numbers."""
    clear(arm)
    x, y = uniform(arm, START_LOW[0], START_HIGH[0]), uniform(arm, START_LOW[1], START_HIGH[1])
    put_tool(arm, rule, x, y)
    arm.base_x = uniform(arm, rule.object_low[0], rule.object_high[0])
    arm.base_y = uniform(arm, rule.object_low[1], rule.object_high[1])
    arm.goal_x = uniform(arm, rule.goal_low[0], rule.goal_high[0])
    arm.goal_y = uniform(arm, rule.goal_low[1], rule.goal_high[1])
    angle, other_way = uniform(arm, -math.pi, math.pi), uniform(arm, 0.0, 1.0) < 0.5
    arm.goal_way = uniform(arm, rule.goal_way_low, rule.goal_way_high)
    arm.base_angle = angle if rule.any_direction else rule.direction
    if rule.both_ways and other_way:
        arm.goal_way = -arm.goal_way
    if rule.has_object:
        set_object(arm, rule)
    arm.start_distance = distance_to_go(arm, rule)
    judge(arm, rule)
    arm.succeeded = False


@inner
def clear(arm: Record) -> None:
    """Nothing has happened, the gripper is open, nothing moves."""
    arm.step = 0
    arm.episode_return = 0.0
    arm.speed_1, arm.speed_2, arm.tool_vx, arm.tool_vy = 0.0, 0.0, 0.0, 0.0
    arm.object_x, arm.object_y, arm.object_vx, arm.object_vy = 0.0, 0.0, 0.0, 0.0
    arm.opening, arm.way, arm.grip_x, arm.grip_y = 1.0, 0.0, 0.0, 0.0
    arm.holds, arm.loaded = False, False


@inner
def set_object(arm: Record, rule: Record) -> None:
    """The object or handle at its start, and the goal where it follows from it."""
    if rule.kind == FREE:
        arm.object_x, arm.object_y = arm.base_x, arm.base_y
        keep_on_table(arm, rule, arm.base_x)
        if rule.measure == REACH_LINE:
            arm.goal_y = arm.base_y
        return
    arm.way = arm.goal_way
    place_handle(arm, rule)
    arm.goal_x, arm.goal_y = arm.object_x, arm.object_y
    arm.way = 0.0
    place_handle(arm, rule)
