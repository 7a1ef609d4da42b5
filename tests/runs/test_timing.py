"""Seconds of every process and block, from stamps that are sparse."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from l2rl.runs.clock import CLOCK_SCHEMA, Clock, read_clock, spent
from l2rl.runs.run_directory import RunDirectory
from l2rl.runs.tidy_log import read_log
from l2rl.runs.timing import timing_of


def stamps(*rows: tuple[int, int, float, float]) -> pa.Table:
    """(row, process, wall, cpu) each."""
    columns = [list(column) for column in zip(*rows, strict=True)]
    table = dict(zip(("row", "process", "wall_s", "cpu_s"), columns, strict=True))
    return pa.table({**table, "unix_time": [0.0] * len(rows)}).select(CLOCK_SCHEMA.names)


def test_processes_add_up_one_after_the_other() -> None:
    found = spent(stamps((0, 0, 0.0, 0.0), (10, 0, 5.0, 4.0), (10, 1, 2.0, 1.0), (30, 1, 6.0, 3.0)))
    assert found.processes == 2
    assert found.wall_s.tolist() == [0.0, 7.0, 11.0]
    assert found.cpu_s.tolist() == [0.0, 5.0, 7.0]
    assert found.at(20) == (9.0, 6.0)
    assert found.at(99) == (11.0, 7.0)


def test_without_stamps_nothing_was_spent() -> None:
    found = spent(CLOCK_SCHEMA.empty_table())
    assert (found.processes, found.at(5)) == (0, (0.0, 0.0))


def test_every_opening_of_the_clock_is_another_process(tmp_path: Path) -> None:
    for _ in range(3):
        clock = Clock.open(tmp_path)
        clock.stamp(0)
        clock.flush()
    assert read_clock(tmp_path)["process"].to_pylist() == [0, 1, 2]


def test_a_stamp_can_be_forced_and_is_otherwise_sparse(tmp_path: Path) -> None:
    clock = Clock.open(tmp_path, interval_s=1000.0)
    for row in range(5):
        clock.stamp(row)
    clock.stamp(5, always=True)
    clock.flush()
    table = read_clock(tmp_path)
    assert table["row"].to_pylist() == [0, 5]
    first, last = table["wall_s"].to_pylist()
    assert 0 <= first <= last


def test_a_block_costs_what_lies_between_its_marks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = RunDirectory.create(tmp_path, "exp", "base", 0, "")
    log = run.open_log()
    for name, steps in (("start", 0), ("end", 100)):
        log.append(
            kind="block",
            metric=name,
            value=1,
            env_steps=steps,
            block=0,
            trained_task="a",
            detail={"kind": "learn"},
        )
        for _ in range(3):
            log.append(kind="scalar", metric="x", value=1, env_steps=steps)
    log.flush()
    written = stamps((0, 0, 3.0, 2.0), (4, 0, 13.0, 11.0), (8, 0, 14.0, 12.0))
    monkeypatch.setattr("l2rl.runs.timing.read_clock", lambda path: written)
    run.clock_path.mkdir()
    timing = timing_of(run, read_log(run.log_path))
    (block,) = timing["blocks"]
    assert (block["wall_s"], block["cpu_s"], block["env_steps"]) == (10.0, 9.0, 100)
    assert (timing["wall_s"], timing["cpu_s"], timing["processes"]) == (14.0, 12.0, 1)
