"""Pictures of games for people: arena, units, health, orders, fog, minimap, score.

The world is drawn as it is, not as the agent sees it: what is hidden from the agent is a faint
outline in the dark, and a variant that turns or mirrors what is seen says so in words. Drawing has
no effect on a game and needs no random numbers: the same state is the same picture.
"""

from __future__ import annotations

import numpy as np

from ..engine import Engine
from .film import Film
from .picture import DEFAULT_SIZE, SMALLEST_SIZE, draw
from .roll import caption
from .scene import Action, scene_of

__all__ = ["DEFAULT_SIZE", "SMALLEST_SIZE", "Film", "picture", "words"]


def picture(
    engine: Engine,
    i: int,
    *,
    size: tuple[int, int] | None = None,
    panel: bool = True,
    action: Action | None = None,
) -> np.ndarray:
    """Game i as (height, width, 3) uint8, north up.

    `size` is (width, height) in pixels, `DEFAULT_SIZE` when None. `panel`: with score, legend and
    minimap beside the arena. `action` is what to name there, if anything. Raises
    `ValueError` for a size at which a panel could not be read.
    """
    return draw(scene_of(engine, i, action), size or DEFAULT_SIZE, panel)


def words(engine: Engine, i: int, action: Action | None = None) -> str:
    """Game i in one line: score, clock, counts, the action."""
    return caption(scene_of(engine, i, action))
