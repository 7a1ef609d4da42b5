"""The stability gap near by: what every true change did to each task learned before it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from l2rl.metrics.evaluation_matrix import EvaluationMatrix
from l2rl.metrics.stability_gap import Dip, dips
from l2rl.report.life import Life
from l2rl.report.style import (
    BOUNDARY,
    Dict,
    axis,
    axis_id,
    count,
    label,
    layout,
    line_style,
    number,
)
from l2rl.report.tables import Cell, Column, Table, count_cell, figure_cell, words

SHOWN_PANELS = 24
"""Panels drawn; of more, the deepest dips. The table has all."""
LOOKED_BACK, LOOKED_AHEAD = 4, 10
"""Evaluations before and after the change in a panel."""
COLUMNS = 3
PANEL_HEIGHT = 176


@dataclass(frozen=True)
class Close:
    """One earlier task around one change."""

    change: int
    """Number of the phase that began, from 0."""
    env_steps: int
    began: str
    """The task whose learning began."""
    task: str
    dip: Dip | None
    """None if the task did not fall."""
    rows: np.ndarray
    """Rows of the matrix to draw."""
    share: float
    """Depth of the dip as a share of all that the task's values ever spanned."""

    @property
    def depth(self) -> float:
        """How far it fell, in the unit of the measure."""
        return self.dip.before - self.dip.lowest if self.dip else 0.0

    @property
    def told(self) -> str:
        """Depth and recovery in words."""
        if self.dip is None:
            return "no dip"
        steps = count(self.dip.env_steps)
        back = f"back after {steps}" if self.dip.ended else f"not back within {steps}"
        return f"fell by {number(self.depth, 3)}, {back} env steps"


def close_looks(matrix: EvaluationMatrix) -> list[Close]:
    """Every earlier task around every change that was looked at before and after it."""
    found: list[Close] = []
    fallen = {(dip.change, dip.task): dip for dip in dips(matrix)}
    known: list[str] = []
    for number_, phase in enumerate(matrix.phases):
        for task in known:
            rows = _rows_around(matrix, task, number_)
            if task != phase.task and rows.size:
                dip = fallen.get((number_, task))
                share = _share(matrix.column(task), dip)
                found.append(Close(number_, phase.start, phase.task, task, dip, rows, share))
        known += [] if phase.task in known else [phase.task]
    return found


