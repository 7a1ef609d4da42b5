"""R[evaluation, task]: the table from which the continual-evaluation metrics are computed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from l2rl.errors import UserError
from l2rl.runs.log_views import BlockSpan, block_spans, rows_of, words

NEVER = -1
"""In place of a row of the matrix: there is no such evaluation."""


@dataclass(frozen=True)
class Phase:
    """A stretch of learning one task: blocks of sleep and evaluation do not end it, the beginning
    of another task does."""

    task: str
    start: int
    """Env steps of the lifetime at which it began."""
    end: int
    """Env steps at which its learning ended, or those reached so far."""
    start_row: int
    """Row of the log at which it began."""
    end_row: int
    """Row of the log at which the next phase began."""

    @property
    def env_steps(self) -> int:
        """Length of the learning in env steps."""
        return self.end - self.start


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
    phases: tuple[Phase, ...]
    """The learning phases, in order."""

    def old_tasks(self) -> tuple[str, ...]:
        """The learned tasks but the current one: those that can be forgotten."""
        return tuple(task for task in self.learned if task != self.current)

    def column(self, task: str) -> NDArray[np.float64]:
        """(evaluations,) values of one task; NaN where it was not measured."""
        values: NDArray[np.float64] = self.performance[:, self.tasks.index(task)]
        return values

    def measured_rows(self, task: str) -> NDArray[np.int64]:
        """Rows of the evaluations that measured the task; none of a task that never was."""
        return self._measured_rows.get(task, np.zeros(0, dtype=np.int64))

    @cached_property
    def _measured_rows(self) -> dict[str, NDArray[np.int64]]:
        return {task: np.flatnonzero(self.measured[:, i]) for i, task in enumerate(self.tasks)}

    def latest(self, task: str) -> float:
        """The task's value at the last evaluation that measured it; NaN if none did."""
        rows = self.measured_rows(task)
        return float(self.column(task)[rows[-1]]) if rows.size else float("nan")

    def first_phases(self) -> tuple[Phase, ...]:
        """The first phase of every learned task, in order."""
        first = {phase.task: phase for phase in reversed(self.phases)}
        return tuple(first[task] for task in self.learned)

    def inside(self, phase: Phase) -> NDArray[np.int64]:
        """Rows of the evaluations that were made in a phase, its end included."""
        begin, end = np.searchsorted(self.first_row, (phase.start_row, phase.end_row))
        return np.arange(begin, end)

    def before(self, phase: Phase) -> int:
        """Row of the last evaluation before a phase, or `NEVER`."""
        return int(np.searchsorted(self.first_row, phase.start_row)) - 1


def evaluation_matrix(log: pa.Table, measure: str = "return") -> EvaluationMatrix:
    """The matrix of one measure (`return` or `success`) of a tidy log.

    Raises `UserError` if the log contradicts itself: a task measured twice in one evaluation, or
    env steps that go backwards.
    """
    table = rows_of(log, kind="evaluation", metric=measure)
    phases = learning_phases(table, block_spans(log), log.num_rows)
    learned = tuple(dict.fromkeys(phase.task for phase in phases))
    codes, names = words(table["evaluated_task"])
    seen = [names[code] for code in _in_order(codes)]
    tasks = tuple(dict.fromkeys([*learned, *seen]))
    numbers, place = np.unique(table["evaluation"].to_numpy(), return_inverse=True)
    columns = np.array([tasks.index(n) if n in tasks else 0 for n in names], dtype=np.int64)[codes]
    rows = table["row"].to_numpy()
    _check_once(table, place, columns, tasks)
    performance = np.full((numbers.size, len(tasks)), np.nan)
    measured = np.zeros(performance.shape, dtype=np.bool_)
    env_steps = np.zeros(numbers.size, dtype=np.int64)
    first_row = np.full(numbers.size, np.iinfo(np.int64).max)
    performance[place, columns] = table["value"].to_numpy()
    measured[place, columns] = True
    env_steps[place] = table["env_steps"].to_numpy()
    np.minimum.at(first_row, place, rows)
    _check_order(env_steps, first_row)
    return EvaluationMatrix(
        tasks=tasks,
        performance=performance,
        measured=measured,
        env_steps=env_steps,
        learned_at=_learned_at(tasks, phases, first_row),
        learned=learned,
        current=phases[-1].task if phases else "",
        first_row=first_row,
        episodes=_episodes(log, numbers, tasks),
        phases=phases,
    )


