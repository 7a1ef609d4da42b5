"""Learning curves: a task's performance over the env steps of one phase of learning it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from l2rl.metrics.evaluation_matrix import NEVER, EvaluationMatrix, Phase
from l2rl.metrics.figures import NotComputable, mean
from l2rl.metrics.references import Reference


@dataclass(frozen=True)
class Curve:
    """Performance by env steps, straight between two evaluations."""

    env_steps: NDArray[np.int64]
    """(points,) since the phase began, strictly increasing."""
    values: NDArray[np.float64]
    """(points,) all finite."""

    @property
    def length(self) -> int:
        """Env steps of the last point."""
        return int(self.env_steps[-1])

    def mean_until(self, env_steps: int) -> float:
        """Mean of the curve from its first point to `env_steps`: the area under it over its length
        (trapezoids)."""
        begin, end = int(self.env_steps[0]), min(env_steps, self.length)
        if end <= begin:
            return float(self.values[0])
        points = np.append(self.env_steps[self.env_steps < end], end)
        return float(np.trapezoid(self.at(points), points) / (end - begin))

    def at(self, env_steps: NDArray[np.int64]) -> NDArray[np.float64]:
        """(n,) values at (n,) env steps; constant beyond the ends."""
        return np.interp(env_steps, self.env_steps, self.values)

    def reaches(self, level: float) -> float | None:
        """Env steps at which the curve first is at `level` or above; None if it never is."""
        above = np.flatnonzero(self.values >= level)
        if not above.size:
            return None
        i = int(above[0])
        if i == 0:
            return float(self.env_steps[0])
        low, high = self.values[i - 1], self.values[i]
        share = (level - low) / (high - low)
        return float(self.env_steps[i - 1] + share * (self.env_steps[i] - self.env_steps[i - 1]))


def curve_of(matrix: EvaluationMatrix, phase: Phase) -> Curve:
    """How the task of a phase was learned in it, from the evaluation with which the phase began.

    Raises `NotComputable` if nobody looked, or a value is not a number.
    """
    task = phase.task
    if task not in matrix.tasks:
        raise NotComputable(f"{task} was not evaluated")
    rows = np.append(_row_at_start(matrix, phase), matrix.inside(phase)).astype(np.int64)
    rows = rows[rows != NEVER]
    rows = rows[matrix.measured[rows, matrix.tasks.index(task)]]
    if not rows.size:
        raise NotComputable(f"{task} was not evaluated while it was learned")
    # The first of several at one step: what sleep did afterwards is no part of the learning.
    steps, first = np.unique(matrix.env_steps[rows] - phase.start, return_index=True)
    values = matrix.column(task)[rows[first]]
    if np.isnan(values).any():
        raise NotComputable(f"an evaluation of {task} while it was learned is not a number")
    return Curve(steps, values)


def at_start(matrix: EvaluationMatrix, phase: Phase) -> float:
    """Performance on the phase's task when the phase began. Raises `NotComputable`."""
    row = _row_at_start(matrix, phase)
    task = phase.task
    if row == NEVER or task not in matrix.tasks or not matrix.measured[row, _column(matrix, task)]:
        raise NotComputable(f"{task} was not evaluated when its learning began")
    return _finite(float(matrix.column(task)[row]), task)


def at_end(matrix: EvaluationMatrix, phase: Phase, task: str) -> float:
    """The last value of any task that was measured in a phase. Raises `NotComputable`."""
    rows = matrix.inside(phase)
    rows = rows[matrix.measured[rows, _column(matrix, task)]]
    if not rows.size:
        raise NotComputable(
            f"{task} was not evaluated during or after the learning of {phase.task}"
        )
    return _finite(float(matrix.column(task)[rows[-1]]), task)


def reference_curves(reference: Reference, measure: str) -> list[Curve]:
    """The learning curves of expert runs, one a seed. Raises `NotComputable`."""
    curves = []
    for run in reference.runs:
        matrix = run.matrix(measure)
        if not matrix.phases:
            raise NotComputable("an expert run has learned nothing")
        curves.append(curve_of(matrix, matrix.phases[0]))
    return curves


def mean_at(curves: list[Curve], env_steps: int) -> float:
    """The mean over curves of their values at one moment."""
    return mean(float(curve.at(np.array([env_steps]))[0]) for curve in curves)


def _row_at_start(matrix: EvaluationMatrix, phase: Phase) -> int:
    """The evaluation right before the phase, if nothing was learned in between."""
    row = matrix.before(phase)
    return row if row != NEVER and matrix.env_steps[row] == phase.start else NEVER


def _column(matrix: EvaluationMatrix, task: str) -> int:
    if task not in matrix.tasks:
        raise NotComputable(f"{task} was not evaluated")
    return matrix.tasks.index(task)


def _finite(value: float, task: str) -> float:
    if np.isnan(value):
        raise NotComputable(f"an evaluation of {task} is not a number")
    return value
