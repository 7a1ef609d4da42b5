"""A small uniform sample of recent experience, for components that look back at states.

Vitter's reservoir while the period is young, and a reservoir that forgets afterwards: transition
number n is kept with probability `capacity / min(n, horizon)` and then replaces a random slot. So
everything is kept at first, up to `horizon` transitions the sample is uniform over the period, and
from then on ages are geometric with a mean of `horizon` transitions.

Cost: two draws and at most one copy per transition; memory `capacity` transitions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium import spaces

from l2rl.views import TransitionBatch


class RecentExperience:
    """Rows of any named fields; draws from the given generator only."""

    def __init__(self, capacity: int, horizon: int, generator: np.random.Generator) -> None:
        self.capacity = capacity
        self.horizon = horizon
        self.generator = generator
        self.seen = 0
        self._rows: dict[str, np.ndarray] = {}

    def __len__(self) -> int:
        return min(self.seen, self.capacity)

    def add(self, rows: Mapping[str, np.ndarray]) -> None:
        """Offer transitions in turn: each field (count, ...), the same fields every time."""
        for name, values in rows.items():
            if name not in self._rows:
                self._rows[name] = np.zeros((self.capacity, *values.shape[1:]), values.dtype)
        slots = self._slots(len(next(iter(rows.values()))))
        kept = slots >= 0
        for name, values in rows.items():
            self._rows[name][slots[kept]] = values[kept]

    def _slots(self, count: int) -> np.ndarray:
        """Where each of the next `count` transitions goes; -1 where it is not kept."""
        number = self.seen + 1 + np.arange(count)
        chance = self.capacity / np.minimum(number, self.horizon)
        slots = self.generator.integers(0, self.capacity, count)
        slots[self.generator.random(count) >= chance] = -1
        filling = number <= self.capacity
        slots[filling] = number[filling] - 1
        self.seen += count
        return slots

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of the fields that rows have had so far."""
        return tuple(self._rows)

    def read(self, name: str) -> np.ndarray:
        """One field of all rows kept, (len(self), ...); a view, not a copy."""
        return self._rows[name][: len(self)]

    def clear(self) -> None:
        """Forget everything: a new period begins."""
        self.seen = 0

    def state_dict(self) -> dict[str, Any]:
        """The filled part; the generator is its owner's to keep."""
        return {"seen": self.seen, "rows": {name: self.read(name) for name in self._rows}}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Give back what `state_dict` read."""
        self.seen = state["seen"]
        self._rows = {}
        for name, values in state["rows"].items():
            self._rows[name] = np.zeros((self.capacity, *values.shape[1:]), values.dtype)
            self._rows[name][: len(values)] = values


def seen_by_networks(
    batch: TransitionBatch, action_space: spaces.Space[Any], *, with_actions: bool
) -> dict[str, np.ndarray]:
    """`observations` (n, ...) of a collection and, if wanted, `actions` (n, ...) as SAC's critics
    get them: scaled from the bounds of the action space to [-1, 1]."""
    rows = {"observations": batch.flat(batch.observations)}
    if with_actions:
        assert isinstance(action_space, spaces.Box)
        low, high = action_space.low, action_space.high
        scaled = 2.0 * (batch.flat(batch.actions) - low) / (high - low) - 1.0
        rows["actions"] = scaled.astype(np.float32)
    return rows
