"""The export is what l2logger 1.8.2 and l2metrics 3.1.0 accept (tried with the originals)."""

from __future__ import annotations

import csv
import json
import re
from itertools import pairwise
from pathlib import Path

import pytest
from synthetic_run import make_run

from l2rl.runs.l2logger_format import export_l2logger
from l2rl.runs.l2logger_log import COLUMNS
from l2rl.runs.l2logger_view import l2logger_view, scenario_type, task_names
from l2rl.runs.log_views import episodes
from l2rl.runs.run_directory import RunDirectory
from l2rl.runs.tidy_log import TidyLog, read_log

Row = dict[str, str]


def rows_of_export(directory: Path) -> list[Row]:
    """All rows in the order of the readers: by exp_num, then block_num."""
    rows: list[Row] = []
    for path in directory.rglob("data-log.tsv"):
        with open(path, newline="") as file:
            rows += csv.DictReader(file, delimiter="\t")
    return sorted(rows, key=lambda row: (int(row["exp_num"]), int(row["block_num"])))


def test_layout_and_information_files(finished_run: RunDirectory) -> None:
    directory = export_l2logger(finished_run)
    assert directory.parent == finished_run.l2logger_path
    assert re.fullmatch(r"minigames-3_pool_seed0-\d+-\d+", directory.name)
    logger_info = json.loads((directory / "logger_info.json").read_text())
    assert logger_info == {"log_format_version": "1.1", "metrics_columns": ["reward", "success"]}
    assert json.loads((directory / "scenario_info.json").read_text())["scenario_type"] == "custom"
    folders = {path.parent.name for path in directory.rglob("data-log.tsv")}
    assert {"0-test", "1-train", "2-test", "3-train"} <= folders


def test_columns_stand_in_the_exact_order(finished_run: RunDirectory) -> None:
    directory = export_l2logger(finished_run)
    expected = [*COLUMNS, "episode_step_count", "reward", "success"]
    for path in directory.rglob("data-log.tsv"):
        text = path.read_text()
        assert text.splitlines()[0].split("\t") == expected
        assert "\r" not in text


def test_every_episode_is_there_once_with_its_numbers(finished_run: RunDirectory) -> None:
    rows = rows_of_export(export_l2logger(finished_run))
    played = episodes(read_log(finished_run.log_path))
    assert [int(row["exp_num"]) for row in rows] == list(range(len(played.task)))
    exported = sorted(float(row["reward"]) for row in rows)
    assert exported == sorted(played.returns.tolist())
    assert {row["episode_step_count"] for row in rows} == {"200"}
    assert {row["exp_status"] for row in rows} == {"complete"}
    assert sum(row["block_type"] == "train" for row in rows) == int(played.training.sum())


def test_blocks_never_go_back_and_hold_one_kind(finished_run: RunDirectory) -> None:
    rows = rows_of_export(export_l2logger(finished_run))
    numbers = [int(row["block_num"]) for row in rows]
    assert numbers == sorted(numbers)
    assert sorted(set(numbers)) == list(range(max(numbers) + 1))
    for number in set(numbers):
        block = [row for row in rows if int(row["block_num"]) == number]
        assert len({(row["block_type"], row["block_subtype"]) for row in block}) == 1
        if block[0]["block_type"] == "train":
            assert len({row["task_name"] for row in block}) == 1


def test_each_evaluation_is_a_test_block_that_splits_the_learning(
    finished_run: RunDirectory,
) -> None:
    rows = rows_of_export(export_l2logger(finished_run))
    evaluations = set(episodes(read_log(finished_run.log_path)).evaluation.tolist()) - {-1}
    tests = {row["block_num"] for row in rows if row["block_type"] == "test"}
    assert len(tests) == len(evaluations)
    kinds = {int(row["block_num"]): row["block_type"] for row in rows}
    assert [kinds[n] for n in range(5)] == ["test", "train", "test", "train", "test"]


def test_a_task_is_contiguous_inside_a_block(finished_run: RunDirectory) -> None:
    rows = rows_of_export(export_l2logger(finished_run))
    regimes = [(row["block_num"], row["task_name"]) for row in rows]
    changes = [regime for before, regime in pairwise([None, *regimes]) if regime != before]
    assert len(changes) == len(set(changes))


