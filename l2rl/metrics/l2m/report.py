"""The report of l2metrics 3.1.0, key by key, from our result.

Readers of its files can read ours. Where it writes a bare NaN, ours has None (null).
"""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from l2rl.metrics.l2m.result import L2MResult, is_transfer, metric_names
from l2rl.runs.decimal_text import MISSING
from l2rl.runs.l2logger_log import COLUMNS

ORIGINAL_NAMES = {
    "performance_recovery": "perf_recovery",
    "mean_training_performance": "avg_train_perf",
    "mean_evaluation_performance": "avg_eval_perf",
    "performance_maintenance_mrlep": "perf_maintenance_mrlep",
    "performance_maintenance_mrtlp": "perf_maintenance_mrtlp",
    "relative_performance": "ste_rel_perf",
}
"""What our metrics are called there; the others have the same name."""

LONGEST_PARAMETERS = 25
"""Letters of task_params in the table of regimes."""


def original_name(metric: str) -> str:
    """The name of a metric in l2metrics."""
    return ORIGINAL_NAMES.get(metric, metric)


def report(result: L2MResult) -> dict[str, Any]:
    """The whole report. Values that are missing are NaN or None; writing makes null of both."""
    prepared, log = result.prepared, result.log
    training = prepared.experiences.training
    lifetime: dict[str, Any] = {
        original_name(metric): value if math.isfinite(value) else None
        for metric, value in result.lifetime().items()
    }
    return lifetime | {
        "run_id": log.name,
        "complexity": log.scenario.get("complexity", ""),
        "difficulty": log.scenario.get("difficulty", ""),
        "scenario_type": log.scenario.get("scenario_type", ""),
        "metrics_column": result.options.performance_column,
        "min": float(np.min(prepared.performance)),
        "max": float(np.max(prepared.performance)),
        "num_lx": int(training.sum()),
        "num_ex": int((~training).sum()),
        "runtime": runtime_s(log.table["timestamp"].take(pa.array(prepared.experiences.row))),
        "normalization_data_range": _ranges(result),
        "task_metrics": {task: task_report(result, task) for task in prepared.tasks},
    }


def task_report(result: L2MResult, task: str) -> dict[str, Any]:
    """The report of one task."""
    found = result.prepared.experiences
    mine = found.task == found.tasks.index(task)
    values = result.prepared.performance[mine]
    efficiency = result.efficiency[task]
    report: dict[str, Any] = {
        original_name(metric): result.of_pairs(metric).get(task, {})
        if is_transfer(metric)
        else result.of_tasks(metric)[task]
        for metric in metric_names(result.options)
    }
    report |= {
        "recovery_times": result.recovery[task].times.tolist(),
        "avg_train_perf_vals": result.averages(task, training=True).tolist(),
        "avg_eval_perf_vals": result.averages(task, training=False).tolist(),
        "ste_rel_perf_vals": list(result.relative[task].values),
        "ste_saturation_vals": list(efficiency.expert_saturations),
        "ste_exp_to_sat_vals": list(efficiency.expert_exp_to_sats),
        "se_saturation_vals": list(efficiency.saturation_ratios),
        "se_exp_to_sat_vals": list(efficiency.exp_to_sat_ratios),
        "sample_efficiency_vals": list(efficiency.values),
        "se_task_saturation": efficiency.saturation,
        "se_task_exp_to_sat": efficiency.exp_to_sat,
        "min": float(np.min(values)),
        "max": float(np.max(values)),
        "num_lx": int((mine & found.training).sum()),
        "num_ex": int((mine & ~found.training).sum()),
    }
    for kind, by_task in result.maintenance.items():
        report[f"maintenance_val_{kind}"] = [d.tolist() for d in by_task[task].differences]
    return report


def regime_table(result: L2MResult) -> pa.Table:
    """One row per regime, with the columns of the original's `_regime.tsv`."""
    regimes, quantities = result.prepared.regimes, result.quantities
    columns: dict[str, Any] = {
        "block_num": regimes.block,
        "block_type": np.where(regimes.training, "train", "test").tolist(),
        "block_subtype": np.where(regimes.asleep, "sleep", "wake").tolist(),
        "task_name": [regimes.tasks[task] for task in regimes.task.tolist()],
        "regime_num": np.arange(len(regimes)),
    }
    parameters = _parameters(result)
    if result.options.variants == "aware" and len(set(parameters)) > 1:
        columns["task_params"] = [_shortened(text) for text in parameters]
    for name in ("saturation", "exp_to_sat", "term_perf", "exp_to_term_perf", "avg_perf"):
        values = getattr(quantities, name)
        hidden = ~result.counted if name == "avg_perf" else np.zeros(len(regimes), dtype=np.bool_)
        kind = pa.int64() if name.startswith("exp_to") else pa.float64()
        columns[name] = pa.array(values, mask=np.isnan(values) | hidden).cast(kind)
    columns["run_id"] = [result.log.name] * len(regimes)
    return pa.table(columns)


def data_table(result: L2MResult) -> pa.Table:
    """Every experience that counted, as it was logged and after each step of preparation."""
    prepared, column = result.prepared, result.options.performance_column
    table = result.log.table.take(pa.array(prepared.experiences.row))
    if result.options.variants == "agnostic":
        tasks = prepared.experiences
        names = [tasks.tasks[task] for task in tasks.task.tolist()]
        place = table.column_names.index("task_name")
        table = table.set_column(place, "task_name", pa.array(names))
    regimes = prepared.regimes
    regime = np.repeat(np.arange(len(regimes)), regimes.end - regimes.begin)
    table = table.add_column(1, "regime_num", pa.array(regime))
    for place, name in enumerate(table.column_names):
        if name == column:
            table = table.set_column(place, name, pa.array(prepared.performance))
        elif name not in COLUMNS:
            table = table.set_column(place, name, _typed(table[name]))
    for step, values in prepared.steps.items():
        table = table.append_column(f"{column}_{step}", pa.array(values))
    return table


def runtime_s(timestamps: pa.ChunkedArray) -> float | None:
    """Seconds from the first to the last timestamp; None without any."""
    known = timestamps.filter(pc.invert(pc.is_in(timestamps, value_set=MISSING)))
    ends = pc.min_max(known).as_py()
    try:
        first, last = (datetime.strptime(ends[end], "%Y%m%dT%H%M%S.%f") for end in ("min", "max"))
    except (TypeError, ValueError):
        return None
    return (last - first).total_seconds()


def _typed(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Text as the numbers that it stands for, if all of it does."""
    for kind in (pa.int64(), pa.float64()):
        try:
            return pc.cast(values, kind)
        except pa.ArrowInvalid:
            continue
    return values


def _ranges(result: L2MResult) -> dict[str, dict[str, float]] | None:
    if result.prepared.ranges is None:
        return None
    return {task: {"min": low, "max": high} for task, (low, high) in result.prepared.ranges.items()}


def _parameters(result: L2MResult) -> list[str]:
    found, regimes = result.prepared.experiences, result.prepared.regimes
    rows = pa.array(found.row[regimes.begin])
    return list(result.log.table["task_params"].take(rows).to_pylist())


def _shortened(text: str) -> str:
    return text[:LONGEST_PARAMETERS] + "..." if len(text) > LONGEST_PARAMETERS else text
