"""How long prioritised sampling takes: a binary sum-tree in Python against our `PriorityTree`.

    OMP_NUM_THREADS=1 python benchmarks/priorities.py

Microseconds per minibatch, best of several repeats, to draw slots in proportion to their masses and
to give the drawn slots new masses, and the ratio (above 1: ours is faster).
"""

from __future__ import annotations

import timeit
from collections.abc import Callable, Sequence

import numpy as np

from l2rl.components.replay.priority_tree import PriorityTree, stratified

BATCH_SIZES = (32, 256)
CAPACITIES = (100_000, 1_000_000)


class PythonSumTree:
    """The usual array of 2 N sums, one item at a time."""

    def __init__(self, slots: int) -> None:
        self.leaves = 1 << (slots - 1).bit_length()
        self.sums = [0.0] * (2 * self.leaves)

    def fill(self, masses: Sequence[float]) -> None:
        self.sums[self.leaves : self.leaves + len(masses)] = masses
        for node in range(self.leaves - 1, 0, -1):
            self.sums[node] = self.sums[2 * node] + self.sums[2 * node + 1]

    def set(self, slots: Sequence[int], masses: Sequence[float]) -> None:
        sums = self.sums
        for slot, mass in zip(slots, masses, strict=True):
            node = slot + self.leaves
            sums[node] = mass
            while node > 1:
                node //= 2
                sums[node] = sums[2 * node] + sums[2 * node + 1]

    def find(self, uniform: Sequence[float]) -> list[int]:
        sums, found = self.sums, []
        for share in uniform:
            node, mass = 1, share * sums[1]
            while node < self.leaves:
                node *= 2
                if mass >= sums[node]:
                    mass -= sums[node]
                    node += 1
            found.append(node - self.leaves)
        return found


def best(call: Callable[[], object], number: int = 20) -> float:
    """Microseconds per call."""
    return min(timeit.repeat(call, number=number, repeat=7)) / number * 1e6


def main() -> None:
    rng = np.random.default_rng(0)
    print(f"{'slots':>10}{'batch':>7} {'':6}{'Python':>10}{'ours':>10}{'ratio':>8}")
    for capacity in CAPACITIES:
        masses = rng.random(capacity)
        python, ours = PythonSumTree(capacity), PriorityTree(capacity)
        python.fill(masses.tolist())
        ours.set(np.arange(capacity), masses)
        for batch in BATCH_SIZES:
            uniform, new = stratified(rng, batch), rng.random(batch)
            slots = rng.integers(0, capacity, batch)
            listed = uniform.tolist(), slots.tolist(), new.tolist()
            rows = {
                "find": (
                    best(lambda: python.find(listed[0])),  # noqa: B023
                    best(lambda: ours.find(uniform)),  # noqa: B023
                ),
                "set": (
                    best(lambda: python.set(listed[1], listed[2])),  # noqa: B023
                    best(lambda: ours.set(slots, new)),  # noqa: B023
                ),
            }
            for what, (theirs, mine) in rows.items():
                print(
                    f"{capacity:10}{batch:7} {what:6}{theirs:10.1f}{mine:10.1f}{theirs / mine:8.1f}"
                )


if __name__ == "__main__":
    main()
