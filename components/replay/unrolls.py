"""A uniform sample of whole unrolls: so many steps in a row of one environment.

Each environment has a reservoir of its own (Vitter's algorithm R over its unrolls), so that nothing
that one of them does costs another its place. Memory is committed as unrolls are first written.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .reservoir import reservoir_slots


class UnrollReservoir:
    """Fields of unrolls; draws from the given generator only."""

    def __init__(self, capacity: int, length: int, generator: np.random.Generator) -> None:
        """`capacity`: unrolls of each environment; `length`: steps of an unroll."""
        self.capacity = capacity
        self.length = length
        self.offered = 0
        """Unrolls of each environment that have had their chance."""
        self._generator = generator
        self._fields: dict[str, np.ndarray] = {}
        """Field -> (capacity, n_envs, length, ...)."""

    @property
    def size(self) -> int:
        """Unrolls kept of each environment."""
        return min(self.offered, self.capacity)

    @property
    def n_envs(self) -> int:
        return next(iter(self._fields.values())).shape[1] if self._fields else 0

    def offer(self, steps: Mapping[str, np.ndarray]) -> None:
        """A collection, each field (steps, n_envs, ...): its whole unrolls, in turn; steps that
        are left over at the end are not kept."""
        total, n_envs = next(iter(steps.values())).shape[:2]
        count = total // self.length
        if count == 0:
            return
        slots = np.stack(
            [
                reservoir_slots(self._generator.random(count), self.offered, self.capacity)
                for _ in range(n_envs)
            ]
        )
        self.offered += count
        environments, unrolls = np.nonzero(slots >= 0)
        kept = slots[environments, unrolls]
        for name, values in steps.items():
            cut = values[: count * self.length]
            cut = cut.reshape(count, self.length, n_envs, *values.shape[2:]).swapaxes(1, 2)
            if name not in self._fields:
                self._fields[name] = np.zeros((self.capacity, *cut.shape[1:]), values.dtype)
            self._fields[name][kept, environments] = cut[unrolls, environments]

    def draw(self, count: int) -> dict[str, np.ndarray]:
        """At most `count` different unrolls, each field (length, unrolls, ...), copies."""
        held = self.size * self.n_envs
        chosen = self._generator.permutation(held)[:count]
        slots, environments = np.divmod(chosen, max(self.n_envs, 1))
        return {
            name: values[slots, environments].swapaxes(0, 1)
            for name, values in self._fields.items()
        }

    def state_dict(self) -> dict[str, Any]:
        """The filled part; the generator is its owner's to keep."""
        filled = {name: values[: self.size] for name, values in self._fields.items()}
        return {"offered": self.offered, "length": self.length, "fields": filled}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Give back what `state_dict` read."""
        self.offered, self.length = state["offered"], state["length"]
        self._fields = {}
        for name, values in state["fields"].items():
            self._fields[name] = np.zeros((self.capacity, *values.shape[1:]), values.dtype)
            self._fields[name][: len(values)] = values
