"""From a tidy log to metrics.json: every figure with its unit, its cadence or its reason."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from l2rl.metrics.continual import MATRIX_METRICS, NotComputable, task_forgetting
from l2rl.metrics.evaluation_matrix import EvaluationMatrix, evaluation_matrix
from l2rl.metrics.l2m.family import l2m_family
from l2rl.runs.files import write_json
from l2rl.runs.log_views import last_env_steps, rows_of

METRICS_FORMAT = 1
MEASURES = ("return", "success")

Figure = dict[str, Any]
"""`value` (float or None), `reason` (why it is None), `measure`, and the cadence."""


def compute_metrics(log: pa.Table) -> dict[str, Any]:
    """Everything that metrics.json holds.

    `metrics` maps a qualified name to its figure; a figure of the success rate carries the name
    with `/success` behind it. `tasks` maps a task to `{measure: {final, best, forgetting}}`.
    Works on unfinished runs: the figures are those of the lifetime so far.
    """
    metrics: dict[str, Figure] = {}
    for family in FAMILIES.values():
        metrics.update(family(log))
    return {
        "format": METRICS_FORMAT,
        "env_steps": last_env_steps(log),
        "cadence": cadence(evaluation_matrix(log)),
        "metrics": metrics,
        "tasks": task_figures(log),
    }


def write_metrics(path: Path, log: pa.Table) -> dict[str, Any]:
    """Write `compute_metrics` as strict JSON, atomically; equal logs give equal bytes."""
    metrics = compute_metrics(log)
    write_json(path, metrics)
    return metrics


def matrix_family(log: pa.Table) -> dict[str, Figure]:
    """The metrics of the evaluation matrix, for every measure that the log has."""
    figures: dict[str, Figure] = {}
    for measure in measures_of(log):
        matrix = evaluation_matrix(log, measure)
        suffix = "" if measure == "return" else f"/{measure}"
        for name, metric in MATRIX_METRICS.items():
            figures[name + suffix] = {
                **figure(metric, matrix),
                "measure": measure,
                "cadence": cadence(matrix),
            }
    return figures


def lifelong_family(log: pa.Table) -> dict[str, Figure]:
    """The L2M metrics, which depend on how densely was looked as the others do."""
    beside = cadence(evaluation_matrix(log))
    return {name: {**figure, "cadence": beside} for name, figure in l2m_family(log).items()}


FAMILIES: dict[str, Callable[[pa.Table], dict[str, Figure]]] = {
    "matrix": matrix_family,
    "l2m": lifelong_family,
}
"""Every family of metrics: a function from the log to figures by qualified name."""


def figure(metric: Callable[[EvaluationMatrix], float], matrix: EvaluationMatrix) -> Figure:
    """The metric's value, or None and the reason."""
    try:
        value = metric(matrix)
    except NotComputable as reason:
        return {"value": None, "reason": str(reason)}
    if not math.isfinite(value):
        return {"value": None, "reason": f"the value is {value}"}
    return {"value": value, "reason": None}


def measures_of(log: pa.Table) -> list[str]:
    """`return` always, and `success` if some evaluation measured it."""
    found = set(pc.unique(rows_of(log, kind="evaluation")["metric"]).to_pylist())
    return [measure for measure in MEASURES if measure == "return" or measure in found]


def cadence(matrix: EvaluationMatrix) -> dict[str, Any]:
    """How densely was looked, since a minimum depends on it.

    `evaluations`, `interval_env_steps` (median and largest between evaluations) and
    `episodes_per_evaluation` (median over evaluations and tasks); None where there are too few.
    """
    gaps = np.diff(np.unique(matrix.env_steps))
    counts = matrix.episodes[np.isfinite(matrix.episodes)]
    return {
        "evaluations": len(matrix.env_steps),
        "interval_env_steps": float(np.median(gaps)) if gaps.size else None,
        "largest_interval_env_steps": int(gaps.max()) if gaps.size else None,
        "episodes_per_evaluation": float(np.median(counts)) if counts.size else None,
    }


def task_figures(log: pa.Table) -> dict[str, dict[str, dict[str, float | None]]]:
    """Final, best and forgetting of every task, by measure; None where there is no value."""
    figures: dict[str, dict[str, dict[str, float | None]]] = {}
    for measure in measures_of(log):
        matrix = evaluation_matrix(log, measure)
        for task in matrix.tasks:
            figures.setdefault(task, {})[measure] = _task_figure(matrix, task)
    return figures


def _task_figure(matrix: EvaluationMatrix, task: str) -> dict[str, float | None]:
    finite = matrix.column(task)[np.isfinite(matrix.column(task))]
    final = matrix.latest(task)
    return {
        "final": final if math.isfinite(final) else None,
        "best": float(finite.max()) if finite.size else None,
        "forgetting": figure(lambda m: task_forgetting(m, task), matrix)["value"],
    }
