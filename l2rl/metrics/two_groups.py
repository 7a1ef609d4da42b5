"""One group of lifetimes against another: paired differences, improvement, profiles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from l2rl.metrics.figures import Direction
from l2rl.metrics.intervals import Values
from l2rl.metrics.statistics import (
    Bootstrap,
    Estimate,
    Strata,
    Summary,
    pooled,
    summarise,
    too_few,
)

BySeed = Mapping[int, float]
"""The value of each seed's lifetime."""


@dataclass(frozen=True)
class PairedDifference:
    """One variant minus another over the seeds that both have."""

    seeds: tuple[int, ...]
    summary: Summary | None
    """None if there is no common seed."""
    reason: str | None
    """Why there is no summary."""


@dataclass(frozen=True)
class Profile:
    """Share of the lifetimes above each threshold."""

    thresholds: Values
    """(thresholds,)"""
    share: Values
    """(thresholds,)"""
    low: Values | None
    """(thresholds,) band of the confidence, point by point; None of too few lifetimes."""
    high: Values | None
    reason: str | None


def paired_difference(
    variant: BySeed, baseline: BySeed, name: str, bootstrap: Bootstrap | None = None
) -> PairedDifference:
    """`variant - baseline` seed by seed: what the seeds have in common cancels out."""
    return paired_differences([(variant, baseline)], name, bootstrap)


def paired_differences(
    pairs: list[tuple[BySeed, BySeed]], name: str, bootstrap: Bootstrap | None = None
) -> PairedDifference:
    """The same over several pairs of variants, each pair a stratum of its own."""
    common = [sorted(set(one) & set(other)) for one, other in pairs]
    kept = [(pair, seeds) for pair, seeds in zip(pairs, common, strict=True) if seeds]
    if not kept:
        return PairedDifference((), None, "the two have no seed in common")
    strata = [
        np.array([one[seed] - other[seed] for seed in seeds], dtype=np.float64)
        for (one, other), seeds in kept
    ]
    seeds = tuple(sorted({seed for _, found in kept for seed in found}))
    return PairedDifference(seeds, summarise(strata, name, bootstrap), None)


def probability_of_improvement(
    variant: Strata,
    baseline: Strata,
    direction: Direction,
    name: str,
    bootstrap: Bootstrap | None = None,
) -> Estimate:
    """P(X better than Y) + P(X as good) / 2 for a lifetime X of the variant and Y of the baseline,
    averaged over strata (2108.13264: the Mann-Whitney statistic). Both are resampled.

    Raises `ValueError` if there are no values, or if neither direction is better.
    """
    if direction == "neither":
        raise ValueError("where no direction is better there is no improvement")
    bootstrap = bootstrap or Bootstrap()
    pooled([*variant, *baseline])
    sign = 1.0 if direction == "higher" else -1.0
    wins = [_wins(sign * x, sign * y) for x, y in zip(variant, baseline, strict=True)]
    value = float(np.mean([table.mean() for table in wins]))
    reason = too_few([*variant, *baseline])
    if reason:
        return Estimate(value, reason=reason)
    generator = bootstrap.generator(name, "improvement")
    drawn = [
        np.einsum(
            "rx,xy,ry->r",
            _weights(generator, table.shape[0], bootstrap.resamples),
            table,
            _weights(generator, table.shape[1], bootstrap.resamples),
            optimize=True,
        )
        for table in wins
    ]
    return Estimate(value, *bootstrap.interval(np.mean(drawn, axis=0)))


def performance_profile(
    values: Values, thresholds: Values, name: str, bootstrap: Bootstrap | None = None
) -> Profile:
    """Share of (n,) lifetimes above each of (t,) thresholds, with a band (2108.13264)."""
    bootstrap = bootstrap or Bootstrap()
    values = pooled([values])
    above = (values[:, None] > thresholds).astype(np.float64)
    reason = too_few([values])
    if reason:
        return Profile(thresholds, above.mean(axis=0), None, None, reason)
    weights = _weights(bootstrap.generator(name, "profile"), values.size, bootstrap.resamples)
    outside = (1.0 - bootstrap.confidence) / 2
    low, high = np.quantile(weights @ above, (outside, 1.0 - outside), axis=0)
    return Profile(thresholds, above.mean(axis=0), low, high, None)


def _wins(x: Values, y: Values) -> Values:
    """(x, y): 1 where x is above, 1/2 where equal."""
    return np.asarray((x[:, None] > y) + 0.5 * (x[:, None] == y))


def _weights(generator: np.random.Generator, count: int, resamples: int) -> NDArray[np.float64]:
    """(resamples, count) share of each lifetime in each resample."""
    drawn: NDArray[np.int64] = generator.multinomial(
        count, np.full(count, 1.0 / count), size=resamples
    )
    return drawn.astype(np.float64) / count
