"""Orders in which tasks are met, by kind of scenario: pure functions of the tasks and a seed.

    dispersed   superblocks, each of them all tasks in a fresh order
    permuted    one permutation, by its number
    recurring   periods; a task is present in a share of them, its frequency

Recurring orders follow SCoLe (arXiv:2207.04543): of N tasks c are present in a period, a frequency
of c / N. A task of frequency f returns after 1 / f periods on average, and when periods are drawn
it stays away for n of them with probability (1 - f)^n.

Wherever an order is drawn, no task follows itself if another could: a boundary ought to be a
change. Longer orders begin like shorter ones of the same seed.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


def shuffled(tasks: Sequence[str], seed: int) -> tuple[str, ...]:
    """All tasks once, in an order that the seed decides; every permutation is equally likely."""
    return fresh_order(tasks, _generator(seed, "shuffled"), after=None)


def dispersed(tasks: Sequence[str], superblocks: int, seed: int) -> Iterator[str]:
    """`superblocks` times all tasks, each time in a fresh order."""
    last: str | None = None
    for number in range(superblocks):
        order = fresh_order(tasks, _generator(seed, "dispersed", number), after=last)
        yield from order
        last = order[-1]


def fresh_order(
    tasks: Sequence[str], generator: np.random.Generator, after: str | None
) -> tuple[str, ...]:
    """A permutation that does not begin with `after`, unless there is nothing else.

    All permutations that may be are equally likely: those that may not are drawn again.
    """
    while True:
        order = tuple(tasks[int(i)] for i in generator.permutation(len(tasks)))
        if order[:1] != (after,) or len(set(order)) == 1:
            return order


def permutation(tasks: Sequence[str], index: int) -> tuple[str, ...]:
    """Permutation `index` of `tasks`, 0 to n! - 1, in lexicographic order of places in the list.

    Raises `ValueError` for an index that does not exist.
    """
    orders = math.factorial(len(tasks))
    if not 0 <= index < orders:
        raise ValueError(f"{len(tasks)} tasks have no permutation {index}")
    left, order = list(tasks), []
    while left:
        orders //= len(left)
        place, index = divmod(index, orders)
        order.append(left.pop(place))
    return tuple(order)


# ---- recurring -----------------------------------------------------------------------------


def recurring_by_chance(
    tasks: Sequence[str], frequency: Mapping[str, float], periods: int, seed: int
) -> Iterator[str]:
    """In each period every task is present with its own frequency, whatever the others do."""
    last: str | None = None
    for period in range(periods):
        generator = _generator(seed, "recurring", period)
        lots = generator.random(len(tasks))
        present = [task for task, lot in zip(tasks, lots, strict=True) if lot < frequency[task]]
        if present:
            order = fresh_order(present, generator, after=last)
            yield from order
            last = order[-1]


def recurring_sample(
    tasks: Sequence[str], per_period: int, periods: int, seed: int
) -> Iterator[str]:
    """In each period `per_period` of the tasks are present, every choice equally likely."""
    last: str | None = None
    for period in range(periods):
        generator = _generator(seed, "recurring", period)
        drawn = sorted(generator.choice(len(tasks), per_period, replace=False).tolist())
        order = fresh_order([tasks[i] for i in drawn], generator, after=last)
        yield from order
        last = order[-1]


def recurring_regularly(
    tasks: Sequence[str], frequency: Mapping[str, Fraction], periods: int
) -> Iterator[str]:
    """Each task returns after exactly 1 / frequency periods; tasks begin one after the other.

    Task i of n is due at the times t > 0 at which t * frequency + (n - 1 - i) / n is a whole
    number: floor(periods * frequency) times, and once more when its share of a return is left.
    """
    count = len(tasks)
    trains = [
        _due(i, Fraction(count - 1 - i, count), frequency[task], periods)
        for i, task in enumerate(tasks)
    ]
    for _, i in heapq.merge(*trains):
        yield tasks[i]


def _due(
    task: int, phase: Fraction, frequency: Fraction, periods: int
) -> Iterator[tuple[Fraction, int]]:
    for number in range(1, math.floor(periods * frequency + phase) + 1):
        yield (number - phase) / frequency, task


def _generator(seed: int, *names: str | int) -> np.random.Generator:
    # Imported when a number is drawn: torch comes with it, and most files draw none.
    from l2rl.randomness import numpy_generator

    return numpy_generator(seed, "scenario", *names)
