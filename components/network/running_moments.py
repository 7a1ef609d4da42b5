"""Mean and variance of all rows ever seen, merged batch by batch (Chan et al. 1979).

    n' = n + m,  delta = mean_batch - mean
    mean' = mean + m delta / n',   M2' = M2 + m var_batch + n m delta^2 / n'

with the population variance of the batch (divided by m): the unbiased one would inflate the
result. In float64; the variance is M2 / n.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np


class RunningMoments:
    """`count` rows seen; `mean` and `squares` (M2) have the shape of a row."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.count = 0
        self.mean = np.zeros(shape, np.float64)
        self.squares = np.zeros(shape, np.float64)

    def merge(self, rows: np.ndarray) -> None:
        """Take in rows (m, ...)."""
        new = len(rows)
        if new == 0:
            return
        values = rows.astype(np.float64)
        total = self.count + new
        delta = values.mean(axis=0) - self.mean
        self.mean = self.mean + new * delta / total
        self.squares = self.squares + new * values.var(axis=0) + self.count * new * delta**2 / total
        self.count = total

    @property
    def variance(self) -> np.ndarray:
        """Population variance, of the shape of a row; zero while nothing was seen."""
        return self.squares / max(self.count, 1)

    def state_dict(self) -> dict[str, Any]:
        return {"count": self.count, "mean": self.mean, "squares": self.squares}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.count = int(state["count"])
        self.mean = np.array(state["mean"], np.float64)
        self.squares = np.array(state["squares"], np.float64)
