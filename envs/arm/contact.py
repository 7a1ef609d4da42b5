"""What the gripper does to the object: it rests on it, grasps it, pushes it, carries it.

An open gripper is above everything. A closed one is a fist on the table, a disc that pushes what
it meets. It closes around what can be grasped when it is right over it; over anything else it
stays open. Motion is quasi-static: an object moves only while it is pushed or carried (or by its
spring), without friction between fist and object, and never through anything. Compiled.
"""

from __future__ import annotations

import math

from .compiling import inner
from .kinematics import SUBSTEPS, put_tool
from .state import FREE, SLIDE, Record

FIST = 0.04
"""Radius of the closed gripper, metres."""
GRASP = 0.05
"""How near the object's middle must be to be grasped, metres."""
CLOSED = 0.5
"""Below this opening the gripper is down."""
GRIPPER_STEP = 0.25
"""How far it opens or closes in an env step."""
TABLE_X, TABLE_LOW, TABLE_HIGH = 0.95, 0.1, 1.05
"""Edges of the table, which no object leaves, metres."""
_SLOPE = 0.2
"""A handle moves when pushed at least so much along its way (cosine)."""


@inner
def place_handle(arm: Record, rule: Record) -> None:
    """The handle where its way puts it."""
    if rule.kind == SLIDE:
        arm.object_x = arm.base_x + arm.way * math.cos(arm.base_angle)
        arm.object_y = arm.base_y + arm.way * math.sin(arm.base_angle)
    else:
        angle = arm.base_angle + arm.way / rule.lever
        arm.object_x = arm.base_x + rule.lever * math.cos(angle)
        arm.object_y = arm.base_y + rule.lever * math.sin(angle)


@inner
def overlap(arm: Record, rule: Record) -> float:
    """How deep a fist at the tool's place would be in the object, metres; negative: clear of it."""
    apart = math.hypot(arm.object_x - arm.tool_x, arm.object_y - arm.tool_y)
    depth: float = FIST + rule.radius - apart
    return depth


@inner
def move_gripper(arm: Record, rule: Record, action: float) -> None:
    """One substep of opening or closing, with what is grasped or let go."""
    wanted, most = 0.5 * (1.0 - action), GRIPPER_STEP / SUBSTEPS
    opening = arm.opening + min(max(wanted - arm.opening, -most), most)
    if opening >= CLOSED:
        if arm.holds:
            release(arm, rule)
    elif arm.opening >= CLOSED and rule.has_object and overlap(arm, rule) > 0.0:
        apart_x, apart_y = arm.object_x - arm.tool_x, arm.object_y - arm.tool_y
        if rule.graspable and math.hypot(apart_x, apart_y) <= GRASP:
            arm.holds = True
            arm.grip_x, arm.grip_y = apart_x, apart_y
        else:
            opening = CLOSED
    arm.opening = opening


@inner
def release(arm: Record, rule: Record) -> None:
    """Let go; what is put down on the fence slides off it."""
    arm.holds = False
    if rule.kind == FREE:
        keep_on_table(arm, rule, arm.object_x)


@inner
def keep_on_table(arm: Record, rule: Record, before_x: float) -> None:
    """A free object stays on the table, and on the side of the fence where it was."""
    reach = TABLE_X - rule.radius
    arm.object_x = min(max(arm.object_x, -reach), reach)
    arm.object_y = min(max(arm.object_y, TABLE_LOW + rule.radius), TABLE_HIGH - rule.radius)
    if rule.fence:
        if before_x < 0.0:
            arm.object_x = min(arm.object_x, -rule.radius)
        else:
            arm.object_x = max(arm.object_x, rule.radius)


@inner
def spring_back(arm: Record, rule: Record) -> None:
    """One substep of what goes back by itself to the start of its way."""
    if rule.spring > 0.0 and not arm.holds:
        arm.way -= min(arm.way, rule.spring / SUBSTEPS)
        place_handle(arm, rule)


