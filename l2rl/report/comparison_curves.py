"""Evaluation curves of a comparison: per task, the mean over the lifetimes of each variant.

Lifetimes are evaluated at moments that differ a little (a rollout ends when it ends), so each
curve is read off a grid that all share, straight between two evaluations and not beyond the last.
The band is the interval of the mean, point by point, where three lifetimes or more have a value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from l2rl.metrics.comparison import Comparison
from l2rl.metrics.evaluation_matrix import EvaluationMatrix, evaluation_matrix
from l2rl.metrics.groups import Group
from l2rl.metrics.intervals import percentile_interval
from l2rl.metrics.statistics import FEWEST, Bootstrap
from l2rl.report.comparison_figures import (
    MANY,
    Grid,
    band,
    heading_at,
    rounded,
    small_axis,
    variant_style,
)
from l2rl.report.style import Dict, axis, axis_id, label, layout
from l2rl.runs.log_views import BlockSpan, block_spans

Floats = NDArray[np.float64]
MOST_NUMBERS = 40_000
"""Points of all curves together: what a page draws at once without being felt."""
RESAMPLES = 1000
"""Of a band: it is drawn, not printed."""
MOST_TASKS = 60
PANEL_HEIGHT = 150
SHADE = "rgba(31,35,40,0.07)"


@dataclass(frozen=True)
class LivedRun:
    """What the curves need of one run."""

    matrix: EvaluationMatrix
    blocks: tuple[BlockSpan, ...]
    curriculum: str


@dataclass(frozen=True)
class Curves:
    """All runs of a comparison, read once."""

    runs: Mapping[str, tuple[LivedRun, ...]]
    """By variant."""

    @property
    def everyone(self) -> list[LivedRun]:
        """The runs of all variants."""
        return [run for runs in self.runs.values() for run in runs]

    @property
    def tasks(self) -> tuple[str, ...]:
        """Every task that was evaluated, in order of appearance."""
        return tuple(dict.fromkeys(t for run in self.everyone for t in run.matrix.tasks))

    @property
    def env_steps(self) -> int:
        """Of the longest lifetime, as far as it was evaluated."""
        ends = [int(run.matrix.env_steps.max()) for run in self.everyone if run.matrix.tasks]
        return max(ends, default=0)

    @property
    def one_curriculum(self) -> bool:
        """Whether all lived through the same, so that its blocks can be shown behind them."""
        return len({run.curriculum for run in self.everyone}) == 1


def read_curves(groups: Sequence[Group]) -> Curves:
    """The evaluations of every run, one log in memory at a time."""
    found: dict[str, tuple[LivedRun, ...]] = {}
    for group in groups:
        lived = []
        for one in group.runs:
            log = one.run.read_log()
            blocks = tuple(block_spans(log))
            lived.append(LivedRun(evaluation_matrix(log), blocks, one.setting.curriculum))
        found[group.name] = tuple(lived)
    return Curves(found)


def curves_figure(curves: Curves, comparison: Comparison) -> Dict | None:
    """One panel a task; None when nothing was evaluated."""
    tasks = curves.tasks[:MOST_TASKS]
    if not tasks:
        return None
    grid = Grid(
        len(tasks), PANEL_HEIGHT, columns=1 + (len(tasks) > 4) + (len(tasks) > 12), gap=0.06
    )
    moments = shared_moments(curves, len(tasks))
    data: list[Dict] = []
    axes: Dict = {}
    shapes: list[Dict] = []
    headings: list[Dict] = []
    named: set[str] = set()
    for index, task in enumerate(tasks):
        x, y = grid.domains(index)
        last = index + grid.columns >= len(tasks)
        title = "env steps of the lifetime" if last else ""
        across = small_axis(x, axis_id("y", index + 1), title, range=[0, max(1, curves.env_steps)])
        axes[f"xaxis{index + 1}"] = across
        axes[f"yaxis{index + 1}"] = axis(domain=y, anchor=axis_id("x", index + 1), nticks=5)
        headings.append(heading_at(task, x[0], y[1]))
        shapes += _own_blocks(curves, task, index)
        for place, name in enumerate(curves.runs):
            values = sampled(curves.runs[name], task, moments)
            traces = _traces(name, values, moments, place, index, comparison)
            if traces:
                traces[-1]["showlegend"] = name not in named
                named.add(name)
                data += traces
    more: Dict = {"annotations": headings, "shapes": shapes}
    more["margin"] = {"l": 56, "r": 14, "t": 44, "b": 6}
    return {"data": data, "layout": layout(grid.pixels + 50, **axes, **more)}


def shared_moments(curves: Curves, tasks: int) -> NDArray[np.int64]:
    """(points,) env steps at which all curves are read off: those of the run with most
    evaluations, thinned if there are too many."""
    densest = max(curves.everyone, key=lambda run: len(run.matrix.env_steps)).matrix
    moments = np.unique(np.append(densest.env_steps, curves.env_steps)).astype(np.int64)
    most = int(np.clip(MOST_NUMBERS // (3 * tasks * len(curves.runs)), 30, 300))
    if len(moments) <= most:
        return moments
    chosen: NDArray[np.int64] = moments[
        np.unique(np.linspace(0, len(moments) - 1, most).astype(int))
    ]
    return chosen


def sampled(runs: Sequence[LivedRun], task: str, moments: NDArray[np.int64]) -> Floats:
    """(runs, points) the task's curve of each run; NaN outside of what was measured."""
    rows = [
        _read_off(run.matrix, task, moments)
        for run in runs
        if task in run.matrix.tasks and len(run.matrix.env_steps)
    ]
    return np.array(rows, dtype=np.float64).reshape(len(rows), len(moments))


