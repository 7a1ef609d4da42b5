"""Two links on a table: where the tool is, which joints put it there, how joints follow actions.

The elbow always bends to the same side. A tool velocity becomes joint speeds by damped least
squares (Nakamura and Hanafusa, "Inverse kinematic solutions with singularity robustness", 1986):
`J^T (J J^T + d^2 I)^-1 v`, so that near a stretched arm the joints slow down instead of racing.
Compiled.
"""

from __future__ import annotations

import math

from .compiling import inner
from .state import Record

SHOULDER_LOW, SHOULDER_HIGH = -1.3, 3.1
ELBOW_LOW, ELBOW_HIGH = 0.25, 2.7
"""Joint limits, radians."""
TOOL_STEP = 0.05
"""How far the tool goes in an env step at full speed, metres."""
JOINT_STEP = 0.15
"""How far a joint turns in an env step at full speed of control `joints`, radians."""
FASTEST_JOINT = 0.3
"""No joint turns faster, radians an env step."""
SUBSTEPS = 4
"""Parts of an env step, each with its own contacts."""
_DAMPING = 0.05


@inner
def place_tool(arm: Record, rule: Record) -> None:
    """The tool where the joints put it."""
    both = arm.joint_1 + arm.joint_2
    arm.tool_x = rule.upper * math.cos(arm.joint_1) + rule.forearm * math.cos(both)
    arm.tool_y = rule.upper * math.sin(arm.joint_1) + rule.forearm * math.sin(both)


@inner
def put_tool(arm: Record, rule: Record, x: float, y: float) -> bool:
    """The joints so that the tool is at (x, y); False, and nothing done, where they cannot."""
    upper, forearm = rule.upper, rule.forearm
    cosine = (x * x + y * y - upper * upper - forearm * forearm) / (2.0 * upper * forearm)
    if abs(cosine) > 1.0:
        return False
    elbow = math.acos(cosine)
    across = forearm * math.sin(elbow)
    shoulder = math.atan2(y, x) - math.atan2(across, upper + forearm * math.cos(elbow))
    if shoulder < SHOULDER_LOW or shoulder > SHOULDER_HIGH:
        return False
    if elbow < ELBOW_LOW or elbow > ELBOW_HIGH:
        return False
    arm.joint_1, arm.joint_2 = shoulder, elbow
    arm.tool_x, arm.tool_y = x, y
    return True


@inner
def wanted_speeds(arm: Record, rule: Record, x: float, y: float) -> tuple[float, float]:
    """Joint speeds for a tool velocity (x, y), metres an env step."""
    both = arm.joint_1 + arm.joint_2
    b, d = -rule.forearm * math.sin(both), rule.forearm * math.cos(both)
    a, c = b - rule.upper * math.sin(arm.joint_1), d + rule.upper * math.cos(arm.joint_1)
    damping = _DAMPING * _DAMPING
    xx, yy, xy = a * a + b * b + damping, c * c + d * d + damping, a * c + b * d
    determinant = xx * yy - xy * xy
    u, v = (yy * x - xy * y) / determinant, (xx * y - xy * x) / determinant
    return a * u + c * v, b * u + d * v


@inner
def turn_joints(arm: Record, rule: Record, first: float, second: float, response: float) -> None:
    """One substep: joint speeds approach the wanted ones, joints turn and stop at their limits."""
    fastest = max(abs(first), abs(second))
    if fastest > FASTEST_JOINT:
        first, second = first * FASTEST_JOINT / fastest, second * FASTEST_JOINT / fastest
    arm.speed_1 += response * (first - arm.speed_1)
    arm.speed_2 += response * (second - arm.speed_2)
    joint_1 = arm.joint_1 + arm.speed_1 / SUBSTEPS
    joint_2 = arm.joint_2 + arm.speed_2 / SUBSTEPS
    arm.joint_1 = min(max(joint_1, SHOULDER_LOW), SHOULDER_HIGH)
    arm.joint_2 = min(max(joint_2, ELBOW_LOW), ELBOW_HIGH)
    if arm.joint_1 != joint_1:
        arm.speed_1 = 0.0
    if arm.joint_2 != joint_2:
        arm.speed_2 = 0.0
    place_tool(arm, rule)
