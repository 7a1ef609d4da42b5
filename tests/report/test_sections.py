"""What the sections of a run's page say, worked out by hand."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
from lives import HandMade

from l2rl.errors import UserError
from l2rl.metrics.compute import compute_metrics
from l2rl.metrics.registry import is_custom
from l2rl.metrics.run_log import RunLog
from l2rl.report.component_figures import timeline_figure
from l2rl.report.cost_figures import cost_figure, cost_rows, cost_table
from l2rl.report.definitions import definition_of
from l2rl.report.figure_words import evaluation_words, limited
from l2rl.report.gap_figures import SHOWN_PANELS, close_looks, gap_figure, gap_table
from l2rl.report.life import read_life
from l2rl.report.page import render_report
from l2rl.report.run_tables import change_table, metric_table
from l2rl.report.tables import Cell, Table
from l2rl.report.verdict import judgements, shortened_reason, verdict_words
from l2rl.runs.run_directory import RunDirectory

ROOT = Path(__file__).parents[2]
CRITERIA = (
    "performance_maintenance_mrlep",
    "forward_transfer_ratio",
    "backward_transfer_ratio",
    "relative_performance",
    "sample_efficiency",
)


def column(table: Table, title: str) -> list[Cell]:
    place = [head.title for head in table.columns].index(title)
    return [row[place] for row in table.rows]


def dipping(path: Path) -> RunLog:
    """a is learned to 1, falls to 0.25 as b begins and is back after 30 env steps; then b falls."""
    life = HandMade(path).evaluate(a=0.0, b=0.0)
    life.learned("a", {"a": 1.0, "b": 0.0})
    life.learned("b", {"a": 0.25, "b": 0.5}, {"a": 0.5, "b": 0.8}, {"a": 1.0, "b": 1.0})
    return life.learned("a", {"a": 1.0, "b": 0.4}).run()


def verdicts(**values: float | None) -> dict[str, dict[str, dict[str, object]]]:
    figures = {name: {"value": None, "reason": "no expert run"} for name in CRITERIA}
    figures |= {name: {"value": value, "reason": None} for name, value in values.items()}
    return {"metrics": {f"l2m/{name}": figure for name, figure in figures.items()}}


def test_each_criterion_is_judged_by_its_bound() -> None:
    found = judgements(
        verdicts(
            performance_maintenance_mrlep=0.0,
            forward_transfer_ratio=1.0,
            backward_transfer_ratio=1.5,
        )
    )
    assert [j.judged for j in found] == [
        "met",
        "not met",
        "met",
        "not measurable",
        "not measurable",
    ]
    words = verdict_words(found, finished=True)
    assert words == (
        "2 of the five criteria of lifelong learning are met: earlier tasks were kept (PM), later "
        "tasks improved earlier ones (BT); 1 is not: what was learned did not help with tasks to "
        "come (FT). 2 cannot be measured; their tiles say why."
    )
    assert found[3].words == "No expert run."


def test_a_run_without_any_criterion_says_so() -> None:
    none = judgements(verdicts())
    assert "can be measured on this run" in verdict_words(none, finished=True)
    assert verdict_words(none, finished=False).endswith("can be measured yet.")
    assert shortened_reason("no a; no b; no c") == "no a; and 2 more like it."


def test_dips_have_their_depth_and_recovery(tmp_path: Path) -> None:
    run = dipping(tmp_path)
    looks = close_looks(run.matrix())
    assert [(look.task, look.began, look.depth) for look in looks] == [
        ("a", "b", 0.75),
        ("b", "a", 0.6),
    ]
    assert looks[0].told == "fell by 0.75, back after 30 env steps"
    assert looks[1].told == "fell by 0.6, not back within 10 env steps"
    table = gap_table(looks)
    assert [cell.value for cell in column(table, "recovery in env steps")] == [30, 10]
    assert [cell.text for cell in column(table, "recovered")] == ["yes", "not yet"]
    figure = gap_figure(read_life(run.table), looks)
    assert figure is not None
    curve = next(t for t in figure["data"] if t["mode"] == "lines+markers")
    assert (curve["x"], curve["y"]) == ([-10, 0, 10, 20, 30], [0.0, 1.0, 0.25, 0.5, 1.0])


def test_of_many_dips_the_deepest_are_drawn(tmp_path: Path) -> None:
    life = HandMade(tmp_path)
    tasks = [f"t{n}" for n in range(10)]
    for number, task in enumerate(tasks):
        now = {t: 1.0 - 0.01 * number * (t != task) for t in tasks}
        life.learned(task, now, now)
    run = life.run()
    looks = close_looks(run.matrix())
    figure = gap_figure(read_life(run.table), looks)
    assert len(looks) == 45
    assert figure is not None
    assert len([t for t in figure["data"] if t["mode"] == "lines+markers"]) == SHOWN_PANELS


def test_costs_stand_against_the_tasks_met(tmp_path: Path) -> None:
    def footprint(steps: int, size: int) -> dict[str, object]:
        return {
            "parameters": 7,
            "gradient_steps": {"q": steps, "pi": 1},
            "state_bytes": {"policy": 100},
            "component_bytes": {"experts": size},
        }

    life = HandMade(tmp_path)
    for task, steps, size in (("a", 10, 0), ("b", 30, 50), ("a", 35, 50)):
        life.learned(task, {"a": 1.0}).end(footprint(steps, size))
    seconds = [{"block": n, "wall_s": 1.0 + n, "cpu_s": 0.5} for n in range(3)]
    metrics = compute_metrics(life.run())
    rows = cost_rows(metrics["blocks"], {"wall_s": 6.0, "blocks": seconds})
    assert [row["updates"] for row in rows] == [10, 20, 5]
    figure = cost_figure(rows)
    assert figure is not None
    curves = {trace["name"]: trace for trace in figure["data"]}
    assert curves["bytes in all"]["x"] == [1, 2, 2]
    assert curves["bytes in all"]["y"] == [100, 150, 150]
    assert curves["seconds by the clock"]["y"] == [1.0, 2.0, 3.0]
    symbols = [symbol.endswith("-open") for symbol in curves["parameters"]["marker"]["symbol"]]
    assert symbols == [False, False, True]
    assert [cell.value for cell in column(cost_table(rows), "bytes of experts")] == [0, 50, 50]
    assert cost_rows(metrics["blocks"], {"wall_s": 0.0, "blocks": seconds})[0]["wall_s"] is None


def test_changes_stand_beside_their_detection(tmp_path: Path) -> None:
    life = HandMade(tmp_path).learned("a", {"a": 1.0}).detect("new", 1)
    life.learn("b").live(10).detect("new", 1).live(10)
    run = life.learned("a", {"a": 1.0}).run()
    table = change_table(run)
    assert [cell.text for cell in column(table, "change to")] == [
        "b",
        "a",
        "no change: a false alarm",
    ]
    assert [cell.value for cell in column(table, "delay in env steps")] == [10, None, None]
    assert [cell.text for cell in column(table, "called")] == ["new", "missed", "new"]


def test_resets_have_a_row_of_the_timeline(tmp_path: Path) -> None:
    life = HandMade(tmp_path).learn("a").live(10).event("units_reset", 3.0).live(10)
    figure = timeline_figure(read_life(life.run().table))
    assert figure is not None
    (marks,) = figure["data"]
    assert (marks["x"], marks["y"]) == ([10], ["units reset"])


def test_the_table_of_metrics_has_every_figure_and_says_what_it_is(
    finished_run: RunDirectory,
) -> None:
    figures = compute_metrics(RunLog.open(finished_run))["metrics"]
    table = metric_table({**figures, "mine/depth": {"value": 2.0, "reason": None}})
    assert [cell.text for cell in column(table, "metric")] == [*figures, "mine/depth"]
    assert column(table, "family")[-1].text == "mine (of an outside package)"
    unexplained = [name for name in figures if not definition_of(name) and not is_custom(name)]
    assert unexplained == []
    assert "rate of success" in definition_of("gap/min_acc/success")


def test_the_definitions_are_those_of_the_documentation() -> None:
    script = ROOT / "docs/metric_definitions.py"
    spec = importlib.util.spec_from_file_location("metric_definitions", script)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    written = module.WRITTEN.read_text(encoding="utf-8")
    assert written == module.definitions(), "run `python docs/metric_definitions.py`"


def test_figures_have_words(tmp_path: Path) -> None:
    told = evaluation_words(read_life(dipping(tmp_path).table))
    assert told[0] == "a: 0 at first, best 1 at 10 env steps, 1 at last"
    assert limited([str(n) for n in range(25)])[-1] == "and 5 more"


def test_cells_carry_what_the_text_rounds() -> None:
    assert Cell("0.3333", 1 / 3).carried == repr(1 / 3)
    assert Cell("–", float("nan")).carried == ""
    assert Cell("1 000", np.int64(1000).item()).carried == "1000"


@pytest.mark.parametrize("field", ["experiment", "variant", "seed", "state"])
def test_a_manifest_that_lost_a_field_is_one_clear_error(
    finished_run: RunDirectory, field: str
) -> None:
    path = finished_run.manifest_path
    manifest = json.loads(path.read_text())
    del manifest[field]
    path.write_text(json.dumps(manifest))
    with pytest.raises(UserError, match=rf"manifest.json is damaged.*{field}"):
        render_report(finished_run)


def test_a_manifest_with_the_least_is_enough(finished_run: RunDirectory) -> None:
    kept = ("experiment", "variant", "seed", "state")
    manifest = {key: finished_run.manifest[key] for key in kept}
    finished_run.manifest_path.write_text(json.dumps(manifest))
    finished_run.config_path.write_bytes(b"\xff\xfe broken")
    assert "SHA-256 unknown" in render_report(finished_run)
