"""Smoothing of a series by a window."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from l2rl.metrics.l2m.arrays import Floats, Ints, by_length

SHARE_OF_SERIES = 0.2
LONGEST_WINDOW = 100
SHORTEST_WINDOW = 3
"""A shorter window leaves the series as it is."""

_KERNELS: dict[str, Callable[[int], Floats]] = {
    "flat": np.ones,
    "hanning": np.hanning,
    "hamming": np.hamming,
    "bartlett": np.bartlett,
    "blackman": np.blackman,
}


def smoothed_stretches(
    values: Floats,
    begin: Ints,
    end: Ints,
    kind: str = "flat",
    window: int | None = None,
    centred: bool = False,
) -> Floats:
    """A copy of `(n,)` values in which each stretch `begin[i]:end[i]` was smoothed by itself."""
    found = values.copy()
    for _, indices in by_length(begin, end):
        kernel = kernel_for(indices.shape[1], kind, window, centred)
        if kernel is not None:
            for stretch in indices:
                found[stretch] = _convolved(values[stretch], kernel, centred)
    return found


def smoothed(
    series: Floats, kind: str = "flat", window: int | None = None, centred: bool = False
) -> Floats:
    """The `(n,)` series smoothed as a whole."""
    whole = np.array([0]), np.array([series.size])
    return smoothed_stretches(series, *whole, kind, window, centred)


def kernel_for(length: int, kind: str, window: int | None, centred: bool) -> Floats | None:
    """The weights, summing to 1, for a series of a length; None if it is left as it is."""
    if window is None or length < window:
        window = min(int(length * SHARE_OF_SERIES), LONGEST_WINDOW)
    if centred:
        window -= window % 2 == 0
    if window < SHORTEST_WINDOW:
        return None
    weights = _KERNELS[kind](window)
    kernel: Floats = weights / weights.sum()
    return kernel


def _convolved(series: Floats, kernel: Floats, centred: bool) -> Floats:
    """Weighted means of the series, mirrored at its ends without doubling the outermost sample.

    Output i covers the samples from i - ceil(w/2) to i + floor(w/2) - 1, as the original's do: an
    even window sits half a sample early, an odd one a whole sample. `centred` puts odd windows
    around their sample.
    """
    if np.isnan(series).any():
        return series
    window = kernel.size
    mirrored = np.concatenate([series[window - 1 : 0 : -1], series, series[-2 : -window - 1 : -1]])
    means: Floats = np.convolve(kernel, mirrored, mode="valid")
    early = window // 2 if centred else window // 2 - 1
    return means[early : early + series.size]
