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

from collections.abc import Callable
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
    for block in blocks:
        awake = [s for s in run.blocks if s.kind == "learn" and s.start_row < block.start_row]
        tasks = dict.fromkeys(span.task for span in awake)
        latest = awake[-1].task if awake else ""
        wanted = [t for t in tasks if (current if t == latest else old)]
        changes |= _changes(run.matrix(measure), run.blocks, block, wanted)
    if not changes:
        raise NotComputable("no sleep block has an evaluation right before and right after it")
    return mean_of(changes)


def _over_learning(run: RunLog, measure: str) -> Computed:
    learning = [span for span in run.blocks if span.kind == "learn"]
    changes: dict[str, float] = {}
    for number, block in enumerate(learning):
        earlier = dict.fromkeys(span.task for span in learning[:number] if span.task != block.task)
        changes |= _changes(run.matrix(measure), run.blocks, block, list(earlier))
    if not changes:
        raise NotComputable(
            "no learning block has old tasks that were evaluated right before and right after it"
        )
    return mean_of(changes)


def _changes(
    matrix: EvaluationMatrix, blocks: tuple[BlockSpan, ...], block: BlockSpan, tasks: list[str]
) -> dict[str, float]:
    """Value after the block minus before it, of each task that was measured at both."""
    changing = [span for span in blocks if span.kind != "evaluate"]
    following = [span.start_row for span in changing if span.start_row > block.start_row]
    until = following[0] if following else np.iinfo(np.int64).max
    changes = {}
    for task in tasks:
        rows = matrix.measured_rows(task) if task in matrix.tasks else np.array([], dtype=np.int64)
        at, steps = matrix.first_row[rows], matrix.env_steps[rows]
        before = rows[(at < block.start_row) & (steps == block.start)]
        after = rows[(at > block.start_row) & (at < until) & (steps == block.end)]
        if before.size and after.size:
            values = matrix.column(task)[[before[-1], after[-1]]]
            if np.isfinite(values).all():
                changes[f"{task} in block {block.index}"] = float(values[1] - values[0])
    return changes
