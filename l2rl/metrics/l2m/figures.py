"""The lifetime figures by qualified names, each with a value or the reason why it has none."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from l2rl.errors import UserError
from l2rl.metrics.l2m.differences import differences
from l2rl.metrics.l2m.experts import ExpertRuns
from l2rl.metrics.l2m.options import Options
from l2rl.metrics.l2m.result import (
    AGAINST_EXPERTS,
    L2MResult,
    compute_l2m,
    is_transfer,
    metric_names,
)
from l2rl.runs.l2logger_log import L2Log

Figure = dict[str, Any]
"""`value` (float or None), `reason` (why it is None), `measure`; `missing_experts` where experts
are needed; `strict` and `because` where the strict mode says something else."""

FAMILY = "l2m"


def l2m_figures(
    log: L2Log, experts: ExpertRuns | None = None, options: Options | None = None
) -> dict[str, Figure]:
    """`l2m/...` -> figure for a log; what its reader would refuse becomes the reason of all."""
    options = options or Options()
    try:
        found = figures_of(compute_l2m(log, experts, options))
    except UserError as error:
        found = _refused(options, str(error))
    for difference in differences(log, experts or {}, options):
        figure = found[f"{FAMILY}/{difference.metric}"]
        figure |= {"strict": difference.strict, "because": list(difference.reasons)}
    return found


def _refused(options: Options, reason: str) -> dict[str, Figure]:
    measure = options.performance_column
    return {
        f"{FAMILY}/{metric}": {"value": None, "reason": reason, "measure": measure}
        for metric in metric_names(options)
    }


def figures_of(result: L2MResult) -> dict[str, Figure]:
    """The figures of a result."""
    found: dict[str, Figure] = {}
    for metric, value in result.lifetime().items():
        known = math.isfinite(value)
        figure: Figure = {
            "value": value if known else None,
            "reason": None if known else reason_of(result, metric),
            "measure": result.options.performance_column,
        }
        if metric in AGAINST_EXPERTS:
            figure["missing_experts"] = missing_experts(result)
        found[f"{FAMILY}/{metric}"] = figure
    return found


def reason_of(result: L2MResult, metric: str) -> str:
    """Why a metric has no value."""
    if np.isnan(result.prepared.performance).any():
        return (
            "all performances of the run are equal, and l2metrics cannot normalise that by run "
            "(the strict mode can)"
        )
    if metric in AGAINST_EXPERTS:
        return _reason_against_experts(result, metric)
    reason = {
        "performance_recovery": "no task has three learning blocks",
        "mean_training_performance": "nothing was learned",
        "mean_evaluation_performance": "nothing was evaluated",
    }.get(metric)
    if metric.startswith("performance_maintenance"):
        reason = "no task was evaluated again after the first evaluation that follows its learning"
    elif is_transfer(metric):
        reason = _reason_of_transfer(result, metric)
    return f"{reason}{_about_sleep(result) if metric != 'performance_recovery' else ''}"


def missing_experts(result: L2MResult) -> list[str]:
    """Learned tasks without an expert run; those of a run of ours by their names there."""
    regimes = result.prepared.regimes
    own = {name: task for task, name in result.log.own_names.items()}
    learned = {regimes.tasks[task] for task in regimes.task[regimes.training].tolist()}
    return [
        own.get(task, task)
        for task in result.prepared.tasks
        if task in learned and not result.prepared.experts[task]
    ]


def _reason_against_experts(result: L2MResult, metric: str) -> str:
    missing = missing_experts(result)
    reasons = [f"no expert run of {', '.join(missing)}"] if missing else []
    if metric == "sample_efficiency":
        why: dict[str, list[str]] = {}
        for task in result.prepared.tasks:
            why.setdefault(result.efficiency[task].reason, []).append(task)
        reasons += [f"{', '.join(tasks)}: {reason}" for reason, tasks in why.items() if reason]
    if not reasons and not result.prepared.regimes.training.any():
        reasons = ["nothing was learned"]
    return "; ".join(reasons) or "the experts' performance adds up to 0"


def _reason_of_transfer(result: L2MResult, metric: str) -> str:
    forward = metric.startswith("forward")
    when = "before its own learning" if forward else "after its own first learning"
    reason = f"no task was evaluated before and after another was learned, {when}"
    if result.options.normalise == "none":
        reason += ", with a performance that can be divided by"
    direction = "forward" if forward else "backward"
    left_out = [one for one in result.transfer.left_out if one.direction == direction]
    if left_out:
        gaps = sum(len(one.blocks) for one in left_out)
        reason = f"{gaps} gaps were left out, the first because {left_out[0].reason}"
    return reason


def _about_sleep(result: L2MResult) -> str:
    hidden = int((~result.counted).sum())
    if not hidden:
        return ""
    return (
        f" ({hidden} evaluations made while awake do not count in l2metrics once there is sleep; "
        "the strict mode counts them)"
    )
