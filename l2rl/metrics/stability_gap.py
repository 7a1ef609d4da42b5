"""The stability gap: how well all tasks are done, and how deep the dips were (arXiv 2205.13452).

With A(i, n) the performance on task i at evaluation n, k learned tasks, the current one learned
last, T_i the last evaluation of the first learning phase of i, and t the last evaluation:

    acc         mean over the k tasks of A(i, t)
    forg        mean over the old tasks of A(i, T_i) - A(i, t)
    min_acc     mean over the old tasks of min over n > T_i of A(i, n)
    wc_acc      A(current, t) / k + (1 - 1/k) min_acc
    wf_<w>      mean over the k tasks of the largest A(i, a) - A(i, b), a <= b, both among w
                consecutive evaluations
    wp_<w>      the same of A(i, b) - A(i, a)
    dip_recovery_env_steps
                (ours) mean over changes and old tasks that fell below their value before the
                change, before the next one: env steps until they were there again; one that
                never was counts as far as was looked, so the mean is then a lower bound

Every performance is in the unit of the measure (return or success rate). "Last" is the last
evaluation that measured the task. Each function raises `NotComputable`, with the reason, rather
than guess.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from l2rl.metrics.evaluation_matrix import NEVER, EvaluationMatrix
from l2rl.metrics.figures import (
    Computed,
    Definition,
    Direction,
    Figure,
    NotComputable,
    cadence,
    figure,
    mean_of,
)
from l2rl.metrics.run_log import RunLog, named

Metric = Callable[[EvaluationMatrix], Computed | float]

WINDOWS = (10, 100)
"""Lengths of the windows of WF and WP, in evaluations, as published."""


def stability_gap(run: RunLog) -> dict[str, Figure]:
    """The family `gap`, for every measure that the log has."""
    figures: dict[str, Figure] = {}
    for measure in run.measures:
        matrix = run.matrix(measure)
        looked = cadence(matrix)
        for name, (metric, direction, unit) in _METRICS.items():
            figures[named(f"gap/{name}", measure)] = figure(
                partial(metric, matrix),
                Definition(unit or measure, direction),
                measure=measure,
                cadence=looked,
            )
    return figures


def acc(matrix: EvaluationMatrix) -> Computed:
    """Mean latest performance of the learned tasks."""
    require_learned(matrix)
    return mean_of({task: latest(matrix, task) for task in matrix.learned})


def forg(matrix: EvaluationMatrix) -> Computed:
    """FORG: mean loss of the old tasks since they were learned; negative means they gained."""
    require_old_tasks(matrix)
    return mean_of({task: task_forgetting(matrix, task) for task in matrix.old_tasks()})


def min_acc(matrix: EvaluationMatrix) -> Computed:
    """min-ACC: mean over the old tasks of the worst performance since they were learned."""
    require_old_tasks(matrix)
    return mean_of({task: _worst_since_learned(matrix, task) for task in matrix.old_tasks()})


def wc_acc(matrix: EvaluationMatrix) -> float:
    """WC-ACC: the current task's performance traded off against the worst of the old ones."""
    require_learned(matrix)
    share = 1.0 / len(matrix.learned)
    current = share * latest(matrix, matrix.current)
    return current if share == 1.0 else current + (1.0 - share) * min_acc(matrix).value


def windowed_forgetting(matrix: EvaluationMatrix, window: int) -> Computed:
    """WF: mean over the learned tasks of the deepest fall within `window` evaluations, >= 0."""
    return _windowed(matrix, window, sign=1.0)


def windowed_plasticity(matrix: EvaluationMatrix, window: int) -> Computed:
    """WP: mean over the learned tasks of the highest rise within `window` evaluations, >= 0."""
    return _windowed(matrix, window, sign=-1.0)


def dip_recovery(matrix: EvaluationMatrix) -> Computed:
    """Env steps until an old task that dipped after a change is back; the mean over all dips."""
    found = dips(matrix)
    if not found:
        raise NotComputable("no task fell below its value before a change")
    lasting = sum(1 for dip in found if not dip.ended)
    note = f"a lower bound: {lasting} of {len(found)} dips never ended" if lasting else ""
    return mean_of(
        {f"{dip.task} after change {dip.change}": float(dip.env_steps) for dip in found}, note
    )


def dips(matrix: EvaluationMatrix) -> list[Dip]:
    """Every fall of an old task after a change, by change and then by order of learning."""
    found: list[Dip] = []
    known: list[str] = []
    for number, phase in enumerate(matrix.phases):
        others = [task for task in known if task != phase.task]
        found += [dip for task in others if (dip := _dip_after(matrix, task, number)) is not None]
        known += [] if phase.task in known else [phase.task]
    return found


def task_forgetting(matrix: EvaluationMatrix, task: str) -> float:
    """Performance of one task when it was learned minus its latest, in the measure's unit."""
    when_learned = float(matrix.column(task)[_learned_at(matrix, task)])
    if np.isnan(when_learned):
        raise NotComputable(f"{task} has no value at the evaluation that ended its learning")
    return when_learned - latest(matrix, task)


def latest(matrix: EvaluationMatrix, task: str) -> float:
    """The last value of a task. Raises `NotComputable` if it has none."""
    value = matrix.latest(task)
    if np.isnan(value):
        raise NotComputable(f"{task} was not evaluated, or its last value is not a number")
    return value


