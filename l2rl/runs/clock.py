"""The clocks beside the tidy log: which row was written when, and at what cost.

Kept apart because it is the one thing that an interrupted and an undisturbed run cannot share.
Stamps are sparse; the time of a row in between is interpolated. Every process that worked on the
run has a number, and each stamp says how many seconds, by the wall's clock and of the processor,
that process had spent; so the share of a killed process is known up to its last checkpoint.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from l2rl.runs.part_table import PartTable, read_table

STEM = "clock"
CLOCK_SCHEMA = pa.schema(
    [
        ("row", pa.int64()),
        ("unix_time", pa.float64()),
        ("process", pa.int32()),
        ("wall_s", pa.float64()),
        ("cpu_s", pa.float64()),
    ]
)
"""`process` counts the processes that worked on the run, from 0; `wall_s` and `cpu_s` are what
this one had spent on it, threads included, child processes not."""


class Clock:
    """The writer of one run's stamps; flushed and truncated together with the log."""

    def __init__(self, table: PartTable, interval_s: float, process: int = 0) -> None:
        self._table, self._interval_s, self._process = table, interval_s, process
        self._last_time = -math.inf
        self._wall_began, self._cpu_began = time.monotonic(), time.process_time()

    @classmethod
    def open(cls, directory: Path, interval_s: float = 1.0) -> Clock:
        """Open or create the table; stamps closer than `interval_s` seconds are left out."""
        table = PartTable(directory, STEM, CLOCK_SCHEMA)
        before = read_clock(directory)["process"].to_numpy()
        return cls(table, interval_s, int(before.max()) + 1 if before.size else 0)

    def stamp(self, row: int, unix_time: float | None = None, *, always: bool = False) -> None:
        """Note that the log's next row is `row` at this moment (or at `unix_time`, seconds).

        `always`: also when the last stamp is less than the interval ago.
        """
        now = time.time() if unix_time is None else unix_time
        if always or now - self._last_time >= self._interval_s:
            wall_s = time.monotonic() - self._wall_began
            cpu_s = time.process_time() - self._cpu_began
            self._table.append((int(row), float(now), self._process, wall_s, cpu_s))
            self._last_time = now

    def flush(self) -> None:
        """Write what waits in memory as one more part, atomically."""
        self._table.flush()

    def position(self) -> dict[str, int]:
        """Flush, and say where the table ends, for a checkpoint."""
        return self._table.position()

    def truncate(self, position: Mapping[str, int]) -> None:
        """Drop every stamp after a checkpoint's position."""
        self._table.truncate(position)

    def compact(self) -> None:
        """At completion: merge all parts into `clock.parquet`."""
        self._table.compact()


@dataclass(frozen=True)
class Spent:
    """Seconds that went into a run until a row was written."""

    row: NDArray[np.int64]
    """(stamps,) strictly increasing."""
    wall_s: NDArray[np.float64]
    """(stamps,) seconds of all processes so far by the wall's clock."""
    cpu_s: NDArray[np.float64]
    """(stamps,) seconds of processor time, all threads."""
    processes: int
    """Processes of which there is a stamp."""

    def at(self, row: int) -> tuple[float, float]:
        """(wall, CPU) seconds when `row` was written; interpolated between stamps."""
        if self.row.size == 0:
            return 0.0, 0.0
        return (
            float(np.interp(row, self.row, self.wall_s)),
            float(np.interp(row, self.row, self.cpu_s)),
        )


def read_clock(directory: Path) -> pa.Table:
    """Every stamp on disk. Raises `UserError` when the table is missing or damaged."""
    return read_table(directory, STEM, CLOCK_SCHEMA)


def spent(clock: pa.Table) -> Spent:
    """The seconds of all processes, one after the other, by row of the log.

    Work that was done after a checkpoint and lost in a kill left no stamp, and is not in it.
    """
    rows, process = clock["row"].to_numpy(), clock["process"].to_numpy()
    # Of several stamps at one row (a checkpoint, then the next process) the latest counts.
    last = np.flatnonzero(np.append(np.diff(rows) > 0, True)) if rows.size else rows
    walls = _over_processes(clock["wall_s"].to_numpy(), process)
    cpus = _over_processes(clock["cpu_s"].to_numpy(), process)
    return Spent(rows[last], walls[last], cpus[last], int(np.unique(process).size))


def _over_processes(
    seconds: NDArray[np.float64], process: NDArray[np.int32]
) -> NDArray[np.float64]:
    """Seconds that begin anew with each process, added up."""
    if seconds.size == 0:
        return seconds
    ends = np.flatnonzero(np.diff(process))
    before = np.zeros(seconds.size)
    before[ends + 1] = seconds[ends]
    return seconds + np.cumsum(before)


def unix_times(
    clock: pa.Table, rows: NDArray[np.int64], otherwise: float = 0.0
) -> NDArray[np.float64]:
    """Seconds since 1970 at which each row was written: `(rows,) float64`, never decreasing.

    Interpolated between stamps and constant beyond them; `otherwise` when there is no stamp.
    """
    if clock.num_rows == 0:
        return np.full(rows.shape, otherwise, dtype=np.float64)
    # A clock that was set back must not make time run backwards in an export.
    times = np.maximum.accumulate(clock["unix_time"].to_numpy())
    return np.interp(rows, clock["row"].to_numpy(), times)
