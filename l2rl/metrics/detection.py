"""Detected changes against the true ones, which the log knows and the agent may not.

A true change is a learning block with another task than the block before. The first detection
between it and the next true change is its detection; every other one, and any before the first
true change, is a false alarm; a change without one was missed.

    delay_env_steps               mean over detected changes of the env steps until the detection
    missed                        share of the true changes
    false_alarms_per_million_env_steps
    new_or_recurring_accuracy     share of the detected changes whose kind was right: `new` if the
                                  task had not been learned before, else `recurring`; `unknown` is
                                  wrong
    identity_accuracy             share of the env steps of learning in which the belief meant the
                                  true task, under the one-to-one matching of beliefs and tasks
                                  that makes this share largest (Hungarian method)

With several detectors on one agent, each has figures of its own, `detection/missed/<detector>`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from l2rl.capabilities import CHANGE_EVENTS
from l2rl.metrics.figures import (
    Computed,
    Definition,
    Figure,
    NotComputable,
    figure,
    mean_of,
    without,
)
from l2rl.metrics.run_log import RunLog
from l2rl.runs.log_views import BlockSpan, Event

MILLION = 1_000_000


@dataclass(frozen=True)
class Change:
    """A true change."""

    env_steps: int
    row: int
    """Row of the log at which it stands."""
    task: str
    known: bool
    """The task had been learned before."""

    @property
    def name(self) -> str:
        return f"{self.task} at {self.env_steps}"


@dataclass(frozen=True)
class Detections:
    """The detections of one detector beside the true changes."""

    changes: tuple[Change, ...]
    found: tuple[Event | None, ...]
    """The detection of each change."""
    false_alarms: tuple[Event, ...]
    events: tuple[Event, ...]
    blocks: tuple[BlockSpan, ...]
    """Learning blocks."""
    env_steps: int


def detection(run: RunLog) -> dict[str, Figure]:
    """The family `detection`."""
    events = [event for event in run.events if event.name == "change_detected"]
    detectors = sorted({detector_of(event) for event in events})
    if len(detectors) <= 1:
        reason = None if events else _why_none(run)
        return _figures(beside(run, events), "", reason)
    several = f"there are several detectors: see the figures of {', '.join(detectors)}"
    figures = _figures(beside(run, events), "", several)
    for detector in detectors:
        own = [event for event in events if detector_of(event) == detector]
        figures |= _figures(beside(run, own), f"/{detector}", None)
    return figures


def true_changes(blocks: tuple[BlockSpan, ...]) -> tuple[Change, ...]:
    """Where learning turned to another task, from the learning blocks in order."""
    changes = []
    known: set[str] = set()
    for i, block in enumerate(blocks):
        if i > 0 and block.task != blocks[i - 1].task:
            changes.append(Change(block.start, block.start_row, block.task, block.task in known))
        known.add(block.task)
    return tuple(changes)


def delay(seen: Detections) -> Computed:
    """Env steps from a change to its detection."""
    delays = {
        change.name: float(event.env_steps - change.env_steps)
        for change, event in zip(seen.changes, seen.found, strict=True)
        if event is not None
    }
    if not delays:
        raise NotComputable("no true change was detected")
    return mean_of(delays)


def missed(seen: Detections) -> Computed:
    """Share of the true changes without a detection."""
    _require_changes(seen)
    return mean_of(
        {
            change.name: float(event is None)
            for change, event in zip(seen.changes, seen.found, strict=True)
        }
    )


def false_alarms(seen: Detections) -> Computed:
    """Detections without a true change, per million env steps of the lifetime."""
    if not seen.env_steps:
        raise NotComputable("nothing has been lived yet")
    count = len(seen.false_alarms)
    return Computed(count * MILLION / seen.env_steps, note=f"{count} in {seen.env_steps} env steps")


def new_or_recurring(seen: Detections) -> Computed:
    """Share of the detected changes that were rightly called new or recurring."""
    verdicts = {
        change.name: float(event.detail.get("kind") == ("recurring" if change.known else "new"))
        for change, event in zip(seen.changes, seen.found, strict=True)
        if event is not None
    }
    if not verdicts:
        raise NotComputable("no true change was detected")
    return mean_of(verdicts)


def identity(seen: Detections) -> Computed:
    """Share of the env steps of learning in which the belief was the true task's."""
    table, tasks, beliefs = contingency(seen)
    if not table.sum():
        raise NotComputable("nothing has been learned yet")
    rows, columns = linear_sum_assignment(table, maximize=True)
    pairs = ", ".join(
        f"{beliefs[i]} = {tasks[j]}" for i, j in zip(rows, columns, strict=True) if table[i, j]
    )
    return Computed(float(table[rows, columns].sum() / table.sum()), note=f"matching: {pairs}")


