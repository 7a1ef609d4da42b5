"""Units on the map: bodies, selection rings, health, orders, shots and deaths."""

from __future__ import annotations

import math

from ...batched import palette
from ...batched.canvas import Canvas, Point
from ...batched.palette import Colour
from ..state import (
    ATTACK,
    ATTACK_MOVE,
    BUILD,
    GATHER,
    GEYSER_ITEM,
    HOSTILE,
    MOVE,
    OWN,
    RETURN,
)
from ..units import BANELING, MARINE, ROACH, SCV
from .bodies import HIDDEN_PAINT, HOSTILE_PAINT, OWN_PAINT, draw_body
from .scene import Fallen, Scene

_ENLARGED = 1.2
"""Bodies are drawn a little larger than they are, to be told apart."""
_SMALLEST_SHARE = 0.012
"""Of the picture's width: the least radius of a body, so that one on a large map is still seen."""
_FLASH_LOOPS = 4.0
"""Game loops that a shot is drawn."""
FADE_LOOPS = 10
"""Game loops that a death is drawn."""
_LOW_HEALTH = 1 / 3
_SMALLEST_WITH_BARS = 200
"""Width of a picture, pixels: in a smaller one bars would only hide the units."""
_ORDERS: dict[int, Colour] = {
    MOVE: palette.MOVE_ORDER,
    ATTACK_MOVE: palette.ATTACK_ORDER,
    ATTACK: palette.ATTACK_ORDER,
    GATHER: palette.WORK_ORDER,
    RETURN: palette.WORK_ORDER,
    BUILD: palette.WORK_ORDER,
}


def body_size(canvas: Canvas, radius: float) -> float:
    """The size at which a unit of a radius is drawn, map units."""
    return max(_ENLARGED * radius, _SMALLEST_SHARE * canvas.size[0] / canvas.scale)


def draw_units(canvas: Canvas, scene: Scene) -> None:
    """Everything that lives, from the ground up: orders, the dying, bodies, shots, health."""
    for j in scene.alive(OWN):
        _order(canvas, scene, j)
    for fallen in scene.fallen:
        _death(canvas, scene, fallen)
    for side in (HOSTILE, OWN):
        for j in scene.alive(side):
            _unit(canvas, scene, side, j)
    for side in (HOSTILE, OWN):
        for j in scene.alive(side):
            if not scene.hidden(side, j):
                _shot(canvas, scene, side, j)
                _health(canvas, scene, side, j)


def _order(canvas: Canvas, scene: Scene, j: int) -> None:
    """Thin lines to where an own unit is going, and on to where it will go then."""
    game = scene.game
    at = scene.position(OWN, j)
    end = scene.end_of_order(j)
    if end is not None:
        _leg(canvas, int(game["order"][OWN, j]), at, end, scene.selected(j))
        at = end
    for turn in range(game["waiting"][j]):
        end = float(game["waiting_x"][j, turn]), float(game["waiting_y"][j, turn])
        _leg(canvas, int(game["waiting_order"][j, turn]), at, end, scene.selected(j))
        at = end


def _leg(canvas: Canvas, order: int, start: Point, end: Point, selected: bool) -> None:
    """One line, dashed when the unit fights on the way."""
    if order not in _ORDERS or math.dist(start, end) < 0.3:
        return
    colour = palette.faded(_ORDERS[order], 0.75 if selected else 0.35)
    if order in (ATTACK, ATTACK_MOVE):
        canvas.dashes(start, end, colour, 1.2)
    else:
        canvas.line([start, end], colour, 1.2)
    canvas.disc(*end, canvas.pixels(2.6), None, colour, 1.2)


def _unit(canvas: Canvas, scene: Scene, side: int, j: int) -> None:
    """A body in its side's colours; a faint outline when the agent does not see it."""
    kind = int(scene.game["kind"][side, j])
    x, y = scene.position(side, j)
    size = body_size(canvas, float(scene.units["radius"][kind]))
    if side == OWN and scene.selected(j):
        canvas.disc(
            x, y, size + canvas.pixels(2.4), None, palette.faded(palette.SELECTED, 0.8), 1.2
        )
    paint = OWN_PAINT if side == OWN else HOSTILE_PAINT
    paint = HIDDEN_PAINT if scene.hidden(side, j) else paint
    draw_body(canvas, kind, x, y, size, scene.facing(side, j), paint)
    if side == OWN and scene.game["cargo"][j] > 0:
        _cargo(canvas, scene, j, size)


