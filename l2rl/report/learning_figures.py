"""The curves: evaluation of every task over the lifetime, and returns while training."""

from __future__ import annotations

import numpy as np

from l2rl.report.curves import moving_mean, thinned, window_for, xy
from l2rl.report.life import Life
from l2rl.report.marks import block_names, block_shades, change_legend, change_lines
from l2rl.report.style import (
    Dict,
    axis,
    axis_id,
    env_step_axis,
    label,
    layout,
    line_apart,
    line_style,
    tinted,
)
from l2rl.runs.log_views import Series

PANEL_HEIGHT = 150
"""Pixels of one task's panel."""
SMALL_PANEL_HEIGHT = 90
"""The same when there are many tasks."""
MANY_PANELS = 8
SHOWN_EPISODES = 600
"""Single episodes drawn per task behind the smoothed curve."""


def evaluation_figure(life: Life) -> Dict | None:
    """One panel a task, on a scale of its own; None when nothing was evaluated."""
    tasks = life.matrix.tasks
    if not tasks:
        return None
    traces: list[Dict] = []
    small = len(tasks) > MANY_PANELS
    height = SMALL_PANEL_HEIGHT if small else PANEL_HEIGHT
    axes: Dict = {
        "xaxis": env_step_axis(life.env_steps, anchor=axis_id("y", len(tasks)), showgrid=False),
    }
    shades = block_shades(life)
    for index, task in enumerate(tasks):
        name = axis_id("y", index + 1)
        traces += _evaluation_traces(life, index, task, name)
        axes[f"yaxis{index + 1}"] = _panel_axis(label(task, height // 9), index, len(tasks))
        shades += _own_shades(life, task, index, name)
    traces += change_legend(life)
    marks = {"shapes": shades + change_lines(life), "annotations": block_names(life)}
    return {"data": traces, "layout": layout(120 + height * len(tasks), **marks, **axes)}


def training_figure(life: Life) -> Dict | None:
    """Returns of training episodes, single ones faint and smoothed ones strong."""
    played = life.episodes
    if not played.training.any():
        return None
    names = np.array(played.task, dtype=object)
    traces: list[Dict] = []
    for index, task in enumerate(life.tasks):
        mine = played.training & (names == task)
        if mine.any():
            traces += _training_traces(life, index, task, mine)
    axes = {
        "xaxis": env_step_axis(life.env_steps, showgrid=False),
        "yaxis": axis(title={"text": "return of an episode"}),
    }
    traces += change_legend(life)
    marks = {"shapes": block_shades(life) + change_lines(life), "annotations": block_names(life)}
    return {"data": traces, "layout": layout(380 + 4 * len(life.tasks), **axes, **marks)}


def _evaluation_traces(life: Life, index: int, task: str, name: str) -> list[Dict]:
    """The band of one standard deviation and the line."""
    style = line_style(index)
    values, spread = life.matrix.column(task), np.nan_to_num(life.spread_of(task))
    steps = life.matrix.env_steps
    common = {"type": "scatter", "yaxis": name, "showlegend": False}
    band = _band(steps, values, spread, tinted(style["color"], 0.18))
    line = {
        **xy(thinned(Series(steps, values))),
        "mode": "lines+markers" if len(steps) <= 120 else "lines",
        "marker": {"size": 4},
        "line": style,
        "name": label(task),
        "hovertemplate": f"{label(task)}<br>%{{x:,}} env steps<br>%{{y:.4g}}<extra></extra>",
    }
    return [{**common, **band}, {**common, **line}]


def _band(steps: np.ndarray, values: np.ndarray, spread: np.ndarray, fill: str) -> Dict:
    """A filled outline: along the top, back along the bottom."""
    upper = thinned(Series(steps, values + spread))
    lower = thinned(Series(steps, values - spread))
    outline = Series(
        np.concatenate([upper.env_steps, lower.env_steps[::-1]]),
        np.concatenate([upper.values, lower.values[::-1]]),
    )
    return {
        **xy(outline),
        "mode": "lines",
        "line": {"width": 0},
        "fill": "toself",
        "fillcolor": fill,
        "hoverinfo": "skip",
    }


def _panel_axis(name: str, index: int, panels: int) -> Dict:
    """The y axis of the n-th panel from the top, with the task's name."""
    gap = 0.22 / panels
    top = 1 - index / panels
    bottom = 1 - (index + 1) / panels + (gap if index + 1 < panels else 0)
    # The colour is in a mark of its own: as letters, half of the colours are too faint on white.
    mark = f'<span style="color:{line_style(index)["color"]}">■</span> '
    title = {"text": mark + name}
    return axis(domain=[max(0.0, bottom), top], title=title, nticks=5)


def _own_shades(life: Life, task: str, index: int, name: str) -> list[Dict]:
    """The blocks that learn this task, darker in its own panel."""
    fill = tinted(line_style(index)["color"], 0.13)
    return [
        {
            "type": "rect",
            "layer": "below",
            "line": {"width": 0},
            "fillcolor": fill,
            "xref": "x",
            "x0": block.start,
            "x1": block.end,
            "yref": f"{name} domain",
            "y0": 0,
            "y1": 1,
        }
        for block in life.learning_blocks
        if block.task == task
    ]


def _training_traces(life: Life, index: int, task: str, mine: np.ndarray) -> list[Dict]:
    """Faint dots, then one smoothed line with a gap between separate blocks."""
    played, style = life.episodes, line_style(index)
    stride = max(1, int(mine.sum()) // SHOWN_EPISODES)
    dots = Series(played.env_steps[mine][::stride], played.returns[mine][::stride])
    pieces = [
        _smoothed(played.env_steps[chosen], played.returns[chosen])
        for block in np.unique(played.block[mine])
        if (chosen := mine & (played.block == block)).any()
    ]
    x = [value for piece in pieces for value in [*piece["x"], None]]
    y = [value for piece in pieces for value in [*piece["y"], None]]
    common = {"type": "scatter", "name": label(task, 24), "legendgroup": f"task {index}"}
    faint = {"size": 3, "color": tinted(style["color"], 0.28)}
    return [
        {
            **common,
            **xy(dots),
            "mode": "markers",
            "marker": faint,
            "hoverinfo": "skip",
            "showlegend": False,
        },
        {**common, "x": x, "y": y, "mode": "lines", "line": line_apart(index)},
    ]


def _smoothed(steps: np.ndarray, returns: np.ndarray) -> Dict:
    """The moving mean; parallel environments that end together give one point, their mean."""
    finite = np.isfinite(returns)
    if not finite.any():
        return {"x": [], "y": []}
    moments, place, counts = np.unique(steps[finite], return_inverse=True, return_counts=True)
    means = np.bincount(place, weights=returns[finite]) / counts
    return xy(thinned(Series(moments, moving_mean(means, window_for(len(means))))))