def test_episodes_of_an_evaluation_side_by_side_are_put_together_by_task(tmp_path: Path) -> None:
    log = TidyLog.open(tmp_path, "exp/base", 0)
    for number, task in enumerate(["b", "a", "b", "a"]):
        log.append_episode(
            phase="test",
            episode=number,
            environment=0,
            episode_return=float(number),
            length=1,
            env_steps=0,
            evaluation=0,
            evaluated_task=task,
        )
    log.flush()
    table = l2logger_view(read_log(tmp_path)).table
    assert table["task_name"].to_pylist() == ["b_default"] * 2 + ["a_default"] * 2
    assert table["reward"].to_pylist() == [0.0, 2.0, 1.0, 3.0]
    assert table["block_num"].to_pylist() == [0] * 4


def test_parameters_are_constant_in_a_regime_and_times_never_go_back(
    finished_run: RunDirectory,
) -> None:
    rows = rows_of_export(export_l2logger(finished_run))
    parameters: dict[str, set[str]] = {}
    for row in rows:
        parameters.setdefault(row["task_name"], set()).add(row["task_params"])
        assert isinstance(json.loads(row["task_params"]), dict)
        assert re.fullmatch(r"\d{8}T\d{6}\.\d{6}", row["timestamp"])
    assert all(len(texts) == 1 for texts in parameters.values())
    times = [row["timestamp"] for row in rows]
    assert times == sorted(times)
    assert times[0] < times[-1]


def test_evaluations_of_a_sleep_block_have_its_subtype(finished_run: RunDirectory) -> None:
    rows = rows_of_export(export_l2logger(finished_run))
    asleep = {row["block_num"] for row in rows if row["block_subtype"] == "sleep"}
    assert len(asleep) == 1
    rows = rows_of_export(export_l2logger(finished_run, sleep_as_wake=True))
    assert {row["block_subtype"] for row in rows} == {"wake"}


def test_names_are_made_fit_and_stay_apart() -> None:
    described = {"a-b": {"variant": "hard_2"}, "a.b": {"variant": "hard_2"}}
    names = task_names(("a-b", "a.b", "A_B", "ä"), described)
    assert names == {
        "a-b": "ab_hard2",
        "a.b": "ab2_hard2",
        "A_B": "AB_default",
        "ä": "task_default",
    }
    assert all(re.fullmatch(r"[0-9a-zA-Z]+_[0-9a-zA-Z]+", name) for name in names.values())


def test_a_variant_that_the_name_ends_in_is_not_said_twice() -> None:
    described = {
        "roaches_few": {"variant": "few"},
        "roaches_two_groups": {"variant": "two_groups"},
        "roaches_fog": {"variant": "default"},
    }
    assert list(task_names(tuple(described), described).values()) == [
        "roaches_few",
        "roaches_twogroups",
        "roachesfog_default",
    ]


@pytest.mark.parametrize(
    ("scenario", "word"),
    [
        *[(kind, kind) for kind in ("condensed", "dispersed", "permuted", "alternating")],
        *[(kind, "custom") for kind in ("pairwise", "recurring", "concept_shift", "drift", "")],
    ],
)
def test_the_scenario_is_told_in_the_formats_words(scenario: str, word: str) -> None:
    assert scenario_type(scenario) == word


def test_a_new_export_replaces_the_old_one_whole(tmp_path: Path) -> None:
    run = make_run(tmp_path, pieces=4)
    first = export_l2logger(run)
    (first / "worker-default" / "99-train").mkdir()
    second = export_l2logger(run)
    assert not (second / "worker-default" / "99-train").exists()
    assert not list(run.path.glob("l2logger.*"))


def test_a_run_without_an_episode_still_has_a_readable_header(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path, "exp", "base", 0, "")
    run.open_log()
    directory = export_l2logger(run)
    assert json.loads((directory / "logger_info.json").read_text())["metrics_columns"] == ["reward"]
    assert rows_of_export(directory) == []
