"""`l2rl metrics`: what it prints, what it writes, how it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest
from rich.console import Console

from l2rl.metrics.compute import compute_metrics
from l2rl.metrics.run_log import RunLog
from l2rl.runs.l2logger_writer import write_l2logger
from l2rl.runs.run_directory import RunDirectory
from tests.cli.test_commands import l2rl
from tests.l2m.small_logs import log_of, ramp

A, B = "ant_x", "bee_x"


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Someone's log, and an expert run of one of its tasks beside it."""
    monkeypatch.chdir(tmp_path)
    # Not by COLUMNS: that is read when the console is made, maybe by another test.
    monkeypatch.setattr(import_module("l2rl.cli.main"), "out", Console(width=200))
    blocks = [("test", A, [1, 2]), ("test", B, [3, 4])]
    life = log_of(*blocks, ("train", A, ramp(5, 30, 40)), *blocks, ("train", B, range(9)), *blocks)
    write_l2logger(life, tmp_path / "life")
    write_l2logger(log_of(("train", A, ramp(5, 20, 40))), tmp_path / "expert")
    return tmp_path / "life"


Capture = pytest.CaptureFixture[str]


def test_someones_log_is_shown_with_reasons(log: Path, capsys: Capture) -> None:
    code, text = l2rl(capsys, "metrics", "life", "--expert", "expert", "--transfer", "both")
    assert code == 0
    assert "parity, 49 learning and 12 evaluation experiences in 8 regimes" in text
    for expected in ("l2m/forward_transfer_contrast", "without bee_x: no expert run", A, B):
        assert expected in text
    assert "no task has three learning blocks" in text
    assert not Path("results").exists()


def test_files_are_written_where_asked(log: Path, capsys: Capture) -> None:
    code, _ = l2rl(capsys, "metrics", "life", "--output", "out", "--mode", "strict")
    assert code == 0
    told = json.loads((Path("out") / "life_metrics.json").read_text())
    assert "every_transfer_pair" in told["l2rl"]["corrections"]
    assert (Path("out") / "life_data.parquet").is_file()
    assert l2rl(capsys, "metrics", "life", "--output", "tables", "--format", "tsv")[0] == 0
    written = sorted(path.name for path in Path("tables").iterdir())
    assert written == ["life_metrics.tsv", "life_regime.tsv"]


def test_programs_get_json_or_tsv(log: Path, capsys: Capture) -> None:
    code, text = l2rl(capsys, "metrics", "life", "--format", "json")
    assert code == 0
    assert json.loads(text)["run_id"] == "life"
    code, text = l2rl(capsys, "metrics", ".", "--format", "tsv")
    assert [line.split("\t")[0] for line in text.splitlines()] == ["run_id", "expert", "life"]
    code, text = l2rl(capsys, "metrics", "life", "--format", "parquet")
    assert (code, "--output" in text) == (2, True)


def test_two_logs_of_one_name_do_not_overwrite_each_other(log: Path, capsys: Capture) -> None:
    assert l2rl(capsys, "metrics", "life", "life", "--output", "out")[0] == 0
    names = {path.name for path in Path("out").iterdir()}
    assert {"life_metrics.json", "life-2_metrics.json", "ll_metrics.json"} <= names


def test_options_reach_the_metrics(log: Path, capsys: Capture) -> None:
    Path("ranges.json").write_text('{"Ant_X": {"min": 0, "max": 9}, "bee_x": {"min": 0, "max": 9}}')
    options = "--ranges ranges.json --clamp --smooth hanning --window 5 --smooth-evaluations"
    options += " --aggregate median --maintenance both --normalise run --variants agnostic"
    options += " --noise 0 0.5 --noise-seed 3 --expert-averaging time --performance-column reward"
    code, text = l2rl(capsys, "metrics", "life", "--format", "json", *options.split())
    assert code == 0, text
    told = json.loads(text)
    assert told["normalization_data_range"]["ant"] == {"min": 0.0, "max": 9.0}
    assert "perf_maintenance_mrtlp" in told
    assert set(told["task_metrics"]) == {"ant", "bee"}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nowhere"], "no directory nowhere"),
        (["life", "--mode", "lenient"], "`parity` or `strict`"),
        (["life", "--smooth", "round"], "hanning"),
        (["life", "--format", "xml"], "json, tsv, parquet"),
        (["life", "--performance-column", "score"], "--performance-column"),
        (["life", "--ranges", "nothing.json"], "nothing.json"),
        (["life", "--expert", "life"], "exactly one task"),
    ],
)
def test_mistakes_are_one_message(
    arguments: list[str], told: str, log: Path, capsys: Capture
) -> None:
    code, text = l2rl(capsys, "metrics", *arguments)
    assert code == 2
    assert told in text
    assert "Traceback" not in text


def test_a_broken_log_is_named_with_file_and_line(log: Path, capsys: Capture) -> None:
    path = next(log.rglob("data-log.tsv"))
    path.write_text(path.read_text().replace("complete", "finished"))
    code, text = l2rl(capsys, "metrics", "life")
    assert code == 2
    assert f"{path.relative_to(Path.cwd())}:2: exp_status is 'finished'" in text


def test_a_run_of_ours_shows_all_its_metrics_and_may_be_an_expert(
    tmp_path: Path, run_maker: Callable[..., RunDirectory], capsys: Capture
) -> None:
    run = run_maker(tmp_path / "runs")
    expert = run_maker(tmp_path / "experts", tasks=("beacon",))
    code, text = l2rl(
        capsys, "metrics", str(run.path), "--expert", str(expert.path), "--format", "json"
    )
    assert code == 0, text
    figures = json.loads(text)["l2rl"]["metrics"]
    stored = compute_metrics(RunLog.open(run))["metrics"]
    assert all(name in figures for name in stored if not name.startswith("l2m/"))
    assert figures["gap/min_acc"] == stored["gap/min_acc"]
    assert figures["l2m/sample_efficiency"]["value"] > 0
    assert figures["l2m/sample_efficiency"]["missing_experts"] == ["shards", "roaches"]
    code, text = l2rl(capsys, "metrics", str(tmp_path / "runs"))
    assert code == 0
    assert "gap/wc_acc" in text
