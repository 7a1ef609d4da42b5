"""Tests of the library river (BSD-3) on standardised errors; an optional dependency.

A test of river's keeps its state in compiled objects that cannot be read. But it is a function of
what it was fed since it was made, so that is what is kept: a list of floats, one a chunk, fed
again when a run is resumed. Beyond `MOST_FED` values the test is made anew from the later half.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from l2rl.errors import UserError
from l2rl.views import AgentView, ComponentGenerators

from .model_error import StandardisedErrorDetector
from .reference_window import StandardisedTest

if TYPE_CHECKING:
    from river.base import DriftDetector

MOST_FED = 20_000
"""Values after which a test starts again from its later half."""
_SUSPICIOUS = 3.0
"""An error so many σ above the mean is held back from the model, with the few after it."""
_HELD_CHUNKS = 5


def river_drift() -> Any:
    """The module `river.drift`. Raises `UserError` where river is not installed."""
    try:
        from river import drift
    except ImportError as error:
        raise UserError(
            "this detector needs the package `river`, which is not installed\n"
            "  install it: pip install 'l2rl[river]'; or use detection.cusum, which needs nothing"
        ) from error
    return drift


class RiverTest(StandardisedTest):
    """Any drift detector of river's; only rises count, for it is errors that are tested."""

    def __init__(self, make: Callable[[], DriftDetector], recent: int, **settings: Any) -> None:
        """`make`: a new detector, the same each time; `recent`: values whose mean must lie above
        that of those before for a drift to be a rise."""
        super().__init__(**settings)
        self.make = make
        self.recent = recent
        self.detector = make()
        self.fed: list[float] = []

    def _take(self, z: float) -> bool:
        if len(self.fed) >= MOST_FED:
            self._feed_anew(self.fed[MOST_FED // 2 :])
        self.fed.append(z)
        self.detector.update(z)
        return bool(self.detector.drift_detected) and self._rises()

    def _rises(self) -> bool:
        after, before = self.fed[-self.recent :], self.fed[: -self.recent]
        return bool(before) and sum(after) / len(after) > sum(before) / len(before)

    def _feed_anew(self, values: list[float]) -> None:
        self.detector, self.fed = self.make(), list(values)
        for value in self.fed:
            self.detector.update(value)

    @property
    def is_suspicious(self) -> bool:
        return any(z > _SUSPICIOUS for z in self.fed[-_HELD_CHUNKS:])

    def restart(self) -> None:
        self._feed_anew([])

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "fed": list(self.fed)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        super().load_state_dict(state)
        self._feed_anew(state["fed"])


class RiverDetector(StandardisedErrorDetector):
    """A detector whose test is one of river's."""

    def bind(self, agent: AgentView, rng: ComponentGenerators) -> None:
        self.drift = river_drift()
        super().bind(agent, rng)