def gap_figure(life: Life, looks: list[Close]) -> Dict | None:
    """A panel for each of the deepest looks, in order; None if there was nothing to look at."""
    deepest = sorted(looks, key=lambda look: -look.share)[:SHOWN_PANELS]
    shown = sorted(deepest, key=lambda look: (look.change, life.tasks.index(look.task)))
    if not shown:
        return None
    rows = -(-len(shown) // COLUMNS)
    height = 60 + PANEL_HEIGHT * rows
    data: list[Dict] = []
    settings: Dict = {"annotations": [], "shapes": [], "showlegend": False}
    for index, look in enumerate(shown):
        x, y = _cell(index, rows)
        settings[f"xaxis{index + 1}"] = axis(
            domain=x, anchor=axis_id("y", index + 1), nticks=5, title={"text": ""}
        )
        settings[f"yaxis{index + 1}"] = axis(domain=y, anchor=axis_id("x", index + 1), nticks=4)
        settings["annotations"] += _headings(look, x[0], y[1])
        settings["shapes"].append(_change_line(index))
        data += _traces(life, look, index)
    settings["annotations"].append(_axis_words())
    margin = {"l": 50, "r": 12, "t": 12, "b": 44}
    return {"data": data, "layout": layout(height, margin=margin, **settings)}


def gap_table(looks: list[Close]) -> Table:
    """Depth and recovery at every change, of every earlier task."""
    heads = (
        Column("change to"),
        Column("at env step", True),
        Column("earlier task"),
        Column("before", True, "Its last value before the change."),
        Column("lowest", True, "Its worst value until the next change."),
        Column("depth", True, "Before minus lowest."),
        Column("share of its span", True, "Depth as a share of its best minus its worst value."),
        Column("recovery in env steps", True, "From the change until it was there again."),
        Column("recovered"),
    )
    return Table(
        "stability-gap", "Dips after every true change", heads, [_row(look) for look in looks]
    )


def _row(look: Close) -> list[Cell]:
    dip = look.dip
    figures = (dip.before, dip.lowest, look.depth, look.share) if dip else (None,) * 4
    return [
        words(look.began),
        count_cell(look.env_steps),
        words(look.task),
        *(figure_cell(value) for value in figures),
        count_cell(dip.env_steps if dip else None),
        words(("yes" if dip.ended else "not yet") if dip else "no dip"),
    ]


def _rows_around(matrix: EvaluationMatrix, task: str, number_: int) -> np.ndarray:
    """Rows that measured the task around a change; none unless there are some on both sides."""
    rows = matrix.measured_rows(task)
    inside = matrix.inside(matrix.phases[number_])
    nothing = np.zeros(0, dtype=np.int64)
    if not inside.size or not rows.size:
        return nothing
    begin, end = np.searchsorted(rows, (inside[0], inside[-1] + 1))
    if begin == 0 or begin == end:
        return nothing
    return rows[max(0, begin - LOOKED_BACK) : min(end, begin + LOOKED_AHEAD)]


def _share(values: np.ndarray, dip: Dip | None) -> float:
    finite = values[np.isfinite(values)]
    span = float(finite.max() - finite.min()) if finite.size else 0.0
    return (dip.before - dip.lowest) / span if dip and span else 0.0


def _traces(life: Life, look: Close, index: int) -> list[Dict]:
    """The value before the change as a level, the curve, and the lowest point."""
    style = line_style(life.tasks.index(look.task))
    steps = life.matrix.env_steps[look.rows] - look.env_steps
    values = life.matrix.column(look.task)[look.rows]
    place: Dict = {
        "xaxis": axis_id("x", index + 1),
        "yaxis": axis_id("y", index + 1),
        "type": "scatter",
    }
    x, y = [int(s) for s in steps], [float(v) if np.isfinite(v) else None for v in values]
    hover = "%{x:,} env steps after the change<br>%{y:.4g}<extra></extra>"
    curve: Dict = {
        "mode": "lines+markers",
        "marker": {"size": 5},
        "line": style,
        "hovertemplate": hover,
    }
    traces = [{**place, "x": x, "y": y, "name": label(look.task), **curve}]
    if look.dip is not None:
        level = {"mode": "lines", "line": {"color": "#555", "width": 1, "dash": "dot"}}
        ends, before = [x[0], x[-1]], look.dip.before
        traces.insert(0, {**place, "x": ends, "y": [before] * 2, "hoverinfo": "skip", **level})
        if look.dip.lowest in y:
            marker = {"symbol": "x", "size": 9, "color": "#1f2328"}
            lowest = {"x": [x[y.index(look.dip.lowest)]], "y": [look.dip.lowest]}
            traces.append(
                {**place, **lowest, "mode": "markers", "marker": marker, "hoverinfo": "skip"}
            )
    return traces


def _headings(look: Close, x: float, y: float) -> list[Dict]:
    place = {"x": x, "y": y, "xref": "paper", "yref": "paper"}
    anchors = {"xanchor": "left", "yanchor": "bottom", "showarrow": False, "align": "left"}
    told = look.told.replace("env steps", "steps")
    words_ = (
        f"<b>{label(look.task, 20)}</b> as {label(look.began, 20)} began<br>"
        f"<span style='font-size:11px'>at {count(look.env_steps)}: {told}</span>"
    )
    return [{"text": words_, "font": {"size": 12}, **place, **anchors}]


def _axis_words() -> Dict:
    """One label below all panels."""
    place = {"x": 0.5, "y": 0, "xref": "paper", "yref": "paper", "yshift": -38}
    text = "env steps since the change (vertical line)"
    return {"text": text, "showarrow": False, "xanchor": "center", "yanchor": "bottom", **place}


def _change_line(index: int) -> Dict:
    place = {"xref": axis_id("x", index + 1), "yref": axis_id("y", index + 1) + " domain"}
    line = {"color": BOUNDARY, "width": 1.5}
    return {"type": "line", "x0": 0, "x1": 0, "y0": 0, "y1": 1, "line": line, **place}


def _cell(index: int, rows: int) -> tuple[list[float], list[float]]:
    """Domains of the n-th panel, from the top left, below two lines of heading."""
    row, column = divmod(index, COLUMNS)
    left = column / COLUMNS + (0.05 if column else 0)
    right = (column + 1) / COLUMNS - 0.01
    top = 1 - (row + 0.26) / rows
    return [left, right], [1 - (row + 0.86) / rows, top]
