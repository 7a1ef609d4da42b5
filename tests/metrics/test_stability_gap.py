"""The stability gap on tables worked out by hand, and what holds of any table."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lives import HandMade

from l2rl.errors import UserError
from l2rl.metrics.compute import compute_metrics, write_metrics
from l2rl.metrics.evaluation_matrix import NEVER, EvaluationMatrix, evaluation_matrix
from l2rl.metrics.figures import NotComputable
from l2rl.metrics.stability_gap import (
    acc,
    dip_recovery,
    forg,
    min_acc,
    task_forgetting,
    trailing_maximum,
    wc_acc,
    windowed_forgetting,
    windowed_plasticity,
)
from l2rl.runs.run_directory import RunDirectory
from l2rl.runs.tidy_log import TidyLog, read_log

WORKED_EXAMPLE = {
    "one": [0.2, 0.6, 0.9, 0.3, 0.7, 0.8, 0.1, 0.6, 0.75],
    "two": [0.0, 0.0, 0.1, 0.4, 0.8, 0.9, 0.2, 0.5, 0.7],
    "three": [0.0, 0.0, 0.0, 0.0, 0.0, 0.1, 0.5, 0.8, 0.95],
}
"""A worked example: learned by evaluation 2, 5 and 8."""


def log_of(
    directory: Path,
    curves: dict[str, list[float]],
    blocks: dict[int, str],
    measure: str = "return",
) -> TidyLog:
    """A log with one evaluation after every 10 env steps; `blocks`: which task begins before it."""
    log = TidyLog.open(directory, "experiment/variant", 0)
    for number in range(len(next(iter(curves.values())))):
        if number in blocks:
            log.append(
                kind="block",
                metric="start",
                value=1,
                env_steps=10 * number,
                block=number,
                trained_task=blocks[number],
                detail={"kind": "learn" if blocks[number] else "sleep"},
            )
        for task, values in curves.items():
            for metric, value in ((measure, values[number]), ("episodes", 5.0)):
                if values[number] is not None:
                    log.append(
                        kind="evaluation",
                        metric=metric,
                        value=value,
                        env_steps=10 * (number + 1),
                        evaluation=number,
                        evaluated_task=task,
                    )
    log.flush()
    return log


@pytest.fixture
def worked_example(tmp_path: Path) -> EvaluationMatrix:
    log_of(tmp_path, WORKED_EXAMPLE, {0: "one", 3: "two", 6: "three"})
    return evaluation_matrix(read_log(tmp_path))


def test_the_worked_example(worked_example: EvaluationMatrix) -> None:
    assert worked_example.learned_at.tolist() == [2, 5, 8]
    assert min_acc(worked_example).value == pytest.approx(0.15)
    assert wc_acc(worked_example) == pytest.approx(0.416667, abs=1e-6)
    assert acc(worked_example).value == pytest.approx(0.8)
    assert forg(worked_example).value == pytest.approx(0.175)


@pytest.mark.parametrize(
    ("window", "forgetting", "plasticity"),
    [(2, 0.466667, 0.433333), (3, 0.466667, 0.7), (9, 0.5, 0.85), (100, 0.5, 0.85)],
)
def test_the_windows_of_the_worked_example(
    worked_example: EvaluationMatrix, window: int, forgetting: float, plasticity: float
) -> None:
    assert windowed_forgetting(worked_example, window).value == pytest.approx(forgetting, abs=1e-6)
    assert windowed_plasticity(worked_example, window).value == pytest.approx(plasticity, abs=1e-6)


def test_a_window_of_one_sees_nothing(worked_example: EvaluationMatrix) -> None:
    assert windowed_forgetting(worked_example, 1).value == 0
    assert windowed_plasticity(worked_example, 1).value == 0


def test_a_dip_is_timed_from_the_change_to_the_return(tmp_path: Path) -> None:
    life = HandMade(tmp_path).evaluate(a=0.0, b=0.0)
    life.learned("a", {"a": 0.8, "b": 0.0})
    life.learned("b", {"a": 0.3, "b": 0.2}, {"a": 0.6, "b": 0.5}, {"a": 0.8, "b": 0.6})
    assert dip_recovery(life.run().matrix()).value == 30


def test_a_dip_may_begin_later_in_the_block_but_not_after_the_next_change(tmp_path: Path) -> None:
    life = HandMade(tmp_path).learned("a", {"a": 0.8, "b": 0.0, "c": 0.0})
    life.learned("b", {"a": 0.9, "b": 0.2}, {"a": 0.7, "b": 0.5}, {"a": 0.9, "b": 0.6})
    life.learned("c", {"a": 0.9, "b": 0.1, "c": 0.2}, {"a": 0.9, "b": 0.7, "c": 0.4})
    dips = dip_recovery(life.run().matrix())
    assert dips.parts == {"a after change 1": 30, "b after change 2": 20}


def test_a_dip_that_never_ends_gives_a_lower_bound(tmp_path: Path) -> None:
    life = HandMade(tmp_path).learned("a", {"a": 0.8, "b": 0.0})
    life.learned("b", {"a": 0.3, "b": 0.2}, {"a": 0.7, "b": 0.5})
    dips = dip_recovery(life.run().matrix())
    assert dips.value == 20
    assert dips.note == "a lower bound: 1 of 1 dips never ended"


def test_who_never_falls_has_no_dip(tmp_path: Path) -> None:
    life = HandMade(tmp_path).learned("a", {"a": 0.8, "b": 0.0}).learned("b", {"a": 0.9, "b": 0.2})
    with pytest.raises(NotComputable, match="fell below"):
        dip_recovery(life.run().matrix())


NUMBERS = st.floats(-100, 100, allow_nan=False)
TABLES = st.integers(2, 4).flatmap(
    lambda tasks: st.lists(
        st.lists(NUMBERS, min_size=tasks, max_size=tasks), min_size=2 * tasks, max_size=12
    )
)


def learned_in_turn(table: list[list[float]]) -> EvaluationMatrix:
    """Each task is learned over as many evaluations as any other; the last one has the rest."""
    performance = np.array(table)
    rows, tasks = performance.shape
    learned_at = [(i + 1) * (rows // tasks) - 1 for i in range(tasks - 1)] + [rows - 1]
    names = tuple("abcd"[:tasks])
    return EvaluationMatrix(
        tasks=names,
        performance=performance,
        measured=np.ones(performance.shape, dtype=np.bool_),
        env_steps=np.arange(rows),
        learned_at=np.array(learned_at),
        learned=names,
        current=names[-1],
        first_row=np.arange(rows),
        episodes=np.ones(performance.shape),
        phases=(),
    )


@given(TABLES)
def test_the_worst_case_is_never_above_the_average(table: list[list[float]]) -> None:
    matrix = learned_in_turn(table)
    assert wc_acc(matrix) <= acc(matrix).value + 1e-9


@given(TABLES, st.integers(1, 12))
def test_a_wider_window_never_sees_less(table: list[list[float]], window: int) -> None:
    matrix = learned_in_turn(table)
    for metric in (windowed_forgetting, windowed_plasticity):
        assert metric(matrix, window + 1).value >= metric(matrix, window).value >= 0


@given(TABLES, st.integers(1, 12))
def test_a_curve_that_only_rises_forgets_nothing(table: list[list[float]], window: int) -> None:
    rising = learned_in_turn(np.sort(np.array(table), axis=0).tolist())
    falling = learned_in_turn(np.sort(np.array(table), axis=0)[::-1].tolist())
    assert windowed_forgetting(rising, window).value == 0
    assert windowed_plasticity(falling, window).value == 0
    assert forg(rising).value <= 1e-9


@given(st.lists(NUMBERS, min_size=1, max_size=40), st.integers(1, 50))
def test_the_trailing_maximum_is_that_of_every_window(values: list[float], window: int) -> None:
    expected = [max(values[max(0, i - window + 1) : i + 1]) for i in range(len(values))]
    assert trailing_maximum(np.array(values), window).tolist() == expected


def test_a_task_measured_twice_in_one_evaluation_is_an_error(tmp_path: Path) -> None:
    life = HandMade(tmp_path).learned("a", {"a": 0.5})
    life.evaluations -= 1
    with pytest.raises(UserError, match=r"row 3 of the log measures 'a' a second time"):
        life.evaluate(a=0.7).run().matrix()


def test_evaluations_that_go_back_in_time_are_an_error(tmp_path: Path) -> None:
    life = HandMade(tmp_path).learned("a", {"a": 0.5}).live(-5).evaluate(a=0.5)
    with pytest.raises(UserError, match="not in order"):
        life.run().matrix()


def test_the_matrix_keeps_the_order_of_learning_and_the_steps(
    worked_example: EvaluationMatrix,
) -> None:
    assert worked_example.tasks == ("one", "two", "three")
    assert worked_example.env_steps.tolist() == list(range(10, 100, 10))
    assert worked_example.old_tasks() == ("one", "two")
    assert worked_example.column("two").tolist() == WORKED_EXAMPLE["two"]


def test_monotone_curves_have_no_forgetting(tmp_path: Path) -> None:
    curves = {"a": [0.1, 0.5, 0.6, 0.7], "b": [0.0, 0.0, 0.4, 0.9]}
    log_of(tmp_path, curves, {0: "a", 2: "b"})
    matrix = evaluation_matrix(read_log(tmp_path))
    assert forg(matrix).value == pytest.approx(0.5 - 0.7)
    assert min_acc(matrix).value == pytest.approx(0.6)
    assert wc_acc(matrix) <= acc(matrix).value


def test_a_task_met_again_counts_from_its_first_learning(tmp_path: Path) -> None:
    curves = {"a": [0.8, 0.3, 0.2, 0.9], "b": [0.0, 0.7, 0.6, 0.4]}
    log_of(tmp_path, curves, {0: "a", 1: "b", 3: "a"})
    matrix = evaluation_matrix(read_log(tmp_path))
    assert matrix.learned_at.tolist() == [0, 2]
    assert matrix.current == "a"
    assert forg(matrix).value == pytest.approx(0.6 - 0.4)
    assert wc_acc(matrix) == pytest.approx(0.9 / 2 + 0.4 / 2)


def test_sleep_and_a_second_block_of_the_same_task_do_not_end_its_learning(tmp_path: Path) -> None:
    curves = {"a": [0.1, 0.2, 0.3, 0.4], "b": [0.0, 0.0, 0.0, 0.5]}
    log_of(tmp_path, curves, {0: "a", 1: "", 2: "a", 3: "b"})
    assert evaluation_matrix(read_log(tmp_path)).learned_at.tolist() == [2, 3]


def test_one_task_has_no_forgetting_and_says_why(tmp_path: Path) -> None:
    log_of(tmp_path, {"a": [0.1, 0.5]}, {0: "a"})
    matrix = evaluation_matrix(read_log(tmp_path))
    assert acc(matrix).value == wc_acc(matrix) == 0.5
    for metric in (forg, min_acc):
        with pytest.raises(NotComputable, match="fewer than two tasks"):
            metric(matrix)


def test_a_task_nobody_evaluated_while_it_was_learned_has_no_forgetting(tmp_path: Path) -> None:
    curves: dict[str, list[float]] = {"a": [None, 0.5], "b": [None, 0.5]}  # type: ignore[list-item]
    log_of(tmp_path, curves, {0: "a", 1: "b"})
    matrix = evaluation_matrix(read_log(tmp_path))
    assert matrix.learned_at.tolist() == [NEVER, 0]
    with pytest.raises(NotComputable, match="during or right after the learning of a"):
        task_forgetting(matrix, "a")


def test_tasks_that_were_only_evaluated_are_in_the_matrix_but_not_in_the_mean(
    tmp_path: Path,
) -> None:
    log_of(tmp_path, {"never": [9.0, 9.0], "a": [0.1, 0.5]}, {0: "a"})
    matrix = evaluation_matrix(read_log(tmp_path))
    assert matrix.tasks == ("a", "never")
    assert acc(matrix).value == 0.5


def test_a_value_that_is_not_a_number_gives_null_and_a_reason(tmp_path: Path) -> None:
    curves = {"a": [0.1, 0.5, float("nan")], "b": [0.0, 0.0, 0.4]}
    log_of(tmp_path, curves, {0: "a", 2: "b"})
    metrics = write_metrics(tmp_path / "metrics.json", read_log(tmp_path))
    figure = metrics["metrics"]["gap/min_acc"]
    assert figure["value"] is None
    assert "not a number" in figure["reason"]
    read = json.loads((tmp_path / "metrics.json").read_text(), parse_constant=pytest.fail)
    assert read == metrics


def test_an_evaluation_that_left_a_task_out_uses_its_latest_value(tmp_path: Path) -> None:
    curves: dict[str, list[float]] = {"a": [0.8, 0.6, None], "b": [0.0, 0.2, 0.5]}  # type: ignore[list-item]
    log_of(tmp_path, curves, {0: "a", 1: "b"})
    assert acc(evaluation_matrix(read_log(tmp_path))).value == pytest.approx(0.55)


def test_success_has_figures_of_its_own(tmp_path: Path) -> None:
    log_of(tmp_path, WORKED_EXAMPLE, {0: "one", 3: "two", 6: "three"}, measure="success")
    metrics = compute_metrics(read_log(tmp_path))
    assert metrics["metrics"]["gap/min_acc/success"]["value"] == pytest.approx(0.15)
    assert metrics["metrics"]["gap/min_acc"]["value"] is None
    assert metrics["tasks"]["one"]["success"]["best"] == 0.9


def test_the_cadence_stands_beside_every_figure(tmp_path: Path) -> None:
    log_of(tmp_path, WORKED_EXAMPLE, {0: "one", 3: "two", 6: "three"})
    figures = compute_metrics(read_log(tmp_path))["metrics"]
    for name in ("gap/min_acc", "matrix/forgetting", "cw/performance", "transfer/jump_start"):
        figure = figures[name]
        assert figure["cadence"]["interval_env_steps"] == 10
        assert figure["cadence"]["episodes_per_evaluation"] == 5
    assert "cadence" not in figures["scalability/env_steps"]


def test_an_empty_log_gives_reasons_instead_of_figures(tmp_path: Path) -> None:
    TidyLog.open(tmp_path, "experiment/variant", 0)
    metrics = compute_metrics(read_log(tmp_path))
    assert metrics["tasks"] == {}
    assert metrics["metrics"].pop("scalability/env_steps")["value"] == 0
    assert all(figure["value"] is None for figure in metrics["metrics"].values())
    assert all(figure["reason"] for figure in metrics["metrics"].values())


def test_equal_lives_give_equal_bytes(
    tmp_path: Path, run_maker: Callable[..., RunDirectory]
) -> None:
    written = []
    for name in ("one", "two"):
        run = run_maker(tmp_path / name)
        write_metrics(run.metrics_path, read_log(run.log_path))
        written.append(run.metrics_path.read_bytes())
    assert written[0] == written[1]
    assert np.isfinite(json.loads(written[0])["metrics"]["gap/wc_acc"]["value"])
