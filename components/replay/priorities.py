"""Priorities of stored transitions: what a TD error is worth, and what it costs in weight.

    p_i = |error_i| + epsilon,    P(i) = p_i^alpha / sum p^alpha
    w_i = (N P(i))^-beta / max_j (N P(j))^-beta

arXiv 1511.05952, equations 1 and section 3.4; the maximum is over all that is stored, so that a
weight depends on the transition and not on its company in the batch.
"""

from __future__ import annotations

import numpy as np

from .priority_tree import PriorityTree, stratified

FIRST_PRIORITY = 1.0
"""Of new transitions while nothing is stored."""


class Priorities:
    """One priority a slot; slots without one are never drawn."""

    def __init__(self, slots: int, alpha: float, epsilon: float) -> None:
        self.alpha = alpha
        self.epsilon = epsilon
        self.raw = np.zeros(slots)
        """p (slots,) float64; 0 where nothing is stored."""
        self._tree = PriorityTree(slots)
        self._new: list[np.ndarray] = []

    def add(self, slots: np.ndarray) -> None:
        """New transitions are in slots (n,): they get the largest priority that any one has."""
        # Put off until priorities are needed: one operation for many steps of collection.
        self._new.append(slots)

    def remove(self, slots: np.ndarray) -> None:
        """Nothing is in slots (n,) any more."""
        self.settle()
        self.raw[slots] = 0.0
        self._tree.set(slots, 0.0)

    def update(self, slots: np.ndarray, errors: np.ndarray) -> None:
        """The TD errors (n,) of the transitions in slots (n,) are known anew."""
        self.settle()
        priorities = np.abs(errors.astype(np.float64)) + self.epsilon
        self.raw[slots] = priorities
        self._tree.set(slots, priorities**self.alpha)

    def anneal(self, alpha: float) -> None:
        """From now on another exponent; every mass is computed anew."""
        self.settle()
        if alpha != self.alpha:
            self.alpha = alpha
            self._rebuild()

    def settle(self) -> None:
        """Give the new ones their priority."""
        if self._new:
            slots, self._new = np.concatenate(self._new), []
            highest = self.highest()
            self.raw[slots] = highest
            self._tree.set(slots, highest**self.alpha)

    def highest(self) -> float:
        """The largest priority stored."""
        if self.alpha == 0:
            return float(self.raw.max()) or FIRST_PRIORITY
        return self._tree.most ** (1 / self.alpha) or FIRST_PRIORITY

    def draw(self, count: int, generator: np.random.Generator) -> np.ndarray:
        """Slots (count,) int64, stratified, in proportion to p^alpha."""
        self.settle()
        return self._tree.find(stratified(generator, count))

    def weights(self, slots: np.ndarray, beta: float) -> np.ndarray:
        """(n,) float32 in (0, 1]: (P_i / smallest P)^-beta, which is w as N and sum cancel."""
        self.settle()
        shares = self._tree.masses[slots] / self._tree.least
        return np.asarray(shares**-beta, np.float32)

    @property
    def masses(self) -> np.ndarray:
        """p^alpha (slots,) float64, read only."""
        self.settle()
        return self._tree.masses

    @property
    def total(self) -> float:
        """Sum of p^alpha."""
        self.settle()
        return self._tree.total

    def load(self, raw: np.ndarray, alpha: float) -> None:
        """Priorities (n,) of the first n slots, the others empty."""
        self._new = []
        self.alpha = alpha
        self.raw[:] = 0.0
        self.raw[: len(raw)] = raw
        self._rebuild()

    def _rebuild(self) -> None:
        stored = self.raw > 0
        self._tree.set(np.arange(len(self.raw)), np.where(stored, self.raw**self.alpha, 0.0))
