"""`l2rl experts`, `compare` and `export` from the command line."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from l2rl.cli.experts import parse_seeds
from l2rl.errors import UserError
from tests.cli.test_commands import l2rl

YAML = """
agent:
  learner: ppo
  n_envs: 2
  settings: {n_steps: 16, batch_size: 16, n_epochs: 1}
curriculum:
  tasks: {beacon: minigames/MoveToBeacon, shards: minigames/CollectMineralShards}
  blocks: [{learn: beacon, env_steps: 32}, {learn: shards, env_steps: 32}]
evaluation: {interval_env_steps: null, episodes: 1, n_envs: 1}
"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two variants by two seeds, lived on the command line."""
    root = tmp_path_factory.mktemp("many")
    (root / "many.yaml").write_text(YAML)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        from l2rl import running
        from l2rl.config import load_experiment

        for variant, more in (("bare", "{}"), ("ewc", "{consolidation.ewc: {}}")):
            for seed in range(2):
                wanted = [f"seed={seed}", f"agent.components={more}"]
                running.start(load_experiment("many.yaml", wanted), variant=variant)
    return root


def test_experts_are_made_then_found_and_a_run_directory_will_do(
    runs: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(runs)
    code, text = l2rl(capsys, "experts", "many.yaml")
    assert code == 0, text
    assert text.count("made: ") == 2
    code, text = l2rl(capsys, "experts", "runs/many/ewc/seed-0")
    assert text.count("found: ") == 2
    assert "shards, lifetime, seed 0: " in text
    code, text = l2rl(capsys, "compare", "runs", "--metric", "matrix/intransigence")
    assert code == 0
    assert "seeds 0" in text


def test_compare_prints_tables_with_reasons(
    runs: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(runs)
    monkeypatch.setenv("COLUMNS", "160")
    code, text = l2rl(capsys, "compare", "runs")
    assert code == 0
    for expected in ("gap/min_acc", "bare", "ewc", "2 seeds: an interval needs at least 3"):
        assert expected in text
    assert "effect of consolidation.ewc" in text


def test_the_page_is_written_beside_the_table_or_as_the_output(
    runs: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(runs)
    pages = tmp_path / "one.html", tmp_path / "two.html"
    code, text = l2rl(capsys, "compare", "runs", "--interval", "t", "--html", str(pages[0]))
    assert code == 0
    assert "gap/min_acc" in text
    assert f"page: {pages[0]}" in text
    asked = ("compare", "runs", "--format", "html", "--interval", "t", "-o", str(pages[1]))
    assert l2rl(capsys, *asked) == (0, "")
    for page in pages:
        shown = page.read_text()
        assert "Student&#39;s t" in shown
        assert "many/ewc/seed-1/report.html" in shown


def test_figures_of_one_run_and_of_several(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = ("figures", str(runs / "runs/many/bare/seed-0"), "--only", "heat", "--format", "svg")
    code, text = l2rl(capsys, *one, "-o", str(tmp_path / "one"))
    assert code == 0
    assert str(tmp_path / "one/heat.svg") in text.replace("\n", "")
    several = ("figures", str(runs / "runs"), "--only=curves", "--only=values", "--width-mm=89")
    assert l2rl(capsys, *several, "-o", str(tmp_path / "many"))[0] == 0
    names = {path.name: path.read_bytes()[:5] for path in (tmp_path / "many").iterdir()}
    assert names == {"curves.pdf": b"%PDF-", "values.pdf": b"%PDF-"}


@pytest.mark.parametrize("kind", ["markdown", "latex", "json", "csv", "table"])
def test_every_format_can_be_written_to_a_file(
    kind: str,
    runs: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    target = tmp_path / "comparison"
    code, text = l2rl(
        capsys, "compare", str(runs / "runs"), "--format", kind, "--output", str(target)
    )
    assert (code, text) == (0, "")
    assert "ewc" in target.read_text()
    if kind == "json":
        assert json.loads(target.read_text())["baseline"] == "bare"


def test_matrix_episodes_and_metrics_go_out(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = str(runs / "runs/many/bare")
    code, text = l2rl(capsys, "export", where)
    assert code == 0
    rows = list(csv.DictReader(io.StringIO(text)))
    assert {row["seed"] for row in rows} == {"0", "1"}
    assert {row["evaluated_task"] for row in rows} == {"beacon", "shards"}
    target = tmp_path / "metrics.parquet"
    assert l2rl(capsys, "export", where, "--what=metrics", f"--output={target}")[0] == 0
    metrics = pq.read_table(target).to_pylist()
    assert {"gap/min_acc", "scalability/wall_seconds"} <= {row["metric"] for row in metrics}
    assert all((row["value"] is None) == bool(row["reason"]) for row in metrics)
    code, text = l2rl(capsys, "export", where, "--what=episodes", "--format=tsv")
    assert text.startswith("run\tseed\t") or text.startswith('"run"\t"seed"')


def test_metrics_of_a_table_are_those_of_the_run(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, table = runs / "runs/many/bare/seed-0", tmp_path / "evaluations.csv"
    assert l2rl(capsys, "export", str(run), f"--output={table}")[0] == 0
    code, text = l2rl(capsys, "metrics", str(table), "--format=json")
    assert code == 0
    (found,) = json.loads(text)
    stored = json.loads((run / "metrics.json").read_text())
    assert found["run"] == "many/bare"
    for name in ("gap/wc_acc", "matrix/forgetting"):
        assert found["metrics"][name]["value"] == stored["metrics"][name]["value"]
    assert "gap/wc_acc" in l2rl(capsys, "metrics", str(table))[1]
    assert l2rl(capsys, "metrics", str(table), f"--output={tmp_path / 'out'}")[0] == 0
    assert {path.suffix for path in (tmp_path / "out").iterdir()} == {".json", ".tsv", ".parquet"}
    table.write_text(table.read_text().replace("beacon", "", 3))
    code, text = l2rl(capsys, "metrics", str(table))
    assert code == 2
    assert f"{table}:2: " in text.replace("\n", "")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["compare", "nowhere"], "there is no directory"),
        (["compare", "{runs}", "--format=latx"], "did you mean `latex`"),
        (["compare", "{runs}", "--metric=gap/min_ac"], "did you mean `gap/min_acc`"),
        (["compare", "{runs}", "--baseline=bar"], "did you mean `bare`"),
        (["compare", "{runs}", "--confidence=95"], "between 0 and 1"),
        (["compare", "{runs}", "--interval=T"], "there is no interval `T`"),
        (["figures", "{runs}", "--format=eps"], "there is no format `eps`"),
        (["figures", "{runs}", "--width-mm=5"], "between 40 and 1000"),
        (["figures", "{runs}", "--only=curve"], "did you mean `curves`"),
        (["export", "{runs}", "--what=metric"], "did you mean `metrics`"),
        (["export", "{runs}", "--format=xls"], "none of .csv"),
        (["experts", "many", "--seeds=a"], "is no list of seeds"),
        (["experts", "nowhere.yaml"], "there is no file"),
    ],
)
def test_a_mistake_is_one_message(
    arguments: list[str], told: str, runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if arguments[0] == "experts" and arguments[1] == "many":
        arguments = [*arguments[:1], str(runs / "many.yaml"), *arguments[2:]]
    code, text = l2rl(capsys, *(one.format(runs=runs / "runs") for one in arguments))
    assert code == 2, text
    assert "Traceback" not in text
    assert told in text


def test_an_empty_folder_says_that_nothing_is_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for command in ("compare", "export"):
        code, text = l2rl(capsys, command, str(tmp_path))
        assert code == 2
        assert "there is no run to" in text


def test_seeds_are_written_as_numbers_and_ranges() -> None:
    assert parse_seeds("") == ()
    assert parse_seeds("0-2, 7,1") == (0, 1, 2, 7)
    for wrong in ("a", "1-", "-1", "1.5"):
        with pytest.raises(UserError, match="no list of seeds"):
            parse_seeds(wrong)
