"""A drawing surface in map units: drawn larger than needed and reduced, so that edges are smooth.

Text is the exception: it is set at the final size, where the font's own hinting keeps it sharp.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

from PIL import Image, ImageDraw, ImageFont

from .palette import Colour

OVERSAMPLING = 3
"""Pixels drawn for each pixel of the picture, along each axis."""

Point = tuple[float, float]


@lru_cache(maxsize=32)
def font(size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Pillow's own typeface, which is everywhere the same, at a height in pixels."""
    return ImageFont.load_default(size)


class Canvas:
    """A window of the map, x to the right and y up, drawn on `size` = (width, height) pixels."""

    def __init__(
        self,
        size: tuple[int, int],
        centre: Point,
        scale: float,
        ground: Colour,
        weight: float = 1.0,
    ) -> None:
        """`centre` is the map point in the middle, `scale` the pixels a map unit, `weight` a factor
        on the width of lines: in a small picture they would bury what they surround."""
        large = (size[0] * OVERSAMPLING, size[1] * OVERSAMPLING)
        self._begin(size, centre, scale, weight, Image.new("RGB", large, ground[:3]))

    def _begin(
        self,
        size: tuple[int, int],
        centre: Point,
        scale: float,
        weight: float,
        image: Image.Image,
    ) -> None:
        self.size, self.scale, self.weight = size, scale, weight
        self._centre, self.image = centre, image
        self._draw = ImageDraw.Draw(image, "RGBA")

    def copy(self) -> Canvas:
        """Another canvas with the same picture, to be drawn on apart from this one."""
        other = Canvas.__new__(Canvas)
        other._begin(self.size, self._centre, self.scale, self.weight, self.image.copy())
        return other

    def place(self, x: float, y: float) -> Point:
        """Where a map point is in the finished picture, pixels from its upper left corner."""
        return (
            self.size[0] / 2 + (x - self._centre[0]) * self.scale,
            self.size[1] / 2 - (y - self._centre[1]) * self.scale,
        )

    def pixels(self, count: float) -> float:
        """So many pixels of the finished picture, by its weight, in map units."""
        return count * self.weight / self.scale

    def _at(self, x: float, y: float) -> Point:
        column, row = self.place(x, y)
        return column * OVERSAMPLING, row * OVERSAMPLING

    def _width(self, width_px: float) -> int:
        return max(round(width_px * self.weight * OVERSAMPLING), 1)

    def disc(
        self,
        x: float,
        y: float,
        radius: float,
        fill: Colour | None,
        edge: Colour | None = None,
        width_px: float = 1.0,
    ) -> None:
        """A disc or, without a fill, a circle."""
        column, row = self._at(x, y)
        reach = radius * self.scale * OVERSAMPLING
        box = (column - reach, row - reach, column + reach, row + reach)
        self._draw.ellipse(box, fill, edge, self._width(width_px) if edge else 0)

    def polygon(
        self,
        points: Sequence[Point],
        fill: Colour | None,
        edge: Colour | None = None,
        width_px: float = 1.0,
    ) -> None:
        """A closed shape; its edge is drawn with round joints."""
        corners = [self._at(x, y) for x, y in points]
        if fill is not None:
            self._draw.polygon(corners, fill)
        if edge is not None:
            closed = [*corners, corners[0], corners[1]]
            self._draw.line(closed, edge, self._width(width_px), joint="curve")

    def box(
        self,
        x0: float,
        y0: float,
        x1: float,
        y1: float,
        fill: Colour | None,
        edge: Colour | None = None,
        width_px: float = 1.0,
    ) -> None:
        """A rectangle given by two opposite corners."""
        left, bottom = self._at(min(x0, x1), min(y0, y1))
        right, top = self._at(max(x0, x1), max(y0, y1))
        # Pillow counts the far edge in: a box without area must stay without.
        area = (left, top, max(right - 1, left), max(bottom - 1, top))
        self._draw.rectangle(area, fill, edge, self._width(width_px) if edge else 0)

    def line(self, points: Sequence[Point], colour: Colour, width_px: float = 1.0) -> None:
        """A line through several points."""
        corners = [self._at(x, y) for x, y in points]
        self._draw.line(corners, colour, self._width(width_px), joint="curve")

    def dashes(self, start: Point, end: Point, colour: Colour, width_px: float = 1.0) -> None:
        """A dashed line."""
        length = math.dist(start, end)
        dash = self.pixels(5.0)
        for i in range(math.ceil(length / dash / 2)):
            near, far = 2 * i * dash / length, min((2 * i + 1) * dash / length, 1.0)
            self.line([_between(start, end, near), _between(start, end, far)], colour, width_px)

    def arc(
        self, x: float, y: float, radius: float, share: float, colour: Colour, width_px: float
    ) -> None:
        """The first `share` of a circle, clockwise from the top."""
        column, row = self._at(x, y)
        reach = radius * self.scale * OVERSAMPLING
        box = (column - reach, row - reach, column + reach, row + reach)
        self._draw.arc(box, -90, -90 + 360 * share, colour, self._width(width_px))

    def finished(self) -> Image.Image:
        """The picture at its final size."""
        return self.image.reduce(OVERSAMPLING)


def _between(start: Point, end: Point, share: float) -> Point:
    return (start[0] + (end[0] - start[0]) * share, start[1] + (end[1] - start[1]) * share)


def turned(points: Sequence[Point], x: float, y: float, size: float, angle: float) -> list[Point]:
    """A shape given around the origin, facing east: enlarged, turned (radians), put at (x, y)."""
    cosine, sine = math.cos(angle) * size, math.sin(angle) * size
    return [(x + a * cosine - b * sine, y + a * sine + b * cosine) for a, b in points]
