"""The things on the table, and the arm above them.

No meaning hangs on a colour alone: the goal is a ring, what is held gets a white edge, and success
is a tick.
"""

from __future__ import annotations

import math
from itertools import pairwise

from ...batched import palette
from ...batched.canvas import Canvas
from ..contact import FIST, GRASP, TABLE_HIGH, TABLE_LOW
from ..state import FREE, REACH_LINE, REACH_STATION, SLIDE
from .scene import Point, Scene

_GOAL = palette.BEACON
_BODY, _BODY_EDGE = palette.GRID_FOURTH, palette.BORDER
_DRAWER_WIDTH, _BUTTON_WIDTH = 0.16, 0.11
"""Half of them, metres; for the eye only, as only handles are touched."""


def draw_fence(canvas: Canvas, scene: Scene) -> None:
    """The low fence."""
    if scene.rule["fence"]:
        ends = [scene.world(0.0, TABLE_LOW), scene.world(0.0, TABLE_HIGH)]
        canvas.line(ends, palette.MINERAL_EDGE, 5.0)
        canvas.line(ends, palette.MINERAL, 2.0)


def draw_goal(canvas: Canvas, scene: Scene) -> None:
    """Where to: a ring, a line, or the handle's ghost; with a tick in success."""
    rule, (x, y) = scene.rule, scene.place("goal")
    done = bool(scene.arm["success"])
    colour = palette.HEALTH if done else _GOAL
    if rule["measure"] == REACH_LINE:
        line = float(scene.arm["goal_x"]) - float(rule["tolerance"])
        canvas.dashes(scene.world(line, TABLE_LOW), scene.world(line, TABLE_HIGH), colour, 2.5)
    else:
        station = rule["measure"] == REACH_STATION
        radius = float(rule["radius"] if station else rule["tolerance"])
        canvas.disc(x, y, radius, palette.faded(colour, 0.25), colour, 2.0)
        canvas.disc(x, y, canvas.pixels(2.0), colour)
    if done:
        _tick(canvas, x, y)


def _tick(canvas: Canvas, x: float, y: float) -> None:
    """A tick above and beside a place."""
    unit = canvas.pixels(7.0)
    points = [(-1.0, 0.0), (-0.2, -0.8), (1.4, 1.2)]
    x, y = x + 3.0 * unit, y + 3.0 * unit
    canvas.line([(x + a * unit, y + b * unit) for a, b in points], palette.HEALTH, 4.0)


def draw_mechanism(canvas: Canvas, scene: Scene) -> None:
    """What belongs to a handle: its way, and drawer, button housing, door leaf or lever."""
    rule, arm = scene.rule, scene.arm
    if rule["kind"] == FREE:
        return
    low, high = float(rule["way_low"]), float(rule["way_high"])
    marks = [scene.along(low + (high - low) * k / 16) for k in range(17)]
    for near, far in list(pairwise(marks))[::2]:
        canvas.line([near, far], palette.TEXT_DIM, 1.0)
    if rule["kind"] == SLIDE:
        _draw_box(canvas, scene)
    else:
        pivot = scene.place("base")
        canvas.line([pivot, scene.place("object")], _BODY_EDGE, 9.0)
        canvas.line([pivot, scene.place("object")], _BODY, 6.0)
        canvas.disc(*pivot, 0.03, _BODY, _BODY_EDGE, 1.5)
        canvas.line([pivot, scene.along(float(arm["goal_way"]))], palette.faded(_GOAL, 0.5), 1.0)


def _draw_box(canvas: Canvas, scene: Scene) -> None:
    """The drawer, that moves with its handle, or the button's housing, that does not."""
    arm, rule = scene.arm, scene.rule
    button = float(rule["spring"]) > 0.0
    half = _BUTTON_WIDTH if button else _DRAWER_WIDTH
    # Both lie on the far side of the handle, seen from the base.
    near = float(rule["way_high"]) if button else -float(arm["way"]) + float(rule["radius"])
    start_x, start_y = float(arm["base_x"]), float(arm["base_y"])
    y0, y1 = start_y + near, TABLE_HIGH
    corners = [(start_x - half, y0), (start_x + half, y0), (start_x + half, y1)]
    corners.append((start_x - half, y1))
    canvas.polygon([scene.world(x, y) for x, y in corners], _BODY, _BODY_EDGE, 1.5)


def draw_object(canvas: Canvas, scene: Scene) -> None:
    """The object or handle."""
    if not scene.rule["has_object"]:
        return
    x, y = scene.place("object")
    radius, held = float(scene.rule["radius"]), bool(scene.arm["holds"])
    edge = palette.SELECTED if held else palette.HOSTILE_EDGE
    canvas.disc(x, y, radius, palette.HOSTILE, edge, 2.5 if held else 1.5)
    canvas.disc(x, y, 0.45 * radius, palette.HOSTILE_LIGHT)


def draw_arm(canvas: Canvas, scene: Scene) -> None:
    """Links, joints and gripper."""
    base, elbow, tool = (0.0, 0.0), scene.elbow, scene.place("tool")
    for link, width in (((base, elbow), 0.055), ((elbow, tool), 0.04)):
        _draw_link(canvas, link, width)
    canvas.disc(*base, 0.06, palette.OWN_EDGE, palette.OWN_LIGHT, 1.5)
    canvas.disc(*elbow, 0.035, palette.OWN_EDGE, palette.OWN_LIGHT, 1.5)
    _draw_gripper(canvas, scene, tool, math.atan2(tool[1] - elbow[1], tool[0] - elbow[0]))


def _draw_link(canvas: Canvas, ends: tuple[Point, Point], width: float) -> None:
    """A bar from joint to joint; see-through, as things lie under it."""
    (x0, y0), (x1, y1) = ends
    length = max(math.dist(*ends), 1e-9)
    across_x, across_y = -(y1 - y0) / length * width / 2, (x1 - x0) / length * width / 2
    corners = [(x0 + across_x, y0 + across_y), (x1 + across_x, y1 + across_y)]
    corners += [(x1 - across_x, y1 - across_y), (x0 - across_x, y0 - across_y)]
    canvas.polygon(corners, palette.faded(palette.OWN, 0.75), palette.OWN_EDGE, 1.0)


def _draw_gripper(canvas: Canvas, scene: Scene, tool: Point, heading: float) -> None:
    """Two fingers, apart by the opening, and the ring within which they grasp; closed, a fist."""
    opening = float(scene.arm["opening"])
    if opening < 0.5 and not scene.arm["holds"]:
        canvas.disc(*tool, FIST, palette.faded(palette.OWN, 0.9), palette.OWN_LIGHT, 1.5)
    else:
        canvas.disc(*tool, GRASP, None, palette.faded(palette.OWN_LIGHT, 0.5), 1.0)
    apart = 0.015 + 0.04 * opening
    for side in (-1.0, 1.0):
        x = tool[0] + side * apart * -math.sin(heading)
        y = tool[1] + side * apart * math.cos(heading)
        reach_x, reach_y = 0.035 * math.cos(heading), 0.035 * math.sin(heading)
        canvas.line(
            [(x - reach_x, y - reach_y), (x + reach_x, y + reach_y)], palette.OWN_LIGHT, 3.0
        )
