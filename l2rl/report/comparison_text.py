"""A comparison for the terminal, for Markdown and LaTeX, and for programs (JSON, CSV)."""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from rich.console import Console, RenderableType
from rich.console import Group as Rows
from rich.table import Table
from rich.text import Text

from l2rl.metrics.comparison import Comparison
from l2rl.metrics.figures import CADENCE_COLUMNS, cadence_columns
from l2rl.metrics.statistics import Estimate, Summary
from l2rl.metrics.two_groups import PairedDifference
from l2rl.report.comparison_grids import (
    Grid,
    cadence_of,
    column_grids,
    difference_grid,
    effect_grids,
    grids,
    intervals_words,
    left_out_grid,
    summary_grid,
    title_of,
    verdict_grid,
)
from l2rl.runs.files import plain


def for_terminal(comparison: Comparison) -> RenderableType:
    """Tables below each other, with their notes."""
    parts: list[RenderableType] = [Text(f"note: {w}", "yellow") for w in comparison.warnings]
    parts.append(Text(intervals_words(comparison), "dim"))
    for grid in grids(comparison):
        table = Table(title=Text(grid.title), title_justify="left")
        for heading in grid.heading:
            table.add_column(Text(heading))
        for row in grid.rows:
            table.add_row(*map(Text, row))
        parts += [table, *(Text(f"  {note}", "dim") for note in grid.notes)]
    # Not in a table: paths are long, and are to be copied.
    parts += [_line(f"left out: {one.path}: {one.reason}") for one in comparison.left_out]
    return Rows(*parts)


def _line(text: str) -> Text:
    return Text(text, no_wrap=True, overflow="ignore")


def as_plain_text(comparison: Comparison, width: int = 120) -> str:
    """The tables for the terminal as text of at most `width` columns."""
    console = Console(file=io.StringIO(), width=width, force_terminal=False, color_system=None)
    with console.capture() as capture:
        console.print(for_terminal(comparison))
    return capture.get()


def as_markdown(comparison: Comparison) -> str:
    """Summary, differences, effects, verdicts and what was left out, as Markdown tables."""
    parts = [_markdown(grid) for grid in _for_paper(comparison)]
    directions = [f"- {remark}" for remark in _remarks(comparison)]
    warnings = [f"- {warning}" for warning in comparison.warnings]
    return "\n".join([*parts, "\n".join([*directions, *warnings]), ""])


def as_latex(comparison: Comparison) -> str:
    """Tables for LaTeX with booktabs, each no wider than a page: values and differences, effects,
    verdicts. What was left out, reasons and warnings are comments."""
    verdicts = [_without_last_column(grid) for grid in verdict_grid(comparison)]
    tables = [*column_grids(comparison), *effect_grids(comparison), *verdicts]
    remarks = ["needs \\usepackage{booktabs}", *_remarks(comparison), *comparison.warnings]
    remarks += [f"left out: {one.path}: {one.reason}" for one in comparison.left_out]
    comments = [f"% {line}" for remark in remarks for line in remark.splitlines()]
    return "\n".join([*comments, *map(_latex, tables), ""])


def _without_last_column(grid: Grid) -> Grid:
    """Without the reasons, which are too long for a column."""
    rows = tuple(row[:-1] for row in grid.rows)
    return replace(grid, heading=grid.heading[:-1], rows=rows)


def _remarks(comparison: Comparison) -> list[str]:
    """What each metric is, and how densely was looked."""
    said = ((title_of(info), cadence_of(info)) for info in comparison.metrics)
    return ["; ".join(filter(None, parts)) for parts in said]


def as_json(comparison: Comparison) -> str:
    """Everything, the values of each seed included, as strict JSON."""
    return json.dumps(plain(as_data(comparison)), indent=2, sort_keys=True, allow_nan=False) + "\n"


def as_csv(comparison: Comparison) -> str:
    """One row for each variant, metric and statistic: tidy, for other programs."""
    text = io.StringIO()
    columns = ("variant", "metric", "unit", "direction", *CADENCE_COLUMNS)
    writer = csv.writer(text, lineterminator="\n")
    behind = ("statistic", "baseline", "seeds", "value", "low", "high", "reason")
    writer.writerow([*columns, *behind])
    for row in _tidy(comparison):
        writer.writerow(["" if value is None else value for value in row])
    return text.getvalue()


FORMATS: Mapping[str, Callable[[Comparison], str]] = {
    "markdown": as_markdown,
    "latex": as_latex,
    "json": as_json,
    "csv": as_csv,
}
"""Everything but the table for the terminal."""


def as_data(comparison: Comparison) -> dict[str, Any]:
    """The comparison as plain data."""
    return {
        "baseline": comparison.baseline,
        "confidence": comparison.confidence,
        "interval": comparison.method,
        "warnings": comparison.warnings,
        "left_out": [{"path": str(o.path), "reason": o.reason} for o in comparison.left_out],
        "metrics": {info.name: vars(info) for info in comparison.metrics},
        "groups": {group.name: _group_data(comparison, group.name) for group in comparison.groups},
        "effects": [
            {
                "component": effect.component,
                "pairs": effect.pairs,
                "differences": {m: _difference(d) for m, d in effect.differences.items()},
            }
            for effect in comparison.effects
        ],
    }


