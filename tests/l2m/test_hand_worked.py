"""The metrics on tables worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from l2rl.metrics.l2m import STRICT, compute_l2m
from tests.l2m.small_logs import judge, log_of, plain_options, ramp

A, B, C = "ant_x", "bee_x", "cat_x"


def test_terminal_performance_is_the_last_tenth_of_learning_and_all_of_an_evaluation() -> None:
    result = judge(log_of(("train", A, range(20)), ("test", A, [1, 2, 6])))
    assert result.quantities.term_perf.tolist() == [18.5, 3.0]
    assert result.quantities.exp_to_term_perf.tolist() == [19.0, 1.0]
    assert result.quantities.avg_perf.tolist() == [9.5, 3.0]


def test_maintenance_against_the_evaluation_after_learning_and_against_learning() -> None:
    log = log_of(
        ("test", A, [1]),
        ("train", A, [8]),
        ("test", A, [5]),
        ("train", B, [0]),
        ("test", A, [3]),
        ("train", B, [0]),
        ("test", A, [4]),
    )
    result = judge(log, maintenance="both")
    assert result.of_tasks("performance_maintenance_mrlep")[A] == (-2 - 1) / 2
    assert result.of_tasks("performance_maintenance_mrtlp")[A] == (-5 - 4) / 2
    runs = [run.tolist() for run in result.maintenance["mrlep"][A].differences]
    assert runs == [[-2.0, -1.0]]
    assert np.isnan(result.of_tasks("performance_maintenance_mrlep")[B])


def test_maintenance_starts_anew_after_learning_again() -> None:
    log = log_of(
        ("train", A, [0]),
        ("test", A, [5]),
        ("test", A, [4]),
        ("train", A, [0]),
        ("test", A, [9]),
        ("test", A, [10]),
    )
    result = judge(log)
    assert result.of_tasks("performance_maintenance_mrlep")[A] == (-1 + 1) / 2
    assert [run.tolist() for run in result.maintenance["mrlep"][A].differences] == [[-1.0], [1.0]]


def test_transfer_is_forward_before_the_target_is_learned_and_backward_after() -> None:
    log = log_of(
        ("test", B, [0.2]),
        ("train", A, [1]),
        ("test", B, [0.6]),
        ("train", B, [1]),
        ("test", B, [0.8]),
        ("train", A, [1]),
        ("test", B, [0.4]),
    )
    result = judge(log)
    assert result.of_pairs("forward_transfer_contrast") == {A: {B: [pytest.approx(0.5)]}}
    assert result.of_pairs("forward_transfer_ratio") == {A: {B: [pytest.approx(3.0)]}}
    assert result.of_pairs("backward_transfer_ratio") == {A: {B: [0.5]}}
    assert result.of_pairs("backward_transfer_contrast") == {A: {B: [pytest.approx(-1 / 3)]}}


GAP_OF_TWO = log_of(
    ("test", C, [1]), ("train", A, [1]), ("train", B, [1]), ("test", C, [2]), name="gap"
)


def test_the_last_source_overwrites_the_others_of_a_gap_unless_that_is_mended() -> None:
    assert judge(GAP_OF_TWO).of_pairs("forward_transfer_ratio") == {B: {C: [2.0]}}
    both = judge(GAP_OF_TWO, on=["every_transfer_pair"]).of_pairs("forward_transfer_ratio")
    assert both == {A: {C: [2.0]}, B: {C: [2.0]}}


def test_own_learning_in_the_gap_counts_as_transfer_unless_that_is_mended() -> None:
    log = log_of(
        ("test", B, [0]), ("train", A, [3]), ("train", B, [9]), ("test", B, [10]), ("test", A, [0])
    )
    parity = judge(log, normalise="task")
    assert parity.of_pairs("forward_transfer_ratio") == {A: {B: [101.0]}}
    mended = judge(log, normalise="task", on=["untrained_transfer"])
    assert mended.of_pairs("forward_transfer_ratio") == {}
    (left_out,) = mended.transfer.left_out
    assert (left_out.source, left_out.target, left_out.blocks) == (A, B, (3,))
    assert "itself was learned" in left_out.reason


def test_only_the_first_value_of_a_pair_reaches_the_lifetime_unless_that_is_mended() -> None:
    log = log_of(
        ("test", B, [1]), ("train", A, [1]), ("test", B, [2]), ("train", A, [1]), ("test", B, [8])
    )
    assert judge(log).of_pairs("forward_transfer_ratio") == {A: {B: [2.0, 4.0]}}
    assert judge(log).lifetime()["forward_transfer_ratio"] == 2.0
    assert judge(log, on=["all_transfer_values"]).lifetime()["forward_transfer_ratio"] == 3.0


def test_the_lifetime_figure_is_the_mean_over_pairs() -> None:
    log = log_of(
        ("test", B, [1]),
        ("test", C, [1]),
        ("train", A, [1]),
        ("test", B, [24.672]),
        ("test", C, [3.665]),
        ("train", B, [1]),
        ("test", C, [3.665 * 9.552]),
    )
    result = judge(log)
    assert result.lifetime()["forward_transfer_ratio"] == pytest.approx(12.630, abs=5e-4)
    assert judge(log, aggregate="median").lifetime()["forward_transfer_ratio"] == pytest.approx(
        9.552
    )


def test_ratios_of_negative_performance_are_left_out_when_mended() -> None:
    log = log_of(("test", B, [-10]), ("train", A, [1]), ("test", B, [-5]))
    assert judge(log).lifetime()["forward_transfer_ratio"] == 0.5
    assert np.isnan(judge(log, on=["positive_transfer"]).lifetime()["forward_transfer_ratio"])


def test_a_division_by_nothing_is_no_value() -> None:
    log = log_of(("test", B, [0]), ("train", A, [1]), ("test", B, [0]))
    result = judge(log)
    assert np.isnan(result.lifetime()["forward_transfer_ratio"])
    assert np.isnan(result.lifetime()["forward_transfer_contrast"])


def test_one_sleep_hides_all_evaluations_awake_unless_that_is_mended() -> None:
    log = log_of(
        ("train", A, [0]),
        ("test", A, [5]),
        ("test", A, [3]),
        ("train", A, [0]),
        ("sleep test", A, [9]),
        ("sleep test", A, [8]),
    )
    parity = judge(log)
    assert parity.of_tasks("performance_maintenance_mrlep")[A] == -1.0
    assert parity.of_tasks("mean_evaluation_performance")[A] == 8.5
    mended = judge(log, on=["wake_evaluations"])
    assert mended.of_tasks("performance_maintenance_mrlep")[A] == (-2 - 1) / 2
    assert mended.of_tasks("mean_evaluation_performance")[A] == 25 / 4


def test_learning_asleep_is_no_part_of_recovery_and_of_curves() -> None:
    log = log_of(("train", A, [1, 2]), ("sleep train", A, [50, 50]), ("train", A, [1, 2]))
    expert = log_of(("train", A, [1, 2, 1, 2]), name="expert")
    result = judge(log, expert)
    assert result.recovery[A].times.tolist() == [1.0]
    assert result.of_tasks("relative_performance")[A] == 1.0


def test_recovery_times_and_their_slope() -> None:
    # Terminal performance is the last value of each block, 10 every time.
    log = log_of(
        ("train", A, [1, 2, 10]),
        ("train", A, [0, 0, 0, 0, 10]),
        ("train", A, [0, 0, 10]),
        ("train", A, [10, 0, 9]),
        ("train", A, [0, 0, 0, 8]),
    )
    result = judge(log)
    # The last block never reaches 9 again: one more than its length.
    assert result.recovery[A].times.tolist() == [4.0, 2.0, 0.0, 5.0]
    slopes = sorted([-2.0, -2.0, 5.0, -2.0, 1.5, 1 / 3])
    assert result.recovery[A].value == pytest.approx(-(slopes[2] + slopes[3]) / 2)
    two = log_of(("train", A, [1, 10]), ("train", A, [0, 10]))
    assert np.isnan(judge(two).recovery[A].value)


def test_relative_performance_sums_over_as_many_experiences_as_both_have() -> None:
    log = log_of(("train", A, [1, 2, 3, 100]))
    short = log_of(("train", A, [2, 2, 2]), name="short")
    long = log_of(("train", A, [53] * 9), name="long")
    result = judge(log, short, long)
    assert result.relative[A].values == (1.0, 0.5)
    assert result.lifetime()["relative_performance"] == 0.75
    averaged = judge(log, short, long, expert_averaging="time")
    assert averaged.relative[A].values == (6 / (3 * 27.5),)


def test_sample_efficiency_weighs_height_against_speed() -> None:
    log = log_of(("train", A, ramp(80, 400, 600)))
    expert = log_of(("train", A, ramp(100, 500, 600)), name="expert")
    result = judge(log, expert, on=["single_smoothing"])
    efficiency = result.efficiency[A]
    assert (efficiency.saturation, efficiency.exp_to_sat) == (80.0, 400.0)
    assert (efficiency.expert_saturations, efficiency.expert_exp_to_sats) == ((100.0,), (500.0,))
    assert efficiency.value == pytest.approx(1.0)


@pytest.mark.parametrize(
    "curve",
    [ramp(19, 400, 600), [100, 101, *[0.0] * 598]],
    ids=["below a fifth of the expert", "falling"],
)
def test_a_curve_that_does_not_learn_has_no_sample_efficiency(curve: list[float]) -> None:
    expert = log_of(("train", A, ramp(100, 500, 600)), name="expert")
    result = judge(log_of(("train", A, curve)), expert, on=["single_smoothing"])
    assert result.lifetime()["sample_efficiency"] == 0.0


def test_an_expert_compared_with_itself() -> None:
    rng = np.random.default_rng(0)
    curve = (np.linspace(0, 5, 200) + rng.normal(size=200)).tolist()
    log = log_of(("test", A, [3]), ("train", A, curve), ("test", A, [3]), ("test", A, [3]))
    for corrections in (plain_options().corrections, STRICT):
        options = plain_options(corrections=corrections, normalise="task", smooth="flat")
        lifetime = compute_l2m(log, {A: [log]}, options).lifetime()
        assert lifetime["relative_performance"] == 1.0
        assert lifetime["sample_efficiency"] == 1.0
        assert lifetime["performance_maintenance_mrlep"] == 0.0


def test_a_task_without_slope_removes_all_sample_efficiencies_unless_that_is_mended() -> None:
    log = log_of(("train", B, [1]), ("train", A, ramp(80, 40, 60)))
    expert = log_of(("train", A, ramp(80, 40, 60)), name="expert")
    parity = judge(log, expert)
    assert np.isnan(parity.lifetime()["sample_efficiency"])
    assert "no slope" in parity.efficiency[A].reason
    mended = judge(log, expert, on=["separate_slopes"])
    assert mended.lifetime()["sample_efficiency"] > 0


def test_repeated_experiences_are_averaged_within_a_regime() -> None:
    log = log_of(("test", A, [1, 3, 8]), exp_num=[0, 0, 1])
    assert judge(log).quantities.term_perf.tolist() == [5.0]
    assert judge(log).quantities.avg_perf.tolist() == [4.0]


def test_means_over_tasks_and_their_median() -> None:
    log = log_of(("train", A, [1, 3]), ("train", A, [6]), ("train", B, [0]), ("train", C, [2]))
    assert judge(log).lifetime()["mean_training_performance"] == (4 + 0 + 2) / 3
    assert judge(log, aggregate="median").lifetime()["mean_training_performance"] == 2.0
