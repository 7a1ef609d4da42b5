"""Writing a log directory of format 1.0 or 1.1, as l2logger 1.8.2 does.

<directory>/logger_info.json  scenario_info.json
<directory>/<worker_id>/<block_num>-<train|test>/data-log.tsv
"""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Literal

from l2rl.runs.files import write_json
from l2rl.runs.l2logger_log import COLUMNS, L2Log

Version = Literal["1.0", "1.1"]


def write_l2logger(log: L2Log, directory: Path, *, version: Version = "1.1") -> None:
    """Write a log into a new or empty directory; floats with all their digits.

    Version 1.0 has no `block_subtype`.
    """
    directory.mkdir(parents=True, exist_ok=True)
    write_json(
        directory / "logger_info.json",
        {"metrics_columns": list(log.metrics_columns), "log_format_version": version},
    )
    write_json(directory / "scenario_info.json", log.scenario)
    names = _column_names(log, version)
    for (worker, block, kind), rows in _files(log).items():
        path = directory / worker / f"{block}-{kind}" / "data-log.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_text(log, names, rows), encoding="utf-8", newline="")


def _column_names(log: L2Log, version: Version) -> list[str]:
    """The columns of the format in their order, then the others in alphabetical order."""
    standard = [name for name in COLUMNS if version != "1.0" or name != "block_subtype"]
    return [*standard, *sorted(name for name in log.table.column_names if name not in COLUMNS)]


def _files(log: L2Log) -> dict[tuple[str, int, str], list[int]]:
    """The rows of each file, by worker, number and type of the block."""
    files: dict[tuple[str, int, str], list[int]] = {}
    keys = (log.table[name].to_pylist() for name in ("worker_id", "block_num", "block_type"))
    for row, key in enumerate(zip(*keys, strict=True)):
        files.setdefault(key, []).append(row)
    return files


def _text(log: L2Log, names: list[str], rows: list[int]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, delimiter="\t", lineterminator="\n")
    writer.writerow(names)
    # A file's rows are most often one stretch, and a slice costs nothing.
    stretch = rows[-1] - rows[0] + 1 == len(rows)
    table = log.table.slice(rows[0], len(rows)) if stretch else log.table.take(rows)
    writer.writerows(zip(*(table[name].to_pylist() for name in names), strict=True))
    return text.getvalue()
