"""A small uniform sample of each task's experience, for components that replay earlier tasks.

Each task has a reservoir of its own of at most `capacity` rows: the t-th row offered enters with
probability min(1, capacity/t) in the place of a uniformly chosen one (Vitter's algorithm R), so
that every row of a task is kept with the same probability, however long the task lasts and however
often it returns. Memory: `capacity` rows a task.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .reservoir import reservoir_slots

Rows = Mapping[str, np.ndarray]
"""Field -> (rows, ...), the same fields for all rows of a memory."""


@dataclass
class _Task:
    offered: int = 0
    """Rows that have had their chance."""
    fields: dict[str, np.ndarray] = field(default_factory=dict)
    """Field -> (capacity, ...); committed by the operating system as it is filled."""


class TaskMemory:
    """Rows by task; draws from the given generator only."""

    def __init__(self, capacity: int, generator: np.random.Generator) -> None:
        """`capacity`: rows kept of each task."""
        self.capacity = capacity
        self._generator = generator
        self._tasks: dict[str, _Task] = {}

    def size(self, task: str) -> int:
        """Rows kept of a task."""
        return min(self._tasks[task].offered, self.capacity) if task in self._tasks else 0

    def tasks(self, *, without: str | None = None) -> list[str]:
        """The tasks of which there are rows, in the order of their first row."""
        return [task for task in self._tasks if task != without and self.size(task)]

    def rows(self, task: str) -> dict[str, np.ndarray]:
        """What is kept of a task, field -> (size, ...); views, not copies."""
        return {name: kept[: self.size(task)] for name, kept in self._tasks[task].fields.items()}

    def offer(self, task: str, rows: Rows) -> None:
        """Rows of a task, in turn."""
        memory = self._tasks.setdefault(task, _Task())
        count = len(next(iter(rows.values())))
        slots = reservoir_slots(self._generator.random(count), memory.offered, self.capacity)
        memory.offered += count
        kept = slots >= 0
        for name, values in rows.items():
            if name not in memory.fields:
                memory.fields[name] = np.zeros((self.capacity, *values.shape[1:]), values.dtype)
            memory.fields[name][slots[kept]] = values[kept]

    def draw(self, count: int, tasks: Sequence[str]) -> dict[str, np.ndarray]:
        """Rows (count, ...) with replacement, equally many of each task; which of them give one
        more where `count` is no multiple is drawn anew each time, so that none is preferred."""
        first = self._generator.permutation(len(tasks))
        parts = []
        for place, number in enumerate(first.tolist()):
            share = count // len(tasks) + (place < count % len(tasks))
            kept = self.rows(tasks[number])
            chosen = self._generator.integers(0, self.size(tasks[number]), share)
            parts.append({name: values[chosen] for name, values in kept.items()})
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def state_dict(self) -> dict[str, Any]:
        """The filled parts; the generator is its owner's to keep."""
        return {
            task: {"offered": memory.offered, "rows": self.rows(task)}
            for task, memory in self._tasks.items()
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Give back what `state_dict` read."""
        self._tasks = {}
        for task, stored in state.items():
            memory = _Task(stored["offered"])
            for name, values in stored["rows"].items():
                memory.fields[name] = np.zeros((self.capacity, *values.shape[1:]), values.dtype)
                memory.fields[name][: len(values)] = values
            self._tasks[task] = memory
