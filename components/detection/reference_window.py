"""Errors in units of what is normal: the part that all tests of standardised errors share."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any


class StandardisedTest:
    """Standardises errors by a window of normal ones; a subclass tests what comes out.

        z = (error - μ) / σ

    with μ and σ over the last `window` errors that were not suspicious. σ is never below
    `relative_floor`·|μ| or `least_rise`/`deviations`: an error that hardly varies must not make
    a change of every flicker. z counts up to `clip`.
    """

    def __init__(
        self,
        *,
        window: int = 100,
        least: int = 10,
        deviations: float = 3.0,
        relative_floor: float = 0.0,
        least_rise: float = 0.0,
        clip: float = math.inf,
    ) -> None:
        """`least`: normal errors before anything is tested; `deviations`: a rise of so many σ is
        not normal (for `rise`, by which contexts are told apart)."""
        self.window = window
        self.least = least
        self.deviations = deviations
        self.relative_floor = relative_floor
        self.least_rise = least_rise
        self.clip = clip
        self.values: list[float] = []
        self.smoothed: float | None = None

    def update(self, loss: float) -> bool:
        """Take one error; True on an alarm."""
        self.smoothed = loss
        if len(self.values) < self.least:
            self._remember(loss)
            return False
        alarm = self._take(min((loss - self.mean) / self.sigma, self.clip))
        if not alarm and not self.is_suspicious:
            self._remember(loss)
        return alarm

    def _take(self, z: float) -> bool:
        """Take one standardised error; True on an alarm."""
        raise NotImplementedError

    @property
    def is_suspicious(self) -> bool:
        """Whether the latest errors had better not be learned."""
        raise NotImplementedError

    def restart(self) -> None:
        """Forget all suspicion; what is normal stays."""
        raise NotImplementedError

    def absorb(self, loss: float) -> None:
        """Take one error as normal, whatever it is."""
        self.smoothed = loss
        self._remember(loss)

    def _remember(self, loss: float) -> None:
        self.values = [*self.values, loss][-self.window :]

    def forget_first_half(self) -> None:
        """Keep only the later half of the window."""
        self.values = self.values[len(self.values) // 2 :]

    @property
    def mean(self) -> float:
        """μ; 0 while nothing is known."""
        return sum(self.values) / max(1, len(self.values))

    @property
    def sigma(self) -> float:
        """σ with its floors, above 0."""
        mean = self.mean
        square = sum([(value - mean) ** 2 for value in self.values]) / max(1, len(self.values))
        floors = (self.relative_floor * abs(mean), self.least_rise / self.deviations, 1e-12)
        return max(math.sqrt(square), *floors)

    @property
    def rise(self) -> float:
        """How much above μ is not normal any more."""
        return self.deviations * self.sigma

    @property
    def threshold(self) -> float:
        """μ and the rise, for the log; infinite while nothing is known."""
        return self.mean + self.rise if len(self.values) >= self.least else math.inf

    def state_dict(self) -> dict[str, Any]:
        """What has been seen, without the settings."""
        return {"values": list(self.values), "smoothed": self.smoothed}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Give back what `state_dict` read."""
        self.values = list(state["values"])
        self.smoothed = state["smoothed"]
