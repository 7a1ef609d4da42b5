"""What is said of a log: figures and reasons, where the modes differ, files anyone can read."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from l2rl.metrics.compute import compute_metrics
from l2rl.metrics.l2m import STRICT, Corrections, Options, compute_l2m
from l2rl.metrics.l2m.corrections import REASONS
from l2rl.metrics.l2m.differences import differences
from l2rl.metrics.l2m.experts import expert_runs
from l2rl.metrics.l2m.family import DEFAULTS, l2m_family
from l2rl.metrics.l2m.figures import figures_of, l2m_figures
from l2rl.metrics.l2m.files import Analysis, lifetime_table, write_analysis, write_together
from l2rl.metrics.l2m.report import report
from l2rl.metrics.l2m.result import metric_names
from l2rl.metrics.references import GivenReferences
from l2rl.metrics.run_log import RunLog
from l2rl.runs.l2logger_format import export_l2logger
from l2rl.runs.l2logger_log import L2Log
from l2rl.runs.l2logger_reader import read_l2logger
from l2rl.runs.l2logger_view import l2logger_view, view_of_run
from l2rl.runs.run_directory import RunDirectory
from l2rl.runs.tidy_log import LOG_SCHEMA
from tests.l2m.small_logs import judge, log_of, plain_options
from tests.parity.comparison import our_options
from tests.parity.random_logs import random_case

Maker = Callable[..., RunDirectory]
A, B, C = "ant_x", "bee_x", "cat_x"
MIXED = log_of(
    ("test", C, [1, 2]),
    ("train", A, [1, 3, 2]),
    ("train", B, [1, 2]),
    ("test", C, [4, 2]),
    ("test", A, [5]),
    name="mixed",
)


def refuse(word: str) -> None:
    raise AssertionError(f"{word} is no JSON")


def strict_json(path: Path) -> Any:
    return json.loads(path.read_text(), parse_constant=refuse)


def test_a_missing_figure_says_what_is_missing() -> None:
    figures = l2m_figures(MIXED)
    assert list(figures) == [f"l2m/{metric}" for metric in metric_names(Options())]
    reasons = {name: figure["reason"] for name, figure in figures.items() if figure["reason"]}
    assert reasons["l2m/performance_recovery"] == "no task has three learning blocks"
    assert "no task was evaluated again" in reasons["l2m/performance_maintenance_mrlep"]
    assert "after its own first learning" in reasons["l2m/backward_transfer_ratio"]
    for name in ("l2m/relative_performance", "l2m/sample_efficiency"):
        assert reasons[name] == f"no expert run of {A}, {B}"
        assert figures[name]["missing_experts"] == [A, B]
    assert figures["l2m/mean_training_performance"]["value"] is not None


def test_experts_of_some_tasks_give_a_figure_and_name_the_missing() -> None:
    expert = log_of(("train", A, [1, 2, 3]), name="expert")
    figure = figures_of(judge(MIXED, expert))["l2m/relative_performance"]
    assert figure["value"] == 1.0
    assert figure["missing_experts"] == [B]


def test_sleep_that_hides_evaluations_is_part_of_the_reason() -> None:
    log = log_of(("train", A, [1]), ("test", A, [1]), ("sleep train", A, [1]), ("test", A, [1]))
    reason = l2m_figures(log)["l2m/mean_evaluation_performance"]["reason"]
    assert "2 evaluations made while awake do not count" in reason


def test_a_log_that_is_refused_gives_the_refusal_as_reason() -> None:
    figures = l2m_figures(log_of(("train", A, [1])))
    assert all("only one experience" in figure["reason"] for figure in figures.values())
    assert figures["l2m/mean_training_performance"]["strict"] == 1.0


def test_a_difference_names_the_correction_that_makes_it() -> None:
    log = log_of(
        ("test", B, [1]), ("train", A, [1]), ("test", B, [2]), ("train", A, [1]), ("test", B, [8])
    )
    (only,) = differences(log, {}, plain_options(transfer="ratio"))
    assert (only.metric, only.parity, only.strict) == ("forward_transfer_ratio", 2.0, 3.0)
    assert only.reasons == (REASONS["all_transfer_values"],)
    figure = l2m_figures(log, options=plain_options(transfer="ratio"))["l2m/forward_transfer_ratio"]
    assert (figure["value"], figure["strict"]) == (2.0, 3.0)


def test_every_correction_is_explained() -> None:
    assert set(REASONS) == {field.name for field in fields(Corrections)}


@pytest.mark.parametrize("seed", [3, 7, 13, 22, 30])
def test_the_strict_mode_computes_what_the_parity_mode_does_and_differs_for_reasons(
    seed: int,
) -> None:
    case = random_case(seed)
    experts, options = expert_runs(case.experts), our_options(case.options)
    compute_l2m(case.log, experts, options)
    compute_l2m(case.log, experts, replace(options, corrections=STRICT))
    found = differences(case.log, experts, options)
    assert found
    for one in found:
        assert one.parity != one.strict
        assert set(one.reasons) <= {*REASONS.values(), "several corrections together"}


def test_the_files_are_valid_and_say_the_same(tmp_path: Path) -> None:
    result = judge(MIXED, normalise="task")
    analysis = Analysis("mixed", tmp_path, result, figures_of(result), [])
    written = write_analysis(analysis, tmp_path / "out", ("json", "tsv", "parquet"))
    assert sorted(path.name for path in written) == [
        *("mixed_data.parquet", "mixed_metrics.json", "mixed_metrics.parquet", "mixed_metrics.tsv"),
        *("mixed_regime.parquet", "mixed_regime.tsv", "mixed_settings.json"),
    ]
    told = strict_json(tmp_path / "out" / "mixed_metrics.json")
    assert told["perf_recovery"] is None
    assert told["avg_train_perf"] == result.lifetime()["mean_training_performance"]
    assert told["l2rl"]["metrics"]["l2m/performance_recovery"]["reason"]
    assert strict_json(tmp_path / "out" / "mixed_settings.json")["normalization_method"] == "task"
    with open(tmp_path / "out" / "mixed_regime.tsv", newline="") as file:
        regimes = list(csv.DictReader(file, delimiter="\t"))
    terminal = [float(regime["term_perf"]) for regime in regimes]
    assert terminal == result.quantities.term_perf.tolist()
    table = pq.read_table(tmp_path / "out" / "mixed_data.parquet")
    assert table["reward"].to_pylist() == result.prepared.performance.tolist()
    assert table["reward_raw"].to_pylist() == MIXED.table["reward"].to_pylist()
    metrics = pq.read_table(tmp_path / "out" / "mixed_metrics.parquet").to_pylist()
    transfer = [row for row in metrics if row["task"] == f"{B} -> {C}"]
    assert [row["value"] for row in transfer if "ratio" in row["metric"]]


def test_several_logs_have_a_row_each(tmp_path: Path) -> None:
    results = [judge(MIXED), judge(MIXED, aggregate="median")]
    analyses = [Analysis(f"run-{i}", tmp_path, r, {}, []) for i, r in enumerate(results)]
    write_together(analyses, tmp_path, ("json", "tsv", "parquet"))
    assert len(strict_json(tmp_path / "ll_metrics.json")) == 2
    rows = lifetime_table(analyses).to_pylist()
    assert [row["avg_train_perf"] for row in rows] == [
        result.lifetime()["mean_training_performance"] for result in results
    ]
    assert len((tmp_path / "ll_metrics.tsv").read_text().splitlines()) == 3


def test_the_report_has_the_originals_keys() -> None:
    told = report(compute_l2m(MIXED, options=DEFAULTS))
    assert {"perf_recovery", "avg_train_perf", "perf_maintenance_mrtlp", "ste_rel_perf"} <= set(
        told
    )
    assert (told["num_lx"], told["num_ex"]) == (5, 5)
    assert told["runtime"] is None
    assert told["normalization_data_range"][A] == {"min": 1.0, "max": 5.0}
    assert {"recovery_times", "maintenance_val_mrlep", "se_task_exp_to_sat"} <= set(
        told["task_metrics"][A]
    )


def test_a_run_of_ours_has_the_figures_of_its_export(run_maker: Maker, tmp_path: Path) -> None:
    run = run_maker(tmp_path)
    metrics = compute_metrics(RunLog.open(run))["metrics"]
    exported: L2Log = read_l2logger(export_l2logger(run))
    lifetime = compute_l2m(exported, options=DEFAULTS).lifetime()
    for metric, value in lifetime.items():
        figure = metrics[f"l2m/{metric}"]
        assert figure["value"] == (value if np.isfinite(value) else None)
        assert (figure["reason"] is None) == bool(np.isfinite(value))
    assert "expert" in metrics["l2m/relative_performance"]["reason"]


def test_an_unfinished_run_has_reasons() -> None:
    figures = l2m_family(RunLog(LOG_SCHEMA.empty_table()))
    assert figures
    assert all(figure.value is None and figure.reason for figure in figures.values())


def test_experts_handed_over_are_what_a_run_is_measured_against(
    run_maker: Maker, tmp_path: Path
) -> None:
    run, expert = run_maker(tmp_path / "runs"), run_maker(tmp_path / "experts", tasks=("beacon",))
    given = GivenReferences({"beacon": (RunLog.open(expert),)})
    figure = l2m_family(RunLog(RunLog.open(run).table, references=given))["l2m/sample_efficiency"]
    beside = compute_l2m(
        l2logger_view(RunLog.open(run).table),
        expert_runs([l2logger_view(RunLog.open(expert).table)]),
        DEFAULTS,
    )
    assert figure.value == beside.lifetime()["sample_efficiency"]
    assert "without shards, roaches" in figure.note


@pytest.mark.parametrize("name", ["beacon", "beacon_default"])
def test_ranges_of_a_run_of_ours_may_use_its_own_names(
    name: str, run_maker: Maker, tmp_path: Path
) -> None:
    log = view_of_run(run_maker(tmp_path, tasks=("beacon",)))
    result = compute_l2m(log, options=Options(ranges={name: (0.0, 26.0)}))
    assert result.prepared.ranges == {"beacon_default": (0.0, 26.0)}
