"""Work on many stretches of one array without a Python loop over them.

Stretches of one length are handled together. There are at most sqrt(2 N) different lengths among N
values, so a million one-row regimes cost as little as one regime of a million rows. All sums are
numpy's pairwise ones over contiguous values, in the order of a single stretch, so that results
are the same to the last bit however the stretches are grouped.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


def by_length(begin: Ints, end: Ints) -> Iterator[tuple[Ints, Ints]]:
    """For every length that occurs: which stretches have it, and their indices `(k, length)`.

    Stretch i is `begin[i]:end[i]`; empty ones are left out.
    """
    lengths = end - begin
    order = np.argsort(lengths, kind="stable")
    cuts = np.flatnonzero(np.diff(lengths[order])) + 1
    for members in np.split(order, cuts):
        if members.size and lengths[members[0]] > 0:
            yield members, begin[members, None] + np.arange(lengths[members[0]])


def means(values: Floats, begin: Ints, end: Ints) -> Floats:
    """(stretches,) mean of each stretch; NaN for empty ones."""
    found = np.full(begin.shape, np.nan)
    for members, indices in by_length(begin, end):
        found[members] = values[indices].mean(axis=1)
    return found


def mean_per_experience(values: Floats, experience: Ints) -> Floats:
    """(groups,) mean over each run of equal numbers, in float64 with compensated sums.

    An experience may have been recorded several times. Compensation (Kahan) is what the
    original's library does, and what makes the last bit the same.
    """
    begin = starts_of(experience[1:] != experience[:-1], experience.size)
    if begin.size == experience.size:
        return values
    counts = np.diff(np.append(begin, experience.size))
    total, lost = np.zeros(begin.size), np.zeros(begin.size)
    for turn in range(int(counts.max())):
        more = np.flatnonzero(counts > turn)
        term = values[begin[more] + turn] - lost[more]
        summed = total[more] + term
        lost[more] = (summed - total[more]) - term
        total[more] = summed
    return total / counts


def starts_of(changes: Bools, size: int) -> Ints:
    """Where stretches begin, given `(size - 1,)` whether a value differs from the one before."""
    first = np.zeros(min(size, 1), dtype=np.int64)
    return np.concatenate([first, np.flatnonzero(changes) + 1])
