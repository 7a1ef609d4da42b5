"""An append-only Parquet table on disk, cut into parts: the mechanism under the log and the clock.

Rows wait in memory until `flush` writes them as one more `part-000012.parquet`; a crash loses the
waiting rows only. A checkpoint keeps `position()`, and a resumed run gives it to `truncate()`, so
that what follows is the same table as if nothing had happened. `compact` turns all parts into one
file whose bytes depend on the rows alone.

Two rules keep a reader right at any moment: every file appears by one rename, and when the
compacted file exists, parts beside it are leftovers that nobody reads.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from l2rl.errors import UserError
from l2rl.runs.files import sync_directory, write_bytes_atomically

ROW_GROUP_ROWS = 131_072
"""Rows of a row group of the compacted file; fixed, since the bytes depend on it."""
READ_ATTEMPTS = 5
"""A reader starts again when a writer compacts under its hands."""


class PartTable:
    """The writer. One at a time: whoever owns it holds the lock of the run."""

    def __init__(self, directory: Path, stem: str, schema: pa.Schema) -> None:
        """Open or create the table in `directory`; the compacted file is `<stem>.parquet`.

        Raises `UserError` if a file of the table is damaged.
        """
        self._directory, self._stem, self._schema = directory, stem, schema
        self._waiting: list[tuple[Any, ...]] = []
        directory.mkdir(parents=True, exist_ok=True)
        for leftover in directory.glob("*.tmp"):
            leftover.unlink()
        self._compacted_to_part()
        self._sizes = [row_count(path) for path in part_files(directory)]
        self._rows_on_disk = sum(self._sizes)

    @property
    def rows(self) -> int:
        """Rows so far, the waiting ones included."""
        return self._rows_on_disk + len(self._waiting)

    def append(self, row: tuple[Any, ...]) -> None:
        """Add one row, a value per column of the schema. Cheap: it only joins a list."""
        self._waiting.append(row)

    def flush(self) -> None:
        """Write the waiting rows as one more part; nothing to write, nothing written."""
        if not self._waiting:
            return
        self._compacted_to_part()
        columns = zip(*self._waiting, strict=True)
        arrays = [
            pa.array(column, field.type)
            for column, field in zip(columns, self._schema, strict=True)
        ]
        table = pa.Table.from_arrays(arrays, schema=self._schema)
        write_bytes_atomically(self._part(len(self._sizes)), parquet_bytes(table))
        self._sizes.append(len(self._waiting))
        self._rows_on_disk += len(self._waiting)
        self._waiting.clear()

    def position(self) -> dict[str, int]:
        """Flush, and say where the table ends: `{"rows": ..., "parts": ...}` for a checkpoint."""
        self.flush()
        return {"rows": self.rows, "parts": len(self._sizes)}

    def truncate(self, position: Mapping[str, int]) -> None:
        """Drop every row after `position`, the waiting ones included.

        Raises `UserError` if the table is shorter than the position: rows were lost.
        """
        self._waiting.clear()
        self._compacted_to_part()
        keep = int(position["rows"])
        if keep > self.rows:
            raise UserError(
                f"{self._directory} holds {self.rows} rows, but the checkpoint was made after "
                f"{keep}: files are missing. Restore them, or resume from an older checkpoint."
            )
        # From the end, so that a crash in between leaves an unbroken beginning.
        while self._sizes and self._rows_on_disk - self._sizes[-1] >= keep:
            self._part(len(self._sizes) - 1).unlink()
            self._rows_on_disk -= self._sizes.pop()
        if self._rows_on_disk > keep:
            self._shorten_last_part(self._rows_on_disk - keep)
        sync_directory(self._directory)

    def compact(self) -> None:
        """Merge everything into `<stem>.parquet`; equal rows give equal bytes."""
        self.flush()
        table = read_table(self._directory, self._stem, self._schema)
        target = self._directory / f"{self._stem}.parquet"
        write_bytes_atomically(target, parquet_bytes(table))
        self._remove_parts()
        self._sizes = [table.num_rows]

    def _shorten_last_part(self, surplus: int) -> None:
        path = self._part(len(self._sizes) - 1)
        rows = self._sizes[-1] - surplus
        table = read_file(path, self._schema).slice(0, rows)
        write_bytes_atomically(path, parquet_bytes(table))
        self._sizes[-1] = rows
        self._rows_on_disk -= surplus

    def _compacted_to_part(self) -> None:
        """Reopening a finished table: the compacted file becomes its first part by one rename."""
        compacted = self._directory / f"{self._stem}.parquet"
        if compacted.exists():
            self._remove_parts()
            os.replace(compacted, self._part(0))
            sync_directory(self._directory)

    def _remove_parts(self) -> None:
        for path in sorted(self._directory.glob("part-*.parquet"), reverse=True):
            path.unlink()
        sync_directory(self._directory)

    def _part(self, number: int) -> Path:
        return self._directory / f"part-{number:06d}.parquet"


def part_files(directory: Path) -> list[Path]:
    """The parts in order. Raises `UserError` if one between them is missing."""
    files = sorted(directory.glob("part-*.parquet"))
    for number, path in enumerate(files):
        if path.name != f"part-{number:06d}.parquet":
            raise UserError(
                f"{directory} lacks part-{number:06d}.parquet although {path.name} is there. "
                "Restore it, or delete the later parts and resume from a checkpoint before them."
            )
    return files


def read_table(directory: Path, stem: str, schema: pa.Schema) -> pa.Table:
    """All rows on disk, from the compacted file if there is one and from the parts otherwise.

    Raises `UserError` when the directory does not exist or one of its files is damaged.
    """
    if not directory.is_dir():
        raise UserError(f"There is no {stem} in {directory}: the directory does not exist.")
    for _ in range(READ_ATTEMPTS):
        compacted = directory / f"{stem}.parquet"
        files = [compacted] if compacted.exists() else part_files(directory)
        try:
            tables = [read_file(path, schema) for path in files]
        except FileNotFoundError:
            continue
        return pa.concat_tables([schema.empty_table(), *tables]).combine_chunks()
    raise UserError(f"{directory} keeps changing while it is being read; try again.")


def read_file(path: Path, schema: pa.Schema) -> pa.Table:
    """One Parquet file. Raises `UserError` if it is damaged or has other columns."""
    # Read whole first: once in memory, no writer can take it away halfway.
    data = path.read_bytes()
    try:
        table = pq.ParquetFile(pa.BufferReader(data)).read(use_threads=False)
        return table.select(schema.names).cast(schema)
    except (pa.ArrowException, OSError, KeyError, ValueError) as error:
        raise damaged(path, error) from None


def row_count(path: Path) -> int:
    """Number of rows of a part, from its footer. Raises `UserError` if it is damaged."""
    try:
        return int(pq.read_metadata(path).num_rows)
    except (pa.ArrowException, OSError) as error:
        raise damaged(path, error) from None


def damaged(path: Path, error: Exception) -> UserError:
    """The one message for a file that cannot be read."""
    reason = (str(error) or type(error).__name__).splitlines()[0]
    return UserError(
        f"{path} is damaged ({reason}). Restore it from a copy, or delete it and every later "
        "part and resume the run from a checkpoint made before them."
    )


def parquet_bytes(table: pa.Table) -> bytes:
    """The table as a Parquet file in memory; every writer setting that shapes bytes is fixed."""
    sink = pa.BufferOutputStream()
    words = [field.name for field in table.schema if pa.types.is_string(field.type)]
    counters = [field.name for field in table.schema if pa.types.is_integer(field.type)]
    pq.write_table(
        table.combine_chunks(),
        sink,
        row_group_size=ROW_GROUP_ROWS,
        compression="zstd",
        compression_level=3,
        use_dictionary=words,
        column_encoding=dict.fromkeys(counters, "DELTA_BINARY_PACKED"),
        store_schema=False,
        version="2.6",
        data_page_version="2.0",
    )
    return bytes(sink.getvalue())
