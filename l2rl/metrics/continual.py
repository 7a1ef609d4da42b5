"""The continual-evaluation metrics: how well all tasks are done, and how deep the dips were.

With A(i, n) the performance on task i at evaluation n, k learned tasks, the current one learned
last, and T_i the last evaluation of the first learning phase of i (the stability
gap is De Lange et al., arXiv 2205.13452):

    average performance   mean over the k tasks of A(i, last)
    FORG                  mean over the old tasks of A(i, T_i) - A(i, last)
    min-ACC               mean over the old tasks of min over n > T_i of A(i, n)
    WC-ACC                A(current, last) / k + (1 - 1/k) min-ACC

Every value is in the unit of the measure (return or success rate). "Last" is the last evaluation
that measured the task. Each function raises `NotComputable`, with the reason, rather than guess.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from l2rl.metrics.evaluation_matrix import NEVER, EvaluationMatrix


class NotComputable(Exception):
    """A metric has no value here; the message says why, in words for a report."""


def average_performance(matrix: EvaluationMatrix) -> float:
    """Mean latest performance of the learned tasks, in the measure's unit."""
    if not matrix.learned:
        raise NotComputable("no task has been learned yet")
    return _mean(_latest(matrix, task) for task in matrix.learned)


def forgetting(matrix: EvaluationMatrix) -> float:
    """FORG: mean loss of the old tasks since they were learned; negative means they gained."""
    _require_old_tasks(matrix)
    return _mean(task_forgetting(matrix, task) for task in matrix.old_tasks())


def min_acc(matrix: EvaluationMatrix) -> float:
    """min-ACC: mean over the old tasks of the worst performance since they were learned."""
    _require_old_tasks(matrix)
    return _mean(_worst_since_learned(matrix, task) for task in matrix.old_tasks())


def wc_acc(matrix: EvaluationMatrix) -> float:
    """WC-ACC: the current task's performance traded off against the worst of the old ones."""
    if not matrix.learned:
        raise NotComputable("no task has been learned yet")
    share = 1.0 / len(matrix.learned)
    current = share * _latest(matrix, matrix.current)
    return current if share == 1.0 else current + (1.0 - share) * min_acc(matrix)


def task_forgetting(matrix: EvaluationMatrix, task: str) -> float:
    """Performance of one task when it was learned minus its latest, in the measure's unit."""
    learned_at = _learned_at(matrix, task)
    when_learned = float(matrix.column(task)[learned_at])
    if np.isnan(when_learned):
        raise NotComputable(f"{task} has no value at the evaluation that ended its learning")
    return when_learned - _latest(matrix, task)


MATRIX_METRICS: dict[str, Callable[[EvaluationMatrix], float]] = {
    "matrix/average_performance": average_performance,
    "matrix/forgetting": forgetting,
    "gap/min_acc": min_acc,
    "gap/wc_acc": wc_acc,
}
"""Every metric that is a function of one evaluation matrix, by its qualified name."""


def _require_old_tasks(matrix: EvaluationMatrix) -> None:
    if not matrix.old_tasks():
        raise NotComputable("fewer than two tasks were learned, so nothing can be forgotten yet")


def _learned_at(matrix: EvaluationMatrix, task: str) -> int:
    learned_at = int(matrix.learned_at[matrix.tasks.index(task)])
    if learned_at == NEVER:
        raise NotComputable(f"no evaluation was made during or right after the learning of {task}")
    return learned_at


def _latest(matrix: EvaluationMatrix, task: str) -> float:
    value = matrix.latest(task)
    if np.isnan(value):
        raise NotComputable(f"{task} was not evaluated, or its last value is not a number")
    return value


def _worst_since_learned(matrix: EvaluationMatrix, task: str) -> float:
    after = slice(_learned_at(matrix, task) + 1, None)
    values = matrix.column(task)[after]
    measured = values[matrix.measured[after, matrix.tasks.index(task)]]
    if measured.size == 0:
        raise NotComputable(f"{task} has not been evaluated since it was learned")
    if np.isnan(measured).any():
        raise NotComputable(f"an evaluation of {task} after its learning is not a number")
    return float(measured.min())


def _mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))
