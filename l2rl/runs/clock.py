"""The wall-clock beside the tidy log: which row was written when.

Kept apart because it is the one thing that an interrupted and an undisturbed run cannot share.
Stamps are sparse; the time of a row in between is interpolated.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from l2rl.runs.part_table import PartTable, read_table

STEM = "clock"
CLOCK_SCHEMA = pa.schema([("row", pa.int64()), ("unix_time", pa.float64())])


class Clock:
    """The writer of one run's stamps; flushed and truncated together with the log."""

    def __init__(self, table: PartTable, interval_s: float) -> None:
        self._table, self._interval_s = table, interval_s
        self._last_time = -math.inf

    @classmethod
    def open(cls, directory: Path, interval_s: float = 1.0) -> Clock:
        """Open or create the table; stamps closer than `interval_s` seconds are left out."""
        return cls(PartTable(directory, STEM, CLOCK_SCHEMA), interval_s)

    def stamp(self, row: int, unix_time: float | None = None) -> None:
        """Note that the log's next row is `row` at this moment (or at `unix_time`, seconds)."""
        now = time.time() if unix_time is None else unix_time
        if now - self._last_time >= self._interval_s:
            self._table.append((int(row), float(now)))
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


def read_clock(directory: Path) -> pa.Table:
    """Every stamp on disk. Raises `UserError` when the table is missing or damaged."""
    return read_table(directory, STEM, CLOCK_SCHEMA)


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
