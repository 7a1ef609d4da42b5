"""The files data-log.tsv as tables of text, or one message with the line at fault.

A lifetime can have tens of thousands of small files, one for each block. So files with one header
are read as one text; only when something is odd there is each looked at by itself.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.csv

from l2rl.errors import UserError
from l2rl.runs.l2logger_log import COLUMNS, WORD

REQUIRED = tuple(name for name in COLUMNS if name != "block_subtype")
"""Format 1.0 has no `block_subtype`; everything was `wake` then."""
BATCH_BYTES = 1 << 26
"""Files are read together up to about this size."""


def read_tsvs(paths: Sequence[Path]) -> tuple[list[pa.Table], list[int]]:
    """The rows of all files, one table for some of them in turn, and the rows of each file.

    Words are dictionaries, everything else is text. Raises `UserError` naming file and line.
    """
    tables: list[pa.Table] = []
    rows: list[int] = []
    for batch in _batches(paths):
        together = _read_together(batch)
        if together is None:
            single = [_read_alone(path, data) for path, data in batch]
            together = single, [table.num_rows for table in single]
        tables += together[0]
        rows += together[1]
    return tables, rows


def _batches(paths: Sequence[Path]) -> Iterator[list[tuple[Path, bytes]]]:
    """Consecutive files with one header, and their contents."""
    batch: list[tuple[Path, bytes]] = []
    size, header = 0, b""
    for path in paths:
        data = _bytes(path)
        own = data.split(b"\n", 1)[0]
        if batch and (own != header or size > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        header = own
        batch.append((path, data))
        size += len(data)
    yield batch


def _read_together(batch: list[tuple[Path, bytes]]) -> tuple[list[pa.Table], list[int]] | None:
    """One table of several files; None unless every line of every file is a row."""
    bodies = [data.partition(b"\n")[2] for _, data in batch]
    bodies = [body if body.endswith(b"\n") else body + b"\n" for body in bodies]
    rows = [body.count(b"\n") for body in bodies]
    path, first = batch[0]
    names = _header(path, first)
    data = first.partition(b"\n")[0] + b"\n" + b"".join(bodies)
    if b"\0" in data:
        return None
    try:
        table = _parsed(data, names)
    except pa.ArrowInvalid:
        return None
    # Blank lines and quoted line ends leave fewer rows, so does a quotation mark never closed.
    return ([table], rows) if table.num_rows == sum(rows) else None


def _read_alone(path: Path, data: bytes) -> pa.Table:
    """The rows of one file. Raises `UserError` naming file and line."""
    names = _header(path, data)
    try:
        table = _parsed(data, names)
    except pa.ArrowInvalid as error:
        _find_fault(path, data, len(names))
        raise UserError(f"{path} is no table of tab-separated values: {error}") from None
    _find_fault(path, data, len(names))
    if table.num_rows == 0:
        raise UserError(f"{path}:1: there is a header but no row. Delete the file if it is unused.")
    return table


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from None


def _parsed(data: bytes, names: list[str]) -> pa.Table:
    types = {name: WORD if COLUMNS.get(name) == WORD else pa.string() for name in names}
    return pyarrow.csv.read_csv(
        pa.BufferReader(data),
        read_options=pyarrow.csv.ReadOptions(
            column_names=names, skip_rows=1, use_threads=len(data) > 1 << 20
        ),
        parse_options=pyarrow.csv.ParseOptions(delimiter="\t", newlines_in_values=True),
        convert_options=pyarrow.csv.ConvertOptions(column_types=types, strings_can_be_null=False),
    )


def _header(path: Path, data: bytes) -> list[str]:
    """The names of the columns."""
    if not data.strip():
        raise UserError(f"{path}:1: the file is empty. Delete it if the run wrote nothing there.")
    first = data.split(b"\n", 1)[0].rstrip(b"\r").removeprefix(b"\xef\xbb\xbf")
    try:
        names = next(csv.reader([first.decode("utf-8")], delimiter="\t"), [])
    except (UnicodeDecodeError, csv.Error):
        raise UserError(f"{path}:1: the header is no text.") from None
    missing = [name for name in REQUIRED if name not in names]
    if missing:
        raise UserError(
            f"{path}:1: the header lacks {', '.join(missing)}. An L2M log has the columns "
            f"{', '.join(REQUIRED)} and those of its metrics, separated by tabs."
        )
    doubled = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if doubled:
        raise UserError(f"{path}:1: the header has {', '.join(doubled)} more than once.")
    return names


def _find_fault(path: Path, data: bytes, columns: int) -> None:
    """Raise `UserError` with the line of the first fault, if there is one."""
    text = _decoded(path, data)
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise UserError(f"{path}:{line}: there is a zero byte; the file was damaged.")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter="\t", strict=True)
    line = 1
    try:
        for fields in reader:
            if fields and len(fields) != columns:
                raise UserError(
                    f"{path}:{line}: there are {len(fields)} columns, the header has {columns}. "
                    "A run that was killed leaves half a line at the end: delete that line."
                )
            line = reader.line_num + 1
    except csv.Error as error:
        raise UserError(f"{path}:{line}: {error} (a quotation mark is not closed?).") from None


def _decoded(path: Path, data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise UserError(f"{path}:{line}: there are bytes that are no UTF-8 text.") from None
