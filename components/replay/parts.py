"""The parts of a mixed replay buffer: which transition is where, and which are drawn.

Every part is offered every transition, and says into which of its slots [0, capacity) it goes: -1
if it is not kept. Draws come from the given generator only.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from .priorities import Priorities
from .reservoir import reservoir_slots

Drop = Literal["oldest", "random", "lowest_error"]


class Part(ABC):
    """Slots [0, size) are in use."""

    uses_errors = False
    """Whether it matters to it what TD errors its transitions have."""

    def __init__(self, capacity: int, generator: np.random.Generator) -> None:
        self.capacity = capacity
        self.size = 0
        self._generator = generator

    @abstractmethod
    def place(self, count: int, belief: int) -> np.ndarray:
        """Slots (count,) int64 for new transitions, in turn."""

    def draw(self, count: int) -> np.ndarray:
        """Slots (count,) int64; uniformly here."""
        return self._generator.integers(0, self.size, count)

    def weights(self, slots: np.ndarray) -> np.ndarray:
        """What drawn transitions weigh in the loss, (n,) float32."""
        return np.ones(len(slots), np.float32)

    def note_errors(self, slots: np.ndarray, errors: np.ndarray) -> None:  # noqa: B027
        """TD errors (n,) of the transitions in slots (n,)."""

    def clear(self) -> None:  # noqa: B027
        """The learner forgets its experience; what is a memory of earlier tasks stays."""

    @abstractmethod
    def state_dict(self) -> dict[str, Any]: ...

    @abstractmethod
    def load_state_dict(self, state: Mapping[str, Any]) -> None: ...


class RecentPart(Part):
    """Takes everything; what goes for it when it is full, `drop` says."""

    def __init__(self, capacity: int, generator: np.random.Generator, drop: Drop) -> None:
        super().__init__(capacity, generator)
        self.drop = drop
        self.uses_errors = drop == "lowest_error"
        self._next = 0
        self._errors = np.full(capacity if self.uses_errors else 0, np.inf)
        """Absolute TD error; infinite where it is not known yet."""
        self._victims = np.empty(0, np.int64)

    def place(self, count: int, belief: int) -> np.ndarray:
        filling = min(count, self.capacity - self.size)
        fresh = np.arange(self.size, self.size + filling)
        self.size += filling
        slots = np.concatenate([fresh, self._dropped(count - filling)])
        if self.uses_errors:
            self._errors[slots] = np.inf
        return slots

    def _dropped(self, count: int) -> np.ndarray:
        if self.drop == "oldest":
            slots = (self._next + np.arange(count)) % self.capacity
            self._next = (self._next + count) % self.capacity
            return slots
        if self.drop == "random":
            return self._generator.integers(0, self.capacity, count)
        if len(self._victims) < count:
            # One search for many: 1/64 of the part at a time.
            more = max(self.capacity // 64, count)
            lowest = np.argpartition(self._errors, more - 1)[:more]
            self._victims = lowest[np.argsort(self._errors[lowest], kind="stable")]
        slots, self._victims = self._victims[:count], self._victims[count:]
        return slots

    def note_errors(self, slots: np.ndarray, errors: np.ndarray) -> None:
        if self.uses_errors:
            self._errors[slots] = np.abs(errors)

    def clear(self) -> None:
        self.size = self._next = 0
        self._errors[:] = np.inf
        self._victims = np.empty(0, np.int64)

    def state_dict(self) -> dict[str, Any]:
        errors = self._errors[: self.size]
        return {"size": self.size, "next": self._next, "errors": errors, "victims": self._victims}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.clear()
        self.size, self._next = state["size"], state["next"]
        self._errors[: len(state["errors"])] = state["errors"]
        self._victims = np.array(state["victims"])


class PrioritisedPart(RecentPart):
    """Drawn in proportion to p^alpha and weighted as in `replay.prioritised`."""

    def __init__(
        self,
        capacity: int,
        generator: np.random.Generator,
        drop: Drop,
        alpha: float,
        beta: float,
        epsilon: float,
    ) -> None:
        super().__init__(capacity, generator, drop)
        self.priorities = Priorities(capacity, alpha, epsilon)
        self._beta = beta
        self.uses_errors = True
        self._errors = np.full(capacity, np.inf)

    def place(self, count: int, belief: int) -> np.ndarray:
        slots = super().place(count, belief)
        self.priorities.add(slots)
        return slots

    def draw(self, count: int) -> np.ndarray:
        return self.priorities.draw(count, self._generator)

    def weights(self, slots: np.ndarray) -> np.ndarray:
        return self.priorities.weights(slots, self._beta)

    def note_errors(self, slots: np.ndarray, errors: np.ndarray) -> None:
        super().note_errors(slots, errors)
        self.priorities.update(slots, errors)

    def clear(self) -> None:
        super().clear()
        self.priorities.remove(np.arange(self.capacity))

    def state_dict(self) -> dict[str, Any]:
        self.priorities.settle()
        return {**super().state_dict(), "priorities": self.priorities.raw[: self.size]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        super().load_state_dict(state)
        self.priorities.load(state["priorities"], self.priorities.alpha)


class ReservoirPart(Part):
    """A uniform sample of everything so far (Vitter's algorithm R)."""

    def __init__(self, capacity: int, generator: np.random.Generator) -> None:
        super().__init__(capacity, generator)
        self._offered = 0

    def place(self, count: int, belief: int) -> np.ndarray:
        uniform = self._generator.random(count)
        slots = reservoir_slots(uniform, self._offered, self.capacity)
        self._offered += count
        self.size = min(self._offered, self.capacity)
        return slots

    def state_dict(self) -> dict[str, Any]:
        return {"offered": self._offered}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._offered = state["offered"]
        self.size = min(self._offered, self.capacity)


class TaskBalancedPart(Part):
    """As many of each context as of any other, each a uniform sample of what was offered of it
    while its number of places stayed (class-balanced reservoir sampling, Chrysakis and Moens,
    ICML 2020, algorithm 1); drawn equally often."""

    def __init__(self, capacity: int, generator: np.random.Generator) -> None:
        super().__init__(capacity, generator)
        self._places: dict[int, list[int]] = {}
        """Slots of each context."""
        self._offered: dict[int, int] = {}

    def place(self, count: int, belief: int) -> np.ndarray:
        return np.array([self._place(belief) for _ in range(count)], np.int64)

    def _place(self, belief: int) -> int:
        mine = self._places.setdefault(belief, [])
        self._offered[belief] = self._offered.get(belief, 0) + 1
        if self.size < self.capacity:
            mine.append(self.size)
            self.size += 1
            return mine[-1]
        largest = max(self._places.values(), key=len)
        if len(mine) < len(largest):
            mine.append(largest.pop(int(self._generator.integers(len(largest)))))
            return mine[-1]
        chosen = int(self._generator.integers(self._offered[belief]))
        return mine[chosen] if chosen < len(mine) else -1

    def draw(self, count: int) -> np.ndarray:
        held = [places for places in self._places.values() if places]
        first = self._generator.permutation(len(held))
        chosen: list[int] = []
        for rank, number in enumerate(first.tolist()):
            share = count // len(held) + (rank < count % len(held))
            places = held[number]
            chosen.extend(places[i] for i in self._generator.integers(0, len(places), share))
        return np.array(chosen, np.int64)

    def held(self) -> dict[int, int]:
        """Transitions of each context."""
        return {belief: len(places) for belief, places in self._places.items()}

    def state_dict(self) -> dict[str, Any]:
        places = {b: np.array(p, np.int64) for b, p in self._places.items()}
        return {"size": self.size, "places": places, "offered": dict(self._offered)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.size = state["size"]
        self._places = {int(b): p.tolist() for b, p in state["places"].items()}
        self._offered = {int(b): n for b, n in state["offered"].items()}


class BatchShares:
    """How many of each minibatch come from which part.

    Each part gets its share of the batch rounded down; the places left go to those that are most
    behind what they should have had, so no batch is more than one place off and on average the
    shares are exact. An empty part's share is spread over the others in proportion to theirs.
    """

    def __init__(self, shares: list[float]) -> None:
        self._shares = np.array(shares)
        self.behind = np.zeros(len(shares))
        """Places that each part should have had beyond those it got."""

    def counts(self, batch_size: int, sizes: np.ndarray) -> np.ndarray:
        """Places (parts,) int64 of a minibatch; `sizes` (parts,): transitions that each holds."""
        shares = self._shares * (sizes > 0)
        if not shares.any():
            shares = (sizes > 0).astype(np.float64)
        wanted = batch_size * shares / shares.sum()
        # A sum of shares that should be a whole number is one to within rounding.
        counts = np.floor(wanted + 1e-9).astype(np.int64)
        self.behind = np.where(shares > 0, self.behind + wanted - counts, 0.0)
        left = batch_size - int(counts.sum())
        order = np.argsort(np.where(shares > 0, -self.behind, np.inf), kind="stable")
        counts[order[:left]] += 1
        self.behind[order[:left]] -= 1
        return np.asarray(counts)
