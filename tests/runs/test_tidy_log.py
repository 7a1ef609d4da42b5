"""The log holds every row once, whatever interrupts the writer."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic_run import SyntheticLifetime

from l2rl.errors import UserError
from l2rl.runs.clock import Clock, read_clock, unix_times
from l2rl.runs.log_views import episodes, events, rows_of
from l2rl.runs.tidy_log import LOG_SCHEMA, TidyLog, read_log


def fill(log: TidyLog, first: int, last: int, flush_every: int = 0) -> None:
    for number in range(first, last):
        log.append(
            kind="scalar", metric=f"train/{number % 3}", value=number / 7, env_steps=number * 8
        )
        if flush_every and number % flush_every == 0:
            log.flush()


def opened(directory: Path) -> TidyLog:
    return TidyLog.open(directory, "experiment/variant", 3)


def test_rows_come_back_in_order_with_the_documented_columns(tmp_path: Path) -> None:
    log = opened(tmp_path)
    fill(log, 0, 10, flush_every=4)
    log.flush()
    table = read_log(tmp_path)
    assert table.schema == LOG_SCHEMA
    assert table["row"].to_pylist() == list(range(10))
    assert table["value"].to_pylist() == [number / 7 for number in range(10)]
    assert set(table["run"].to_pylist()) == {"experiment/variant"}
    assert set(table["seed"].to_pylist()) == {3}


def test_unflushed_rows_are_not_on_disk(tmp_path: Path) -> None:
    log = opened(tmp_path)
    fill(log, 0, 5)
    log.flush()
    fill(log, 5, 9)
    assert log.rows == 9
    assert read_log(tmp_path).num_rows == 5


@settings(deadline=None, max_examples=12)
@given(data=st.data())
def test_truncated_and_continued_equals_never_interrupted(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    checkpoint = data.draw(st.integers(0, 60))
    crash = data.draw(st.integers(checkpoint, 80))
    every = data.draw(st.integers(1, 30))
    calm, shaken = tmp_path_factory.mktemp("calm"), tmp_path_factory.mktemp("shaken")
    log = opened(calm)
    fill(log, 0, 100)
    log.compact()

    log = opened(shaken)
    fill(log, 0, checkpoint, every)
    position = log.position()
    fill(log, checkpoint, crash, every)
    log = opened(shaken)
    log.truncate(position)
    fill(log, checkpoint, 100, every + 1)
    log.compact()
    assert (calm / "log.parquet").read_bytes() == (shaken / "log.parquet").read_bytes()
    assert [path.name for path in shaken.iterdir()] == ["log.parquet"]


def test_a_part_that_straddles_the_position_is_cut(tmp_path: Path) -> None:
    log = opened(tmp_path)
    fill(log, 0, 10)
    log.flush()
    log.truncate({"rows": 4, "parts": 1})
    assert log.rows == 4
    assert read_log(tmp_path)["row"].to_pylist() == [0, 1, 2, 3]
    fill(log, 4, 6)
    log.flush()
    assert read_log(tmp_path).num_rows == 6


def test_a_finished_log_can_be_resumed_from_an_older_checkpoint(tmp_path: Path) -> None:
    log = opened(tmp_path)
    fill(log, 0, 30)
    position = log.position()
    fill(log, 30, 50)
    log.compact()
    finished = (tmp_path / "log.parquet").read_bytes()
    log = opened(tmp_path)
    log.truncate(position)
    assert read_log(tmp_path).num_rows == 30
    fill(log, 30, 50)
    log.compact()
    assert (tmp_path / "log.parquet").read_bytes() == finished


def test_writing_on_after_compaction_keeps_every_row(tmp_path: Path) -> None:
    log = opened(tmp_path)
    fill(log, 0, 5)
    log.compact()
    fill(log, 5, 8)
    log.flush()
    assert read_log(tmp_path)["row"].to_pylist() == list(range(8))


def test_parts_left_beside_the_compacted_file_are_not_read_twice(tmp_path: Path) -> None:
    log = opened(tmp_path)
    fill(log, 0, 6, flush_every=2)
    log.flush()
    part = (tmp_path / "part-000000.parquet").read_bytes()
    log.compact()
    # A crash between the rename and the last deletion leaves this.
    (tmp_path / "part-000000.parquet").write_bytes(part)
    assert read_log(tmp_path).num_rows == 6
    log = opened(tmp_path)
    assert log.rows == 6
    fill(log, 6, 7)
    log.flush()
    assert read_log(tmp_path).num_rows == 7


def test_a_half_written_part_is_swept_away(tmp_path: Path) -> None:
    log = opened(tmp_path)
    fill(log, 0, 3)
    log.flush()
    (tmp_path / "part-000001.parquet.tmp").write_bytes(b"PAR1 half")
    assert read_log(tmp_path).num_rows == 3
    opened(tmp_path)
    assert not list(tmp_path.glob("*.tmp"))


@pytest.mark.parametrize("harm", ["cut", "emptied", "scrambled"])
def test_a_damaged_file_gives_one_clear_error(tmp_path: Path, harm: str) -> None:
    log = opened(tmp_path)
    fill(log, 0, 200)
    log.flush()
    path = tmp_path / "part-000000.parquet"
    data = path.read_bytes()
    middle = bytes(255 - byte for byte in data[4:400])
    harmed = {"cut": data[:-20], "emptied": b"", "scrambled": data[:4] + middle + data[400:]}
    path.write_bytes(harmed[harm])
    with pytest.raises(UserError, match=r"part-000000.parquet is damaged .*checkpoint"):
        read_log(tmp_path)


def test_a_lost_part_is_noticed(tmp_path: Path) -> None:
    log = opened(tmp_path)
    fill(log, 0, 9, flush_every=3)
    (tmp_path / "part-000001.parquet").unlink()
    with pytest.raises(UserError, match="lacks part-000001"):
        read_log(tmp_path)
    (tmp_path / "part-000000.parquet").rename(tmp_path / "part-000001.parquet")
    (tmp_path / "part-000002.parquet").rename(tmp_path / "part-000000.parquet")
    with pytest.raises(UserError, match="lost or doubled rows"):
        read_log(tmp_path)


def test_a_log_shorter_than_the_checkpoint_is_refused(tmp_path: Path) -> None:
    log = opened(tmp_path)
    fill(log, 0, 3)
    log.flush()
    with pytest.raises(UserError, match="3 rows, but the checkpoint was made after 9"):
        log.truncate({"rows": 9, "parts": 2})


def test_a_missing_log_and_an_empty_one_differ(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not exist"):
        read_log(tmp_path / "nowhere")
    log = opened(tmp_path)
    assert read_log(tmp_path).num_rows == 0
    log.compact()
    assert read_log(tmp_path).num_rows == 0


def test_unknown_kinds_are_refused_and_details_stay_strict_json(tmp_path: Path) -> None:
    log = opened(tmp_path)
    with pytest.raises(ValueError, match="none of block, episode"):
        log.append(kind="guess", metric="x", value=0.0, env_steps=0)  # type: ignore[arg-type]
    log.append(kind="event", metric="x", value=1, env_steps=0, detail={"b": float("nan"), "a": 1})
    log.flush()
    assert read_log(tmp_path)["detail"].to_pylist() == ['{"a":1,"b":null}']


def test_a_lifetime_interrupted_anywhere_leaves_the_same_log(tmp_path: Path) -> None:
    def begin(name: str) -> SyntheticLifetime:
        return SyntheticLifetime(opened(tmp_path / name), Clock.open(tmp_path / name / "c"), 4000)

    calm = begin("calm")
    list(calm.steps())
    # The generator cannot be restored, so the second life goes on after its rows were cut.
    shaken = begin("shaken")
    for number, _ in enumerate(shaken.steps()):
        shaken.log.flush()
        if number == 1:
            position = shaken.log.position()
            fill(shaken.log, 0, 17)
            shaken.log.flush()
            shaken.log.truncate(position)
    calm.log.compact()
    shaken.log.compact()
    one, other = (tmp_path / name / "log.parquet" for name in ("calm", "shaken"))
    assert one.read_bytes() == other.read_bytes()


def test_episodes_are_read_back_as_they_were_written(tmp_path: Path) -> None:
    log = opened(tmp_path)
    log.append_episode(
        phase="train",
        episode=0,
        environment=2,
        episode_return=1.5,
        length=40,
        env_steps=320,
        trained_task="beacon",
    )
    log.append_episode(
        phase="test",
        episode=0,
        environment=0,
        episode_return=-2.0,
        length=7,
        success=1.0,
        env_steps=320,
        evaluation=4,
        trained_task="beacon",
        evaluated_task="shards",
    )
    log.flush()
    read = episodes(read_log(tmp_path))
    assert read.task == ("beacon", "shards")
    assert read.training.tolist() == [True, False]
    assert read.returns.tolist() == [1.5, -2.0]
    assert read.lengths.tolist() == [40, 7]
    assert read.evaluation.tolist() == [-1, 4]
    assert str(read.success.tolist()) == "[nan, 1.0]"


def test_no_wall_clock_in_the_log(tmp_path: Path) -> None:
    assert not [name for name in LOG_SCHEMA.names if "time" in name]
    clock = Clock.open(tmp_path, interval_s=10.0)
    clock.stamp(0, 1000.0)
    clock.stamp(5, 1005.0)
    clock.stamp(10, 1020.0)
    position = clock.position()
    clock.stamp(99, 2000.0)
    clock.flush()
    clock.truncate(position)
    table = read_clock(tmp_path)
    assert table["row"].to_pylist() == [0, 10]
    rows = table["row"].to_numpy()
    assert unix_times(table, rows + 5).tolist() == [1010.0, 1020.0]


def test_rows_of_filters_by_every_given_column(tmp_path: Path) -> None:
    log = opened(tmp_path)
    fill(log, 0, 9)
    log.flush()
    assert rows_of(read_log(tmp_path), kind="scalar", metric="train/1").num_rows == 3
    assert rows_of(read_log(tmp_path), kind="event").num_rows == 0


@pytest.mark.parametrize("detail", ["{ no json", "5", "{}, {}", '["a"]'])
def test_a_detail_that_is_none_is_an_error_with_its_row(detail: str, tmp_path: Path) -> None:
    log = opened(tmp_path)
    for value in range(3):
        log.append(kind="event", metric="odd", value=value, env_steps=value)
    log.flush()
    table = read_log(tmp_path)
    broken = pa.array(["", detail, ""], pa.string())
    table = table.set_column(table.schema.get_field_index("detail"), "detail", broken)
    with pytest.raises(UserError, match="row 1 of the log has a detail that is no JSON object"):
        events(table)
