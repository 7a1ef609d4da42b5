"""Metrics of tables that came from elsewhere, and tables of metrics for elsewhere."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa

from l2rl.metrics.compute import compute_metrics
from l2rl.metrics.figures import CADENCE_COLUMNS, Figure, cadence_columns
from l2rl.metrics.run_log import RunLog
from l2rl.runs.matrix_reader import read_matrix_table

METRICS_SCHEMA = pa.schema(
    [
        ("experiment", pa.string()),
        ("variant", pa.string()),
        ("seed", pa.int64()),
        ("metric", pa.string()),
        ("value", pa.float64()),
        ("unit", pa.string()),
        ("direction", pa.string()),
        ("measure", pa.string()),
        *((column, pa.float64()) for column in CADENCE_COLUMNS),
        ("reason", pa.string()),
        ("note", pa.string()),
    ]
)
"""Columns of a table of metrics: one row a run and metric; `value` is null where `reason` says
why."""


def metrics_of_table(path: Path) -> dict[tuple[str, int], dict[str, Any]]:
    """(run, seed) -> what metrics.json would hold, from a CSV, TSV or Parquet table of evaluations.

    See `l2rl.runs.matrix_table` for its columns. What a table cannot tell (events, costs, experts)
    has reasons instead of values. Raises `UserError` with file and line.
    """
    return {key: compute_metrics(run) for key, run in logs_of_table(path).items()}


def logs_of_table(path: Path) -> dict[tuple[str, int], RunLog]:
    """(run, seed) -> the log that a table of evaluations amounts to. Raises as above."""
    return {key: RunLog(log, origin=str(path)) for key, log in read_matrix_table(path).items()}


def metrics_rows(
    experiment: str, variant: str, seed: int, figures: Iterable[tuple[str, Figure]]
) -> pa.Table:
    """The figures of one run as rows of `METRICS_SCHEMA`."""
    rows = [
        {
            "experiment": experiment,
            "variant": variant,
            "seed": seed,
            "metric": name,
            "value": figure.value,
            "unit": figure.unit,
            "direction": figure.direction,
            "measure": figure.measure,
            **dict(zip(CADENCE_COLUMNS, cadence_columns(figure.cadence), strict=True)),
            "reason": figure.reason or "",
            "note": figure.note,
        }
        for name, figure in figures
    ]
    return pa.Table.from_pylist(rows, schema=METRICS_SCHEMA)