def _cargo(canvas: Canvas, scene: Scene, j: int, size: float) -> None:
    """What a worker carries, on its back."""
    x, y = scene.position(OWN, j)
    gas = scene.game["cargo_kind"][j] == GEYSER_ITEM
    fill, edge = (palette.GAS, palette.GAS_EDGE) if gas else (palette.MINERAL, palette.MINERAL_EDGE)
    reach = 0.62 * size
    diamond = [(x, y + reach), (x + reach, y), (x, y - reach), (x - reach, y)]
    canvas.polygon(diamond, fill, edge, 1.0)


def _shot(canvas: Canvas, scene: Scene, side: int, j: int) -> None:
    """A line from the muzzle to the target for a moment after each shot."""
    kind = int(scene.game["kind"][side, j])
    full = float(scene.units["cooldown"][kind])
    target = scene.enemy_of(side, j)
    if target < 0 or kind == BANELING or scene.game["cooldown"][side, j] <= full - _FLASH_LOOPS:
        return
    x, y = scene.position(side, j)
    to_x, to_y = scene.position(1 - side, target)
    length = math.hypot(to_x - x, to_y - y)
    if length < 1e-6:
        return
    reach = 1.4 * body_size(canvas, float(scene.units["radius"][kind])) / length
    muzzle = (x + (to_x - x) * min(reach, 1.0), y + (to_y - y) * min(reach, 1.0))
    if kind in (MARINE, ROACH):
        colour = palette.FIRE if kind == MARINE else palette.ACID
        canvas.line([muzzle, (to_x, to_y)], palette.faded(colour, 0.28), 4.0)
        canvas.line([muzzle, (to_x, to_y)], palette.faded(colour, 0.95), 1.3)
        canvas.disc(*muzzle, canvas.pixels(2.6), colour)
    _impact(canvas, to_x, to_y, palette.FIRE if side == OWN else palette.ACID)


def _impact(canvas: Canvas, x: float, y: float, colour: Colour) -> None:
    """A small star."""
    for i in range(4):
        angle = math.pi * (i + 0.5) / 4
        dx, dy = canvas.pixels(4.2) * math.cos(angle), canvas.pixels(4.2) * math.sin(angle)
        canvas.line([(x - dx, y - dy), (x + dx, y + dy)], palette.faded(colour, 0.9), 1.1)


def _health(canvas: Canvas, scene: Scene, side: int, j: int) -> None:
    """A bar above a unit; workers have one only when they are hurt."""
    kind = int(scene.game["kind"][side, j])
    share = min(float(scene.game["health"][side, j]) / scene.full_health(side, j), 1.0)
    if canvas.size[0] < _SMALLEST_WITH_BARS or (kind == SCV and share >= 1):
        return
    x, y = scene.position(side, j)
    size = body_size(canvas, float(scene.units["radius"][kind]))
    half = 1.1 * size
    bottom = y + size + canvas.pixels(2.0)
    top = bottom + canvas.pixels(2.4)
    rim = canvas.pixels(1.0)
    canvas.box(x - half - rim, bottom - rim, x + half + rim, top + rim, palette.HEALTH_LOST)
    colour = palette.HEALTH if share > _LOW_HEALTH else palette.HEALTH_LOW
    canvas.box(x - half, bottom, x - half + 2 * half * share, top, colour)


def _death(canvas: Canvas, scene: Scene, fallen: Fallen) -> None:
    """A ring that widens and fades; a burst as wide as it hurts."""
    age = (int(scene.game["loop"]) - fallen.loop) / FADE_LOOPS
    if not 0 <= age < 1:
        return
    size = body_size(canvas, float(scene.units["radius"][fallen.kind]))
    splash = float(scene.units["splash"][fallen.kind])
    if splash > 0:
        burst = palette.faded(palette.BURST, 0.4 * (1 - age))
        canvas.disc(fallen.x, fallen.y, splash, burst, palette.faded(palette.BURST, 1 - age), 1.4)
    colour = palette.OWN if fallen.side == OWN else palette.HOSTILE
    faint = palette.faded(colour, 0.9 * (1 - age))
    canvas.disc(fallen.x, fallen.y, size * (0.8 + 0.9 * age), None, faint, 1.4)
    for rise in (1, -1):
        arm = 0.55 * size
        start, end = (
            (fallen.x - arm, fallen.y - arm * rise),
            (fallen.x + arm, fallen.y + arm * rise),
        )
        canvas.line([start, end], faint, 2.0)
