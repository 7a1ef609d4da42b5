"""Intervals, differences and profiles: against closed forms, and honest where data is thin."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from l2rl.metrics.criteria import Criterion, verdict
from l2rl.metrics.statistics import Bootstrap, iqm, mean, median, resampled, summarise
from l2rl.metrics.two_groups import (
    paired_difference,
    paired_differences,
    performance_profile,
    probability_of_improvement,
)

NUMBERS = st.floats(-1e3, 1e3, allow_nan=False)
FEW = Bootstrap(resamples=300)


@given(st.lists(NUMBERS, min_size=1, max_size=30))
def test_the_interquartile_mean_is_the_trimmed_mean_of_a_quarter(values: list[float]) -> None:
    assert iqm(np.array(values)) == pytest.approx(stats.trim_mean(values, 0.25), abs=1e-9)


def test_the_statistics_by_hand() -> None:
    values = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 100.0])
    assert iqm(values) == pytest.approx(4.5)
    assert median(values) == pytest.approx(4.5)
    assert mean(values) == pytest.approx(16.0)


def test_the_interval_of_a_mean_is_that_of_the_exact_bootstrap_distribution() -> None:
    values = np.array([0.0, 1.0, 5.0, 6.0])
    exact = [np.mean(sample) for sample in itertools.product(values, repeat=4)]
    found = summarise([values], "exact", Bootstrap(resamples=200_000)).mean
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(exact, (0.025, 0.975))))


def test_the_interval_of_a_mean_has_the_width_of_the_normal_one() -> None:
    values = np.random.default_rng(1).normal(3.0, 2.0, 400)
    found = summarise([values], "normal").mean
    expected = 1.96 * values.std() / math.sqrt(400)
    assert found.low is not None
    assert found.high is not None
    assert (found.high - found.low) / 2 == pytest.approx(expected, rel=0.03)
    assert found.low < found.value < found.high


def test_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    generator = np.random.default_rng(0)
    covered = 0
    for i in range(300):
        found = summarise([generator.normal(0.0, 1.0, 20)], str(i), FEW).mean
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= 0.0 <= found.high
    # Percentile intervals of 20 values are known to be a little narrow.
    assert 0.88 <= covered / 300 <= 0.97


def test_the_same_seed_and_name_give_the_same_interval_and_others_another() -> None:
    values = [np.arange(10.0)]
    assert summarise(values, "a", FEW) == summarise(values, "a", FEW)
    assert summarise(values, "a", FEW).mean != summarise(values, "b", FEW).mean
    other = Bootstrap(seed=1, resamples=300)
    assert summarise(values, "a", FEW).mean != summarise(values, "a", other).mean


def test_strata_are_resampled_apart() -> None:
    strata = [np.full(5, 0.0), np.full(5, 10.0)]
    apart = summarise(strata, "x", FEW).mean
    assert (apart.value, apart.low, apart.high) == (5.0, 5.0, 5.0)
    mixed = summarise([np.concatenate(strata)], "x", FEW).mean
    assert mixed.low is not None
    assert mixed.low < 5.0


def test_resamples_are_bounded_in_memory_and_none_is_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("l2rl.metrics.statistics._MOST_NUMBERS", 35)
    batches = list(resampled([np.arange(5.0)], Bootstrap(resamples=20), "x"))
    assert [batch.shape for batch in batches] == [(7, 5), (7, 5), (6, 5)]


@pytest.mark.parametrize("count", [1, 2])
def test_too_few_seeds_have_a_value_and_a_reason_instead_of_an_interval(count: int) -> None:
    found = summarise([np.arange(count, dtype=float)], "x")
    assert found.mean.value == np.arange(count).mean()
    assert found.mean.low is None
    assert found.mean.reason is not None
    assert "needs at least 3" in found.mean.reason
    assert (found.standard_deviation is None) == (count == 1)


def test_nothing_and_not_a_number_are_refused() -> None:
    with pytest.raises(ValueError, match="no values"):
        summarise([], "x")
    with pytest.raises(ValueError, match="not finite"):
        summarise([np.array([1.0, np.nan, 2.0])], "x")


def test_common_seeds_cancel_what_they_share() -> None:
    luck = np.random.default_rng(0).normal(0, 100, 8)
    baseline = {seed: float(luck[seed]) for seed in range(8)}
    better = {seed: float(luck[seed]) + 1.0 + 0.01 * seed for seed in range(8)}
    found = paired_difference(better, baseline, "x")
    assert found.seeds == tuple(range(8))
    assert found.summary is not None
    assert found.summary.mean.low is not None
    assert 1.0 < found.summary.mean.low < found.summary.mean.value < 1.07


def test_only_common_seeds_are_paired() -> None:
    found = paired_difference({0: 1.0, 1: 2.0, 7: 99.0}, {0: 0.0, 1: 0.0, 5: -99.0}, "x")
    assert found.seeds == (0, 1)
    assert found.summary is not None
    assert found.summary.mean.value == 1.5
    assert found.summary.mean.low is None
    nothing = paired_difference({0: 1.0}, {1: 1.0}, "x")
    assert nothing.summary is None
    assert nothing.reason == "the two have no seed in common"


def test_pairs_of_variants_are_strata() -> None:
    pairs = [({s: 10.0 for s in range(3)}, {s: 0.0 for s in range(3)})]
    pairs.append(({s: 2.0 for s in range(3)}, {s: 0.0 for s in range(3)}))
    found = paired_differences(pairs, "x", FEW)
    assert found.summary is not None
    assert (found.summary.mean.low, found.summary.mean.high) == (6.0, 6.0)


@settings(max_examples=40)
@given(st.lists(NUMBERS, min_size=1, max_size=8), st.lists(NUMBERS, min_size=1, max_size=8))
def test_the_probability_of_improvement_is_the_mann_whitney_statistic(
    x: list[float], y: list[float]
) -> None:
    found = probability_of_improvement(
        [np.array(x)], [np.array(y)], "higher", "x", Bootstrap(resamples=50)
    )
    expected = stats.mannwhitneyu(x, y).statistic / (len(x) * len(y))
    assert found.value == pytest.approx(expected)
    lower = probability_of_improvement(
        [np.array(x)], [np.array(y)], "lower", "x", Bootstrap(resamples=50)
    )
    assert lower.value == pytest.approx(1 - expected)


def test_a_sure_improvement_has_a_sure_interval() -> None:
    found = probability_of_improvement([np.arange(5.0) + 9], [np.arange(5.0)], "higher", "x", FEW)
    assert (found.value, found.low, found.high) == (1.0, 1.0, 1.0)
    close = probability_of_improvement([np.arange(5.0) + 1], [np.arange(5.0)], "higher", "x", FEW)
    assert close.low is not None
    assert close.low < 0.6 < close.value < 1.0
    few = probability_of_improvement([np.arange(2.0)], [np.arange(5.0)], "higher", "x")
    assert few.low is None
    assert few.reason is not None
    with pytest.raises(ValueError, match="no direction"):
        probability_of_improvement([np.arange(3.0)], [np.arange(3.0)], "neither", "x")


def test_the_profile_falls_from_all_to_none() -> None:
    values = np.array([0.1, 0.4, 0.6, 0.9])
    thresholds = np.array([0.0, 0.5, 0.9, 2.0])
    found = performance_profile(values, thresholds, "x")
    assert found.share.tolist() == [1.0, 0.5, 0.0, 0.0]
    assert found.low is not None
    assert found.high is not None
    assert found.low[0] == found.high[0] == 1.0
    assert found.low[1] < 0.5 < found.high[1]
    few = performance_profile(values[:2], thresholds, "x")
    assert few.low is None
    assert few.reason is not None


def test_a_verdict_has_the_share_of_resamples_that_meet_the_criterion() -> None:
    criterion = Criterion("l2m/forward_transfer_ratio", 1.0, inclusive=False)
    assert verdict(criterion, [np.full(4, 1.0)], "x").met is False
    sure = verdict(criterion, [np.full(4, 1.1)], "x")
    assert (sure.met, sure.confidence) == (True, 1.0)
    values = np.array([0.0, 1.0, 5.0])
    samples = list(itertools.product(values, repeat=3))
    exact = np.mean([np.mean(sample) > 1.0 for sample in samples])
    found = verdict(criterion, [values], "x", Bootstrap(resamples=100_000))
    assert found.confidence == pytest.approx(exact, abs=0.01)
    at_bound = Criterion("l2m/performance_maintenance_mrlep", 0.0, inclusive=True)
    assert verdict(at_bound, [np.zeros(3)], "x").met is True
    few = verdict(criterion, [np.array([2.0])], "x")
    assert (few.value, few.met, few.confidence) == (2.0, True, None)
    assert few.reason is not None
