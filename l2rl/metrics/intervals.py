"""Three ways to make an interval from a bootstrap distribution.

`percentile`   the percentiles of the distribution, as in 2108.13264. The field's custom, and too
               narrow for few lifetimes: n values resampled scatter by a factor sqrt((n - 1) / n)
               less than new ones would, and the quantiles of n - 1 degrees of freedom lie farther
               out than those of the normal distribution. Both are large at n = 5.
`t`            the value +- a quantile of Student's t times the standard error, which is that of the
               bootstrap with the factor undone (of a mean: the usual one). Mends both; symmetric,
               so it may leave the range of what is measured.
`bca`          percentiles moved for bias and skewness (Efron, JASA 82, 1987). Better than
               `percentile` for many skewed values, not for few.

What each of them covers is in docs/statistics.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
Method = Literal["percentile", "t", "bca"]
METHODS: tuple[str, ...] = get_args(Method)


def percentile_interval(distribution: Values, confidence: float) -> tuple[float, float]:
    """The percentiles that enclose `confidence` of a (resamples,) distribution."""
    outside = (1.0 - confidence) / 2
    low, high = np.quantile(distribution, (outside, 1.0 - outside))
    return float(low), float(high)


def t_interval(
    value: float, standard_error: float, degrees: float, confidence: float
) -> tuple[float, float]:
    """`value` plus and minus a quantile of Student's t with `degrees` of freedom."""
    from scipy.stats import t

    reach = float(t.ppf(0.5 + confidence / 2, degrees)) * standard_error
    return value - reach, value + reach


def bca_interval(
    strata: Sequence[Values],
    statistic: Callable[[Values], Values],
    distribution: Values,
    confidence: float,
) -> tuple[float, float]:
    """Bias-corrected and accelerated percentiles (Efron 1987, eq. 2.3; acceleration by the
    jackknife). Of a statistic that no single value moves, the plain percentiles."""
    from scipy.stats import norm

    value = float(statistic(np.concatenate(strata)))
    below = float(np.mean(distribution < value) + np.mean(distribution == value) / 2)
    if not 0.0 < below < 1.0:
        return percentile_interval(distribution, confidence)
    bias = float(norm.ppf(below))
    outside = float(norm.ppf((1.0 - confidence) / 2))
    shifted = [bias + sign * outside for sign in (1.0, -1.0)]
    speed = _acceleration(strata, statistic)
    places = [float(norm.cdf(bias + z / (1.0 - speed * z))) for z in shifted]
    low, high = np.quantile(distribution, places)
    return float(low), float(high)


def standard_error(strata: Sequence[Values], distribution: Values | None) -> float:
    """Of the mean of all lifetimes if there is no `distribution`; else that of the (resamples,)
    bootstrap distribution, as wide as if it were of new values and not of the same few."""
    if distribution is None:
        return math.sqrt(sum(_variances_of_mean(strata)))
    smallest = min(values.size for values in strata)
    return float(distribution.std()) * math.sqrt(smallest / (smallest - 1))


def degrees_of_freedom(strata: Sequence[Values]) -> float:
    """Welch and Satterthwaite's; n - 1 of one stratum of n lifetimes. Each has two or more."""
    shares = _variances_of_mean(strata)
    if sum(shares) == 0.0:
        return float(sum(values.size - 1 for values in strata))
    squares = (v**2 / (x.size - 1) for v, x in zip(shares, strata, strict=True))
    return sum(shares) ** 2 / sum(squares)


def _variances_of_mean(strata: Sequence[Values]) -> list[float]:
    """What each stratum adds to the variance of the mean over all lifetimes."""
    count = sum(values.size for values in strata)
    return [float(values.var(ddof=1)) * values.size / count**2 for values in strata]


def _acceleration(strata: Sequence[Values], statistic: Callable[[Values], Values]) -> float:
    """Skewness of the jackknife values over 6 (each stratum around its own mean)."""
    centred = []
    for index, values in enumerate(strata):
        others = [*strata[:index], *strata[index + 1 :]]
        without = [
            float(statistic(np.concatenate([*others, np.delete(values, i)])))
            for i in range(values.size)
        ]
        centred.append(np.mean(without) - np.array(without))
    together = np.concatenate(centred)
    spread = float((together**2).sum())
    return 0.0 if spread == 0.0 else float((together**3).sum() / (6.0 * spread**1.5))
