"""The whole picture: the table with the arm and, beside it, the panel."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw

from ...batched import palette
from ...batched.canvas import Canvas
from ..contact import TABLE_HIGH, TABLE_LOW, TABLE_X
from .bodies import draw_arm, draw_fence, draw_goal, draw_mechanism, draw_object
from .panel import panel
from .scene import Scene

DEFAULT_SIZE = (520, 360)
"""Width and height, pixels."""
SMALLEST_SIZE = (240, 160)
"""Of a picture with a panel: below, nothing in it could be read."""
_HALF = 1.02
"""Half of what is shown along the shorter side of a picture, metres."""
_MIDDLE = 0.5
"""How far before the base the middle of the picture is, metres."""
_FULL_WEIGHT = 170
"""Pixels a metre from which on lines have their full width."""


def draw(scene: Scene, size: tuple[int, int], with_panel: bool = True) -> np.ndarray:
    """A scene as (height, width, 3) uint8. Raises `ValueError` for a size too small to read."""
    wide, high = size
    if not with_panel:
        return np.asarray(table(scene, size))
    if wide < SMALLEST_SIZE[0] or high < SMALLEST_SIZE[1]:
        least = " x ".join(map(str, SMALLEST_SIZE))
        raise ValueError(f"a picture of {wide} x {high} pixels cannot be read; {least} can")
    side = round(0.3 * wide)
    image = Image.new("RGB", size, palette.PANEL)
    image.paste(table(scene, (wide - side, high)), (0, 0))
    image.paste(panel(scene, (side, high)), (wide - side, 0))
    ImageDraw.Draw(image).line((wide - side, 0, wide - side, high), palette.PANEL_LINE)
    return np.asarray(image)


def table(scene: Scene, size: tuple[int, int]) -> Image.Image:
    """The table and everything on it."""
    turn = tuple(round(float(value), 6) for value in scene.arm["turn"].ravel())
    canvas = _empty_table(size, turn).copy()
    draw_fence(canvas, scene)
    draw_mechanism(canvas, scene)
    draw_goal(canvas, scene)
    draw_object(canvas, scene)
    draw_arm(canvas, scene)
    return canvas.finished()


@lru_cache(maxsize=8)
def _empty_table(size: tuple[int, int], turn: tuple[float, ...]) -> Canvas:
    """The table with its grid; the same for all arms of a task."""

    def world(x: float, y: float) -> tuple[float, float]:
        return turn[0] * x + turn[1] * y, turn[2] * x + turn[3] * y

    scale = min(size) / (2 * _HALF)
    weight = min(max(scale / _FULL_WEIGHT, 0.3), 1.5)
    canvas = Canvas(size, world(0.0, _MIDDLE), scale, palette.OUTSIDE, weight)
    corners = [(-TABLE_X, TABLE_LOW), (TABLE_X, TABLE_LOW)]
    corners += [(TABLE_X, TABLE_HIGH), (-TABLE_X, TABLE_HIGH)]
    canvas.polygon([world(x, y) for x, y in corners], palette.GROUND, palette.BORDER, 1.5)
    for k in range(-9, 10):
        colour = palette.GRID if k % 5 else palette.GRID_FOURTH
        canvas.line([world(k / 10, TABLE_LOW), world(k / 10, TABLE_HIGH)], colour)
    for k in range(2, 11):
        colour = palette.GRID if k % 5 else palette.GRID_FOURTH
        canvas.line([world(-TABLE_X, k / 10), world(TABLE_X, k / 10)], colour)
    return canvas
