"""Tables of evaluations that came from elsewhere, read into tidy logs (see `matrix_table`).

A table that is not as it should be is refused, with file and line of the first mistake.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from l2rl.errors import UserError
from l2rl.runs.log_views import words
from l2rl.runs.matrix_table import MATRIX_SCHEMA, MEASURES, OPTIONAL, SEPARATORS
from l2rl.runs.tidy_log import STORED_SCHEMA, as_dictionaries


def read_matrix_table(path: Path) -> dict[tuple[str, int], pa.Table]:
    """(run, seed) -> tidy log with the rows of a table, to compute metrics from.

    Raises `UserError` with file and line if the table is not what the module says.
    """
    try:
        table = _read(path)
    except FileNotFoundError:
        raise UserError(f"there is no file `{path}`") from None
    _check_rows(table, path)
    if not table.num_rows:
        return {}
    code = _codes(table, ("run", "seed"))
    order = np.argsort(code, kind="stable")
    table = table.take(pa.array(order))
    ends = np.append(np.flatnonzero(np.diff(code[order])) + 1, order.size)
    logs = {}
    for begin, end in pairwise([0, *ends.tolist()]):
        mine = table.slice(begin, end - begin)
        logs[mine["run"][0].as_py(), mine["seed"][0].as_py()] = _log(mine)
    return logs


def _read(path: Path) -> pa.Table:
    if path.suffix == ".parquet":
        try:
            return _typed(pq.read_table(path), path)
        except pa.ArrowException as error:
            raise UserError(f"{path} cannot be read: {str(error).splitlines()[0]}") from None
    if path.suffix not in SEPARATORS:
        raise UserError(f"{path}: a table ends on .csv, .tsv or .parquet")
    try:
        read = pa_csv.read_csv(
            path,
            parse_options=pa_csv.ParseOptions(delimiter=SEPARATORS[path.suffix]),
            convert_options=pa_csv.ConvertOptions(
                column_types=MATRIX_SCHEMA,
                strings_can_be_null=False,
                null_values=[""],
            ),
        )
        return _typed(read, path)
    except pa.ArrowException as error:
        # Arrow says what is wrong, but not where; reading line by line does.
        raise UserError(_first_mistake(path, str(error).splitlines()[0])) from None


def _typed(table: pa.Table, path: Path) -> pa.Table:
    missing = [n for n in MATRIX_SCHEMA.names if n not in (*table.column_names, *OPTIONAL)]
    if missing:
        raise UserError(
            f"{path}:1: the table lacks the column {', '.join(missing)}; it has "
            f"{', '.join(table.column_names)}"
        )
    if "metric" not in table.column_names:
        table = table.append_column("metric", pa.array(["return"] * table.num_rows, pa.string()))
    if "episodes" not in table.column_names:
        table = table.append_column("episodes", pa.nulls(table.num_rows, pa.float64()))
    return table.select(MATRIX_SCHEMA.names).cast(MATRIX_SCHEMA)


def _first_mistake(path: Path, otherwise: str) -> str:
    """Where a text file stops being a table of numbers, in words."""
    kinds = {field.name: field.type for field in MATRIX_SCHEMA}
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        reader = csv.reader(file, delimiter=SEPARATORS[path.suffix])
        heading = next(reader, [])
        for row in filter(None, reader):
            if len(row) != len(heading):
                return f"{path}:{reader.line_num}: {len(row)} cells, not {len(heading)}"
            for name, cell in zip(heading, row, strict=True):
                if name in kinds and not _is_a(cell, kinds[name], name in OPTIONAL):
                    what = "a whole number" if pa.types.is_integer(kinds[name]) else "a number"
                    return f"{path}:{reader.line_num}: {name} is `{cell}`, not {what}"
    return f"{path}: {otherwise}"


def _is_a(cell: str, kind: pa.DataType, optional: bool) -> bool:
    if pa.types.is_string(kind) or (optional and not cell):
        return True
    try:
        int(cell) if pa.types.is_integer(kind) else float(cell)
    except ValueError:
        return False
    return True


def _check_rows(table: pa.Table, path: Path) -> None:
    """Raise `UserError` at the first row that contradicts itself or an earlier one."""
    for name in MATRIX_SCHEMA.names:
        if name != "episodes":
            _refuse(path, pc.is_null(table[name], nan_is_null=False), f"{name} is empty")
    for name in ("evaluation", "env_steps"):
        _refuse(path, pc.less(table[name], 0), f"{name} is negative")
    _refuse(path, pc.equal(table["evaluated_task"], ""), "evaluated_task is empty")
    known = pc.is_in(table["metric"], pa.array(MEASURES))
    _refuse(path, pc.invert(known), f"metric is none of {', '.join(MEASURES)}")
    code = _codes(table, ("run", "seed", "evaluation", "evaluated_task", "metric"))
    _refuse_at(path, _repeated(code), "this task was already measured in this evaluation")
    _check_steps(table, path)


def _check_steps(table: pa.Table, path: Path) -> None:
    """Env steps are the same in one evaluation and never fall from one to the next."""
    run = _codes(table, ("run", "seed"))
    evaluation, steps = table["evaluation"].to_numpy(), table["env_steps"].to_numpy()
    order = np.lexsort((np.arange(run.size), evaluation, run))
    same_run = np.diff(run[order]) == 0
    same = same_run & (np.diff(evaluation[order]) == 0)
    change = np.diff(steps[order])
    wrong = np.flatnonzero((same & (change != 0)) | (same_run & (change < 0)))
    if wrong.size:
        at, before = int(order[wrong[0] + 1]), int(order[wrong[0]])
        raise UserError(
            f"{_place(path, at)}: evaluation {evaluation[at]} is at env step {steps[at]}, but "
            f"{_place(path, before)} has evaluation {evaluation[before]} at env step "
            f"{steps[before]}"
        )


def _codes(table: pa.Table, names: Sequence[str]) -> NDArray[np.int64]:
    """(rows,) a number for each combination of values that occurs."""
    code = np.zeros(table.num_rows, dtype=np.int64)
    for name in names:
        mine, found = words(table[name])
        _, code = np.unique(code * len(found) + mine, return_inverse=True)
    return code


def _repeated(code: NDArray[np.int64]) -> NDArray[np.int64]:
    """Rows whose code an earlier row has, in order."""
    _, first = np.unique(code, return_index=True)
    again = np.ones(code.size, dtype=np.bool_)
    again[first] = False
    return np.flatnonzero(again)


def _refuse(path: Path, wrong: Any, what: str) -> None:
    _refuse_at(path, np.flatnonzero(wrong.to_numpy(zero_copy_only=False)), what)


def _refuse_at(path: Path, rows: NDArray[np.int64], what: str) -> None:
    if rows.size:
        raise UserError(f"{_place(path, int(rows[0]))}: {what}")


def _place(path: Path, row: int) -> str:
    """Where a row is: `table.csv:7`, blank lines and lines within quotes counted."""
    if path.suffix not in SEPARATORS:
        return f"{path}, row {row}"
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        reader = csv.reader(file, delimiter=SEPARATORS[path.suffix])
        filled = (reader.line_num for cells in reader if cells)
        # The first line is the heading.
        return f"{path}:{next(islice(filled, row + 1, None), row + 2)}"


def _log(table: pa.Table) -> pa.Table:
    """The rows of one run and seed as a tidy log, evaluations in order."""
    order = pc.sort_indices(table, [("evaluation", "ascending")])
    table = table.take(order)
    counted = table.filter(pc.is_valid(table["episodes"]))
    first = _repeated_dropped(counted)
    parts = [
        _rows(table, table["metric"], table["value"]),
        _rows(first, pa.array(["episodes"] * first.num_rows, pa.string()), first["episodes"]),
    ]
    joined = pa.concat_tables(parts).sort_by([("evaluation", "ascending")])
    row = pa.array(np.arange(joined.num_rows), pa.int64())
    place = STORED_SCHEMA.get_field_index("row")
    return as_dictionaries(joined.set_column(place, "row", row))


def _repeated_dropped(table: pa.Table) -> pa.Table:
    """One row a task and evaluation: return and success share their episodes."""
    if not table.num_rows:
        return table
    _, first = np.unique(_codes(table, ("evaluation", "evaluated_task")), return_index=True)
    return table.take(pa.array(np.sort(first)))


def _rows(table: pa.Table, metric: Any, value: Any) -> pa.Table:
    size = table.num_rows
    columns: dict[str, Any] = {
        **{n: table[n] for n in ("run", "seed", "evaluation", "env_steps")},
        **{n: table[n] for n in ("trained_task", "evaluated_task")},
        "metric": metric,
        "value": value,
        "kind": pa.array(["evaluation"] * size, pa.string()),
        "detail": pa.array([""] * size, pa.string()),
        "row": pa.nulls(size, pa.int64()),
        "block": pa.array(np.full(size, -1), pa.int32()),
    }
    arrays = [columns[field.name].cast(field.type) for field in STORED_SCHEMA]
    return pa.Table.from_arrays(arrays, schema=STORED_SCHEMA)
