"""Pictures of the arm for people: table, links, gripper, object, goal, success.

The world is drawn as it is, turned and mirrored tables included. Drawing has no effect on an arm
and needs no random numbers: the same state is the same picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..engine import Engine
from ..kinematics import SUBSTEPS
from .panel import caption
from .picture import DEFAULT_SIZE, SMALLEST_SIZE, draw
from .scene import Scene

__all__ = ["DEFAULT_SIZE", "SMALLEST_SIZE", "film", "picture", "words"]


def picture(
    engine: Engine, i: int, *, size: tuple[int, int] | None = None, panel: bool = True
) -> np.ndarray:
    """Arm i as (height, width, 3) uint8.

    `size` is (width, height) in pixels, `DEFAULT_SIZE` when None. `panel`: with words beside the
    table. Raises `ValueError` for a size at which a panel could not be read.
    """
    return draw(Scene.of(engine, i), size or DEFAULT_SIZE, panel)


def words(engine: Engine, i: int) -> str:
    """Arm i in one line: step, distance to go, return, success."""
    return caption(Scene.of(engine, i))


def film(
    engine: Engine,
    i: int,
    action: Any,
    shares: Sequence[float],
    *,
    size: tuple[int, int] | None = None,
    panel: bool = True,
) -> list[np.ndarray]:
    """Pictures of arm i while it takes an action, which it does not really take: one for each share
    of the step, ascending in (0, 1]; when the episode ends with it, its end comes last, asked for
    or not."""
    shadow = Engine(engine.task, engine.values, [0])
    wanted = sorted({max(round(share * SUBSTEPS), 1) for share in shares})
    if engine.arms["step"][i] + 1 >= engine.rules["limit"][0] and SUBSTEPS not in wanted:
        wanted.append(SUBSTEPS)
    pictures = []
    for substeps in wanted:
        shadow.arms[:] = engine.arms[i : i + 1]
        shadow.step(np.asarray(action)[None], restart=False, substeps=substeps)
        pictures.append(picture(shadow, 0, size=size, panel=panel))
    return pictures
