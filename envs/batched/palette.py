"""Colours of the pictures, told apart by people who see fewer of them too.

Own things are blue, hostile ones orange, and no meaning hangs on a colour alone: kinds differ in
shape, health is a length, what is hidden is an outline. The hues are those of Okabe and Ito,
"Color Universal Design" (2008), on a dark ground.
"""

from __future__ import annotations

from typing import Final

Colour = tuple[int, int, int] | tuple[int, int, int, int]
"""RGB or RGBA, 0 to 255."""

GROUND: Final = (38, 43, 50)
OUTSIDE: Final = (18, 20, 24)
GRID: Final = (46, 52, 60)
GRID_FOURTH: Final = (56, 63, 72)
BORDER: Final = (112, 122, 134)
UNSEEN: Final = (9, 10, 13)

OWN: Final = (86, 180, 233)
OWN_EDGE: Final = (14, 66, 108)
OWN_LIGHT: Final = (206, 235, 252)
HOSTILE: Final = (236, 148, 28)
HOSTILE_EDGE: Final = (104, 46, 2)
HOSTILE_LIGHT: Final = (255, 226, 150)

SELECTED: Final = (255, 255, 255)
HEALTH: Final = (108, 222, 168)
HEALTH_LOW: Final = (240, 228, 66)
HEALTH_LOST: Final = (10, 12, 15)

MOVE_ORDER: Final = (150, 206, 240)
ATTACK_ORDER: Final = (255, 120, 60)
WORK_ORDER: Final = (90, 214, 176)
FIRE: Final = (255, 244, 150)
ACID: Final = (226, 255, 92)
BURST: Final = (255, 196, 60)

BEACON: Final = (214, 130, 182)
MINERAL: Final = (92, 214, 236)
MINERAL_LIGHT: Final = (214, 248, 255)
MINERAL_EDGE: Final = (12, 76, 96)
GAS: Final = (22, 176, 128)
GAS_EDGE: Final = (4, 62, 46)

CAMERA: Final = (240, 240, 240)
PANEL: Final = (24, 27, 32)
PANEL_LINE: Final = (58, 64, 73)
TEXT: Final = (232, 236, 240)
TEXT_DIM: Final = (154, 163, 174)
WARNING: Final = (255, 138, 76)


def faded(colour: Colour, alpha: float) -> Colour:
    """The colour with an opacity from 0 to 1."""
    return (colour[0], colour[1], colour[2], round(255 * min(max(alpha, 0.0), 1.0)))


def mixed(colour: Colour, other: Colour, share: float) -> Colour:
    """`share` of the other colour in the first, 0 to 1."""
    red, green, blue = (
        round(a + (b - a) * share) for a, b in zip(colour[:3], other[:3], strict=True)
    )
    return red, green, blue
