"""The evaluation matrix as a table for other tools, out and in: CSV, TSV and Parquet.

One row is one measurement:

    run            `<experiment>/<variant>`, or any name
    seed           integer
    evaluation     running number, integer >= 0
    env_steps      env steps of the lifetime at the evaluation, integer >= 0, never decreasing
    trained_task   the task in training then; empty before the first
    evaluated_task the task measured
    value          mean over the episodes; `nan` where the measurement failed
    metric         `return` or `success`; may be left out, and is then `return`
    episodes       behind the value; may be left out or empty

Rows of one run and seed make one log, so every metric of the matrix can be computed from a table
of another tool (`matrix_reader`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from l2rl.errors import UserError
from l2rl.runs.files import write_bytes_atomically
from l2rl.runs.log_views import rows_of

MATRIX_SCHEMA: Final = pa.schema(
    [
        ("run", pa.string()),
        ("seed", pa.int64()),
        ("evaluation", pa.int64()),
        ("env_steps", pa.int64()),
        ("trained_task", pa.string()),
        ("evaluated_task", pa.string()),
        ("value", pa.float64()),
        ("metric", pa.string()),
        ("episodes", pa.float64()),
    ]
)
OPTIONAL: Final = ("metric", "episodes")
MEASURES: Final = ("return", "success")
SEPARATORS: Final[Mapping[str, str]] = {".csv": ",", ".tsv": "\t"}
"""By the ending of a file's name."""
TABLES: Final = (*SEPARATORS, ".parquet")
"""Endings of files that can be such a table."""


def matrix_table(log: pa.Table) -> pa.Table:
    """The measurements of a tidy log, with the columns of `MATRIX_SCHEMA`."""
    found = [rows_of(log, kind="evaluation", metric=measure) for measure in MEASURES]
    table = pa.concat_tables(found).sort_by("row")
    columns = {name: table[name] for name in MATRIX_SCHEMA.names if name != "episodes"}
    columns["episodes"] = _episodes(log, table)
    arrays = [columns[name].cast(MATRIX_SCHEMA.field(name).type) for name in MATRIX_SCHEMA.names]
    return pa.Table.from_arrays(arrays, schema=MATRIX_SCHEMA)


def write_table(table: pa.Table, path: Path) -> None:
    """Write a table as CSV, TSV or Parquet, as the name ends. Raises `UserError` for another."""
    write_bytes_atomically(path, table_bytes(table, path.suffix))


def table_bytes(table: pa.Table, suffix: str) -> bytes:
    """A table as a file of the kind that ends on `.csv`, `.tsv` or `.parquet`."""
    sink = pa.BufferOutputStream()
    if suffix == ".parquet":
        pq.write_table(table, sink, compression="zstd")
    elif suffix in SEPARATORS:
        options = pa_csv.WriteOptions(delimiter=SEPARATORS[suffix], quoting_style="needed")
        pa_csv.write_csv(table, sink, options)
    else:
        raise UserError(f"`{suffix}` is none of .csv, .tsv, .parquet")
    return bytes(sink.getvalue())


def _episodes(log: pa.Table, table: pa.Table) -> pa.Array:
    """(rows,) episodes behind each measurement; null where the log does not say."""
    counted = rows_of(log, kind="evaluation", metric="episodes")
    found = dict(zip(_keys(counted), counted["value"].to_pylist(), strict=True))
    return pa.array([found.get(key) for key in _keys(table)], pa.float64())


def _keys(table: pa.Table) -> Iterable[tuple[int, str]]:
    return zip(table["evaluation"].to_pylist(), table["evaluated_task"].to_pylist(), strict=True)
