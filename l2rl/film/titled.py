"""A strip below a picture that says what it is a picture of."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

HEIGHT = 22
"""Of the strip, pixels."""
_GROUND, _LEFT, _RIGHT = (12, 13, 16), (232, 236, 240), (154, 163, 174)
_SIZE, _SMALLEST, _MARGIN = 12.0, 8.0, 8


def titled(picture: np.ndarray, left: str, right: str) -> np.ndarray:
    """The picture, (height, width, 3) uint8, with a strip of `HEIGHT` below."""
    strip = _strip(picture.shape[1], left, right)
    return np.concatenate([picture, strip])


@lru_cache(maxsize=8)
def _strip(width: int, left: str, right: str) -> np.ndarray:
    """(HEIGHT, width, 3) uint8; text too long for it is set smaller."""
    image = Image.new("RGB", (width, HEIGHT), _GROUND)
    draw = ImageDraw.Draw(image)
    size = _SIZE
    room = width - 3 * _MARGIN
    while size > _SMALLEST and _length(left, size) + _length(right, size) > room:
        size -= 0.5
    font = ImageFont.load_default(size)
    draw.text((_MARGIN, HEIGHT / 2), left, _LEFT, font, "lm")
    draw.text((width - _MARGIN, HEIGHT / 2), right, _RIGHT, font, "rm")
    return np.asarray(image)


def _length(text: str, size: float) -> float:
    return float(ImageFont.load_default(size).getlength(text))
