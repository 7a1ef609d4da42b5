"""What becomes of performance before it is judged: smoothed, clamped, normalised, in this order."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from l2rl.errors import UserError
from l2rl.metrics.l2m import STRICT, Options, compute_l2m
from l2rl.metrics.l2m.arrays import mean_per_experience, means
from l2rl.metrics.l2m.ranges import read_ranges
from l2rl.metrics.l2m.smoothing import smoothed, smoothed_stretches
from tests.l2m.small_logs import judge, log_of

A, B = "ant_x", "bee_x"


def test_a_window_of_three_looks_back_and_a_centred_one_both_ways() -> None:
    series = np.array([0.0, 3.0, 6.0, 0.0, 9.0])
    # Mirrored to the left: 6 3 | 0 3 6 0 9.
    assert smoothed(series, window=3).tolist() == pytest.approx([3.0, 2.0, 3.0, 3.0, 5.0])
    # And to the right: 0 3 6 0 9 | 0.
    centred = smoothed(series, window=3, centred=True)
    assert centred.tolist() == pytest.approx([2.0, 3.0, 3.0, 5.0, 3.0])


def test_an_even_window_sits_half_a_sample_early_and_is_made_odd_when_centred() -> None:
    series = np.zeros(20)
    series[10] = 4.0
    assert np.flatnonzero(smoothed(series, window=4)).tolist() == [9, 10, 11, 12]
    assert np.flatnonzero(smoothed(series, window=4, centred=True)).tolist() == [9, 10, 11]


def test_the_default_window_is_a_fifth_and_at_most_a_hundred() -> None:
    def width(length: int, **how: int) -> int:
        series = np.zeros(length)
        series[length // 2] = 1.0
        return int(np.count_nonzero(smoothed(series, **how)))

    assert width(50) == 10
    assert width(2000) == 100
    assert width(14) == 1  # a fifth of it is less than three samples
    assert width(50, window=60) == 10
    assert width(50, window=2) == 1


@pytest.mark.parametrize("kind", ["flat", "hanning", "hamming", "bartlett", "blackman"])
def test_every_window_keeps_a_constant_and_the_length(kind: str) -> None:
    assert smoothed(np.full(40, 7.0), kind).tolist() == pytest.approx([7.0] * 40)


@given(st.lists(st.integers(1, 40), min_size=1, max_size=12), st.integers(0, 2**32 - 1))
def test_many_stretches_at_once_are_each_by_itself_to_the_last_bit(
    lengths: list[int], seed: int
) -> None:
    values = np.random.default_rng(seed).normal(size=sum(lengths))
    end = np.cumsum(lengths)
    begin = end - np.array(lengths)
    together = smoothed_stretches(values, begin, end), means(values, begin, end)
    for i, (a, b) in enumerate(zip(begin, end, strict=True)):
        assert together[0][a:b].tobytes() == smoothed(values[a:b]).tobytes()
        assert together[1][i] == np.mean(values[a:b])


def test_repeated_experiences_are_averaged() -> None:
    values, numbers = np.array([1.0, 5.0, 2.0, 4.0, 9.0]), np.array([3, 4, 4, 4, 8])
    assert mean_per_experience(values, numbers).tolist() == [1.0, 11 / 3, 9.0]


def test_performance_is_put_on_the_scale_from_1_to_101_task_by_task() -> None:
    log = log_of(("test", A, [0, 5, 10]), ("test", B, [-2, 0]))
    result = judge(log, normalise="task")
    assert result.prepared.performance.tolist() == [1.0, 51.0, 101.0, 1.0, 101.0]
    assert result.prepared.ranges == {A: (0.0, 10.0), B: (-2.0, 0.0)}
    by_run = judge(log, normalise="run").prepared.performance
    assert by_run.tolist() == pytest.approx([1 + 200 / 12, 1 + 700 / 12, 101, 1, 1 + 200 / 12])


def test_a_constant_task_is_1_and_a_constant_run_nothing_until_mended() -> None:
    log = log_of(("test", A, [4, 4]), ("test", A, [4]))
    assert judge(log, normalise="task").prepared.performance.tolist() == [1.0] * 3
    assert np.isnan(judge(log, normalise="run").prepared.performance).all()
    mended = judge(log, normalise="run", on=["constant_runs"])
    assert mended.prepared.performance.tolist() == [1.0] * 3


def test_rounding_is_not_stretched_to_the_whole_scale_when_mended() -> None:
    log = log_of(("test", A, [0.1, 0.1 + 1e-16, 0.1]))
    assert judge(log, normalise="task").prepared.performance.max() == 101.0
    mended = judge(log, normalise="task", on=["tolerant_ranges"])
    assert mended.prepared.performance.tolist() == [1.0] * 3


def test_clamping_cuts_at_the_quantiles_of_the_task_or_at_its_range() -> None:
    log = log_of(("test", A, range(11)))
    assert judge(log, clamp=True).prepared.performance.tolist() == [1, *range(1, 10), 9]
    ranged = judge(log, clamp=True, ranges={A: (2.0, 5.0)})
    assert ranged.prepared.performance.tolist() == [2, 2, 2, 3, 4, *[5] * 6]


def test_an_expert_widens_the_range_unless_the_range_is_its_own() -> None:
    log = log_of(("train", A, [0, 10]))
    expert = log_of(("train", A, [5, 20]), name="expert")
    assert judge(log, expert, normalise="task").prepared.ranges == {A: (0.0, 20.0)}
    fixed = judge(log, expert, normalise="task", on=["fixed_ranges"])
    assert fixed.prepared.ranges == {A: (5.0, 20.0)}


def test_evaluations_are_smoothed_on_request_only() -> None:
    log = log_of(("test", A, [0, 3, 6]), ("train", A, [0, 3, 6]))
    plain = compute_l2m(log, options=Options(window=3, normalise="none"))
    assert plain.prepared.performance.tolist()[:3] == [0.0, 3.0, 6.0]
    assert plain.prepared.performance.tolist()[3:] == pytest.approx([3.0, 2.0, 3.0])
    both = compute_l2m(log, options=Options(window=3, normalise="none", smooth_evaluations=True))
    assert both.prepared.performance.tolist() == pytest.approx([3.0, 2.0, 3.0] * 2)


def test_missing_and_incomplete_experiences_do_not_count() -> None:
    status = ["complete", "complete", "incomplete", "complete"]
    log = log_of(("test", A, [1, float("nan"), 50, 3]), exp_status=status)
    assert judge(log).prepared.performance.tolist() == [1.0, 3.0]
    with pytest.raises(UserError, match="no complete experience with a value of `reward`"):
        judge(log_of(("test", A, [1]), exp_status=["incomplete"]))


def test_variants_are_one_task_when_they_do_not_count() -> None:
    log = log_of(("test", "ant_x", [1]), ("test", "ant_y", [3]), ("test", "bee_x", [9]))
    assert judge(log).prepared.tasks == ("ant_x", "ant_y", "bee_x")
    result = judge(log, variants="agnostic")
    assert result.prepared.tasks == ("ant", "bee")
    assert result.of_tasks("mean_evaluation_performance") == {"ant": 2.0, "bee": 9.0}


def test_ranges_of_variants_are_merged_by_substring_unless_that_is_mended() -> None:
    log = log_of(("test", "t1_x", [1, 2]), ("test", "t10_x", [1, 2]))
    ranges = {"t1_x": (0.0, 1.0), "t10_x": (5.0, 9.0)}
    both = {"variants": "agnostic", "normalise": "task", "ranges": ranges}
    assert judge(log, **both).prepared.ranges == {"t1": (0.0, 9.0), "t10": (5.0, 9.0)}
    mended = judge(log, on=["whole_task_names"], **both)
    assert mended.prepared.ranges == {"t1": (0.0, 1.0), "t10": (5.0, 9.0)}


def test_experts_of_variants_are_pooled_by_prefix_unless_that_is_mended() -> None:
    log = log_of(("train", "t1_x", [1, 2]), ("train", "t10_x", [1, 2]))
    experts = [log_of(("train", task, [1, 2]), name=task) for task in ("t1_x", "t10_x")]
    pooled = judge(log, *experts, variants="agnostic").prepared.experts
    assert {task: len(own) for task, own in pooled.items()} == {"t1": 2, "t10": 1}
    mended = judge(log, *experts, variants="agnostic", on=["whole_task_names"]).prepared.experts
    assert {task: len(own) for task, own in mended.items()} == {"t1": 1, "t10": 1}


def test_one_experience_and_varying_parameters_are_refused_unless_that_is_mended() -> None:
    single = log_of(("train", A, [1]))
    with pytest.raises(UserError, match=r"only one experience.*--mode strict"):
        judge(single)
    assert judge(single, on=["single_rows"]).lifetime()["mean_training_performance"] == 1.0
    varying = log_of(("train", A, [1, 2]), task_params=['{"a": 1}', '{"a": 2}'])
    with pytest.raises(UserError, match="experience 1: task_params differ"):
        judge(varying)
    judge(varying, variants="agnostic")
    assert len(judge(varying, on=["varying_parameters"]).prepared.regimes) == 1


def test_an_expert_run_learns_one_task() -> None:
    log = log_of(("train", A, [1, 2]))
    two = log_of(("train", A, [1]), ("train", B, [1]), name="two")
    with pytest.raises(UserError, match=r"two cannot be an expert run.*2 \(ant_x, bee_x\)"):
        judge(log, two)
    empty = log_of(("train", A, [float("nan")]), name="empty")
    with pytest.raises(UserError, match="empty cannot be an expert run"):
        judge(log, empty)


def test_noise_is_the_same_for_a_seed() -> None:
    log = log_of(("train", A, range(30)))
    first = judge(log, noise_std=2.0, noise_seed=1).prepared.performance
    assert first.tolist() == judge(log, noise_std=2.0, noise_seed=1).prepared.performance.tolist()
    assert first.tolist() != judge(log, noise_std=2.0, noise_seed=2).prepared.performance.tolist()
    assert 0.5 < (first - np.arange(30)).std() < 4.0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"smooth": "round"}, "smooth is `round`; it is one of flat, hanning"),
        ({"window": 0}, "window is 0"),
        ({"noise_std": -1.0}, "negative"),
        ({"ranges": {A: (2.0, 1.0)}}, "goes from 2.0 down to 1.0"),
        ({"performance_column": "score"}, "no performance column `score`.*reward"),
        ({"ranges": {B: (0.0, 1.0)}, "clamp": True}, "the ranges lack ant_x"),
    ],
)
def test_impossible_options_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        judge(log_of(("train", A, [1, 2])), **options)


@pytest.mark.parametrize(
    "text", ['{"a": 3}', '{"a": {"min": 1}}', '{"a": {"min": 2, "max": 1}}', "[1]", "{"]
)
def test_a_broken_file_of_ranges_is_named(text: str, tmp_path: Path) -> None:
    path = tmp_path / "ranges.json"
    path.write_text(text)
    with pytest.raises(UserError, match=r"ranges\.json"):
        read_ranges(path)
    path.write_text(json.dumps({"Ant_X": {"min": 0, "max": 2}}))
    assert read_ranges(path) == {A: (0.0, 2.0)}


def test_all_corrections_together_still_give_every_figure() -> None:
    log = log_of(
        *[
            block
            for _ in range(4)
            for block in (("test", A, [1]), ("test", B, [2]), ("train", A, range(30)))
        ],
        ("train", B, range(20)),
        ("test", A, [3]),
        ("test", B, [1]),
        ("test", A, [3]),
    )
    experts = {task: [log_of(("train", task, range(40)))] for task in (A, B)}
    options = Options(corrections=STRICT, maintenance="both", transfer="both")
    lifetime = compute_l2m(log, experts, options).lifetime()
    unknown = [metric for metric, value in lifetime.items() if not np.isfinite(value)]
    assert unknown == ["backward_transfer_ratio", "backward_transfer_contrast"]


def test_a_mean_over_repetitions_does_not_lose_small_terms() -> None:
    values = np.array([1.0, *[1e-16] * 10])
    mean = mean_per_experience(values, np.zeros(11, dtype=np.int64))
    assert mean.tolist() == [(1.0 + 1e-15) / 11]
    assert sum(values.tolist()) == 1.0


@pytest.mark.parametrize("column", ["block_num", "block_type", "block_subtype", "task_name"])
def test_a_regime_ends_where_anything_that_makes_one_changes(column: str) -> None:
    first, other = {
        "block_num": (0, 1),
        "block_type": ("train", "test"),
        "block_subtype": ("wake", "sleep"),
        "task_name": (A, B),
    }[column]
    log = log_of(("train", A, [1, 2, 3, 4]), **{column: [first, first, other, other]})
    regimes = judge(log).prepared.regimes
    assert (regimes.begin.tolist(), regimes.end.tolist()) == ([0, 2], [2, 4])
