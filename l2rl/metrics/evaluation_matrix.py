"""R[evaluation, task]: the table from which the continual-evaluation metrics are computed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from l2rl.runs.log_views import BlockSpan, block_spans, rows_of

NEVER = -1
"""In `learned_at`: the task was not learned, or nobody evaluated while or just after it was."""


@dataclass(frozen=True)
class EvaluationMatrix:
    """Performance of every task at every evaluation, and when each task was learned.

    Rows are evaluations in order, columns are tasks: those learned, in the order in which they
    were first learned, then those that were only evaluated.
    """

    tasks: tuple[str, ...]
    performance: NDArray[np.float64]
    """(evaluations, tasks); NaN where the task was not measured or its value is not a number."""
    measured: NDArray[np.bool_]
    """(evaluations, tasks): the task was part of this evaluation."""
    env_steps: NDArray[np.int64]
    """(evaluations,) env steps of the lifetime."""
    learned_at: NDArray[np.int64]
    """(tasks,) row of the last evaluation of the task's first learning phase, or `NEVER`."""
    learned: tuple[str, ...]
    """The tasks that were learned so far, in order of first learning."""
    current: str
    """The task learned last, or ""."""
    first_row: NDArray[np.int64]
    """(evaluations,) row of the log at which each evaluation begins."""
    episodes: NDArray[np.float64]
    """(evaluations, tasks) episodes behind each value; NaN where unknown."""

    def old_tasks(self) -> tuple[str, ...]:
        """The learned tasks but the current one: those that can be forgotten."""
        return tuple(task for task in self.learned if task != self.current)

    def column(self, task: str) -> NDArray[np.float64]:
        """(evaluations,) values of one task; NaN where it was not measured."""
        values: NDArray[np.float64] = self.performance[:, self.tasks.index(task)]
        return values

    def latest(self, task: str) -> float:
        """The task's value at the last evaluation that measured it; NaN if none did."""
        index = self.tasks.index(task)
        rows = np.flatnonzero(self.measured[:, index])
        return float(self.performance[rows[-1], index]) if rows.size else float("nan")


def evaluation_matrix(log: pa.Table, measure: str = "return") -> EvaluationMatrix:
    """The matrix of one measure (`return` or `success`) of a tidy log.

    A learning phase is a stretch of blocks that learn one task: evaluation and sleep blocks do not
    end it, the beginning of another task does.
    """
    table = rows_of(log, kind="evaluation", metric=measure)
    spans = [span for span in block_spans(log) if span.kind == "learn"]
    phases = _phases(table, spans)
    learned = tuple(dict.fromkeys(task for _, task in phases if task))
    tasks = tuple(dict.fromkeys([*learned, *table["evaluated_task"].to_pylist()]))
    numbers, place = np.unique(table["evaluation"].to_numpy(), return_inverse=True)
    column = np.array([tasks.index(t) for t in table["evaluated_task"].to_pylist()], dtype=np.int64)
    performance = np.full((numbers.size, len(tasks)), np.nan)
    measured = np.zeros(performance.shape, dtype=np.bool_)
    env_steps = np.zeros(numbers.size, dtype=np.int64)
    first_row = np.full(numbers.size, np.iinfo(np.int64).max)
    performance[place, column] = table["value"].to_numpy()
    measured[place, column] = True
    env_steps[place] = table["env_steps"].to_numpy()
    np.minimum.at(first_row, place, table["row"].to_numpy())
    return EvaluationMatrix(
        tasks=tasks,
        performance=performance,
        measured=measured,
        env_steps=env_steps,
        learned_at=np.array([_learned_at(t, phases, first_row) for t in tasks], dtype=np.int64),
        learned=learned,
        current=phases[-1][1] if phases else "",
        first_row=first_row,
        episodes=_episodes(log, numbers, tasks),
    )


def _phases(evaluations: pa.Table, spans: list[BlockSpan]) -> list[tuple[int, str]]:
    """`(first row, task)` of every learning phase, from the blocks and, lacking those, from the
    task named in the evaluations."""
    marks = [(span.start_row, span.task) for span in spans]
    if not marks:
        rows, trained = evaluations["row"].to_pylist(), evaluations["trained_task"].to_pylist()
        marks = [(row, task) for row, task in zip(rows, trained, strict=True) if task]
    changes = [marks[i] for i in range(len(marks)) if i == 0 or marks[i][1] != marks[i - 1][1]]
    return changes


def _learned_at(task: str, phases: list[tuple[int, str]], rows: NDArray[np.int64]) -> int:
    """Index of the last evaluation inside the task's first phase, or `NEVER`."""
    for number, (start, name) in enumerate(phases):
        if name == task:
            end = phases[number + 1][0] if number + 1 < len(phases) else np.iinfo(np.int64).max
            inside = np.flatnonzero((rows >= start) & (rows < end))
            return int(inside[-1]) if inside.size else NEVER
    return NEVER


def _episodes(
    log: pa.Table, numbers: NDArray[np.int64], tasks: tuple[str, ...]
) -> NDArray[np.float64]:
    """(evaluations, tasks) episodes of every measurement; NaN where the log does not say."""
    counts = np.full((numbers.size, len(tasks)), np.nan)
    table = rows_of(log, kind="evaluation", metric="episodes")
    for number, task, value in zip(
        table["evaluation"].to_pylist(),
        table["evaluated_task"].to_pylist(),
        table["value"].to_pylist(),
        strict=True,
    ):
        if number in numbers and task in tasks:
            counts[np.searchsorted(numbers, number), tasks.index(task)] = value
    return counts