def contingency(seen: Detections) -> tuple[NDArray[np.int64], list[str], list[int]]:
    """((beliefs, tasks) env steps of learning under each belief on each task, tasks, beliefs)."""
    if any("belief" not in event.detail for event in seen.events):
        raise NotComputable("the detections say nothing of a belief")
    first = seen.events[0].detail.get("previous_belief", 0) if seen.events else 0
    held = np.array([first, *(event.detail["belief"] for event in seen.events)], dtype=np.int64)
    since = np.array([0, *(event.env_steps for event in seen.events)], dtype=np.int64)
    tasks = list(dict.fromkeys(block.task for block in seen.blocks))
    begins = np.array([block.start for block in seen.blocks], dtype=np.int64)
    ends = np.array([block.end for block in seen.blocks], dtype=np.int64)
    trained = np.array([tasks.index(block.task) for block in seen.blocks], dtype=np.int64)
    # Cut where belief or block changes; between two cuts both are constant.
    cuts = np.unique(np.concatenate([since, begins, ends]))
    lengths, moments = np.diff(cuts), cuts[:-1]
    place = np.searchsorted(begins, moments, side="right") - 1
    learning = (place >= 0) & (moments < ends[place]) if begins.size else np.zeros(0, np.bool_)
    beliefs, codes = np.unique(held, return_inverse=True)
    believed = codes[np.searchsorted(since, moments, side="right") - 1]
    table = np.zeros((beliefs.size, len(tasks)), dtype=np.int64)
    if begins.size:
        where = (believed[learning], trained[place[learning]])
        np.add.at(table, where, lengths[learning])
    return table, tasks, beliefs.tolist()


def beside(run: RunLog, events: list[Event]) -> Detections:
    """Detections of one detector, in order, beside the true changes."""
    blocks = tuple(block for block in run.blocks if block.kind == "learn")
    changes = true_changes(blocks)
    # By rows of the log: they know what came first where env steps are equal.
    rows = np.array([event.row for event in events], dtype=np.int64)
    limits = [*(change.row for change in changes[1:]), np.iinfo(np.int64).max]
    found: list[Event | None] = []
    taken: set[int] = set()
    for change, limit in zip(changes, limits, strict=False):
        at = int(np.searchsorted(rows, change.row))
        inside = at < rows.size and rows[at] < limit
        found.append(events[at] if inside else None)
        taken |= {at} if inside else set()
    alarms = tuple(event for i, event in enumerate(events) if i not in taken)
    return Detections(changes, tuple(found), alarms, tuple(events), blocks, run.env_steps)


def _figures(seen: Detections, suffix: str, reason: str | None) -> dict[str, Figure]:
    return {
        f"detection/{name}{suffix}": figure(
            partial(metric, seen) if reason is None else without(NotComputable(reason)), definition
        )
        for name, (metric, definition) in _METRICS.items()
    }


def detector_of(event: Event) -> str:
    """The name of who announced a detected change."""
    return str(event.detail.get("component") or event.detail.get("detector") or "unnamed")


def _why_none(run: RunLog) -> str | None:
    """Nothing was detected: a detector's failure (None), or was there none?"""
    if "components" not in run.manifest:
        return "no change was announced, and nothing says whether there was a detector"
    components = run.manifest["components"].values()
    if any(CHANGE_EVENTS in component["provides"] for component in components):
        return None
    return "no detector was part of this run"


def _require_changes(seen: Detections) -> None:
    if not seen.changes:
        raise NotComputable("the task never changed")


_METRICS: dict[str, tuple[Callable[[Detections], Computed], Definition]] = {
    "delay_env_steps": (delay, Definition("env steps", "lower")),
    "missed": (missed, Definition("share of true changes", "lower")),
    "false_alarms_per_million_env_steps": (
        false_alarms,
        Definition("per million env steps", "lower"),
    ),
    "new_or_recurring_accuracy": (
        new_or_recurring,
        Definition("share of detected changes", "higher"),
    ),
    "identity_accuracy": (identity, Definition("share of env steps", "higher")),
}
