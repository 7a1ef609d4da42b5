"""The Theil-Sen slope of whole numbers: exact, and in O(n log n) steps of selection.

The slope is the median of (y_j - y_i) / (j - i) over all i < j. For many values the list of all
slopes is not made. The k-th smallest is found by bisection instead: how many slopes do not exceed
a fraction p/q is a count of inversions of q y - p x. Slopes are fractions with denominators below
n, of which an interval shorter than 1/n^2 holds at most one.
(Theil 1950; Sen 1968, doi 10.1080/01621459.1968.10480934.)
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from l2rl.metrics.l2m.arrays import Ints

LARGEST_LISTED = 1500
"""Up to so many values, listing all slopes is quicker."""


def median_slope(values: Ints) -> float:
    """Median slope of `(n,)` whole numbers against 0, 1, 2, ...; n >= 2."""
    if values.size <= LARGEST_LISTED:
        first, second = np.triu_indices(values.size, k=1)
        return float(np.median((values[second] - values[first]) / (second - first)))
    pairs = values.size * (values.size - 1) // 2
    lower = upper = _slope_of_rank(values, (pairs - 1) // 2)
    if _slopes_up_to(values, lower) <= pairs // 2:
        upper = _slope_of_rank(values, pairs // 2)
    return (float(lower) + float(upper)) / 2


def _slope_of_rank(values: Ints, rank: int) -> Fraction:
    """The slope that has `rank` slopes before it in ascending order."""
    size = values.size
    reach = int(np.abs(np.diff(values)).max()) + 1
    low, high = Fraction(-reach), Fraction(reach)
    while high - low >= Fraction(1, size * size):
        middle = ((low + high) / 2).limit_denominator(4 * size * size)
        if _slopes_up_to(values, middle) > rank:
            high = middle
        else:
            low = middle
    # The slope is in (low, high], and no other fraction with so small a denominator is.
    return _simplest_between(low, high, size)


def _simplest_between(low: Fraction, high: Fraction, largest: int) -> Fraction:
    found = high.limit_denominator(largest)
    return found if low < found <= high else low.limit_denominator(largest)


def _slopes_up_to(values: Ints, slope: Fraction) -> int:
    """How many pairs i < j have (y_j - y_i) / (j - i) <= slope."""
    places = np.arange(values.size)
    return _pairs_not_rising(values * slope.denominator - places * slope.numerator)


def _pairs_not_rising(values: Ints) -> int:
    """How many pairs i < j have v_j <= v_i, by merging from the bottom."""
    ranks = np.unique(values, return_inverse=True)[1].astype(np.int64)
    count, width, size = 0, 1, ranks.size
    span = size + 1
    while width < size:
        block = np.arange(size) // width
        keys = block // 2 * span + ranks
        # Sorted on both sides, because looking up in order is several times faster.
        left, right = np.sort(keys[block % 2 == 0]), np.sort(keys[block % 2 == 1])
        # Lefts of the same pair of blocks that are at least as large as each right.
        count += int((np.searchsorted(left, (right // span + 1) * span)).sum())
        count -= int(np.searchsorted(left, right).sum())
        width *= 2
    return count
