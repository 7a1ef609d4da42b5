"""The minimap: the whole map, 64 x 64, with a dot for everything."""

from __future__ import annotations

from PIL import Image

from ...batched import palette
from ...batched.canvas import Canvas
from ..parameters import MAP_SIZE
from ..state import BEACON_ITEM, GEYSER_ITEM, HOSTILE, OWN
from .ground import draw_screen, rectangle, shade
from .scene import Scene

_DOT = 1.9
"""Radius of a unit's dot, pixels at 150 pixels a side."""


def minimap(scene: Scene, side: int) -> Image.Image:
    """The map, north up, `side` pixels wide and high."""
    middle = MAP_SIZE / 2
    canvas = Canvas((side, side), (middle, middle), side / MAP_SIZE, palette.OUTSIDE)
    x0, y0, x1, y1 = rectangle(scene)
    canvas.box(x0, y0, x1, y1, palette.mixed(palette.GROUND, palette.BORDER, 0.18))
    shade(canvas, scene)
    canvas.box(x0, y0, x1, y1, None, palette.BORDER, 1.0)
    dot = canvas.pixels(_DOT * side / 150)
    _things(canvas, scene, dot)
    for owner in (HOSTILE, OWN):
        for j in scene.alive(owner):
            x, y = scene.position(owner, j)
            if scene.hidden(owner, j):
                canvas.disc(x, y, dot, None, palette.faded(palette.HOSTILE, 0.6), 0.8)
            else:
                canvas.disc(x, y, dot, palette.OWN if owner == OWN else palette.HOSTILE)
    if scene.rule["camera"]:
        draw_screen(canvas, scene, 1.2)
    canvas.box(0, 0, MAP_SIZE, MAP_SIZE, None, palette.PANEL_LINE, 1.0)
    return canvas.finished()


def _things(canvas: Canvas, scene: Scene, dot: float) -> None:
    """Items and structures."""
    game = scene.game
    for k in scene.items():
        kind = game["item_kind"][k]
        x, y = float(game["item_x"][k]), float(game["item_y"][k])
        if kind == BEACON_ITEM:
            canvas.disc(x, y, 1.8 * dot, None, palette.BEACON, 1.6)
        else:
            colour = palette.GAS if kind == GEYSER_ITEM else palette.MINERAL
            canvas.disc(x, y, 0.8 * dot, colour)
    for j in range(game["structures"]):
        x, y = float(game["structure_x"][j]), float(game["structure_y"][j])
        half = 0.7 * float(scene.units["radius"][game["structure_kind"][j]])
        canvas.box(x - half, y - half, x + half, y + half, palette.OWN)
