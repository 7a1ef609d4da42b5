"""Performance on a scale from 0 to 1, for definitions that were made for success rates.

Where every learned task reports success, that is the scale. Otherwise returns are brought to it,
each task by itself, (return - low) / (high - low), with the first range of these that is known:

    the task's own      `TaskInfo.return_range` of its suite, as the run's manifest has it
    its expert runs'    low: their mean at birth, high: their mean at the end

Values are not clipped: an agent may be below a newborn one, or better than its expert. What was
used is said in the figure's note; without any range there is no figure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from l2rl.metrics.evaluation_matrix import EvaluationMatrix
from l2rl.metrics.figures import (
    Computed,
    Definition,
    Figure,
    NotComputable,
    cadence,
    figure,
    without,
)
from l2rl.metrics.learning_curves import Curve, mean_at, reference_curves
from l2rl.metrics.references import Reference
from l2rl.metrics.run_log import RunLog


@dataclass(frozen=True)
class UnitScale:
    """One lifetime with all performance from 0 to 1."""

    matrix: EvaluationMatrix
    measure: str
    """`success` or `normalised return`."""
    note: str
    ranges: Mapping[str, tuple[float, float]]
    """(low, high) of each task's returns; (0, 1) where the measure is success."""

    def reference_curves(self, reference: Reference, task: str) -> list[Curve]:
        """The curves of a task's experts on the same scale."""
        raw = reference_curves(reference, "success" if self.measure == "success" else "return")
        low, high = self.ranges[task]
        return [Curve(c.env_steps, (c.values - low) / (high - low)) for c in raw]


def unit_scale(run: RunLog) -> UnitScale:
    """The lifetime on the scale from 0 to 1. Raises `NotComputable` if some task has no range."""
    learned = run.matrix().learned or run.matrix("success").learned
    if not learned:
        raise NotComputable("no task has been learned yet")
    if "success" in run.measures:
        matrix = run.matrix("success")
        if set(learned) <= {t for t in matrix.tasks if matrix.measured_rows(t).size}:
            whole = dict.fromkeys(matrix.tasks, (0.0, 1.0))
            return UnitScale(matrix, "success", "", whole)
    return _normalised(run, learned)


ScaledMetric = Callable[[RunLog, UnitScale], Computed]


def figures_on_unit_scale(
    run: RunLog, metrics: Mapping[str, tuple[ScaledMetric, Definition]]
) -> dict[str, Figure]:
    """The figures of a family that is defined on the scale from 0 to 1, by qualified name."""
    try:
        scale = unit_scale(run)
    except NotComputable as reason:
        looked = cadence(run.matrix())
        return {
            name: figure(without(reason), definition, cadence=looked)
            for name, (_, definition) in metrics.items()
        }
    looked = cadence(scale.matrix)
    return {
        name: figure(
            partial(metric, run, scale),
            definition,
            measure=scale.measure,
            cadence=looked,
            note=scale.note,
        )
        for name, (metric, definition) in metrics.items()
    }


def _normalised(run: RunLog, learned: tuple[str, ...]) -> UnitScale:
    matrix = run.matrix()
    ranges, sources = {}, {}
    for task in learned:
        ranges[task], sources[task] = _range(run, task)
    wanted = [matrix.tasks.index(task) for task in learned]
    low = np.array([ranges[task][0] for task in learned])
    high = np.array([ranges[task][1] for task in learned])
    performance = np.full_like(matrix.performance, np.nan)
    performance[:, wanted] = (matrix.performance[:, wanted] - low) / (high - low)
    spans = ", ".join(
        f"{task} {ranges[task][0]:g} to {ranges[task][1]:g} ({sources[task]})" for task in learned
    )
    note = f"tasks report no success, so returns are normalised: {spans}"
    scaled = replace(matrix, performance=performance)
    return UnitScale(scaled, "normalised return", note, ranges)


def _range(run: RunLog, task: str) -> tuple[tuple[float, float], str]:
    known = known_return_range(run.manifest, task)
    if known is not None:
        return known, "the task's own range"
    try:
        curves = reference_curves(run.references.of(task), "return")
    except NotComputable as reason:
        raise NotComputable(
            f"{task} reports no success, and returns need a range: {reason}"
        ) from None
    low, high = mean_at(curves, 0), mean_at(curves, max(c.length for c in curves))
    if high <= low:
        raise NotComputable(
            f"returns of {task} cannot be normalised: its expert ends at {high:g} and began at "
            f"{low:g}"
        )
    return (low, high), "its expert at birth and at the end"


def known_return_range(manifest: Mapping[str, Any], task: str) -> tuple[float, float] | None:
    """What the suite says of a task's returns, from the manifest; None if it says nothing."""
    found = manifest.get("return_ranges", {}).get(task)
    return None if found is None else (float(found[0]), float(found[1]))
