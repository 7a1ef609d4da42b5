"""When pictures are taken: evenly in the time of the world, however long its steps are."""

from __future__ import annotations

import math

_ROUNDING = 1e-9
"""Pictures due at the very end of a step must not fall into the next one by rounding."""


class Pace:
    """Deals out the shares of each step at which a picture is due.

    A film of `fps` pictures a second that runs `speed` times as fast as the world has a picture
    every `speed / fps` seconds of the world, which may be several a step or one in several steps.
    """

    def __init__(self, steps_per_second: float, *, fps: float, speed: float) -> None:
        """`steps_per_second`: env steps in a second of the world."""
        self.steps_per_second, self.fps, self.speed = steps_per_second, fps, speed
        self._until_next = self._interval

    @property
    def _interval(self) -> float:
        """Env steps between two pictures."""
        return self.speed * self.steps_per_second / self.fps

    def begin(self) -> None:
        """An episode begins, with a picture of its own."""
        self._until_next = self._interval

    def shares(self) -> list[float]:
        """Where in the next step pictures are due, ascending in (0, 1]; none in some steps."""
        interval = self._interval
        due = min(self._until_next, interval)
        count = math.floor((1 - due) / interval + 1 + _ROUNDING) if due <= 1 + _ROUNDING else 0
        self._until_next = due + count * interval - 1
        return [min(due + k * interval, 1.0) for k in range(count)]
