"""The figures of a run's page in their order, each with its heading, its words and its table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from l2rl.metrics.run_log import RunLog
from l2rl.metrics.scalability import block_costs
from l2rl.report.component_figures import (
    Panel,
    learner_panels,
    other_panels,
    panel_figure,
    plasticity_panels,
    timeline_figure,
)
from l2rl.report.cost_figures import cost_figure, cost_rows, cost_table
from l2rl.report.figure_words import (
    cost_words,
    evaluation_words,
    gap_words,
    panel_words,
    timeline_words,
    training_words,
)
from l2rl.report.gap_figures import SHOWN_PANELS, close_looks, gap_figure, gap_table
from l2rl.report.learning_figures import evaluation_figure, training_figure
from l2rl.report.life import Life
from l2rl.report.matrix_figures import heat_figure
from l2rl.report.run_tables import block_table, change_table
from l2rl.report.style import Dict
from l2rl.report.tables import Table


@dataclass(frozen=True)
class Section:
    """One figure of the page with its heading."""

    name: str
    title: str
    look_for: str
    """One line: what to look for."""
    figure: Dict | None
    missing: str
    """What to say when there is nothing to show; "" leaves the section out."""
    told: Sequence[str] = field(default_factory=list)
    """The figure in words."""
    table: Table | None = None

    @property
    def shown(self) -> bool:
        return bool(self.figure or self.missing or (self.table and self.table.rows))


def sections(run: RunLog, life: Life, timing: dict[str, Any]) -> list[Section]:
    """Those that have something to show, or to say why not."""
    found = [
        *_curves(life),
        _gap(life),
        *_matrices(life),
        _timeline(run, life),
        _cost(run, timing),
        *_panels(life),
    ]
    return [section for section in found if section.shown]


def _curves(life: Life) -> list[Section]:
    return [
        Section(
            "evaluation",
            "Every task, measured all along",
            "Look for curves that fall outside their own shaded block: that is forgetting. A dip "
            "right after a change that recovers is the stability gap. The band is one standard "
            "deviation over the episodes.",
            evaluation_figure(life),
            "Nothing has been evaluated yet.",
            evaluation_words(life),
        ),
        Section(
            "training",
            "Returns while training",
            "Look at how fast each block rises, and whether a task met again starts where it "
            "ended. Dots are episodes, lines their moving mean.",
            training_figure(life),
            "No training episode has ended yet.",
            training_words(life),
        ),
    ]


def _gap(life: Life) -> Section:
    looks = close_looks(life.matrix)
    limit = ""
    if len(looks) > SHOWN_PANELS:
        limit = f" Of {len(looks)}, the {SHOWN_PANELS} with the deepest dips are drawn."
    return Section(
        "gap",
        "The stability gap near by",
        "One panel for each task that had been learned before a true change: its evaluations just "
        "before and after. The dotted level is the value before, the cross the lowest point until "
        "the next change. Look for dips that take long to recover, or never do." + limit,
        gap_figure(life, looks),
        "No earlier task was evaluated before and after a change.",
        gap_words(looks),
        gap_table(looks) if looks else None,
    )


def _matrices(life: Life) -> list[Section]:
    table = block_table(life)
    return [
        Section(
            "heat",
            "Evaluation matrix over time",
            "Each row is a task on its own scale from its worst to its best. Look for rows that "
            "turn dark after their block. White lines separate the learning blocks.",
            heat_figure(life),
            "",
            ["The table that follows has these values at the end of every block."],
        ),
        Section(
            "matrix",
            "What was left after each block",
            "Read down a column: the task's return at the last evaluation of each block. The "
            "outlined value is that of the task just learned; the deeper the blue, the nearer to "
            "the task's own best.",
            None,
            "",
            table=table if table.rows else None,
        ),
    ]


def _timeline(run: RunLog, life: Life) -> Section:
    table = change_table(run)
    return Section(
        "timeline",
        "What the components did",
        "Look for detections right after the true changes (black ticks); a detection without "
        "one above it is a false alarm. Experts and replay ratio should react to them.",
        timeline_figure(life),
        "No component reported detections, experts or a replay ratio.",
        timeline_words(life),
        table if table.rows else None,
    )


def _cost(run: RunLog, timing: dict[str, Any]) -> Section:
    rows = cost_rows(block_costs(run), timing)
    return Section(
        "cost",
        "Cost against tasks met",
        "Look for curves that rise with the number of tasks: an agent that grows cannot live for "
        "ever. Filled marks are blocks that met a new task, hollow ones all others.",
        cost_figure(rows),
        "No block has ended yet, or the log does not say how large the agent was.",
        cost_words(rows),
        cost_table(rows) if rows else None,
    )


def _panels(life: Life) -> list[Section]:
    plasticity, learner, others = plasticity_panels(life), learner_panels(life), other_panels(life)
    return [
        _grid(
            life,
            "plasticity",
            "Plasticity",
            "Look for active units and rank that sink, and dormant units and drift that grow, from "
            "block to block: a network that can no longer learn.",
            plasticity,
            "No plasticity monitor was part of this run.",
            columns=2,
        ),
        _grid(
            life,
            "learner",
            "The learner",
            "Look for losses that blow up and coefficients that leave their schedule.",
            learner,
            "No scalar of the learner was logged.",
        ),
        _grid(
            life,
            "others",
            "Other numbers of the components",
            "Every further number that a component reports, by its name in the log.",
            others,
            "",
        ),
    ]


def _grid(
    life: Life,
    name: str,
    title: str,
    look_for: str,
    panels: list[Panel],
    missing: str,
    columns: int = 3,
) -> Section:
    figure = panel_figure(life, panels, columns)
    return Section(name, title, look_for, figure, missing, panel_words(panels))