def _group_data(comparison: Comparison, name: str) -> dict[str, Any]:
    group = next(group for group in comparison.groups if group.name == name)
    metrics: dict[str, Any] = {}
    for info in comparison.metrics:
        cell = comparison.cells[name, info.name]
        against = comparison.against.get((name, info.name))
        metrics[info.name] = {
            "by_seed": group.by_stratum(info.name),
            "summary": _summary(cell.summary),
            "reason": cell.reason,
        }
        if against is not None:
            metrics[info.name]["difference"] = _difference(against.difference)
            better = against.improvement
            metrics[info.name]["probability_of_improvement"] = vars(better) if better else None
    return {
        "seeds": group.seeds,
        "components": sorted(group.setting.components),
        "metrics": metrics,
        "criteria": [vars(verdict) for verdict in comparison.verdicts[name]],
    }


def _summary(summary: Summary | None) -> dict[str, Any] | None:
    if summary is None:
        return None
    estimates = {n: vars(getattr(summary, n)) for n in ("mean", "iqm", "median")}
    return {**vars(summary), **estimates}


def _difference(difference: PairedDifference) -> dict[str, Any]:
    return {**vars(difference), "summary": _summary(difference.summary)}


def _tidy(comparison: Comparison) -> Iterator[tuple[Any, ...]]:
    for group in comparison.groups:
        for info in comparison.metrics:
            looked = cadence_columns(info.cadence)
            front = (group.name, info.name, info.unit, info.direction, *looked)
            cell = comparison.cells[group.name, info.name]
            if cell.summary is None:
                yield (*front, "mean", "", 0, None, None, None, cell.reason)
                continue
            for statistic in ("mean", "iqm", "median"):
                estimate = getattr(cell.summary, statistic)
                yield (*front, statistic, "", cell.summary.lifetimes, *_numbers(estimate))
            against = comparison.against.get((group.name, info.name))
            if against is not None and against.difference.summary is not None:
                found = against.difference.summary
                behind = (comparison.baseline, found.lifetimes)
                yield (*front, "paired_difference", *behind, *_numbers(found.mean))
                if against.improvement is not None:
                    numbers = _numbers(against.improvement)
                    yield (*front, "probability_of_improvement", *behind, *numbers)


def _numbers(estimate: Estimate) -> tuple[float | str | None, ...]:
    return estimate.value, estimate.low, estimate.high, estimate.reason


def _for_paper(comparison: Comparison) -> Iterator[Grid]:
    yield summary_grid(comparison)
    yield from difference_grid(comparison)
    yield from effect_grids(comparison)
    yield from verdict_grid(comparison)
    yield from left_out_grid(comparison)


def _markdown(grid: Grid) -> str:
    def line(cells: tuple[str, ...]) -> str:
        return "| " + " | ".join(c.replace("|", "\\|").replace("\n", " ") for c in cells) + " |"

    rule = "|" + "|".join([" --- "] + [" ---: "] * (len(grid.heading) - 1)) + "|"
    return "\n".join([f"**{grid.title}**", "", line(grid.heading), rule, *map(line, grid.rows), ""])


_LATEX: Mapping[str, str] = {
    "\\": r"\textbackslash{}",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "–": "--",
    "—": "---",
    "≥": r"$\geq$",
    "−": "$-$",
    "…": r"\dots{}",
    "\u202f": r"\,",
    "\n": " ",
}


def _latex(grid: Grid) -> str:
    """A row of one cell goes over all columns."""

    def line(cells: tuple[str, ...]) -> str:
        if len(cells) == 1:
            text = latex_text(cells[0])
            return rf"  \multicolumn{{{len(grid.heading)}}}{{l}}{{\textit{{{text}}}}} \\"
        return "  " + " & ".join(map(latex_text, cells)) + r" \\"

    columns = "l" + "r" * (len(grid.heading) - 1)
    return "\n".join(
        [
            r"\begin{table}",
            r"  \centering\footnotesize\setlength{\tabcolsep}{3pt}",
            rf"  \caption{{{latex_text(grid.title)}}}",
            rf"  \begin{{tabular}}{{{columns}}}",
            r"  \toprule",
            line(grid.heading),
            r"  \midrule",
            *map(line, grid.rows),
            r"  \bottomrule",
            r"  \end{tabular}",
            r"\end{table}",
        ]
    )


def latex_text(text: str) -> str:
    """Text with everything escaped that LaTeX would read, and no sign that its fonts may lack:
    accents are dropped, anything else becomes a question mark."""
    escaped = "".join(_LATEX[sign] if sign in _LATEX else _plain_sign(sign) for sign in text)
    # A hyphen before a number of its own is a minus.
    return re.sub(r"(?<![\w.\-+=/])-(?=[\d.])", "$-$", escaped)


def _plain_sign(sign: str) -> str:
    """The sign itself if it is printable ASCII or a letter of Latin 1, its letter without accent,
    or `?`."""
    if " " <= sign <= "~" or ("\u00c0" <= sign <= "\u00ff" and sign.isalpha()):
        return sign
    plain = unicodedata.normalize("NFKD", sign).encode("ascii", "ignore").decode()
    return "".join(_LATEX.get(one, one) for one in plain) or "?"
