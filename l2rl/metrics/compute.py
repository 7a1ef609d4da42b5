"""From a log to metrics.json: every figure with its unit, its cadence or its reason."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from l2rl.metrics.evaluation_matrix import EvaluationMatrix
from l2rl.metrics.figures import NotComputable, cadence
from l2rl.metrics.plasticity import block_plasticity
from l2rl.metrics.registry import all_figures
from l2rl.metrics.run_log import RunLog
from l2rl.metrics.scalability import block_costs
from l2rl.metrics.stability_gap import task_forgetting
from l2rl.runs.files import write_json

METRICS_FORMAT = 2


def compute_metrics(run: RunLog | pa.Table) -> dict[str, Any]:
    """Everything that metrics.json holds, from a run or from a bare log.

    `metrics` maps a qualified name to its figure (`Figure.as_json`); a figure of the success rate
    carries the name with `/success` behind it. `tasks` maps a task to `{measure: {final, best,
    forgetting}}`. `blocks` has the costs and `plasticity` the monitor's means, block by block.
    Works on unfinished runs: the figures are those of the lifetime so far. Raises `UserError` if
    the log contradicts itself.
    """
    run = run if isinstance(run, RunLog) else RunLog(run)
    return {
        "format": METRICS_FORMAT,
        "env_steps": run.env_steps,
        "cadence": cadence(run.matrix()),
        "metrics": {name: figure.as_json() for name, figure in all_figures(run).items()},
        "tasks": task_figures(run),
        "blocks": block_costs(run),
        "plasticity": block_plasticity(run),
    }


def write_metrics(path: Path, run: RunLog | pa.Table) -> dict[str, Any]:
    """Write `compute_metrics` as strict JSON, atomically; equal logs give equal bytes."""
    metrics = compute_metrics(run)
    write_json(path, metrics)
    return metrics


def task_figures(run: RunLog) -> dict[str, dict[str, dict[str, float | None]]]:
    """Final, best and forgetting of every task, by measure; None where there is no value."""
    figures: dict[str, dict[str, dict[str, float | None]]] = {}
    for measure in run.measures:
        matrix = run.matrix(measure)
        for task in matrix.tasks:
            figures.setdefault(task, {})[measure] = _task_figure(matrix, task)
    return figures


def _task_figure(matrix: EvaluationMatrix, task: str) -> dict[str, float | None]:
    finite = matrix.column(task)[np.isfinite(matrix.column(task))]
    final = matrix.latest(task)
    return {
        "final": final if math.isfinite(final) else None,
        "best": float(finite.max()) if finite.size else None,
        "forgetting": _forgetting(matrix, task),
    }


def _forgetting(matrix: EvaluationMatrix, task: str) -> float | None:
    try:
        lost = task_forgetting(matrix, task)
    except NotComputable:
        return None
    return lost if math.isfinite(lost) else None
