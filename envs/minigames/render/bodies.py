"""The shape of each kind of unit and structure, the same on the map and in the legend."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from ...batched import palette
from ...batched.canvas import Canvas, Point, turned
from ...batched.palette import Colour
from ..units import (
    BANELING,
    BARRACKS,
    COMMAND_CENTRE,
    MARINE,
    REFINERY,
    ROACH,
    SCV,
    SUPPLY_DEPOT,
    ZERGLING,
)


@dataclass(frozen=True)
class Paint:
    """The three tones of a body; without a fill only its outline is drawn."""

    fill: Colour | None
    edge: Colour
    light: Colour


OWN_PAINT = Paint(palette.OWN, palette.OWN_EDGE, palette.OWN_LIGHT)
HOSTILE_PAINT = Paint(palette.HOSTILE, palette.HOSTILE_EDGE, palette.HOSTILE_LIGHT)
HIDDEN_PAINT = Paint(
    None, palette.faded(palette.HOSTILE, 0.62), palette.faded(palette.HOSTILE, 0.0)
)
"""What the agent cannot see, and people can: a faint outline."""

Body = Callable[[Canvas, float, float, float, float, Paint], None]
"""(canvas, x, y, size, facing in radians, paint) draws one body of about `size` around (x, y)."""


def _ellipse(long: float, wide: float, corners: int = 20) -> list[Point]:
    steps = [2 * math.pi * i / corners for i in range(corners)]
    return [(long * math.cos(step), wide * math.sin(step)) for step in steps]


_GUN = [(0.1, -0.84), (1.5, -0.8), (1.5, -0.52), (0.1, -0.44)]
_VISOR = [(0.2, 0.42), (0.58, 0.3), (0.58, -0.3), (0.2, -0.42)]
_SHOULDERS = _ellipse(0.5, 1.02)
_SHELL = _ellipse(1.12, 0.84)
_RIDGES = (-0.5, -0.1, 0.3)
_DART = [(1.15, 0.0), (0.35, 0.42), (-0.55, 0.5), (-1.05, 0.16), (-1.05, -0.16), (-0.55, -0.5)]
_DART += [(0.35, -0.42)]
_CLAW = [(0.2, 0.42), (0.72, 0.98), (1.22, 0.62)]
_CABIN = [(-0.85, 0.7), (0.35, 0.7), (0.7, 0.35), (0.7, -0.35), (0.35, -0.7), (-0.85, -0.7)]
_OCTAGON = [
    (math.cos(math.pi * (i + 0.5) / 4), math.sin(math.pi * (i + 0.5) / 4)) for i in range(8)
]
_SQUARE = [(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)]
_HALL = [(-1.05, -0.85), (1.05, -0.85), (1.05, 0.5), (0.6, 0.9), (-0.6, 0.9), (-1.05, 0.5)]


def _marine(canvas: Canvas, x: float, y: float, size: float, facing: float, paint: Paint) -> None:
    """Broad shoulders, a helmet, a gun."""
    gun = turned(_GUN, x, y, size, facing)
    canvas.polygon(
        gun, paint.fill and palette.mixed(paint.light, (120, 130, 140), 0.4), paint.edge, 0.7
    )
    canvas.polygon(turned(_SHOULDERS, x, y, size, facing), paint.fill, paint.edge, 1.0)
    canvas.disc(x, y, 0.7 * size, paint.fill, paint.edge, 1.0)
    if paint.fill:
        canvas.polygon(turned(_VISOR, x, y, size, facing), paint.light)


def _roach(canvas: Canvas, x: float, y: float, size: float, facing: float, paint: Paint) -> None:
    """A ridged oval shell with mandibles."""
    for side in (1, -1):
        jaw = turned(
            [(0.95, 0.3 * side), (1.4, 0.34 * side), (1.3, 0.08 * side)], x, y, size, facing
        )
        canvas.line(jaw, paint.edge if paint.fill is None else paint.light, 1.8)
    canvas.polygon(turned(_SHELL, x, y, size, facing), paint.fill, paint.edge, 1.4)
    if paint.fill:
        for along in _RIDGES:
            across = 0.78 * math.sqrt(max(1 - (along / 1.12) ** 2, 0.0))
            ridge = [(along - 0.14, -across), (along + 0.1, 0.0), (along - 0.14, across)]
            canvas.line(turned(ridge, x, y, size, facing), paint.edge, 1.3)


def _zergling(canvas: Canvas, x: float, y: float, size: float, facing: float, paint: Paint) -> None:
    """A dart with two scythes."""
    for side in (1, -1):
        claw = turned([(a, side * b) for a, b in _CLAW], x, y, size, facing)
        canvas.line(claw, paint.light if paint.fill else paint.edge, 1.6)
    canvas.polygon(turned(_DART, x, y, size, facing), paint.fill, paint.edge, 1.2)
    if paint.fill:
        canvas.line(turned([(-0.7, 0.0), (0.6, 0.0)], x, y, size, facing), paint.edge, 1.0)


def _baneling(canvas: Canvas, x: float, y: float, size: float, facing: float, paint: Paint) -> None:
    """A knobbly ball with a glowing core."""
    for i in range(9):
        angle = facing + 2 * math.pi * i / 9
        knob = (x + 0.86 * size * math.cos(angle), y + 0.86 * size * math.sin(angle))
        canvas.disc(*knob, 0.3 * size, paint.fill, paint.edge, 1.0)
    canvas.disc(x, y, 0.86 * size, paint.fill, None if paint.fill else paint.edge, 1.0)
    if paint.fill:
        canvas.disc(x, y, 0.5 * size, palette.ACID, paint.edge, 0.8)


def _scv(canvas: Canvas, x: float, y: float, size: float, facing: float, paint: Paint) -> None:
    """A box on legs with two arms and a cabin."""
    for side in (1, -1):
        arm = [(0.2, 0.72 * side), (1.05, 0.6 * side), (1.25, 0.3 * side)]
        canvas.line(turned(arm, x, y, size, facing), paint.light if paint.fill else paint.edge, 1.8)
    canvas.polygon(turned(_CABIN, x, y, size, facing), paint.fill, paint.edge, 1.2)
    if paint.fill:
        cabin = turned([(0.18, 0.0)], x, y, size, facing)[0]
        canvas.disc(*cabin, 0.3 * size, paint.light, paint.edge, 0.8)


def _centre(canvas: Canvas, x: float, y: float, size: float, facing: float, paint: Paint) -> None:
    """An octagon with four feet."""
    for i in range(4):
        angle = math.pi * (i + 0.5) / 2
        foot = (x + size * math.cos(angle), y + size * math.sin(angle))
        canvas.disc(*foot, 0.2 * size, paint.edge)
    canvas.polygon(turned(_OCTAGON, x, y, 0.98 * size, 0.0), paint.fill, paint.edge, 1.6)
    canvas.disc(x, y, 0.6 * size, None, paint.edge, 1.6)
    canvas.disc(x, y, 0.28 * size, paint.light, paint.edge, 1.2)


def _depot(canvas: Canvas, x: float, y: float, size: float, facing: float, paint: Paint) -> None:
    """A crate: a square with its diagonals."""
    canvas.polygon(turned(_SQUARE, x, y, size, 0.0), paint.fill, paint.edge, 1.4)
    for rise in (1, -1):
        diagonal = turned([(-0.62, -0.62 * rise), (0.62, 0.62 * rise)], x, y, size, 0.0)
        canvas.line(diagonal, paint.edge, 1.4)


def _barracks(canvas: Canvas, x: float, y: float, size: float, facing: float, paint: Paint) -> None:
    """A hall with a gate and two chevrons."""
    canvas.polygon(turned(_HALL, x, y, size, 0.0), paint.fill, paint.edge, 1.6)
    canvas.box(x - 0.3 * size, y - 0.85 * size, x + 0.3 * size, y - 0.3 * size, paint.edge)
    for rise in (0.0, 0.3):
        chevron = [(-0.45, 0.05 + rise), (0.0, 0.35 + rise), (0.45, 0.05 + rise)]
        canvas.line(turned(chevron, x, y, size, 0.0), paint.edge, 1.6)


def _refinery(canvas: Canvas, x: float, y: float, size: float, facing: float, paint: Paint) -> None:
    """Three tanks on a plate."""
    canvas.polygon(turned(_OCTAGON, x, y, size, 0.0), paint.fill, paint.edge, 1.4)
    for i in range(3):
        angle = math.pi * (0.5 + 2 * i / 3)
        tank = (x + 0.46 * size * math.cos(angle), y + 0.46 * size * math.sin(angle))
        canvas.disc(*tank, 0.32 * size, palette.GAS, paint.edge, 1.2)


BODIES: dict[int, Body] = {
    MARINE: _marine,
    ROACH: _roach,
    ZERGLING: _zergling,
    BANELING: _baneling,
    SCV: _scv,
    COMMAND_CENTRE: _centre,
    SUPPLY_DEPOT: _depot,
    BARRACKS: _barracks,
    REFINERY: _refinery,
}
"""By the row of the unit table."""

NAMES: dict[int, str] = {
    MARINE: "marine",
    ROACH: "roach",
    ZERGLING: "zergling",
    BANELING: "baneling",
    SCV: "SCV",
    COMMAND_CENTRE: "command centre",
    SUPPLY_DEPOT: "depot",
    BARRACKS: "barracks",
    REFINERY: "refinery",
}


def draw_body(
    canvas: Canvas, kind: int, x: float, y: float, size: float, facing: float, paint: Paint
) -> None:
    """Draw one unit or structure of about `size` map units around (x, y)."""
    BODIES[kind](canvas, x, y, size, facing, paint)
