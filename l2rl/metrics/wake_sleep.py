"""What sleep does: performance after a sleep block minus before it, and the same of waking.

    change                  mean over sleep blocks and tasks learned so far
    change_old_tasks        of these, the tasks that were not being learned before the sleep
    change_current_task     and the one that was
    change_old_tasks_awake  for comparison: mean over learning blocks and the tasks learned before
                            and not in them, of the value after the block minus before it

An evaluation counts as before (after) a block if no env steps lie between the two. In the unit of
the measure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from l2rl.metrics.evaluation_matrix import EvaluationMatrix
from l2rl.metrics.figures import (
    Computed,
    Definition,
    Figure,
    NotComputable,
    cadence,
    figure,
    mean_of,
)
from l2rl.metrics.run_log import RunLog, named
from l2rl.runs.log_views import BlockSpan


def wake_sleep(run: RunLog) -> dict[str, Figure]:
    """The family `sleep`, for every measure that the log has."""
    metrics: dict[str, Callable[[RunLog, str], Computed]] = {
        "change": partial(_over_sleep, old=True, current=True),
        "change_old_tasks": partial(_over_sleep, old=True, current=False),
        "change_current_task": partial(_over_sleep, old=False, current=True),
        "change_old_tasks_awake": _over_learning,
    }
    figures: dict[str, Figure] = {}
    for measure in run.measures:
        looked = cadence(run.matrix(measure))
        for name, metric in metrics.items():
            figures[named(f"sleep/{name}", measure)] = figure(
                partial(metric, run, measure),
                Definition(measure, "higher"),
                measure=measure,
                cadence=looked,
            )
    return figures


def _over_sleep(run: RunLog, measure: str, *, old: bool, current: bool) -> Computed:
    blocks = [span for span in run.blocks if span.kind == "sleep"]
    if not blocks:
        raise NotComputable("there was no sleep")
    changes: dict[str, float] = {}
    for block, met, latest in _with_knowledge(run.blocks):
        if block.kind == "sleep":
            wanted = [task for task in met if (current if task == latest else old)]
            changes |= _changes(run.matrix(measure), block, wanted)
    if not changes:
        raise NotComputable("no sleep block has an evaluation right before and right after it")
    return mean_of(changes)


def _over_learning(run: RunLog, measure: str) -> Computed:
    changes: dict[str, float] = {}
    for block, met, _ in _with_knowledge(run.blocks):
        if block.kind == "learn":
            wanted = [task for task in met if task != block.task]
            changes |= _changes(run.matrix(measure), block, wanted)
    if not changes:
        raise NotComputable(
            "no learning block has old tasks that were evaluated right before and right after it"
        )
    return mean_of(changes)


def _with_knowledge(
    blocks: tuple[BlockSpan, ...],
) -> Iterator[tuple[BlockSpan, tuple[str, ...], str]]:
    """(block, tasks learned before it, the one learned last before it)."""
    met: dict[str, None] = {}
    latest = ""
    for block in blocks:
        yield block, tuple(met), latest
        if block.kind == "learn":
            latest = block.task
            met[latest] = None


def _changes(matrix: EvaluationMatrix, block: BlockSpan, tasks: list[str]) -> dict[str, float]:
    """Value after the block minus before it, of each task that was measured at both.

    Before: the last evaluation ahead of the block; after: the first one at its end, be it inside
    or behind it.
    """
    changes = {}
    begun = int(np.searchsorted(matrix.first_row, block.start_row))
    ended = max(begun, int(np.searchsorted(matrix.env_steps, block.end)))
    for task in tasks:
        rows, values = matrix.measured_rows(task), matrix.column(task)
        split, after = np.searchsorted(rows, (begun, ended))
        if split == 0 or after == rows.size:
            continue
        before, end = rows[split - 1], rows[after]
        steps = matrix.env_steps[before], matrix.env_steps[end]
        if steps == (block.start, block.end) and np.isfinite(values[[before, end]]).all():
            changes[f"{task} in block {block.index}"] = float(values[end] - values[before])
    return changes