def mean_with_band(
    values: Floats, name: str, bootstrap: Bootstrap
) -> tuple[Floats, Floats | None, Floats | None]:
    """(points,) mean of (runs, points) and its interval; NaN where fewer than all have a value,
    None of fewer than three runs."""
    mean = values.mean(axis=0)
    count = len(values)
    if count < FEWEST:
        return mean, None, None
    if bootstrap.method == "t":
        from scipy.stats import t

        quantile = float(t.ppf(0.5 + bootstrap.confidence / 2, count - 1))
        reach = quantile * values.std(axis=0, ddof=1) / np.sqrt(count)
        return mean, mean - reach, mean + reach
    drawn = bootstrap.generator("curve", name).multinomial(
        count, np.full(count, 1.0 / count), size=RESAMPLES
    )
    finite = np.isfinite(mean)
    low, high = np.full_like(mean, np.nan), np.full_like(mean, np.nan)
    distribution = drawn @ values[:, finite] / count
    ends = [percentile_interval(column, bootstrap.confidence) for column in distribution.T]
    low[finite], high[finite] = np.array(ends).reshape(-1, 2).T
    return mean, low, high


def _read_off(matrix: EvaluationMatrix, task: str, moments: NDArray[np.int64]) -> Floats:
    values = matrix.column(task)
    finite = np.isfinite(values)
    if not finite.any():
        return np.full(len(moments), np.nan)
    # The last of several at one moment: what was there when life went on.
    steps, reverse = np.unique(matrix.env_steps[finite][::-1], return_index=True)
    kept = values[finite][::-1][reverse]
    # A rollout's length of slack, so that the last evaluations of all runs meet.
    slack = 0.02 * max(1, int(moments[-1]))
    read = np.interp(moments, steps, kept)
    inside = (moments >= steps[0] - slack) & (moments <= steps[-1] + slack)
    return np.where(inside, read, np.nan)


def _traces(
    name: str,
    values: Floats,
    moments: NDArray[np.int64],
    place: int,
    index: int,
    comparison: Comparison,
) -> list[Dict]:
    """The band, and on top of it the line."""
    if not len(values):
        return []
    bootstrap = Bootstrap(confidence=comparison.confidence, method=comparison.method)
    mean, low, high = mean_with_band(values, f"{name} {index}", bootstrap)
    finite = np.isfinite(mean)
    if not finite.any():
        return []
    style = variant_style(place)
    axes = {"xaxis": axis_id("x", index + 1), "yaxis": axis_id("y", index + 1)}
    x = moments[finite].tolist()
    few = len(x) <= 60
    line: Dict = {
        "type": "scatter",
        "mode": "lines+markers" if few else "lines",
        "x": x,
        "y": rounded(mean[finite]),
        "name": label(name, 34),
        "legendgroup": label(name),
        "line": {"color": style["color"], "dash": style["dash"], "width": 2},
        "hovertemplate": f"{label(name)}<br>%{{x:,}} env steps<br>%{{y:.4g}}<extra></extra>",
        **axes,
    }
    if few:
        line["marker"] = {"size": 5, "symbol": style["symbol"], "color": style["color"]}
    if low is None or high is None:
        return [line]
    many = len(comparison.groups) > MANY
    outline = band(x, rounded(low[finite]), rounded(high[finite]), style["color"], many)
    return [{**outline, "legendgroup": label(name), **axes}, line]


def _own_blocks(curves: Curves, task: str, index: int) -> list[Dict]:
    """The blocks in which the task is learned, if all runs have the same ones."""
    if not curves.one_curriculum:
        return []
    longest = max(curves.everyone, key=lambda run: len(run.blocks))
    place: Dict = {"xref": axis_id("x", index + 1), "yref": axis_id("y", index + 1) + " domain"}
    shade: Dict = {"type": "rect", "layer": "below", "line": {"width": 0}, "fillcolor": SHADE}
    return [
        {**shade, **place, "x0": block.start, "x1": block.end, "y0": 0, "y1": 1}
        for block in longest.blocks
        if block.kind == "learn" and block.task == task
    ]
