"""The arena: ground, grid, border, and the shade that says what the agent can see of it.

Bright is seen now, dim was seen before, dark was never seen. Outside the playable rectangle nothing
is drawn.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final

import numpy as np
from PIL import Image, ImageChops, ImageDraw

from ...batched import palette
from ...batched.canvas import Canvas
from ..dark import CELL
from ..state import EXPLORED
from .scene import Scene

SEEN, REMEMBERED, DARK = 255, 120, 34
"""Brightness of the ground, of 255."""
_MARGIN: Final = 1.0
"""Map units around the playable rectangle."""
_FINE_GRID: Final = 9
"""Pixels a map unit from which on each unit has its line; below, every fourth."""
_FULL_WEIGHT: Final = 11
"""Pixels a map unit from which on lines have their full width."""
_SHADE_SCALE: Final = 10
"""Pixels a map unit of the shade before it is enlarged: its edges are soft anyway."""


@lru_cache(maxsize=4)
def _arena(size: tuple[int, int], corners: tuple[float, float, float, float]) -> Canvas:
    """The playable rectangle with its grid, as large as fits; the same for all games of a task."""
    x0, y0, x1, y1 = corners
    scale = min(size[0] / (x1 - x0 + 2 * _MARGIN), size[1] / (y1 - y0 + 2 * _MARGIN))
    weight = min(max(scale / _FULL_WEIGHT, 0.3), 1.0)
    canvas = Canvas(size, ((x0 + x1) / 2, (y0 + y1) / 2), scale, palette.OUTSIDE, weight)
    canvas.box(x0, y0, x1, y1, palette.GROUND)
    step = 1 if scale >= _FINE_GRID else 4
    for x in range(step * math.ceil(x0 / step), math.floor(x1) + 1, step):
        canvas.line([(x, y0), (x, y1)], palette.GRID if x % 4 else palette.GRID_FOURTH)
    for y in range(step * math.ceil(y0 / step), math.floor(y1) + 1, step):
        canvas.line([(x0, y), (x1, y)], palette.GRID if y % 4 else palette.GRID_FOURTH)
    return canvas


def arena(scene: Scene, size: tuple[int, int]) -> Canvas:
    """A canvas with the ground of a scene."""
    return _arena(size, rectangle(scene)).copy()


def rectangle(scene: Scene) -> tuple[float, float, float, float]:
    """The playable rectangle: x0, y0, x1, y1."""
    rule = scene.rule
    return float(rule["x0"]), float(rule["y0"]), float(rule["x1"]), float(rule["y1"])


def draw_border(canvas: Canvas, scene: Scene) -> None:
    """The playable rectangle's edge and, where there is a camera, the screen's."""
    canvas.box(*rectangle(scene), None, palette.BORDER, 1.4)
    if scene.rule["camera"]:
        draw_screen(canvas, scene, 1.6)


def draw_screen(canvas: Canvas, scene: Scene, width_px: float) -> None:
    """The camera's rectangle."""
    canvas.box(*scene.screen(), None, palette.faded(palette.CAMERA, 0.8), width_px)


def shade(canvas: Canvas, scene: Scene) -> None:
    """Darken what the agent does not see, in place."""
    if not scene.hides:
        return
    window = _window(canvas)
    mask = brightness(scene, window).resize(canvas.image.size, Image.Resampling.BILINEAR)
    dark = Image.new("RGB", canvas.image.size, palette.UNSEEN)
    canvas.image.paste(Image.composite(canvas.image, dark, mask))


def _window(canvas: Canvas) -> tuple[float, float, float, float]:
    """The part of the map on a canvas: x0, y0, x1, y1."""
    column, row = canvas.place(0.0, 0.0)
    scale = canvas.scale
    return (
        -column / scale,
        (row - canvas.size[1]) / scale,
        (canvas.size[0] - column) / scale,
        row / scale,
    )


def brightness(scene: Scene, window: tuple[float, float, float, float]) -> Image.Image:
    """How bright each place of a window of the map is, north up, as an `L` image."""
    x0, y0, x1, y1 = window
    size = (math.ceil((x1 - x0) * _SHADE_SCALE), math.ceil((y1 - y0) * _SHADE_SCALE))
    seen = Image.new("L", size, 0 if scene.rule["fog"] else SEEN)
    if scene.rule["fog"]:
        draw = ImageDraw.Draw(seen)
        for x, y, radius in scene.sights():
            left, top = (x - radius - x0) * _SHADE_SCALE, (y1 - y - radius) * _SHADE_SCALE
            wide = 2 * radius * _SHADE_SCALE
            draw.ellipse((left, top, left + wide, top + wide), SEEN)
    if scene.rule["camera"]:
        seen = ImageChops.multiply(seen, _on_screen(scene, window, size))
    return ImageChops.lighter(seen, _remembered(scene, window, size))


def _on_screen(
    scene: Scene, window: tuple[float, float, float, float], size: tuple[int, int]
) -> Image.Image:
    """White inside the camera's rectangle."""
    left, bottom, right, top = scene.screen()
    shown = Image.new("L", size, 0)
    corners = (left - window[0], window[3] - top, right - window[0], window[3] - bottom)
    ImageDraw.Draw(shown).rectangle([_SHADE_SCALE * corner for corner in corners], 255)
    return shown


def _remembered(
    scene: Scene, window: tuple[float, float, float, float], size: tuple[int, int]
) -> Image.Image:
    """What has been explored a little lighter than the rest. Without fog all of it has been."""
    if not scene.rule["fog"]:
        return Image.new("L", size, REMEMBERED)
    cells = np.where(scene.game["explored"], REMEMBERED, DARK).astype(np.uint8)[::-1]
    whole = Image.fromarray(cells)
    cell = round(CELL * _SHADE_SCALE)
    enlarged = whole.resize((EXPLORED * cell, EXPLORED * cell), Image.Resampling.BICUBIC)
    left = round(window[0] * _SHADE_SCALE)
    top = round((EXPLORED * CELL - window[3]) * _SHADE_SCALE)
    part = Image.new("L", size, DARK)
    part.paste(enlarged, (-left, -top))
    return part
