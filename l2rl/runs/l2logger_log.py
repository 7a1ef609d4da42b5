"""One log of the L2M community's format in memory, whoever wrote it.

`l2logger_reader.py` reads it from a directory, `l2logger_view.py` sees it in a run of ours, and
`l2logger_writer.py` writes it.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from l2rl.errors import UserError
from l2rl.runs.decimal_text import as_written_and_read, numbers

WORD = pa.dictionary(pa.int32(), pa.string())
COLUMNS: dict[str, pa.DataType] = {
    "block_num": pa.int64(),
    "exp_num": pa.int64(),
    "worker_id": WORD,
    "block_type": WORD,
    "block_subtype": WORD,
    "task_name": WORD,
    "task_params": WORD,
    "exp_status": WORD,
    "timestamp": pa.string(),
}
"""The columns that every log has in memory, in the order of the format; others follow them."""


@dataclass(frozen=True)
class Places:
    """Where each row of a log was found, so that a complaint can name file and line."""

    files: tuple[Path, ...]
    file: NDArray[np.int32]
    """(rows,) index into `files`."""
    row: NDArray[np.int64]
    """(rows,) number of the row in its file, from 0, header not counted."""

    def of(self, row: int) -> str:
        """`path:line` of a row of the log."""
        path = self.files[self.file[row]]
        return f"{path}:{line_of(path, int(self.row[row]))}"


@dataclass(frozen=True)
class L2Log:
    """All experiences of one lifetime, by `exp_num` and then `block_num`."""

    name: str
    """Name of the directory, or of the run."""
    table: pa.Table
    """`COLUMNS`, task names in lower case; then every other column, as text if it was read."""
    metrics_columns: tuple[str, ...]
    """The columns that the log says may be used as performance."""
    scenario: Mapping[str, Any] = field(default_factory=dict)
    """What scenario_info.json says."""
    places: Places | None = None
    own_names: Mapping[str, str] = field(default_factory=dict)
    """Of a run of ours: what its tasks are called in this log."""
    _read: dict[tuple[str, bool], NDArray[np.float64]] = field(
        default_factory=dict, repr=False, compare=False
    )
    """Columns that were made numbers before; a million of them take a second."""

    def place(self, row: int) -> str:
        """Where row number `row` of the table comes from, for messages."""
        return self.places.of(row) if self.places else f"{self.name}, experience {row}"

    def values(self, column: str, *, exact: bool = False) -> NDArray[np.float64]:
        """(rows,) float64: a column as numbers, NaN where missing.

        `exact` rounds correctly, where otherwise every number is what the format's readers make of
        it, also in a log that was never written. Raises `UserError` with file and line for what
        is no finite number.
        """
        if (column, exact) not in self._read:
            self._read[column, exact] = self._numbers(column, exact)
        return self._read[column, exact]

    def _numbers(self, column: str, exact: bool) -> NDArray[np.float64]:
        data = self.table[column].combine_chunks()
        if pa.types.is_string(data.type):
            found, wrong = numbers(data.fill_null(""), exact=exact)
        else:
            found = data.to_numpy(zero_copy_only=False).astype(np.float64)
            infinite = np.flatnonzero(np.isinf(found))
            wrong = int(infinite[0]) if infinite.size else None
            found = found if exact or wrong is not None else as_written_and_read(found)
        if wrong is not None:
            raise UserError(
                f"{self.place(wrong)}: {column} is {str(data[wrong])!r}, which is no finite number."
            )
        return found


def line_of(path: Path, row: int) -> int:
    """The line on which a row of a file begins, blank lines and quoted line ends considered."""
    with open(path, newline="", encoding="utf-8", errors="replace") as file:
        reader = csv.reader(file, delimiter="\t")
        seen, line = -1, 1
        try:
            for fields in reader:
                if fields and seen == row:
                    return line
                seen += bool(fields)
                line = reader.line_num + 1
        except csv.Error:
            pass
    return row + 2
