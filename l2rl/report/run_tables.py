"""The tables of one run's report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from l2rl.metrics.detection import Change, beside, detector_of
from l2rl.metrics.registry import is_custom
from l2rl.metrics.run_log import RunLog
from l2rl.report.definitions import definition_of, family_of
from l2rl.report.life import Life
from l2rl.report.matrix_figures import block_rows
from l2rl.report.style import count
from l2rl.report.summary import TaskLine
from l2rl.report.tables import Cell, Column, Table, columns, count_cell, figure_cell, words
from l2rl.runs.log_views import Event

SHOWN_ROWS = 300
"""Rows of a table of events; a detector that fires all the time must not make it endless."""
BETTER = {"higher": "higher", "lower": "lower", "neither": ""}


def task_table(lines: Sequence[TaskLine], figures: Mapping[str, Any]) -> Table:
    """A row a task that was evaluated."""
    with_success = any(line.success for line in lines)
    titles = ["task", "latest", "best", "forgetting", *(["latest success"] if with_success else [])]
    heads = [*columns(titles, titles[1:]), Column("over the lifetime")]
    rows = []
    for line in lines:
        measured = figures.get(line.name, {})
        returns = measured.get("return", {})
        cells = [Cell(line.name, line.name, dot=line.colour)]
        cells += [figure_cell(returns.get(key)) for key in ("final", "best", "forgetting")]
        if with_success:
            cells.append(figure_cell(measured.get("success", {}).get("final"), 3))
        curve = Cell("" if line.spark else "–", "", dot=line.colour, spark=line.spark)
        rows.append([*cells, curve if line.spark else words("–")])
    return Table("tasks", "Every task in numbers", heads, rows)


def block_table(life: Life) -> Table:
    """What was left of every task after every block."""
    heads = [Column("block"), Column("env steps", True)]
    heads += [Column(task, True) for task in life.matrix.tasks]
    rows = [
        [
            words(row.name),
            count_cell(row.at),
            *(Cell(c.text, c.value, colour=c.colour, strong=c.learned_here) for c in row.cells),
        ]
        for row in block_rows(life)
    ]
    return Table(
        "task-matrix", "Return on every task after every block", heads, rows, look="matrix"
    )


def change_table(run: RunLog) -> Table:
    """Every true change with its detection and delay, and the false alarms."""
    heads = (
        Column("change to"),
        Column("at env step", True),
        Column("task was"),
        Column("detector"),
        Column("detected at", True),
        Column("delay in env steps", True),
        Column("called"),
        Column("belief", True, "Number of the context that the detector believed in from then on."),
    )
    announced = [event for event in run.events if event.name == "change_detected"]
    rows: list[list[Cell]] = []
    for detector in sorted({detector_of(event) for event in announced}) or [""]:
        own = [event for event in announced if detector_of(event) == detector]
        seen = beside(run, own)
        pairs = zip(seen.changes, seen.found, strict=True)
        rows += [_change_row(change, event, detector) for change, event in pairs]
        rows += [_change_row(None, event, detector) for event in seen.false_alarms]
    return Table("changes", "True changes and their detection", heads, rows[:SHOWN_ROWS])


def event_table(life: Life) -> Table:
    """The first events of the log."""
    heads = columns(
        ["env steps", "event", "value", "task in training", "detail"], ["env steps", "value"]
    )
    rows = [_event_row(event) for event in life.events[:SHOWN_ROWS]]
    return Table("events", "What was logged as an event", heads, rows, filtered=True)


def metric_table(figures: Mapping[str, Mapping[str, Any]]) -> Table:
    """Every figure by its qualified name; those of other packages' families, too."""
    heads = (
        Column("metric", tip="Qualified name; hover over one for its definition."),
        Column("family"),
        Column("value", True),
        Column("unit"),
        Column("better"),
        Column("definition"),
        Column("why there is none, or what to know of it"),
    )
    rows = [_metric_row(name, figure) for name, figure in figures.items()]
    return Table("metrics", "All metrics by qualified name", heads, rows, filtered=True)


def _metric_row(name: str, figure: Mapping[str, Any]) -> list[Cell]:
    definition = definition_of(name)
    family = family_of(name) + (" (of an outside package)" if is_custom(name) else "")
    return [
        words(name, definition),
        words(family),
        figure_cell(figure["value"]),
        words(figure.get("unit", "")),
        words(BETTER[figure.get("direction", "neither")]),
        words(definition),
        words("; ".join(part for part in (figure["reason"], figure.get("note")) if part)),
    ]


def _change_row(change: Change | None, event: Event | None, detector: str) -> list[Cell]:
    delay = event.env_steps - change.env_steps if change and event else None
    told = event.detail if event else {}
    missed = "missed" if detector else ""
    return [
        words(change.task if change else "no change: a false alarm"),
        count_cell(change.env_steps if change else None),
        words(("known" if change.known else "new") if change else ""),
        words(detector),
        count_cell(event.env_steps if event else None),
        count_cell(delay),
        words(str(told.get("kind", "unknown")) if event else missed),
        _belief(told.get("belief")),
    ]


def _belief(belief: Any) -> Cell:
    return count_cell(belief if isinstance(belief, int | float) else None)


def _event_row(event: Event) -> list[Cell]:
    details = ", ".join(f"{key}: {value}" for key, value in sorted(event.detail.items()))
    return [
        Cell(count(event.env_steps), event.env_steps),
        words(event.name.replace("_", " ")),
        figure_cell(event.value),
        words(event.trained_task),
        words(details),
    ]
