"""Statistics over seeds: mean, interquartile mean and median with stratified bootstrap intervals.

One lifetime is one observation: its tasks share an agent, so they are never resampled apart.
Strata are groups of lifetimes that differ by design (experiments that are pooled, pairs of
variants); each is resampled by itself, with replacement, to its own size, and the statistic is
taken of all together. Intervals are percentiles of that bootstrap distribution (the definitions
of 2108.13264; there the strata are tasks), or made from it as `intervals` says. Of fewer than three
lifetimes there is a value and no interval: two points say nothing of the spread.

Every interval is reproducible: its generator derives from a seed and the name of what is estimated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from l2rl.metrics.intervals import (
    Method,
    Values,
    bca_interval,
    degrees_of_freedom,
    percentile_interval,
    standard_error,
    t_interval,
)
from l2rl.randomness import numpy_generator

Strata = Sequence[Values]
"""One (n,) array a stratum, an entry a lifetime."""
Statistic = Callable[[Values], Values]
"""(..., n) -> (...,)."""

FEWEST = 3
"""Lifetimes below which an interval is refused."""
CONFIDENCE = 0.95
RESAMPLES = 10_000
_MOST_NUMBERS = 4_000_000
"""Numbers of one batch of resamples: bounds the memory."""


@dataclass(frozen=True)
class Bootstrap:
    """How intervals are made."""

    seed: int = 0
    confidence: float = CONFIDENCE
    resamples: int = RESAMPLES
    method: Method = "percentile"
    """Of means, IQMs, medians and differences; see `l2rl.metrics.intervals`."""

    def generator(self, *names: str) -> np.random.Generator:
        """A generator of its own for each estimate."""
        return numpy_generator(self.seed, "bootstrap", *names)

    def interval(self, distribution: Values) -> tuple[float, float]:
        """The percentiles that enclose `confidence` of a (resamples,) distribution."""
        return percentile_interval(distribution, self.confidence)


@dataclass(frozen=True)
class Estimate:
    """A number, and how far it can be trusted."""

    value: float
    low: float | None = None
    high: float | None = None
    reason: str | None = None
    """Why there is no interval."""


@dataclass(frozen=True)
class Summary:
    """What several lifetimes say of one metric."""

    lifetimes: int
    mean: Estimate
    iqm: Estimate
    median: Estimate
    standard_deviation: float | None
    """With n - 1; None of one lifetime."""
    lowest: float
    highest: float


def mean(values: Values) -> Values:
    """(..., n) -> (...,) arithmetic mean."""
    return np.asarray(values.mean(axis=-1))


def iqm(values: Values) -> Values:
    """(..., n) -> (...,) interquartile mean: without the lowest and the highest quarter, each
    rounded down (so it is the mean for n < 4)."""
    count = values.shape[-1]
    cut = count // 4
    return np.asarray(np.sort(values, axis=-1)[..., cut : count - cut].mean(axis=-1))


def median(values: Values) -> Values:
    """(..., n) -> (...,) median."""
    return np.asarray(np.median(values, axis=-1))


STATISTICS: dict[str, Statistic] = {"mean": mean, "iqm": iqm, "median": median}


def summarise(strata: Strata, name: str, bootstrap: Bootstrap | None = None) -> Summary:
    """Mean, IQM and median of at least one lifetime, with intervals where there are enough.

    `name`: of what is summarised; the generator derives from it. Raises `ValueError` without
    values, or if one is not finite.
    """
    bootstrap = bootstrap or Bootstrap()
    together = pooled(strata)
    estimates = estimate(strata, STATISTICS, name, bootstrap)
    return Summary(
        lifetimes=together.size,
        mean=estimates["mean"],
        iqm=estimates["iqm"],
        median=estimates["median"],
        standard_deviation=float(together.std(ddof=1)) if together.size > 1 else None,
        lowest=float(together.min()),
        highest=float(together.max()),
    )


def estimate(
    strata: Strata, statistics: dict[str, Statistic], name: str, bootstrap: Bootstrap
) -> dict[str, Estimate]:
    """Each statistic with its interval, all from the same resamples."""
    together = pooled(strata)
    reason = too_few(strata)
    if reason:
        return {n: Estimate(float(s(together)), reason=reason) for n, s in statistics.items()}
    drawn: dict[str, list[Values]] = {n: [] for n in statistics}
    for samples in resampled(strata, bootstrap, name):
        for n, statistic in statistics.items():
            drawn[n].append(statistic(samples))
    return {
        n: Estimate(float(s(together)), *_interval(strata, s, np.concatenate(drawn[n]), bootstrap))
        for n, s in statistics.items()
    }


def _interval(
    strata: Strata, statistic: Statistic, distribution: Values, bootstrap: Bootstrap
) -> tuple[float, float]:
    """By the bootstrap's method."""
    if bootstrap.method == "percentile":
        return bootstrap.interval(distribution)
    if bootstrap.method == "bca":
        return bca_interval(strata, statistic, distribution, bootstrap.confidence)
    error = standard_error(strata, None if statistic is mean else distribution)
    value = float(statistic(pooled(strata)))
    return t_interval(value, error, degrees_of_freedom(strata), bootstrap.confidence)


def resampled(strata: Strata, bootstrap: Bootstrap, name: str) -> Iterator[Values]:
    """Batches of resamples, (batch, lifetimes); `bootstrap.resamples` rows in all."""
    generator = bootstrap.generator(name)
    lifetimes = sum(values.size for values in strata)
    batch = max(1, min(bootstrap.resamples, _MOST_NUMBERS // lifetimes))
    for begin in range(0, bootstrap.resamples, batch):
        rows = min(batch, bootstrap.resamples - begin)
        drawn = [v[generator.integers(v.size, size=(rows, v.size))] for v in strata]
        yield np.concatenate(drawn, axis=1)


def pooled(strata: Strata) -> Values:
    """(n,) the lifetimes of all strata. Raises `ValueError` if there is none, or not a number."""
    found = [np.asarray(values, dtype=np.float64).ravel() for values in strata]
    if not found or not all(values.size for values in found):
        raise ValueError("no values to summarise")
    together = np.concatenate(found)
    if not np.isfinite(together).all():
        raise ValueError("a value to summarise is not finite")
    return together


def too_few(strata: Strata) -> str | None:
    """Why there is no interval: the smallest stratum has fewer than three lifetimes."""
    smallest = min(values.size for values in strata)
    if smallest >= FEWEST:
        return None
    seeds = f"{smallest} seed{'s' if smallest != 1 else ''}"
    where = " in one group" if len(strata) > 1 else ""
    return f"{seeds}{where}: an interval needs at least {FEWEST}"