@inner
def touch(arm: Record, rule: Record, joint_1: float, joint_2: float) -> None:
    """One substep of pushing or carrying, after the tool has moved. Where neither object nor tool
    can give way, all is as it was, with the joints where they were before."""
    arm.loaded = False
    if arm.holds:
        arm.loaded = True
        carry(arm, rule, joint_1, joint_2)
    elif arm.opening < CLOSED and overlap(arm, rule) > 0.0:
        arm.loaded = True
        x, y, way = arm.object_x, arm.object_y, arm.way
        push(arm, rule)
        if not step_aside(arm, rule):
            arm.object_x, arm.object_y, arm.way = x, y, way
            go_back(arm, rule, joint_1, joint_2)


@inner
def go_back(arm: Record, rule: Record, joint_1: float, joint_2: float) -> None:
    """Joints and tool as before this substep; the motors have stalled."""
    both = joint_1 + joint_2
    arm.joint_1, arm.joint_2, arm.speed_1, arm.speed_2 = joint_1, joint_2, 0.0, 0.0
    arm.tool_x = rule.upper * math.cos(joint_1) + rule.forearm * math.cos(both)
    arm.tool_y = rule.upper * math.sin(joint_1) + rule.forearm * math.sin(both)


@inner
def push(arm: Record, rule: Record) -> None:
    """The object gives way as far as it can."""
    apart = math.hypot(arm.object_x - arm.tool_x, arm.object_y - arm.tool_y)
    if apart < 1e-9:
        return
    normal_x, normal_y = (arm.object_x - arm.tool_x) / apart, (arm.object_y - arm.tool_y) / apart
    depth = FIST + rule.radius - apart
    if rule.kind == FREE:
        before_x = arm.object_x
        arm.object_x += depth * normal_x
        arm.object_y += depth * normal_y
        keep_on_table(arm, rule, before_x)
    else:
        angle = arm.base_angle
        if rule.kind != SLIDE:
            angle += arm.way / rule.lever + 0.5 * math.pi
        slope = normal_x * math.cos(angle) + normal_y * math.sin(angle)
        if abs(slope) >= _SLOPE:
            arm.way = min(max(arm.way + depth / slope, rule.way_low), rule.way_high)
            place_handle(arm, rule)


@inner
def step_aside(arm: Record, rule: Record) -> bool:
    """Move the tool out of an object that gives way no further; whether that could be done."""
    if overlap(arm, rule) <= 1e-9:
        return True
    apart_x, apart_y = arm.tool_x - arm.object_x, arm.tool_y - arm.object_y
    apart = math.hypot(apart_x, apart_y)
    if apart < 1e-9:
        return False
    factor = (FIST + rule.radius) / apart
    return put_tool(arm, rule, arm.object_x + apart_x * factor, arm.object_y + apart_y * factor)


@inner
def carry(arm: Record, rule: Record, joint_1: float, joint_2: float) -> None:
    """What is held goes with the tool; a handle keeps both on its way."""
    x, y = arm.tool_x + arm.grip_x, arm.tool_y + arm.grip_y
    if rule.kind == FREE:
        arm.object_x, arm.object_y = x, y
        return
    before = arm.way
    if rule.kind == SLIDE:
        along = (x - arm.object_x) * math.cos(arm.base_angle)
        along += (y - arm.object_y) * math.sin(arm.base_angle)
    else:
        now = math.atan2(arm.object_y - arm.base_y, arm.object_x - arm.base_x)
        turned = math.atan2(y - arm.base_y, x - arm.base_x) - now
        along = rule.lever * math.atan2(math.sin(turned), math.cos(turned))
    arm.way = min(max(arm.way + along, rule.way_low), rule.way_high)
    place_handle(arm, rule)
    if not put_tool(arm, rule, arm.object_x - arm.grip_x, arm.object_y - arm.grip_y):
        arm.way = before
        place_handle(arm, rule)
        go_back(arm, rule, joint_1, joint_2)
