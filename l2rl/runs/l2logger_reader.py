"""Reading a log directory of format 1.0 or 1.1 (l2logger 1.8.2), anyone's.

    <directory>/logger_info.json  scenario_info.json
    <directory>/**/data-log.tsv

All files together are one lifetime, in the order of `exp_num` and then `block_num`; folders between
mean nothing. What is malformed is a `UserError` that names file and line, so that no number is
computed from it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from l2rl.errors import UserError
from l2rl.runs.decimal_text import MISSING
from l2rl.runs.files import read_json
from l2rl.runs.l2logger_log import COLUMNS, WORD, L2Log, Places
from l2rl.runs.l2logger_tsv import read_tsvs

BLOCK_TYPES = ("train", "test")
BLOCK_SUBTYPES = ("wake", "sleep")
EXPERIENCE_STATUSES = ("complete", "incomplete")
MISSING_WORDS = frozenset(MISSING.to_pylist())
TIMESTAMP = r"^\d{8}T\d{6}\.\d{1,6}$"
_WORKER = re.compile(r"[0-9a-zA-Z_\-.]*")


def is_l2logger(directory: Path) -> bool:
    """Whether this is a log directory."""
    return (directory / "logger_info.json").is_file()


def read_l2logger(directory: Path) -> L2Log:
    """The log in a directory. Raises `UserError`, with file and line, for all that is malformed."""
    directory = Path(directory)
    columns = _metrics_columns(directory)
    scenario = directory / "scenario_info.json"
    paths = sorted(directory.rglob("data-log.tsv"), key=_natural)
    if not paths:
        raise UserError(f"{directory} holds no data-log.tsv, so there is nothing to compute.")
    tables, rows = read_tsvs(paths)
    places = Places(
        files=tuple(paths),
        file=np.repeat(np.arange(len(paths), dtype=np.int32), rows),
        row=np.concatenate([np.arange(count) for count in rows]),
    )
    _check_metrics_columns(tables, columns, places)
    log = L2Log(
        name=directory.resolve().name,
        table=_together([_with_subtype(table) for table in tables]),
        metrics_columns=columns,
        scenario=read_json(scenario) if scenario.is_file() else {},
        places=places,
    )
    return _ordered(_checked(log))


def _metrics_columns(directory: Path) -> tuple[str, ...]:
    path = directory / "logger_info.json"
    if not path.is_file():
        raise UserError(f"{directory} is no L2M log: it has no logger_info.json.")
    columns = read_json(path).get("metrics_columns")
    named = isinstance(columns, list) and all(isinstance(name, str) for name in columns)
    if not named or not columns:
        raise UserError(
            f"{path}: metrics_columns should be a list of column names such as "
            f'["reward"], but is {json.dumps(columns)}.'
        )
    return tuple(columns)


def _with_subtype(table: pa.Table) -> pa.Table:
    if "block_subtype" in table.column_names:
        return table
    wake = pa.array(["wake"] * table.num_rows, pa.string()).dictionary_encode()
    return table.append_column("block_subtype", wake)


def _check_metrics_columns(
    tables: list[pa.Table], columns: tuple[str, ...], places: Places
) -> None:
    before = 0
    for table in tables:
        missing = [name for name in columns if name not in table.column_names]
        if missing:
            raise UserError(
                f"{places.files[places.file[before]]}:1: the header lacks {', '.join(missing)}, "
                "which logger_info.json names in metrics_columns."
            )
        before += table.num_rows


def _together(tables: list[pa.Table]) -> pa.Table:
    """One table, standard columns first; an extra column is null where a file lacks it."""
    table = pa.concat_tables(tables, promote_options="default").unify_dictionaries()
    extra = [name for name in table.column_names if name not in COLUMNS]
    return table.select([*COLUMNS, *sorted(extra)]).combine_chunks()


def _checked(log: L2Log) -> L2Log:
    """The log with whole numbers as such and task names in lower case; all words are legal."""
    table = log.table
    for name in ("block_num", "exp_num"):
        position = table.column_names.index(name)
        table = table.set_column(position, name, pa.array(_whole_numbers(log, name)))
    _check_words(log, "block_type", BLOCK_TYPES.__contains__, "`train` or `test`")
    _check_words(log, "block_subtype", BLOCK_SUBTYPES.__contains__, "`wake` or `sleep`")
    _check_words(log, "exp_status", EXPERIENCE_STATUSES.__contains__, "`complete` or `incomplete`")
    _check_words(log, "worker_id", _is_worker, "letters, digits and any of _ - .")
    _check_words(log, "task_name", bool, "a name such as `task_variant`")
    _check_words(log, "task_params", _is_json, "JSON, or nothing")
    _check_timestamps(log)
    names = table["task_name"].combine_chunks()
    lower = pc.take(pc.utf8_lower(names.dictionary), names.indices).dictionary_encode()
    position = table.column_names.index("task_name")
    table = table.set_column(position, "task_name", lower.cast(WORD))
    return replace(log, table=table, _read={})


def _whole_numbers(log: L2Log, column: str) -> NDArray[np.int64]:
    """A counter: whole and not negative. A column such as `3.0` is taken too."""
    data = log.table[column].combine_chunks()
    try:
        values: Any = pc.cast(data, pa.int64()).to_numpy()
        wrong = np.flatnonzero(values < 0)
    except pa.ArrowInvalid:
        floats = log.values(column)
        wrong = np.flatnonzero(~(floats >= 0) | (floats % 1 != 0))
        values = np.nan_to_num(floats)
    if wrong.size:
        row = int(wrong[0])
        raise UserError(
            f"{log.place(row)}: {column} is {str(data[row])!r}; it counts from 0 in whole numbers."
        )
    return np.asarray(values, dtype=np.int64)


def _check_words(log: L2Log, column: str, legal: Callable[[str], bool], what: str) -> None:
    """Every word of a column is legal; each is looked at once."""
    data = log.table[column].combine_chunks()
    bad = [code for code, word in enumerate(data.dictionary.to_pylist()) if not legal(word)]
    if bad:
        rows = np.flatnonzero(np.isin(data.indices.to_numpy(), bad))
        if rows.size:
            row = int(rows[0])
            raise UserError(f"{log.place(row)}: {column} is {str(data[row])!r}; it must be {what}.")


def _is_worker(word: str) -> bool:
    return _WORKER.fullmatch(word) is not None


def _is_json(word: str) -> bool:
    if word in MISSING_WORDS:
        return True
    try:
        json.loads(word)
    except (ValueError, RecursionError):
        return False
    return True


def _check_timestamps(log: L2Log) -> None:
    stamps = log.table["timestamp"].combine_chunks()
    missing = pc.is_in(stamps, value_set=MISSING)
    good = pc.or_(pc.match_substring_regex(stamps, TIMESTAMP), missing)
    wrong = np.flatnonzero(~good.to_numpy(zero_copy_only=False))
    if wrong.size:
        row = int(wrong[0])
        raise UserError(
            f"{log.place(row)}: timestamp is {str(stamps[row])!r}; it is written like "
            "20260131T235959.123456, or left empty."
        )


def _ordered(log: L2Log) -> L2Log:
    """By experience and block, in which order blocks may not go backwards."""
    experiences, blocks = log.table["exp_num"].to_numpy(), log.table["block_num"].to_numpy()
    order = np.lexsort((blocks, experiences))
    backwards = np.flatnonzero(np.diff(blocks[order]) < 0)
    if backwards.size:
        before, after = (int(order[backwards[0] + i]) for i in (0, 1))
        raise UserError(
            f"{log.place(after)}: experience {experiences[after]} is in block {blocks[after]}, "
            f"but experience {experiences[before]} was already in block {blocks[before]} "
            f"({log.place(before)}). exp_num and block_num may not decrease during a lifetime."
        )
    if log.places is None or np.array_equal(order, np.arange(order.size)):
        return log
    places = Places(log.places.files, log.places.file[order], log.places.row[order])
    return replace(log, table=log.table.take(order), places=places, _read={})


def _natural(path: Path) -> list[Any]:
    """Sorts `10-train` after `9-train`, so that equal experiences keep the order of blocks."""
    parts = re.split(r"(\d+)", str(path))
    return [(int(part), "") if part.isdigit() else (-1, part) for part in parts]
