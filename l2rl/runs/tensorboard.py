"""The tidy log as TensorBoard event files: while the run goes on, or afterwards.

Everything comes from the log's rows, so a resumed run shows no step twice. Tags (step: env steps
of the lifetime, value: float32, as TensorBoard keeps it):

`<name of a scalar>`      such as `train/loss` or `plasticity.monitor/critic/fau`
`evaluation/<task>`       mean return of an evaluation; `success/<task>` its rate of success
`episode/<task>`          return of every training episode
`event/<name>`            value of an event, such as the confidence of `change_detected`
`curriculum/block`        index of the block that starts

A running lifetime appends whenever its log is flushed, that is with every checkpoint. Only files
of this module's own naming are ever deleted.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from l2rl.errors import UserError
from l2rl.runs.clock import read_clock, unix_times
from l2rl.runs.files import write_bytes_atomically
from l2rl.runs.part_table import part_files, read_file
from l2rl.runs.run_directory import RunDirectory
from l2rl.runs.tidy_log import STORED_SCHEMA

OURS = "events.out.tfevents.*.l2rl.*"
_MEASURES = {"return": "evaluation", "success": "success"}


@dataclass(frozen=True)
class Point:
    """One number of one tag."""

    tag: str
    env_steps: int
    value: float
    unix_time: float


def require_tensorboard() -> None:
    """Raises `UserError` with the way to install it if TensorBoard's package is missing."""
    try:
        import tensorboard.compat.proto.event_pb2  # noqa: F401
    except ImportError as error:
        raise UserError(
            f"TensorBoard's files need its package ({error}): pip install 'l2rl[tensorboard]'"
        ) from None


def points_of(rows: pa.Table, times: Iterable[float]) -> Iterator[Point]:
    """The points of some rows of a log, in their order; values that are not finite are left out.

    `times`: (rows,) seconds since 1970 at which each was written.
    """
    for row, moment in zip(rows.drop_columns(["detail"]).to_pylist(), times, strict=True):
        tag, value = _tagged(row)
        if tag and math.isfinite(value):
            yield Point(tag, int(row["env_steps"]), value, moment)


def export_events(run: RunDirectory, log: pa.Table, folder: Path) -> Path:
    """Write one event file of a whole log, in place of an earlier one; returns its path."""
    require_tensorboard()
    folder.mkdir(parents=True, exist_ok=True)
    old = sorted(folder.glob(OURS))
    target = folder / _name(run, _next_number(old))
    write_bytes_atomically(target, _beginning(run) + _records(points_of(log, _times(run, log))))
    for path in old:
        path.unlink()
    return target


class LiveEvents:
    """Follows the log of a running lifetime, part by part.

    Every process that lives a part of a lifetime has its own, and begins a new file with all that
    the log has by then: what an earlier one showed beyond its last checkpoint is gone.
    """

    def __init__(self, run: RunDirectory) -> None:
        """Raises `UserError` if TensorBoard's package is missing."""
        require_tensorboard()
        self._run = run
        self._parts = 0
        self._file: Path | None = None

    def follow(self) -> None:
        """Append what the log has on disk beyond what was written."""
        parts = part_files(self._run.log_path)
        new = parts[self._parts :]
        if not new:
            return
        rows = pa.concat_tables([read_file(path, STORED_SCHEMA) for path in new])
        target = self._file or self._begun()
        with target.open("ab") as file:
            file.write(_records(points_of(rows, _times(self._run, rows))))
        self._parts = len(parts)

    def _begun(self) -> Path:
        """A new file, under a name that no reader has open."""
        folder = self._run.tensorboard_path
        folder.mkdir(parents=True, exist_ok=True)
        old = sorted(folder.glob(OURS))
        self._file = folder / _name(self._run, _next_number(old))
        for path in old:
            path.unlink()
        write_bytes_atomically(self._file, _beginning(self._run))
        return self._file


def _tagged(row: Mapping[str, Any]) -> tuple[str, float]:
    """(tag, value) of one row; "" for what has no place in TensorBoard."""
    kind, metric, value = row["kind"], str(row["metric"]), float(row["value"])
    evaluated = row["evaluated_task"]
    if kind == "scalar":
        return metric, value
    if kind == "evaluation" and metric in _MEASURES:
        return f"{_MEASURES[metric]}/{evaluated}", value
    if kind == "episode" and not evaluated:
        return f"episode/{row['trained_task']}", value
    if kind == "event":
        return f"event/{metric}", value
    if kind == "block" and metric == "start":
        return "curriculum/block", float(row["block"])
    return "", value


def _times(run: RunDirectory, rows: pa.Table) -> list[float]:
    created = float(run.manifest.get("created_unix_time") or 0.0)
    clock = read_clock(run.clock_path) if run.clock_path.is_dir() else pa.table({})
    if not clock.num_rows:
        return [created] * rows.num_rows
    return list(map(float, unix_times(clock, rows["row"].to_numpy(), created)))


def _beginning(run: RunDirectory) -> bytes:
    """The version of the format, and word to every reader that the run begins here."""
    from tensorboard.compat.proto.event_pb2 import Event, SessionLog

    moment = float(run.manifest.get("created_unix_time") or 0.0)
    version = Event(wall_time=moment, file_version="brain.Event:2")
    start = SessionLog(status=SessionLog.START)
    begun = Event(wall_time=moment, step=0, session_log=start)
    return _record(version.SerializeToString()) + _record(begun.SerializeToString())


def _records(points: Iterable[Point]) -> bytes:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary

    def event(point: Point) -> Any:
        value = Summary.Value(tag=point.tag, simple_value=point.value)
        summary = Summary(value=[value])
        return Event(wall_time=point.unix_time, step=point.env_steps, summary=summary)

    return b"".join(_record(event(point).SerializeToString()) for point in points)


def _record(data: bytes) -> bytes:
    """One record of TensorFlow's format: length, its checksum, the data, its checksum."""
    from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c

    length = struct.pack("<Q", len(data))
    checks = [struct.pack("<I", masked_crc32c(part)) for part in (length, data)]
    return length + checks[0] + data + checks[1]


def _name(run: RunDirectory, number: int) -> str:
    # TensorBoard knows its files by `tfevents` and reads them in the order of their names.
    created = int(float(run.manifest.get("created_unix_time") or 0.0))
    return f"events.out.tfevents.{created:010d}.l2rl.{number}"


def _next_number(old: list[Path]) -> int:
    numbers = [int(path.suffix[1:]) for path in old if path.suffix[1:].isdigit()]
    return max(numbers, default=-1) + 1