def learning_phases(
    evaluations: pa.Table, spans: list[BlockSpan], log_rows: int
) -> tuple[Phase, ...]:
    """The phases as the blocks say, and, lacking those, as the task named in the evaluations."""
    blocks = [span for span in spans if span.kind == "learn"]
    if not blocks:
        return _phases_of_evaluations(evaluations, log_rows)
    firsts = [i for i in range(len(blocks)) if i == 0 or blocks[i].task != blocks[i - 1].task]
    ends = [*firsts[1:], len(blocks)]
    return tuple(
        Phase(
            task=blocks[first].task,
            start=blocks[first].start,
            end=blocks[end - 1].end,
            start_row=blocks[first].start_row,
            end_row=blocks[end].start_row if end < len(blocks) else log_rows,
        )
        for first, end in zip(firsts, ends, strict=True)
    )


def _phases_of_evaluations(table: pa.Table, log_rows: int) -> tuple[Phase, ...]:
    """A phase begins right after the last evaluation under another task."""
    codes, names = words(table["trained_task"])
    rows, steps = table["row"].to_numpy(), table["env_steps"].to_numpy()
    cuts = np.append(np.flatnonzero(np.diff(codes, prepend=-1)), codes.size)
    return tuple(
        Phase(
            task=names[codes[first]],
            start=int(steps[first - 1]) if first else 0,
            end=int(steps[end - 1]),
            start_row=int(rows[first]),
            end_row=int(rows[end]) if end < codes.size else log_rows,
        )
        for first, end in pairwise(cuts.tolist())
        if names[codes[first]]
    )


def _in_order(codes: NDArray[np.int64]) -> list[int]:
    """The codes that occur, in the order in which they first do."""
    found, first = np.unique(codes, return_index=True)
    return [int(code) for code in found[np.argsort(first)]]


def _check_once(
    table: pa.Table, place: NDArray[np.int64], columns: NDArray[np.int64], tasks: tuple[str, ...]
) -> None:
    pairs = place * max(len(tasks), 1) + columns
    order = np.argsort(pairs, kind="stable")
    doubled = np.flatnonzero(np.diff(pairs[order]) == 0)
    if doubled.size:
        at = int(order[doubled[0] + 1])
        row, number = table["row"][at].as_py(), table["evaluation"][at].as_py()
        raise UserError(
            f"row {row} of the log measures {tasks[columns[at]]!r} a second time in evaluation "
            f"{number}: two runs were written into one log, or a part was copied in twice"
        )


def _check_order(env_steps: NDArray[np.int64], first_row: NDArray[np.int64]) -> None:
    wrong = np.flatnonzero((np.diff(env_steps) < 0) | (np.diff(first_row) < 0))
    if wrong.size:
        at = int(wrong[0]) + 1
        raise UserError(
            f"row {first_row[at]} of the log begins an evaluation at env step {env_steps[at]}, "
            f"after one at env step {env_steps[at - 1]}: the evaluations are not in order"
        )


def _learned_at(
    tasks: tuple[str, ...], phases: tuple[Phase, ...], first_row: NDArray[np.int64]
) -> NDArray[np.int64]:
    """(tasks,) row of the last evaluation inside each task's first phase, or `NEVER`."""
    first = {phase.task: phase for phase in reversed(phases)}
    found = np.full(len(tasks), NEVER, dtype=np.int64)
    for i, task in enumerate(tasks):
        if task in first:
            begin, end = np.searchsorted(first_row, (first[task].start_row, first[task].end_row))
            found[i] = end - 1 if end > begin else NEVER
    return found


def _episodes(
    log: pa.Table, numbers: NDArray[np.int64], tasks: tuple[str, ...]
) -> NDArray[np.float64]:
    """(evaluations, tasks) episodes of every measurement; NaN where the log does not say."""
    counts = np.full((numbers.size, len(tasks)), np.nan)
    table = rows_of(log, kind="evaluation", metric="episodes")
    codes, names = words(table["evaluated_task"])
    columns = np.array([tasks.index(n) if n in tasks else NEVER for n in names], dtype=np.int64)
    column, number = columns[codes], table["evaluation"].to_numpy()
    known = (column != NEVER) & np.isin(number, numbers)
    values = table["value"].to_numpy()[known]
    counts[np.searchsorted(numbers, number[known]), column[known]] = values
    return counts
