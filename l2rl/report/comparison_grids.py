"""A comparison as grids of text, from which the terminal, Markdown and LaTeX are set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from l2rl.metrics.comparison import Against, Cell, Comparison, MetricInfo
from l2rl.metrics.statistics import Estimate, Summary
from l2rl.metrics.two_groups import PairedDifference
from l2rl.report.style import number
from l2rl.report.summary import cadence_words

NONE = "–"
MOST_ROWS = 45
"""Rows of a table that fits on one page of paper."""
_METHODS: Mapping[str, str] = {
    "percentile": "percentile bootstrap",
    "t": "Student's t",
    "bca": "BCa bootstrap",
}
_BETTER: Mapping[str, str] = {
    "higher": "higher is better",
    "lower": "lower is better",
    "neither": "",
}


@dataclass(frozen=True)
class Grid:
    """A table with one line of heading."""

    title: str
    heading: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    """Below the table: what is missing in it and why."""


def grids(comparison: Comparison) -> Iterator[Grid]:
    """One grid a metric, then the components' effects and the verdicts."""
    for info in comparison.metrics:
        yield metric_grid(comparison, info)
    yield from effect_grids(comparison)
    yield from verdict_grid(comparison)


def metric_grid(comparison: Comparison, info: MetricInfo) -> Grid:
    """Variants below each other in one metric."""
    heading: tuple[str, ...] = ("variant", "seeds", "IQM", "mean", "median")
    if comparison.baseline:
        heading = (*heading, f"minus {comparison.baseline}", "P(better)")
    rows, notes = [], []
    for group in comparison.groups:
        cell = comparison.cells[group.name, info.name]
        against = comparison.against.get((group.name, info.name))
        row = (group.name, *_of_cell(cell))
        rows.append(row + (_of_against(against) if comparison.baseline else ()))
        notes += [f"{group.name}: {note}" for note in _reasons(cell, against)]
    notes += [note for note in (cadence_of(info), info.note) if note]
    return Grid(title_of(info), heading, tuple(rows), tuple(dict.fromkeys(notes)))


def column_grids(comparison: Comparison) -> Iterator[Grid]:
    """All metrics below each other, as wide as a journal's column: a row of one cell names the
    metric, then a row a variant. No more than `MOST_ROWS` rows a grid."""
    heading: tuple[str, ...] = ("variant", "seeds", "mean")
    if comparison.baseline:
        heading = (*heading, f"minus {comparison.baseline}", "P(better)")
    pages: list[list[tuple[str, ...]]] = [[]]
    for info in comparison.metrics:
        rows = [(title_of(info),), *_column_rows(comparison, info)]
        if pages[-1] and len(pages[-1]) + len(rows) > MOST_ROWS:
            pages.append([])
        pages[-1] += rows
    for rows in pages:
        title = f"mean over seeds and paired difference, {intervals_words(comparison)}"
        yield Grid(title, heading, tuple(rows))


def _column_rows(comparison: Comparison, info: MetricInfo) -> Iterator[tuple[str, ...]]:
    for group in comparison.groups:
        summary = comparison.cells[group.name, info.name].summary
        count = str(summary.lifetimes) if summary else "0"
        row = (group.name, count, estimate_text(summary.mean) if summary else NONE)
        against = comparison.against.get((group.name, info.name))
        yield row + (_of_against(against) if comparison.baseline else ())


def summary_grid(comparison: Comparison) -> Grid:
    """Variants by metrics: the mean with its interval, as for a paper."""
    heading = ("variant", "seeds", *(info.name for info in comparison.metrics))
    rows = []
    for group in comparison.groups:
        cells = [comparison.cells[group.name, info.name] for info in comparison.metrics]
        values = [estimate_text(c.summary.mean) if c.summary else NONE for c in cells]
        rows.append((group.name, str(len(group.seeds)), *values))
    title = f"mean over seeds, {intervals_words(comparison)}"
    return Grid(title, heading, tuple(rows))


