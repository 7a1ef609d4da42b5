"""Curves made fit for a page: smoothed where they scatter, thinned where they are long."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from l2rl.runs.log_views import Series

CURVE_POINTS = 1000
"""At most so many points of one curve; more are not seen and make the page heavy."""

Floats = NDArray[np.float64]


def moving_mean(values: Floats, window: int) -> Floats:
    """Centred moving mean of `(n,)` values, over fewer at both ends; NaN counts as missing."""
    present = np.isfinite(values)
    kernel = np.ones(max(1, min(window, len(values))))
    sums = np.convolve(np.where(present, values, 0.0), kernel, "same")
    counts = np.convolve(present.astype(np.float64), kernel, "same")
    # `same` correlates without wrapping; rounding may leave a hair above zero where nothing is.
    return np.where(counts > 0.5, sums / np.maximum(counts, 1.0), np.nan)


def window_for(episodes: int) -> int:
    """Episodes to average over: a twentieth of the stretch, between 1 and 101, odd."""
    return int(np.clip(episodes // 20, 0, 50)) * 2 + 1


def thinned(series: Series, limit: int = CURVE_POINTS) -> Series:
    """At most `limit` points: the lowest and the highest of each stretch, so peaks stay."""
    finite = np.isfinite(series.values)
    steps, values = series.env_steps[finite], series.values[finite]
    if len(values) <= limit:
        return Series(steps, values)
    edges = np.linspace(0, len(values), limit // 2 + 1).astype(np.int64)
    kept = [
        start + offset
        for start, end in pairwise(edges.tolist())
        for offset in extremes(values[start:end])
    ]
    indices = np.array(kept, dtype=np.int64)
    return Series(steps[indices], values[indices])


def extremes(values: Floats) -> list[int]:
    """Positions of the lowest and the highest value, in order, once if they are the same."""
    return sorted({int(np.argmin(values)), int(np.argmax(values))})


def xy(series: Series) -> dict[str, list[float] | list[int]]:
    """`x` and `y` for plotly; six significant digits are more than a screen shows."""
    return {
        "x": [int(step) for step in series.env_steps],
        "y": [float(f"{value:.6g}") for value in series.values.tolist()],
    }
