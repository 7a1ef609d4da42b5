"""What is said of each regime: saturation, terminal performance, average."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from l2rl.metrics.l2m.arrays import Floats, Ints, by_length, mean_per_experience, means, starts_of
from l2rl.metrics.l2m.corrections import Corrections
from l2rl.metrics.l2m.preparation import Prepared
from l2rl.metrics.l2m.smoothing import smoothed_stretches

TERMINAL_SHARE = 0.1
"""The last part of a learning block, whose mean is its terminal performance."""
PLATEAU_TOLERANCE = 1e-9
"""Relative to the maximum."""


@dataclass(frozen=True)
class Quantities:
    """One entry per regime; NaN where the performance is none."""

    saturation: Floats
    exp_to_sat: Floats
    """Experiences to saturation, from 0."""
    term_perf: Floats
    """Terminal performance: of the last tenth of learning, of a whole evaluation."""
    exp_to_term_perf: Floats
    avg_perf: Floats
    series: Floats
    """Performance with repeated experiences averaged, of all regimes one after the other."""
    begin: Ints
    end: Ints
    """(regimes,) stretch `begin:end` of `series`."""


def quantities_of(prepared: Prepared, corrections: Corrections) -> Quantities:
    """The quantities of every regime."""
    regimes = prepared.regimes
    series, begin, end = _series(prepared)
    length = end - begin
    share = np.where(regimes.training, TERMINAL_SHARE, 1.0)
    saturation, exp_to_sat = saturations(series, begin, end, corrections)
    terminal = means(series, begin + ((1 - share) * length).astype(np.int64), end)
    known = ~np.isnan(terminal)
    return Quantities(
        saturation=saturation,
        exp_to_sat=exp_to_sat,
        term_perf=terminal,
        exp_to_term_perf=np.where(known, ((1 - share / 2) * length).astype(np.int64), np.nan),
        avg_perf=means(prepared.performance, regimes.begin, regimes.end),
        series=series,
        begin=begin,
        end=end,
    )


def saturations(
    values: Floats, begin: Ints, end: Ints, corrections: Corrections
) -> tuple[Floats, Floats]:
    """(stretches,) the maximum of each smoothed stretch, and the index of its first occurrence."""
    if not corrections.single_smoothing:
        values = smoothed_stretches(values, begin, end)
    highest = np.full(begin.shape, np.nan)
    place = np.full(begin.shape, np.nan)
    for members, indices in by_length(begin, end):
        stretches = values[indices]
        highest[members] = stretches.max(axis=1)
        threshold = highest[members]
        if corrections.tolerant_saturation:
            threshold = threshold - PLATEAU_TOLERANCE * np.abs(threshold)
        place[members] = (stretches >= threshold[:, None]).argmax(axis=1)
    place[np.isnan(highest)] = np.nan
    return highest, place


def saturation(values: Floats, corrections: Corrections) -> tuple[float, float]:
    """The same of one series."""
    highest, place = saturations(values, np.array([0]), np.array([values.size]), corrections)
    return float(highest[0]), float(place[0])


def _series(prepared: Prepared) -> tuple[Floats, Ints, Ints]:
    """Performance with one value for each experience of a regime."""
    found, regimes = prepared.experiences, prepared.regimes
    regime = np.repeat(np.arange(len(regimes)), regimes.end - regimes.begin)
    changes = (found.experience[1:] != found.experience[:-1]) | (regime[1:] != regime[:-1])
    first = starts_of(changes, len(found))
    if first.size == len(found):
        return prepared.performance, regimes.begin, regimes.end
    group = np.zeros(len(found), dtype=np.int64)
    group[first[1:]] = 1
    series = mean_per_experience(prepared.performance, np.cumsum(group))
    begin = np.searchsorted(first, regimes.begin)
    return series, begin, np.append(begin[1:], series.size)
