"""Structures: bodies, how far they are built, what they train."""

from __future__ import annotations

from ...batched import palette
from ...batched.canvas import Canvas
from ..units import BARRACKS, COMMAND_CENTRE, MARINE, SCV
from .bodies import Paint, draw_body
from .scene import Scene

_TRAINS = {COMMAND_CENTRE: SCV, BARRACKS: MARINE}
_LONGEST_QUEUE = 5
_BAR_RISE = 0.62
"""Of the size: how far below the middle bars are; inside, since structures stand wall to wall."""
# Duller than units, which walk about in front of them.
_BUILT = Paint(palette.mixed(palette.OWN, palette.GROUND, 0.42), palette.OWN_EDGE, palette.OWN)
_SITE = Paint(palette.faded(palette.OWN, 0.2), palette.faded(palette.OWN, 0.8), (0, 0, 0, 0))


def draw_structures(canvas: Canvas, scene: Scene) -> None:
    """Every own structure."""
    for j in range(scene.game["structures"]):
        _structure(canvas, scene, j)


def _structure(canvas: Canvas, scene: Scene, j: int) -> None:
    """One structure; under construction it is a translucent site with its progress."""
    game = scene.game
    kind = int(game["structure_kind"][j])
    x, y = float(game["structure_x"][j]), float(game["structure_y"][j])
    size, left = float(scene.units["radius"][kind]), float(game["structure_left"][j])
    if game["structure_chosen"][j]:
        canvas.disc(x, y, 1.15 * size, None, palette.faded(palette.SELECTED, 0.8), 1.2)
    draw_body(canvas, kind, x, y, size, 0.0, _SITE if left > 0 else _BUILT)
    if left > 0:
        done = 1 - left / max(float(scene.units["build_loops"][kind]), 1.0)
        _bar(canvas, x, y - _BAR_RISE * size, 0.9 * size, done, palette.WORK_ORDER)
    elif game["queue"][j] > 0:
        _queue(canvas, scene, j, x, y - _BAR_RISE * size, 0.9 * size)


def _bar(
    canvas: Canvas, x: float, y: float, half: float, share: float, colour: palette.Colour
) -> None:
    """A horizontal bar of a length from -half to half, filled up to a share."""
    rim, high = canvas.pixels(1.0), canvas.pixels(4.0)
    canvas.box(x - half - rim, y - high - rim, x + half + rim, y + rim, palette.HEALTH_LOST)
    canvas.box(x - half, y - high, x - half + 2 * half * min(max(share, 0.0), 1.0), y, colour)


def _queue(canvas: Canvas, scene: Scene, j: int, x: float, y: float, half: float) -> None:
    """Five cells, as many filled as units are ordered, the first one by its progress."""
    ordered = int(scene.game["queue"][j])
    trained = _TRAINS.get(int(scene.game["structure_kind"][j]), MARINE)
    whole = max(float(scene.units["build_loops"][trained]), 1.0)
    done = 1 - float(scene.game["queue_left"][j]) / whole
    cell = 2 * half / _LONGEST_QUEUE
    for place in range(_LONGEST_QUEUE):
        centre = x - half + (place + 0.5) * cell
        share = 0.0 if place >= ordered else (done if place == 0 else 1.0)
        colour = palette.OWN if place == 0 else palette.OWN_LIGHT
        _bar(canvas, centre, y, 0.5 * cell - canvas.pixels(1.5), share, colour)
