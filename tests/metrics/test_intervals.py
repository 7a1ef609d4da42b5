"""The three kinds of intervals: against closed forms and scipy's, and how often they cover."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from l2rl.metrics.criteria import Criterion, verdict
from l2rl.metrics.intervals import bca_interval, degrees_of_freedom
from l2rl.metrics.statistics import Bootstrap, mean, summarise

T = Bootstrap(resamples=400, method="t")
VALUES = np.array([0.3, 1.0, 1.1, 2.5, 7.0])


def test_the_t_interval_of_a_mean_is_the_textbooks() -> None:
    found = summarise([VALUES], "x", T).mean
    expected = stats.t.interval(0.95, 4, VALUES.mean(), stats.sem(VALUES))
    assert (found.low, found.high) == pytest.approx(expected)


def test_strata_have_the_degrees_of_freedom_of_welch() -> None:
    one, other = VALUES, np.array([4.0, 4.1, 4.0, 3.9, 4.2])
    expected = stats.ttest_ind(one, other, equal_var=False).df
    assert degrees_of_freedom([one, other]) == pytest.approx(expected)
    assert degrees_of_freedom([one]) == 4
    apart = summarise([np.full(3, 0.0), np.full(3, 10.0)], "x", T).mean
    assert (apart.low, apart.high) == (5.0, 5.0)


def test_bca_is_that_of_scipy() -> None:
    values = np.random.default_rng(3).exponential(size=12)
    theirs = stats.bootstrap(
        (values,), np.mean, n_resamples=5000, method="BCa", rng=np.random.default_rng(0)
    )
    expected = theirs.confidence_interval
    found = bca_interval([values], mean, theirs.bootstrap_distribution, 0.95)
    assert found == pytest.approx((expected.low, expected.high))
    ours = summarise([values], "x", Bootstrap(resamples=5000, method="bca")).mean
    assert (ours.low, ours.high) == pytest.approx(found, rel=0.1)


def test_bca_of_equal_values_is_that_value() -> None:
    found = summarise([np.full(4, 2.0)], "x", Bootstrap(resamples=100, method="bca")).mean
    assert (found.low, found.high) == (2.0, 2.0)


@pytest.mark.parametrize("statistic", ["mean", "iqm", "median"])
def test_t_intervals_of_five_seeds_cover_as_often_as_they_say(statistic: str) -> None:
    """Percentile intervals cover the mean of five normal values in 84 % of the cases."""
    generator, covered = np.random.default_rng(0), 0
    for number in range(300):
        values = [generator.normal(size=5)]
        found = getattr(summarise(values, str(number), T), statistic)
        covered += found.low <= 0.0 <= found.high
    assert covered / 300 >= 0.93
    assert statistic == "median" or covered / 300 <= 0.99


def test_the_confidence_of_a_verdict_by_t_is_one_minus_the_one_sided_p() -> None:
    criterion = Criterion("l2m/forward_transfer_ratio", 1.0, inclusive=False)
    found = verdict(criterion, [VALUES], "x", T)
    p = stats.ttest_1samp(VALUES, 1.0, alternative="greater").pvalue
    assert found.confidence == pytest.approx(1.0 - p)
    assert verdict(criterion, [np.ones(4)], "x", T).confidence == 0.0
    maintained = Criterion("l2m/performance_maintenance_mrlep", 0.0, inclusive=True)
    assert verdict(maintained, [np.zeros(4)], "x", T).confidence == 1.0
