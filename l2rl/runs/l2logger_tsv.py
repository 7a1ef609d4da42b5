"""One data-log.tsv as a table of text, or one message with the line at fault."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pyarrow as pa
import pyarrow.csv

from l2rl.errors import UserError
from l2rl.runs.l2logger_log import COLUMNS, WORD

REQUIRED = tuple(name for name in COLUMNS if name != "block_subtype")
"""Format 1.0 has no `block_subtype`; everything was `wake` then."""


def read_tsv(path: Path) -> pa.Table:
    """The rows of a file: words as dictionaries, everything else as text.

    Raises `UserError` naming file and line.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from None
    names = _header(path, data)
    try:
        table = _parsed(data, names)
    except pa.ArrowInvalid as error:
        _find_fault(path, data, len(names))
        raise UserError(f"{path} is no table of tab-separated values: {error}") from None
    if b"\0" in data or data.count(b"\n") != table.num_rows + 1:
        # Harmless are blank lines, quoted line ends and a last line without end; others are not.
        _find_fault(path, data, len(names))
    if table.num_rows == 0:
        raise UserError(f"{path}:1: there is a header but no row. Delete the file if it is unused.")
    return table


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