def intervals_words(comparison: Comparison) -> str:
    """Such as `95 % intervals (percentile bootstrap)`."""
    return f"{comparison.confidence * 100:g} % intervals ({_METHODS[comparison.method]})"


def difference_grid(comparison: Comparison) -> Iterator[Grid]:
    """Variants by metrics: the paired difference to the baseline."""
    if not comparison.baseline:
        return
    heading = ("variant", *(info.name for info in comparison.metrics))
    rows = tuple(
        (
            group.name,
            *(
                difference_text(comparison.against[group.name, info.name].difference)
                for info in comparison.metrics
            ),
        )
        for group in comparison.groups
        if group.name != comparison.baseline
    )
    yield Grid(f"difference to {comparison.baseline}, paired by seed", heading, rows)


def effect_grids(comparison: Comparison) -> Iterator[Grid]:
    """What each component does, metric by metric."""
    for effect in comparison.effects:
        pairs = ", ".join(f"{one} - {other}" for one, other in effect.pairs)
        rows = tuple(
            (info.name, difference_text(effect.differences[info.name]), _BETTER[info.direction])
            for info in comparison.metrics
        )
        title = f"effect of {effect.component}, paired by seed: {pairs}"
        yield Grid(title, ("metric", "with minus without", ""), rows)


def verdict_grid(comparison: Comparison) -> Iterator[Grid]:
    """The L2M criteria, each group's verdicts below each other."""
    rows = [
        (
            name,
            verdict.criterion,
            number(verdict.value),
            {True: "met", False: "not met", None: NONE}[verdict.met],
            NONE if verdict.confidence is None else f"{verdict.confidence:.1%}",
            verdict.reason or "",
        )
        for name, verdicts in comparison.verdicts.items()
        for verdict in verdicts
    ]
    if rows:
        heading = ("variant", "criterion", "mean", "verdict", "confidence", "")
        yield Grid("criteria of lifelong learning (L2M)", heading, tuple(rows))


def left_out_grid(comparison: Comparison) -> Iterator[Grid]:
    """Runs that could not be used."""
    if comparison.left_out:
        rows = tuple((str(one.path), one.reason) for one in comparison.left_out)
        yield Grid("left out", ("directory", "why"), rows)


def title_of(info: MetricInfo) -> str:
    """Such as `gap/min_acc (return, higher is better)`."""
    said = ", ".join(part for part in (info.unit, _BETTER[info.direction]) if part)
    return f"{info.name} ({said})" if said else info.name


def cadence_of(info: MetricInfo) -> str:
    """Such as `measured every 10 000 env steps, 5 episodes`; "" where that does not matter."""
    return "" if info.cadence is None else f"measured {cadence_words(info.cadence)}"


def estimate_text(estimate: Estimate) -> str:
    """Such as `12.5 [11.2, 13.9]`."""
    if estimate.low is None:
        return number(estimate.value)
    return f"{number(estimate.value)} [{number(estimate.low)}, {number(estimate.high)}]"


def difference_text(difference: PairedDifference) -> str:
    """The mean difference with its interval."""
    return estimate_text(difference.summary.mean) if difference.summary else NONE


def _of_cell(cell: Cell) -> tuple[str, ...]:
    if cell.summary is None:
        return ("0", NONE, NONE, NONE)
    summary: Summary = cell.summary
    estimates = (summary.iqm, summary.mean, summary.median)
    return (str(summary.lifetimes), *(estimate_text(estimate) for estimate in estimates))


def _of_against(against: Against | None) -> tuple[str, ...]:
    if against is None:
        return (NONE, NONE)
    better = against.improvement
    return (difference_text(against.difference), estimate_text(better) if better else NONE)


def _reasons(cell: Cell, against: Against | None) -> Iterator[str]:
    if cell.reason:
        yield cell.reason
    if cell.summary is not None and cell.summary.mean.reason:
        yield cell.summary.mean.reason
    if against is not None and against.difference.reason:
        yield against.difference.reason
