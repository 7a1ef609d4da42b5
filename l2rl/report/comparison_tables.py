"""Tables of the comparison page: criteria, a summary over all metrics, and each metric in full."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from l2rl.metrics.comparison import Comparison, MetricInfo
from l2rl.metrics.criteria import Verdict
from l2rl.metrics.statistics import Estimate
from l2rl.metrics.two_groups import PairedDifference
from l2rl.report.comparison_figures import variant_style
from l2rl.report.comparison_grids import (
    NONE,
    difference_text,
    estimate_text,
    metric_grid,
    title_of,
)
from l2rl.report.comparison_words import CRITERION_NAMES, SURE, Standing, criterion_name, standing
from l2rl.report.style import number
from l2rl.report.tables import Cell, Column, Table, count_cell, figure_cell, words

_SIGNS: Mapping[Standing, str] = {"better": "▲", "worse": "▼", "unclear": "≈", "unknown": ""}
_TOLD: Mapping[Standing, str] = {
    "better": "clearly better: the interval leaves out 0",
    "worse": "clearly worse: the interval leaves out 0",
    "unclear": "no clear difference: the interval contains 0",
    "unknown": "no direction of this metric is better",
}
_GOOD, _BAD = "#d5efe6", "#fbe3d3"
_GOOD_FAINT, _BAD_FAINT = "#eef8f4", "#fdf3ec"


@dataclass(frozen=True)
class MetricTable:
    """One metric in full, and what must be said with it."""

    title: str
    table: Table
    notes: tuple[str, ...]


def criteria_table(comparison: Comparison) -> Table | None:
    """Variants by L2M criteria; None if none could be judged."""
    known = {v.criterion: v for found in comparison.verdicts.values() for v in found}
    if not any(v.met is not None for found in comparison.verdicts.values() for v in found):
        return None
    order = list(CRITERION_NAMES)
    shown = sorted(known.values(), key=lambda v: order.index(v.criterion.split(" ")[0]))
    titles = [Column("variant"), *(Column(criterion_name(v), tip=v.criterion) for v in shown)]
    rows = []
    for index, (name, verdicts) in enumerate(comparison.verdicts.items()):
        mine = {v.criterion: v for v in verdicts}
        cells = [_verdict_cell(mine.get(v.criterion)) for v in shown]
        rows.append([_variant_cell(name, index), *cells])
    return Table("criteria", "L2M criteria by variant", titles, rows, look="matrix")


def summary_table(comparison: Comparison) -> Table:
    """Metrics by variants: the mean with its interval."""
    groups = comparison.groups
    titles = [Column("metric"), Column("unit"), *(Column(group.name, True) for group in groups)]
    rows = []
    for info in comparison.metrics:
        cells = []
        for group in groups:
            cell = comparison.cells[group.name, info.name]
            cells.append(
                estimate_cell(cell.summary.mean if cell.summary else None, tip=cell.reason)
            )
        rows.append([words(info.name, tip=title_of(info)), words(_unit(info)), *cells])
    return Table("summary", "Mean over seeds of every metric", titles, rows, filtered=True)


def standings_table(comparison: Comparison) -> Table | None:
    """Metrics by variants: better or worse than the baseline, seed by seed; None without one."""
    others = [g.name for g in comparison.groups if g.name != comparison.baseline]
    if not comparison.baseline or not others:
        return None
    titles = [Column("metric"), Column("unit"), *(Column(name, True) for name in others)]
    rows = []
    for info in comparison.metrics:
        cells = [
            _standing_cell(info, comparison.against[name, info.name].difference) for name in others
        ]
        rows.append([words(info.name, tip=title_of(info)), words(_unit(info)), *cells])
    caption = f"Differences to {comparison.baseline}, paired by seed"
    return Table("standings", caption, titles, rows, filtered=True)


def metric_tables(comparison: Comparison) -> Iterator[MetricTable]:
    """Each metric: every statistic of every variant."""
    for index, info in enumerate(comparison.metrics):
        notes = metric_grid(comparison, info).notes
        name = "metric-" + re.sub(r"[^0-9a-z]+", "-", info.name.lower()).strip("-")
        table = _metric_table(comparison, info, f"{name}-{index}")
        yield MetricTable(title_of(info), table, notes)


def effects_table(comparison: Comparison) -> Table | None:
    """Components by metrics: the mean paired difference that each makes."""
    if not comparison.effects:
        return None
    titles = [Column("component"), Column("metric"), Column("seeds", True)]
    titles += [Column("with minus without", True), Column("low", True), Column("high", True)]
    titles.append(Column("pairs"))
    rows = []
    for effect in comparison.effects:
        pairs = ", ".join(f"{one} - {other}" for one, other in effect.pairs)
        for info in comparison.metrics:
            difference = effect.differences[info.name]
            mean = difference.summary.mean if difference.summary else None
            count = difference.summary.lifetimes if difference.summary else 0
            reason = difference.reason or (mean.reason if mean else "") or ""
            numbers = _numbers(mean, reason)
            row = [words(effect.component), words(info.name), count_cell(count), *numbers]
            how_many = f"{len(effect.pairs)} pair{'' if len(effect.pairs) == 1 else 's'}"
            rows.append([*row, Cell(how_many, pairs, tip=pairs)])
    return Table("effects", "Effect of each component", titles, rows, filtered=True)


def left_out_table(comparison: Comparison) -> Table | None:
    """Runs that could not be used, and why."""
    if not comparison.left_out:
        return None
    rows = [[words(str(one.path)), words(one.reason)] for one in comparison.left_out]
    return Table("left-out", "Runs left out", [Column("directory"), Column("why")], rows)


def estimate_cell(estimate: Estimate | None, tip: str = "") -> Cell:
    """Value and interval for readers, the value alone for sorting; a dash with its reason."""
    if estimate is None:
        return Cell(NONE, tip=tip)
    said = "; ".join(filter(None, [estimate.reason, tip]))
    return Cell(estimate_text(estimate), float(estimate.value), tip=said)


def _metric_table(comparison: Comparison, info: MetricInfo, name: str) -> Table:
    titles = [Column("variant"), Column("seeds", True), Column("mean", True)]
    titles += [Column("low", True), Column("high", True)]
    titles += [Column("IQM", True), Column("median", True), Column("standard deviation", True)]
    if comparison.baseline:
        titles += [Column(f"minus {comparison.baseline}", True), Column("P(better)", True)]
    rows = []
    for index, group in enumerate(comparison.groups):
        summary = comparison.cells[group.name, info.name].summary
        against = comparison.against.get((group.name, info.name))
        reason = comparison.cells[group.name, info.name].reason
        row = [_variant_cell(group.name, index), count_cell(summary.lifetimes if summary else 0)]
        row += _numbers(summary.mean if summary else None, reason)
        row += [estimate_cell(summary.iqm if summary else None, reason)]
        row += [estimate_cell(summary.median if summary else None, reason)]
        row += [figure_cell(summary.standard_deviation if summary else None)]
        if comparison.baseline:
            difference = against.difference if against else None
            mean = difference.summary.mean if difference and difference.summary else None
            row.append(
                Cell(difference_text(difference), mean.value, tip=mean.reason or "")
                if difference and mean
                else Cell(NONE, tip=(difference.reason or "") if difference else "the baseline")
            )
            row.append(estimate_cell(against.improvement if against else None))
        rows.append(row)
    return Table(name, title_of(info), titles, rows)


def _numbers(mean: Estimate | None, reason: str) -> Sequence[Cell]:
    """Mean, low and high; what is missing says why."""
    if mean is None:
        return [Cell(NONE, tip=reason)] * 3
    why = mean.reason or ""
    ends = [figure_cell(mean.low, tip=why), figure_cell(mean.high, tip=why)]
    return [figure_cell(mean.value, tip=reason), *ends]


def _standing_cell(info: MetricInfo, difference: PairedDifference) -> Cell:
    """Told by its sign first, as verdicts are."""
    mean = difference.summary.mean if difference.summary else None
    if mean is None:
        return Cell(NONE, tip=difference.reason or "")
    found = standing(info, difference)
    colour = {"better": _GOOD, "worse": _BAD}.get(found, "")
    text = f"{_SIGNS[found]} {difference_text(difference)}"
    return Cell(text.strip(), mean.value, colour=colour, tip=mean.reason or _TOLD[found])


def _verdict_cell(verdict: Verdict | None) -> Cell:
    """Told by its sign first; the colour only helps."""
    if verdict is None or verdict.met is None:
        reason = (verdict.reason if verdict else "") or "no run has this metric"
        return Cell("? not measurable", "not measurable", tip=reason)
    sure = verdict.confidence
    share = "" if sure is None else f", confidence {sure:.0%}"
    text = f"{'✓' if verdict.met else '✗'} {number(verdict.value, 3)}{share}"
    certain = sure is not None and (sure if verdict.met else 1.0 - sure) >= SURE
    colours = (_GOOD, _GOOD_FAINT) if verdict.met else (_BAD, _BAD_FAINT)
    told = ("met" if verdict.met else "not met") + ("" if certain else ", but not surely")
    return Cell(
        text,
        f"{'met' if verdict.met else 'not met'} {number(verdict.value)}",
        colour=colours[0 if certain else 1],
        tip="; ".join(filter(None, [told, verdict.reason])),
    )


def _variant_cell(name: str, index: int) -> Cell:
    return Cell(name, name, dot=variant_style(index)["color"])


def _unit(info: MetricInfo) -> str:
    better = {"higher": "↑", "lower": "↓", "neither": ""}[info.direction]
    return " ".join(filter(None, ["" if info.unit == "1" else info.unit, better]))
