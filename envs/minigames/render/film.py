"""What happens within one env step, loop by loop, without taking it.

A shadow of the game, one record and its generator, plays the step a game loop at a time. It is the
same simulation on the same random numbers, so its last picture is the one after the step; but it
does not restart, so that the end of an episode can be seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ..engine import Engine
from ..state import HOSTILE, OWN
from .picture import DEFAULT_SIZE, draw
from .scene import Action, Fallen, Scene, scene_of
from .units import FADE_LOOPS


class Film:
    """Films the games of one engine."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        values = {**engine.values, "step_mul": 1, "drift": None}
        self._shadow = Engine(engine.task, values, [0])
        self._fallen: dict[int, list[Fallen]] = {}

    def frames(
        self,
        i: int,
        action: Action,
        shares: Sequence[float],
        *,
        size: tuple[int, int] | None = None,
        panel: bool = True,
    ) -> list[np.ndarray]:
        """Pictures of game i while it takes an action, (height, width, 3) uint8: one for each share
        of the step, ascending in (0, 1]. When the episode ends within the step, its end comes last,
        asked for or not."""
        size = size or DEFAULT_SIZE
        return [draw(scene, size, panel) for scene in self.scenes(i, action, shares)]

    def scenes(self, i: int, action: Action, shares: Sequence[float]) -> Iterator[Scene]:
        """The same as scenes, each valid until the next one is asked for."""
        shadow, step_mul = self._shadow, int(self.engine.rules["step_mul"][0])
        shadow.games[:] = self.engine.games[i : i + 1]
        shadow.masks[:] = self.engine.masks[i : i + 1]
        # In both kinds of masks what is done comes first, then how.
        refused = not shadow.masks[0, np.atleast_1d(action)[0]]
        nothing = np.zeros_like(action)
        explored = shadow.games["explored"].copy()
        wanted = {max(round(share * step_mul), 1) for share in shares}
        for loop in range(1, step_mul + 1):
            # The agent looks around only after the step.
            shadow.games["explored"] = explored
            over = self._loop(i, action if loop == 1 else nothing)
            if loop in wanted or over:
                yield scene_of(shadow, 0, action, refused, self._fallen[i])
            if over:
                return

    def _loop(self, i: int, action: Action) -> bool:
        """One game loop of the shadow; notes who dies in it. Whether the episode is over."""
        game = self._shadow.games[0]
        before, wave = game.copy(), int(game["wave"])
        _, _, dones, _, _ = self._shadow.step(np.array([action]), restart=False)
        now = int(game["loop"])
        fallen = [f for f in self._fallen.get(i, []) if 0 <= now - f.loop < FADE_LOOPS]
        # A new wave puts everybody in other places.
        if game["wave"] == wave:
            fallen += _died(before, game, now)
        self._fallen[i] = fallen
        return bool(dones[0])


def _died(before: np.void, after: np.void, loop: int) -> Iterator[Fallen]:
    """Units alive before and not after."""
    for side in (OWN, HOSTILE):
        for j in np.flatnonzero((before["health"][side] > 0) & (after["health"][side] <= 0)):
            if j < before["places"][side]:
                x, y = float(after["x"][side, j]), float(after["y"][side, j])
                yield Fallen(side, int(before["kind"][side, j]), x, y, loop)
