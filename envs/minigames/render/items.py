"""Items: the beacon, mineral shards, mineral fields and geysers."""

from __future__ import annotations

from collections.abc import Callable

from ...batched import palette
from ...batched.canvas import Canvas, turned
from ..see_planes import BEACON_RADIUS, SHARD_RADIUS
from ..state import BEACON_ITEM, GEYSER_ITEM, MINERAL_ITEM, SHARD_ITEM

Item = Callable[[Canvas, float, float, float, bool], None]
"""(canvas, x, y, size, hidden) draws one item of about `size` around (x, y)."""

_GEM = [(0.0, 1.0), (0.66, 0.2), (0.0, -1.0), (-0.66, 0.2)]
_FACETS = [(-0.66, 0.2), (0.0, 0.02), (0.66, 0.2)]
_OUTLINE = 0.55


def _gem(canvas: Canvas, x: float, y: float, size: float, hidden: bool) -> None:
    corners = turned(_GEM, x, y, size, 0.0)
    if hidden:
        canvas.polygon(corners, None, palette.faded(palette.MINERAL, _OUTLINE), 1.0)
        return
    canvas.polygon(corners, palette.MINERAL, palette.MINERAL_EDGE, 1.0)
    canvas.polygon([corners[0], *turned(_FACETS, x, y, size, 0.0)], palette.MINERAL_LIGHT)


def _beacon(canvas: Canvas, x: float, y: float, size: float, hidden: bool) -> None:
    """Rings that tighten towards the middle."""
    colour = palette.BEACON
    if hidden:
        canvas.disc(x, y, size, None, palette.faded(colour, _OUTLINE), 1.4)
        return
    canvas.disc(x, y, 1.35 * size, palette.faded(colour, 0.1))
    canvas.disc(x, y, size, palette.faded(colour, 0.3), colour, 2.2)
    canvas.disc(x, y, 0.62 * size, None, palette.faded(colour, 0.85), 1.6)
    canvas.disc(x, y, 0.24 * size, colour)


def _field(canvas: Canvas, x: float, y: float, size: float, hidden: bool) -> None:
    """Three crystals side by side."""
    for dx, dy, share in ((-0.62, -0.06, 0.62), (0.62, -0.1, 0.56), (0.0, 0.08, 0.8)):
        _gem(canvas, x + dx * size, y + dy * size, share * size, hidden)


def _geyser(canvas: Canvas, x: float, y: float, size: float, hidden: bool) -> None:
    """A crater with a plume."""
    if hidden:
        canvas.disc(x, y, size, None, palette.faded(palette.GAS, _OUTLINE), 1.4)
        return
    canvas.disc(x, y, size, palette.mixed(palette.GAS, palette.GROUND, 0.72), palette.GAS, 1.6)
    canvas.disc(x, y, 0.62 * size, palette.GAS_EDGE, palette.GAS, 1.2)
    for dx, dy, share in ((-0.16, -0.1, 0.26), (0.18, 0.02, 0.22), (0.0, 0.24, 0.2)):
        canvas.disc(x + dx * size, y + dy * size, share * size, palette.faded(palette.GAS, 0.9))


ITEMS: dict[int, tuple[Item, float, str]] = {
    BEACON_ITEM: (_beacon, BEACON_RADIUS, "beacon"),
    SHARD_ITEM: (_gem, SHARD_RADIUS, "mineral shard"),
    MINERAL_ITEM: (_field, 0.95, "mineral field"),
    GEYSER_ITEM: (_geyser, 1.4, "geyser"),
}
"""By the kind of item: how it is drawn, its size in map units, its name."""


def draw_item(canvas: Canvas, kind: int, x: float, y: float, hidden: bool) -> None:
    """Draw one item where it lies; a hidden one as a faint outline."""
    draw, size, _ = ITEMS[kind]
    draw(canvas, x, y, max(size, 0.008 * canvas.size[0] / canvas.scale), hidden)