def require_learned(matrix: EvaluationMatrix) -> None:
    """Raise `NotComputable` unless some task was learned."""
    if not matrix.learned:
        raise NotComputable("no task has been learned yet")


def require_old_tasks(matrix: EvaluationMatrix) -> None:
    """Raise `NotComputable` unless there is a task that can be forgotten."""
    if not matrix.old_tasks():
        raise NotComputable("fewer than two tasks were learned, so nothing can be forgotten yet")


def measured_values(matrix: EvaluationMatrix, task: str) -> NDArray[np.float64]:
    """(measurements,) of one task in order. Raises `NotComputable` if one is not a number."""
    values = matrix.column(task)[matrix.measured_rows(task)]
    if values.size == 0:
        raise NotComputable(f"{task} was not evaluated")
    if np.isnan(values).any():
        raise NotComputable(f"an evaluation of {task} is not a number")
    return values


def _learned_at(matrix: EvaluationMatrix, task: str) -> int:
    learned_at = int(matrix.learned_at[matrix.tasks.index(task)])
    if learned_at == NEVER:
        raise NotComputable(f"no evaluation was made during or right after the learning of {task}")
    return learned_at


def _worst_since_learned(matrix: EvaluationMatrix, task: str) -> float:
    after = slice(_learned_at(matrix, task) + 1, None)
    values = matrix.column(task)[after]
    measured = values[matrix.measured[after, matrix.tasks.index(task)]]
    if measured.size == 0:
        raise NotComputable(f"{task} has not been evaluated since it was learned")
    if np.isnan(measured).any():
        raise NotComputable(f"an evaluation of {task} after its learning is not a number")
    return float(measured.min())


def _windowed(matrix: EvaluationMatrix, window: int, sign: float) -> Computed:
    require_learned(matrix)
    parts = {}
    for task in matrix.learned:
        values = sign * measured_values(matrix, task)
        parts[task] = float((trailing_maximum(values, window) - values).max())
    return mean_of(parts)


def trailing_maximum(values: NDArray[np.float64], window: int) -> NDArray[np.float64]:
    """(n,) the largest of the last `window` values up to each, in time independent of `window`.

    The values are cut into stretches of `window`; a window is the end of one stretch and the
    beginning of the next, whose maxima are running ones (van Herk, Gil and Werman).
    """
    if window < 1:
        raise ValueError(f"a window has at least one evaluation, not {window}")
    window = min(window, values.size)
    stretches = -(-values.size // window) + 1
    padded = np.full(stretches * window, -np.inf)
    padded[window - 1 : window - 1 + values.size] = values
    cut = padded.reshape(stretches, window)
    from_left = np.maximum.accumulate(cut, axis=1).ravel()
    from_right = np.maximum.accumulate(cut[:, ::-1], axis=1)[:, ::-1].ravel()
    here = np.arange(values.size)
    return np.maximum(from_right[here], from_left[here + window - 1])


@dataclass(frozen=True)
class Dip:
    """A fall of one task after a change."""

    task: str
    change: int
    """Number of the phase that began."""
    before: float
    """The task's last value before the change, in the unit of the measure."""
    lowest: float
    """Its worst value in the phase that began."""
    env_steps: int
    """From the change until the task was back, or until the last look at it."""
    ended: bool


def _dip_after(matrix: EvaluationMatrix, task: str, number: int) -> Dip | None:
    """How the task fell after a change; None if it did not, or nobody looked before and after."""
    change = matrix.phases[number]
    rows = matrix.measured_rows(task)
    inside = matrix.inside(change)
    if not inside.size:
        return None
    begin, end = np.searchsorted(rows, (inside[0], inside[-1] + 1))
    if begin == 0 or begin == end:
        return None
    values = matrix.column(task)
    before = float(values[rows[begin - 1]])
    within = values[rows[begin:end]]
    fallen = np.flatnonzero(within < before)
    if not fallen.size:
        return None
    back = _first_at_least(values, rows, int(begin + fallen[0]), before)
    env_steps = int(matrix.env_steps[rows[-1] if back is None else back] - change.start)
    return Dip(task, number, before, float(np.nanmin(within)), env_steps, back is not None)


def _first_at_least(
    values: NDArray[np.float64], rows: NDArray[np.int64], begin: int, level: float
) -> int | None:
    """The first of `rows[begin:]` whose value is at `level` or above; None if there is none.

    Looks at stretches of growing length: most dips are short, and there may be many.
    """
    length = 64
    while begin < rows.size:
        found = np.flatnonzero(values[rows[begin : begin + length]] >= level)
        if found.size:
            return int(rows[begin + found[0]])
        begin, length = begin + length, 2 * length
    return None


_METRICS: dict[str, tuple[Metric, Direction, str]] = {
    "acc": (acc, "higher", ""),
    "forg": (forg, "lower", ""),
    "min_acc": (min_acc, "higher", ""),
    "wc_acc": (wc_acc, "higher", ""),
    **{f"wf_{w}": (partial(windowed_forgetting, window=w), "lower", "") for w in WINDOWS},
    **{f"wp_{w}": (partial(windowed_plasticity, window=w), "higher", "") for w in WINDOWS},
    "dip_recovery_env_steps": (dip_recovery, "lower", "env steps"),
}
