"""The evaluation matrix goes out and comes in again; a bad table is refused with its line."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic_run import make_run

from l2rl.errors import UserError
from l2rl.metrics.compute import compute_metrics
from l2rl.metrics.tables import metrics_of_table
from l2rl.runs.episode_table import episode_table
from l2rl.runs.matrix_reader import read_matrix_table
from l2rl.runs.matrix_table import MATRIX_SCHEMA, matrix_table, table_bytes, write_table
from l2rl.runs.tidy_log import read_log

HEADING = "run,seed,evaluation,env_steps,trained_task,evaluated_task,value"
GOOD = f"""{HEADING}
theirs,0,0,0,,a,0.1
theirs,0,0,0,,b,0.2
theirs,0,1,100,a,a,0.9
theirs,0,1,100,a,b,0.2
theirs,0,2,200,b,a,0.5
theirs,0,2,200,b,b,0.8
theirs,1,0,0,,a,0.1
"""
GAPS = GOOD.replace("theirs,0,1", "\n\ntheirs,0,1")


@pytest.fixture
def written(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str, name: str = "table.csv") -> Path:
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet"])
def test_what_went_out_comes_in_with_the_same_metrics(tmp_path: Path, suffix: str) -> None:
    run = make_run(tmp_path / "runs")
    log = read_log(run.log_path)
    path = tmp_path / f"matrix{suffix}"
    write_table(matrix_table(log), path)
    found = metrics_of_table(path)["minigames-3/pool", 0]["metrics"]
    expected = compute_metrics(log)["metrics"]
    for name, figure in expected.items():
        if name.startswith(("gap/", "matrix/", "cw/", "libero/")) and "recovery" not in name:
            assert found[name]["value"] == figure["value"], name
            assert found[name].get("cadence") == figure.get("cadence"), name


def test_a_table_of_another_tool_needs_seven_columns(written: Callable[[str], Path]) -> None:
    found = metrics_of_table(written(GOOD))
    assert set(found) == {("theirs", 0), ("theirs", 1)}
    metrics = found["theirs", 0]["metrics"]
    assert metrics["gap/min_acc"]["value"] == 0.5
    assert metrics["matrix/forward_transfer"]["value"] == pytest.approx(0.0)
    assert "no expert run" in metrics["matrix/intransigence"]["reason"]


def test_order_of_rows_and_columns_does_not_matter(written: Callable[[str], Path]) -> None:
    lines = GOOD.splitlines()
    shuffled = [lines[0], *reversed(lines[1:])]
    turned = "\n".join(",".join(reversed(line.split(","))) for line in shuffled)
    one = metrics_of_table(written(turned, "one.csv"))["theirs", 0]["metrics"]
    other = metrics_of_table(written(GOOD, "other.csv"))["theirs", 0]["metrics"]
    assert one["gap/min_acc"] == other["gap/min_acc"]
    assert one["matrix/backward_transfer"]["value"] == other["matrix/backward_transfer"]["value"]


BROKEN = {
    "no number": (GOOD.replace("0.5", "half"), ":6: value is `half`, not a number"),
    "no whole number": (GOOD.replace("200,b,a", "2.5,b,a"), ":6: env_steps is `2.5`, not a whole"),
    "a cell too few": (GOOD.replace(",b,a,0.5", ",b,0.5"), ":6: 6 cells, not 7"),
    "no value": (
        GOOD.replace("0.5", ""),
        ":6: value is empty",
    ),
    "negative": (GOOD.replace("100,a,b", "-100,a,b"), ":5: env_steps is negative"),
    "twice": (GOOD.replace("200,b,b", "200,b,a"), ":7: this task was already measured"),
    "back in time": (
        GOOD.replace("2,200", "2,50"),
        ":6: evaluation 2 is at env step 50, but ",
    ),
    "at two steps": (GOOD.replace("200,b,b", "201,b,b"), ":7: evaluation 2 is at env step 201"),
    "no task": (GOOD.replace("200,b,b", "200,b,"), ":7: evaluated_task is empty"),
    "no column": (GOOD.replace("evaluated_task", "task"), ":1: the table lacks the column evalu"),
    "no number after blank lines": (GAPS.replace("0.5", "x"), ":10: value is `x`"),
    "twice after blank lines": (GAPS.replace("200,b,b", "200,b,a"), ":11: this task"),
    "nothing": ("", ":"),
}


@pytest.mark.parametrize("mistake", BROKEN)
def test_a_bad_table_is_refused_with_its_line(mistake: str, written: Callable[[str], Path]) -> None:
    text, told = BROKEN[mistake]
    path = written(text)
    with pytest.raises(UserError) as error:
        metrics_of_table(path)
    assert str(error.value).startswith(f"{path}{told}"), error.value


def test_a_measurement_that_failed_is_nan_and_gives_a_reason(
    written: Callable[[str], Path],
) -> None:
    metrics = metrics_of_table(written(GOOD.replace("0.5", "nan")))["theirs", 0]["metrics"]
    assert metrics["gap/min_acc"]["value"] is None
    assert "not a number" in metrics["gap/min_acc"]["reason"]


def test_other_kinds_of_files_are_refused(written: Callable[[str], Path], tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"ends on \.csv"):
        read_matrix_table(written(GOOD, "table.xlsx"))
    with pytest.raises(UserError, match="there is no file"):
        read_matrix_table(tmp_path / "nowhere.csv")
    with pytest.raises(UserError, match="cannot be read"):
        read_matrix_table(written(GOOD, "table.parquet"))
    with pytest.raises(UserError, match=r"none of \.csv"):
        table_bytes(MATRIX_SCHEMA.empty_table(), ".html")


@settings(max_examples=50)
@given(st.text(max_size=200), st.booleans())
def test_garbage_is_refused_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, text: str, headed: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / "garbage.csv"
    path.write_bytes((f"{HEADING}\n" if headed else "").encode() + text.encode("utf-8", "replace"))
    # Whatever else is raised fails the test.
    with contextlib.suppress(UserError):
        assert isinstance(metrics_of_table(path), dict)


def test_episodes_go_out_one_a_row(tmp_path: Path) -> None:
    log = read_log(make_run(tmp_path, pieces=3).log_path)
    table = episode_table(log)
    row = table.slice(table.num_rows - 1).to_pylist()[0]
    assert row["run"] == "minigames-3/pool"
    assert row["phase"] == "test"
    assert row["length"] == 200
    assert math.isfinite(row["return"])
    assert pa.compute.sum(pa.compute.equal(table["phase"], "train")).as_py() > 0
