"""The whole picture: the arena and, beside it, the panel."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from ...batched import palette
from ...batched.canvas import Canvas, font
from .bodies import NAMES
from .ground import arena, draw_border, shade
from .items import draw_item
from .panel import panel
from .scene import Scene
from .structures import draw_structures
from .units import draw_units

DEFAULT_SIZE = (720, 432)
"""Width and height, pixels."""
SMALLEST_SIZE = (320, 200)
"""Of a picture with a panel: below, nothing in it could be read."""
_PANEL_SHARE = 0.245
"""Of the width."""


def draw(scene: Scene, size: tuple[int, int], with_panel: bool = True) -> np.ndarray:
    """A scene as (height, width, 3) uint8. Raises `ValueError` for a size too small to read."""
    wide, high = size
    if with_panel and (wide < SMALLEST_SIZE[0] or high < SMALLEST_SIZE[1]):
        least = " x ".join(map(str, SMALLEST_SIZE))
        raise ValueError(f"a picture of {wide} x {high} pixels cannot be read; {least} can")
    if not with_panel:
        return np.asarray(field(scene, size))
    side = round(_PANEL_SHARE * wide)
    image = Image.new("RGB", size, palette.PANEL)
    image.paste(field(scene, (wide - side, high)), (0, 0))
    image.paste(panel(scene, (side, high)), (wide - side, 0))
    ImageDraw.Draw(image).line((wide - side, 0, wide - side, high), palette.PANEL_LINE)
    return np.asarray(image)


def field(scene: Scene, size: tuple[int, int]) -> Image.Image:
    """The playable rectangle and everything in it."""
    canvas = arena(scene, size)
    shade(canvas, scene)
    draw_border(canvas, scene)
    game = scene.game
    for k in scene.items():
        hidden = scene.hides and not game["item_visible"][k]
        x, y = float(game["item_x"][k]), float(game["item_y"][k])
        draw_item(canvas, int(game["item_kind"][k]), x, y, hidden)
    draw_structures(canvas, scene)
    draw_units(canvas, scene)
    image = canvas.finished()
    if canvas.scale >= 12:
        _name_structures(image, canvas, scene)
    return image


def _name_structures(image: Image.Image, canvas: Canvas, scene: Scene) -> None:
    """Each structure's name in its upper part."""
    pen = ImageDraw.Draw(image)
    game = scene.game
    for j in range(game["structures"]):
        kind = int(game["structure_kind"][j])
        rise = 0.5 * float(scene.units["radius"][kind])
        at = canvas.place(float(game["structure_x"][j]), float(game["structure_y"][j]) + rise)
        size = font(max(0.45 * canvas.scale, 8))
        edge = palette.OWN_EDGE
        pen.text(at, NAMES[kind], palette.TEXT, size, "ms", stroke_width=1, stroke_fill=edge)
