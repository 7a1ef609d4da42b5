"""Sampling in proportion to priorities: a shallow tree of sums in numpy, whole batches at a time.

The leaves are masses, one a slot. Above them each node holds the sum, the smallest positive and
the largest of `_FAN` children, level by level until a few thousand nodes are left; among those a
cumulated sum and a binary search find the place. A node is always computed from its children anew,
never corrected by a difference: totals do not drift and depend on the leaves alone.

Cost: see benchmarks/priorities.py, which measures it beside a binary sum-tree in Python.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_FAN = 16
_TOP = 8192
"""At most so many nodes are searched at once; a level more costs as much as cumulating these."""


@dataclass(frozen=True)
class _Level:
    """Nodes (n,) float64 by what they know of the leaves below them."""

    sums: np.ndarray
    least: np.ndarray
    most: np.ndarray

    @classmethod
    def over(cls, children: int) -> _Level:
        nodes = _rounded(-(-children // _FAN))
        return cls(np.zeros(nodes), np.full(nodes, np.inf), np.zeros(nodes))


class PriorityTree:
    """Masses (slots,) float64, none negative; a slot of mass 0 is never found."""

    def __init__(self, slots: int) -> None:
        self._leaves = np.zeros(_rounded(slots))
        self._slots = slots
        self._levels = [_Level.over(len(self._leaves))]
        while len(self._levels[-1].sums) > _TOP:
            self._levels.append(_Level.over(len(self._levels[-1].sums)))

    @property
    def masses(self) -> np.ndarray:
        """(slots,) float64; to be written through `set` only."""
        return self._leaves[: self._slots]

    @property
    def total(self) -> float:
        """Sum of all masses."""
        return float(self._levels[-1].sums.sum())

    @property
    def least(self) -> float:
        """The smallest positive mass; infinite without any."""
        return float(self._levels[-1].least.min())

    @property
    def most(self) -> float:
        """The largest mass."""
        return float(self._levels[-1].most.max())

    def set(self, slots: np.ndarray, masses: np.ndarray | float) -> None:
        """Give slots (n,) int64 their masses (n,) float64; the later stays in one named twice."""
        self._leaves[slots] = masses
        nodes = slots // _FAN
        below = self._leaves.reshape(-1, _FAN)[nodes]
        least, most = np.where(below > 0, below, np.inf), below
        for number, level in enumerate(self._levels):
            if number:
                lower = self._levels[number - 1]
                nodes = nodes // _FAN
                below, least, most = (
                    values.reshape(-1, _FAN)[nodes]
                    for values in (lower.sums, lower.least, lower.most)
                )
            level.sums[nodes] = below.sum(axis=1)
            level.least[nodes] = least.min(axis=1)
            level.most[nodes] = most.max(axis=1)

    def clear(self) -> None:
        """No slot has any mass."""
        self.set(np.arange(self._slots), 0.0)

    def find(self, uniform: np.ndarray) -> np.ndarray:
        """Slots (n,) int64 where the cumulated mass passes uniform (n,) in [0, 1) of the total.

        Raises `ValueError` if the total is 0.
        """
        cumulated = self._levels[-1].sums.cumsum()
        if not cumulated[-1] > 0:
            raise ValueError("nothing has a priority")
        # A rounded product may reach the end, behind which there is nothing.
        mass = np.minimum(uniform * cumulated[-1], np.nextafter(cumulated[-1], 0))
        node = np.searchsorted(cumulated, mass, side="right")
        mass = mass - np.where(node > 0, cumulated[node - 1], 0.0)
        for level in reversed(self._levels[:-1]):
            node, mass = _descend(level.sums, node, mass)
        return _descend(self._leaves, node, mass)[0]


def _descend(
    values: np.ndarray, parents: np.ndarray, mass: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The child (n,) of each parent in which the mass (n,) lies, and what is left of it there."""
    rows = np.arange(len(parents))
    cumulated = values.reshape(-1, _FAN).take(parents, axis=0).cumsum(axis=1)
    mass = np.minimum(mass, np.nextafter(cumulated[:, -1], 0))
    child = (cumulated <= mass[:, None]).sum(axis=1)
    left = np.where(child > 0, mass - cumulated[rows, child - 1], mass)
    return parents * _FAN + child, left


def _rounded(count: int) -> int:
    """The next multiple of `_FAN`."""
    return max(-(-count // _FAN), 1) * _FAN


def stratified(generator: np.random.Generator, count: int) -> np.ndarray:
    """(count,) float64: one uniform number from each of `count` equal parts of [0, 1), as
    prioritised replay draws them (arXiv 1511.05952, appendix B.2.1)."""
    return np.asarray((np.arange(count) + generator.random(count)) / count)
