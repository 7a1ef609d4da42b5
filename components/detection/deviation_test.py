"""The deviation test: does a smoothed loss lie above its own recent past?

    s ← α·loss + (1-α)·s,    above  ⇔  s > μ + max(k·max(σ, floor·|μ|), least rise)

μ and σ are taken over the last W *smoothed* losses. With raw losses in the window the first
values after a change inflate σ, and even large jumps are masked. For the same reason the window
stands still while the loss is above. The alarm needs m exceedances among the last n losses.

On a jump Δ of a noise-free loss over a threshold that lies kσ above the baseline the delay is
⌈ln(1 - kσ/Δ) / ln(1-α)⌉ losses; smoothing turns a raw σ into σ·√(α/(2-α)), σ/3 at α = 0.2.

Source: TAME, arXiv:2210.03869. Unit of time: one loss. Cost: O(W) additions a loss.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any


class DeviationTest:
    """One-sided test of a stream of scalars. All of its state is in `state_dict`."""

    def __init__(
        self,
        *,
        smoothing: float = 0.2,
        deviations: float = 3.0,
        window: int = 100,
        needed: int = 1,
        among: int = 1,
        least: int = 10,
        relative_floor: float = 0.0,
        least_rise: float = 0.0,
        freeze: bool = True,
        clip: float = math.inf,
    ) -> None:
        """`smoothing` α; `deviations` k; `window` W; `needed` m; `among` n; `least`: losses in
        the window before it is used; `relative_floor`: smallest σ as a share of |μ|;
        `least_rise`: smallest distance of the threshold from μ; `freeze`: whether the window
        stands still while the loss is above; `clip`: largest loss that counts, in distances of
        the threshold above μ (below 1/α no single outlier is an exceedance)."""
        self.smoothing = smoothing
        self.deviations = deviations
        self.window = window
        self.needed = needed
        self.among = among
        self.least = least
        self.relative_floor = relative_floor
        self.least_rise = least_rise
        self.freeze = freeze
        self.clip = clip
        self.smoothed: float | None = None
        self.values: list[float] = []
        self.exceeded: list[bool] = []
        self.suspected: list[bool] = []

    def update(self, loss: float) -> bool:
        """Take one loss; True on an alarm, which stays until `dismiss`."""
        threshold = self.threshold
        self._smooth(min(loss, self._largest(threshold)))
        above = self.smoothed is not None and self.smoothed > threshold
        if not (above and self.freeze):
            self._remember()
        self.exceeded = [*self.exceeded, above][-self.among :]
        self.suspected = [*self.suspected, above or loss > threshold][-self.among :]
        return sum(self.exceeded) >= self.needed

    def absorb(self, loss: float) -> None:
        """Take one loss as normal, whatever it is."""
        self._smooth(loss)
        self._remember()

    def forget_first_half(self) -> None:
        """Keep only the later half of the window."""
        self.values = self.values[len(self.values) // 2 :]

    def dismiss(self) -> None:
        """Forget the exceedances; the window stays."""
        self.exceeded, self.suspected = [], []

    def restart(self) -> None:
        """Forget exceedances and smoothing; the next loss starts it anew."""
        self.dismiss()
        self.smoothed = None

    @property
    def mean(self) -> float:
        """μ; 0 while nothing is known."""
        return sum(self.values) / max(1, len(self.values))

    @property
    def sigma(self) -> float:
        """σ with its floor; 0 while nothing is known."""
        mean = self.mean
        square = sum([(value - mean) ** 2 for value in self.values]) / max(1, len(self.values))
        return max(math.sqrt(square), self.relative_floor * abs(mean))

    @property
    def rise(self) -> float:
        """Distance of the threshold from μ."""
        return max(self.deviations * self.sigma, self.least_rise)

    @property
    def threshold(self) -> float:
        """μ + kσ, or more if σ is very small; infinite until the window holds `least` losses."""
        return self.mean + self.rise if len(self.values) >= self.least else math.inf

    @property
    def is_suspicious(self) -> bool:
        """Whether any of the last n losses was above, smoothed or not."""
        return any(self.suspected)

    def _largest(self, threshold: float) -> float:
        """The largest loss that counts."""
        if math.isinf(threshold) or math.isinf(self.clip):
            return math.inf
        mean = self.mean
        return mean + self.clip * (threshold - mean)

    def _smooth(self, loss: float) -> None:
        if self.smoothed is None:
            self.smoothed = loss
        else:
            self.smoothed = self.smoothing * loss + (1.0 - self.smoothing) * self.smoothed

    def _remember(self) -> None:
        assert self.smoothed is not None
        self.values = [*self.values, self.smoothed][-self.window :]

    def state_dict(self) -> dict[str, Any]:
        """What has been seen, without the settings."""
        return {
            "smoothed": self.smoothed,
            "values": list(self.values),
            "exceeded": [int(above) for above in self.exceeded],
            "suspected": [int(suspect) for suspect in self.suspected],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Give back what `state_dict` read."""
        self.smoothed = state["smoothed"]
        self.values = list(state["values"])
        self.exceeded = [bool(above) for above in state["exceeded"]]
        self.suspected = [bool(suspect) for suspect in state["suspected"]]
