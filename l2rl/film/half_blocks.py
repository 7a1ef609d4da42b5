"""Pictures as coloured half-block characters: each cell of a terminal shows two pixels."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise

import numpy as np
from PIL import Image
from rich.color import Color
from rich.console import Console, ConsoleOptions
from rich.segment import Segment
from rich.style import Style

UPPER_HALF = "▀"
_SHADES = 0xF8
"""32 shades a channel: more would hardly be seen and cost many more escape sequences."""


class HalfBlocks:
    """A rich renderable of a picture, (2 * rows, columns, 3) uint8."""

    def __init__(self, picture: np.ndarray) -> None:
        self.cells = picture & _SHADES

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        for row in range(0, len(self.cells), 2):
            yield from _row(self.cells[row], self.cells[row + 1])
            yield Segment.line()


def _row(upper: np.ndarray, lower: np.ndarray) -> Iterator[Segment]:
    """One row of cells, neighbours of the same colours together."""
    both = np.concatenate([upper, lower], axis=1)
    changes = np.flatnonzero((both[1:] != both[:-1]).any(axis=1)) + 1
    starts = [0, *changes.tolist(), len(both)]
    for start, end in pairwise(starts):
        yield Segment(UPPER_HALF * (end - start), _style(*both[start].tolist()))


@lru_cache(maxsize=1 << 15)
def _style(red: int, green: int, blue: int, red_b: int, green_b: int, blue_b: int) -> Style:
    return Style(
        color=Color.from_rgb(red, green, blue), bgcolor=Color.from_rgb(red_b, green_b, blue_b)
    )


def fitted(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The picture made as large as fits into (width, height) pixels, its height even."""
    height, width = picture.shape[:2]
    scale = min(size[0] / width, size[1] / height)
    wide = max(round(width * scale), 1)
    high = max(2 * round(height * scale / 2), 2)
    if (wide, high) == (width, height):
        return picture
    return np.asarray(Image.fromarray(picture).resize((wide, high), Image.Resampling.BOX))
