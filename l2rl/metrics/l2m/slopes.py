"""The Theil-Sen slope of whole numbers: exact, and without listing all slopes of a long series.

The slope is the median of (y_j - y_i) / (j - i) over all i < j. The k-th smallest is found by
bisection: how many slopes are below a fraction p/q, and how many are not above it, are counts of
inversions of q y - p x, made in O(n log n). Slopes are fractions with denominators below n, of
which a short interval holds only one; and round ones are tried first, because times that repeat
make them likely. (Theil 1950; Sen 1968, doi 10.1080/01621459.1968.10480934.)
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
    lower, upto = _slope_of_rank(values, (pairs - 1) // 2)
    upper = lower if upto > pairs // 2 else _slope_of_rank(values, pairs // 2)[0]
    return (float(lower) + float(upper)) / 2


def _slope_of_rank(values: Ints, rank: int) -> tuple[Fraction, int]:
    """The slope that has `rank` slopes before it in ascending order, and how many are up to it."""
    steepest = int(np.abs(np.diff(values)).max()) + 1
    low, high = Fraction(-steepest), Fraction(steepest)
    central = False
    while True:
        # Every other time from the middle, so that the interval shrinks whatever is tried.
        margin = (high - low) / 4 if central else Fraction(0)
        central = not central
        tried = _roundest_between(low + margin, high - margin)
        below, upto = _slopes_below_and_upto(values, tried)
        if below <= rank < upto:
            return tried, upto
        low, high = (tried, high) if upto <= rank else (low, tried)


def _roundest_between(low: Fraction, high: Fraction) -> Fraction:
    """A fraction strictly between, with a small denominator."""
    middle, largest = (low + high) / 2, 1
    while not low < (found := middle.limit_denominator(largest)) < high:
        largest *= 2
    return found


def _slopes_below_and_upto(values: Ints, slope: Fraction) -> tuple[int, int]:
    """How many pairs i < j have (y_j - y_i) / (j - i) < slope, and how many <= slope."""
    places = np.arange(values.size)
    return _inversions(values * slope.denominator - places * slope.numerator)


def _inversions(values: Ints) -> tuple[int, int]:
    """How many pairs i < j have v_j < v_i, and how many v_j <= v_i, by merging from the bottom."""
    ranks = np.unique(values, return_inverse=True)[1].astype(np.int64)
    falling, not_rising, width, size = 0, 0, 1, ranks.size
    span = size + 1
    while width < size:
        block = np.arange(size) // width
        keys = block // 2 * span + ranks
        # Sorted on both sides, because looking up in order is several times faster.
        left, right = np.sort(keys[block % 2 == 0]), np.sort(keys[block % 2 == 1])
        # From each right on to the end of its pair of blocks, lefts are larger or equal.
        ends = int(np.searchsorted(left, (right // span + 1) * span).sum())
        falling += ends - int(np.searchsorted(left, right, side="right").sum())
        not_rising += ends - int(np.searchsorted(left, right).sum())
        width *= 2
    return falling, not_rising
