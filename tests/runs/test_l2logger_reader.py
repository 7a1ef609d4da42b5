"""Anyone's logs are read whole, and what is wrong with them is said with file and line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from synthetic_run import make_run

from l2rl.errors import UserError
from l2rl.runs.l2logger_find import find_logs, read_any
from l2rl.runs.l2logger_format import export_l2logger
from l2rl.runs.l2logger_log import L2Log
from l2rl.runs.l2logger_reader import read_l2logger
from l2rl.runs.l2logger_view import view_of_run
from l2rl.runs.l2logger_writer import write_l2logger
from l2rl.runs.run_directory import RunDirectory

HEADER = (
    "block_num\texp_num\tworker_id\tblock_type\tblock_subtype\ttask_name\ttask_params\t"
    "exp_status\ttimestamp\tnote\treward"
)
TIME = "20260131T120000.5"


def row(block: int, experience: int, reward: object = 1.5, **other: str) -> str:
    words = {"kind": "train", "subtype": "wake", "task": "Ant_X", "params": "{}"}
    words |= {"status": "complete", "worker": "w-0", "time": TIME, "note": ""} | other
    return (
        f"{block}\t{experience}\t{words['worker']}\t{words['kind']}\t{words['subtype']}\t"
        f"{words['task']}\t{words['params']}\t{words['status']}\t{words['time']}\t{words['note']}"
        f"\t{reward}"
    )


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    log = tmp_path / "log"
    log.mkdir()
    (log / "logger_info.json").write_text('{"metrics_columns": ["reward"]}')
    (log / "scenario_info.json").write_text('{"complexity": "1-low", "extra": 3}')
    return log


def put(directory: Path, *lines: str, folder: str = "w-0/0-train", end: str = "\n") -> Path:
    path = directory / folder / "data-log.tsv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([HEADER, *lines]) + end, newline="")
    return path


def same(one: L2Log, other: L2Log) -> None:
    assert one.table.column_names == other.table.column_names
    for column in one.table.column_names:
        if column in ("reward", "success", "episode_step_count"):
            assert one.values(column).tobytes() == other.values(column).tobytes()
        else:
            assert one.table[column].to_pylist() == other.table[column].to_pylist()


def test_an_export_reads_like_the_run_it_came_from(finished_run: RunDirectory) -> None:
    exported, seen = read_l2logger(export_l2logger(finished_run)), view_of_run(finished_run)
    same(exported, seen)
    assert exported.name == seen.name
    assert exported.metrics_columns == seen.metrics_columns == ("reward", "success")
    assert exported.scenario == seen.scenario
    assert seen.own_names["beacon"] == "beacon_default"


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_written_and_read_back(version: str, tmp_path: Path, directory: Path) -> None:
    put(
        directory,
        row(0, 0, 0.1, params='"{""a"": 1}"'),
        row(0, 1, "nan"),
        row(0, 1, 2, worker="w-1"),
    )
    put(directory, row(1, 2, -3e-7, kind="test"), folder="elsewhere/deep/1-test")
    log = read_l2logger(directory)
    write_l2logger(log, tmp_path / "again", version=version)  # type: ignore[arg-type]
    again = read_l2logger(tmp_path / "again")
    same(log, again)
    assert {p.parent.name for p in (tmp_path / "again").rglob("*.tsv")} == {"0-train", "1-test"}
    first = next((tmp_path / "again").rglob("*.tsv")).read_text().split("\n")[0]
    assert ("block_subtype" in first) == (version == "1.1")


def test_files_come_together_in_order_of_experience(directory: Path) -> None:
    put(directory, row(2, 10, 5), row(2, 11, 6), folder="w-0/2-train")
    put(directory, row(10, 12, 7), folder="w-0/10-train")
    put(directory, row(0, 0, 1), row(0, 2, 3), folder="w-0/0-train")
    put(directory, row(0, 1, 2), row(0, 3, 4), folder="w-1/0-train")
    log = read_l2logger(directory)
    assert log.values("reward").tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert set(log.table["task_name"].to_pylist()) == {"ant_x"}
    assert log.place(1).endswith("w-1/0-train/data-log.tsv:2")
    assert log.place(5).endswith("w-0/2-train/data-log.tsv:3")
    assert log.scenario["extra"] == 3


def test_odd_but_legal_files_are_read(directory: Path) -> None:
    put(directory, "", row(0, 0, " 1.5 ", note='"two\nlines"'), "", row(0, 1, 2, params=""), end="")
    put(directory, row(1, 2, "NA", time=""), folder="w-0/1-train")
    log = read_l2logger(directory)
    assert str(log.values("reward").tolist()) == "[1.5, 2.0, nan]"
    assert log.place(1).endswith(":6")
    path = directory / "w-0/0-train/data-log.tsv"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert read_l2logger(directory).values("reward").tolist()[:2] == [1.5, 2.0]


def test_floats_of_whole_value_count_as_counters(directory: Path) -> None:
    path = put(directory, row(0, 0), row(0, 1))
    path.write_text(path.read_text().replace("\n0\t1\t", "\n0.0\t1.0\t"))
    assert read_l2logger(directory).table["exp_num"].to_pylist() == [0, 1]


BAD_ROWS: dict[str, tuple[list[str], str]] = {
    "text for a counter": ([row(0, 0), row(0, "x")], r":3: exp_num is 'x'"),  # type: ignore[arg-type]
    "broken counter": ([row(0, 0), row(0, 1.5)], r":3: exp_num is '1.5'"),  # type: ignore[arg-type]
    "negative counter": ([row(-1, 0)], r":2: block_num is '-1'"),
    "empty counter": ([row(0, "")], r":2: exp_num is ''"),  # type: ignore[arg-type]
    "block goes back": ([row(1, 0), row(0, 1)], r":3: experience 1 is in block 0.*:2\)"),
    "experience goes back": ([row(0, 5), row(1, 4)], r":2: experience 5 is in block 0.*:3\)"),
    "block type": ([row(0, 0), row(0, 1, kind="learn")], r":3: block_type is 'learn'"),
    "block subtype": ([row(0, 0, subtype="nap")], r":2: block_subtype is 'nap'"),
    "status": ([row(0, 0, status="done")], r":2: exp_status is 'done'"),
    "worker": ([row(0, 0, worker="a b")], r":2: worker_id is 'a b'"),
    "no task": ([row(0, 0, task="")], r":2: task_name is ''"),
    "parameters": ([row(0, 0), row(0, 1, params="{a: 1}")], r":3: task_params is '{a: 1}'"),
    "time": ([row(0, 0, time="noon")], r":2: timestamp is 'noon'"),
    "half a row": ([row(0, 0), row(0, 1)[:20]], r":3: there are 6 columns, the header has 11"),
    "too long a row": ([row(0, 0) + "\t7"], r":2: there are 12 columns"),
    "an open quotation mark": ([row(0, 0, note='"a'), row(0, 1)], r":2: .*quotation mark"),
    "no row": ([], r":1: there is a header but no row"),
}


@pytest.mark.parametrize("fault", BAD_ROWS)
def test_a_bad_row_is_named(fault: str, directory: Path) -> None:
    lines, message = BAD_ROWS[fault]
    put(directory, *lines)
    with pytest.raises(UserError, match=rf"data-log\.tsv{message}"):
        read_l2logger(directory)


@pytest.mark.parametrize("fault", BAD_ROWS)
def test_and_so_it_is_among_good_files_after_blank_lines(fault: str, directory: Path) -> None:
    lines, message = BAD_ROWS[fault]
    put(directory, row(0, 0), folder="a/0-train")
    put(directory, "", *lines, folder="b/0-train")
    shifted = message if not lines else message.replace(":2", ":@").replace(":3", ":4")
    with pytest.raises(UserError, match=rf"b/0-train/data-log\.tsv{shifted.replace('@', '3')}"):
        read_l2logger(directory)


@pytest.mark.parametrize(("reward", "line"), [("high", 3), ("inf", 3), ("1e999", 3), ("1,5", 3)])
def test_a_performance_that_is_no_number_is_named(reward: str, line: int, directory: Path) -> None:
    put(directory, row(0, 0), row(0, 1, reward))
    with pytest.raises(UserError, match=rf"data-log\.tsv:{line}: reward is '{reward}'"):
        read_l2logger(directory).values("reward")


def damage(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(change(path.read_bytes())) and None


BAD_FILES: dict[str, tuple[Callable[[Path], None], str]] = {
    "empty": (damage(lambda data: b""), r":1: the file is empty"),
    "blank": (damage(lambda data: b"\n\n"), r":1: the file is empty"),
    "garbage": (damage(lambda data: b"\x89PNG\xff\xd8" * 99), r":1: the header is no text"),
    "garbage below": (damage(lambda data: data + b"\xff\xfe\n"), r":4: .* no UTF-8"),
    "zero bytes": (damage(lambda data: data[:-3] + b"\0\0\n"), r":3: there is a zero byte"),
    "a column missing": (
        damage(lambda data: data.replace(b"exp_num", b"exp")),
        r":1: the header lacks exp_num",
    ),
    "a column twice": (damage(lambda data: data.replace(b"note", b"reward")), r":1: .*more than"),
    "no metric": (damage(lambda data: data.replace(b"reward", b"score")), r":1: .*lacks reward"),
}


@pytest.mark.parametrize("fault", BAD_FILES)
def test_a_bad_file_is_named(fault: str, directory: Path) -> None:
    spoil, message = BAD_FILES[fault]
    put(directory, row(0, 0), folder="a/0-train")
    spoil(put(directory, row(0, 1), row(0, 2), folder="b/0-train"))
    with pytest.raises(UserError, match=rf"b/0-train/data-log\.tsv{message}"):
        read_l2logger(directory)


@pytest.mark.parametrize(
    "info", ["", "{", "[]", '{"metrics_columns": []}', '{"metrics_columns": 3}']
)
def test_a_bad_logger_info_is_named(info: str, directory: Path) -> None:
    put(directory, row(0, 0))
    (directory / "logger_info.json").write_text(info)
    with pytest.raises(UserError, match=r"logger_info\.json"):
        read_l2logger(directory)


def test_a_directory_without_log_or_rows_is_named(tmp_path: Path, directory: Path) -> None:
    with pytest.raises(UserError, match=r"holds no data-log\.tsv"):
        read_l2logger(directory)
    with pytest.raises(UserError, match=r"no logger_info\.json"):
        read_l2logger(tmp_path)


def test_logs_are_found_below_a_folder_but_not_inside_a_run(
    tmp_path: Path, directory: Path
) -> None:
    put(directory, row(0, 0))
    run = make_run(tmp_path / "runs", pieces=3)
    export_l2logger(run)
    assert find_logs(tmp_path) == [directory, run.path]
    assert read_any(run.path).own_names
    assert np.isfinite(read_any(directory).values("reward")).all()
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="holds neither a run"):
        find_logs(tmp_path / "empty")
    with pytest.raises(UserError, match="no directory"):
        find_logs(tmp_path / "nowhere")


def test_the_information_written_is_strict_json(tmp_path: Path, directory: Path) -> None:
    put(directory, row(0, 0))
    write_l2logger(read_l2logger(directory), tmp_path / "again")
    info = json.loads((tmp_path / "again" / "logger_info.json").read_text())
    assert info == {"log_format_version": "1.1", "metrics_columns": ["reward"]}
