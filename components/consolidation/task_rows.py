"""Rows kept of each finished task: a block a task, in the order in which they ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np


class TaskRows:
    """Named fields (rows, ...); a task that ends again has its former rows replaced."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        """Task -> number of its rows; the blocks follow each other in this order."""
        self._rows: dict[str, np.ndarray] = {}

    def __len__(self) -> int:
        return sum(self.counts.values())

    def put(self, task: str, rows: Mapping[str, np.ndarray]) -> None:
        """Keep copies of a task's rows; the same fields every time."""
        kept = self._without(task)
        self.counts.pop(task, None)
        self.counts[task] = len(next(iter(rows.values())))
        self._rows = {
            name: np.concatenate([*(values[kept] for values in self._fields(name)), new])
            for name, new in rows.items()
        }

    def _without(self, task: str) -> np.ndarray:
        """Which of the rows belong to other tasks."""
        owners = [np.full(count, name != task) for name, count in self.counts.items()]
        return np.concatenate([np.zeros(0, bool), *owners])

    def _fields(self, name: str) -> list[np.ndarray]:
        return [self._rows[name]] if name in self._rows else []

    def read(self, name: str) -> np.ndarray:
        """One field of all rows; a view, not a copy."""
        return self._rows[name]

    def drawn(self, count: int, generator: np.random.Generator) -> dict[str, np.ndarray]:
        """So many rows, uniformly over all of them, with replacement."""
        chosen = generator.integers(0, len(self), count)
        return {name: values[chosen] for name, values in self._rows.items()}

    def state_dict(self) -> dict[str, Any]:
        tasks = [{"task": task, "rows": count} for task, count in self.counts.items()]
        return {"tasks": tasks, "fields": self._rows}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Give back what `state_dict` read."""
        self.counts = {entry["task"]: entry["rows"] for entry in state["tasks"]}
        self._rows = {name: values.copy() for name, values in state["fields"].items()}
