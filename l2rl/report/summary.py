"""What stands at the top of a report and in the terminal: the verdict, and a line per task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from l2rl.metrics.registry import is_custom
from l2rl.report.curves import CURVE_POINTS, thinned
from l2rl.report.life import Life
from l2rl.report.style import count, line_style, number
from l2rl.runs.log_views import Series

VERDICTS = (
    ("matrix/average_performance", "Average performance", "mean over the learned tasks, latest"),
    ("matrix/forgetting", "Forgetting", "lost on earlier tasks since they were learned"),
    ("gap/min_acc", "Lowest point (min-ACC)", "mean of the earlier tasks' worst moments"),
    ("gap/wc_acc", "Worst case (WC-ACC)", "newest task and the others' worst moments, weighed"),
)
"""Metric, heading, and what it is in a few words."""

SPARK_WIDTH, SPARK_HEIGHT = 120, 26
"""Pixels of the small curve beside each task."""


@dataclass(frozen=True)
class Tile:
    """One verdict."""

    heading: str
    value: str
    note: str
    """What it is, or why there is none."""
    success: str
    """The same of the success rate, or ""."""
    cadence: str


@dataclass(frozen=True)
class TaskLine:
    """One task in numbers."""

    name: str
    colour: str
    final: str
    best: str
    forgetting: str
    success: str
    """Final success rate, or ""."""
    spark: str
    """Points of an SVG polyline."""


def tiles(metrics: Mapping[str, Any]) -> list[Tile]:
    """The verdicts of a metrics.json, and the figures of other packages' families behind them."""
    figures = metrics["metrics"]
    custom = [(name, name, "") for name in figures if is_custom(name)]
    return [_tile(figures, *verdict) for verdict in (*VERDICTS, *custom)]


def task_lines(life: Life, metrics: Mapping[str, Any]) -> list[TaskLine]:
    """One line per task that was evaluated, in the order of learning."""
    return [
        _task_line(life, index, task, metrics["tasks"].get(task, {}))
        for index, task in enumerate(life.matrix.tasks)
    ]


def cadence_words(cadence: Mapping[str, Any]) -> str:
    """Such as `every 10 000 env steps, 5 episodes`."""
    if not cadence["evaluations"]:
        return "never"
    if cadence["interval_env_steps"] is None:
        return "once"
    words = f"every {count(cadence['interval_env_steps'])} env steps"
    if cadence["largest_interval_env_steps"] > 1.5 * cadence["interval_env_steps"]:
        words += f" (up to {count(cadence['largest_interval_env_steps'])})"
    episodes = cadence["episodes_per_evaluation"]
    return words if episodes is None else f"{words}, {count(episodes)} episodes"


def _tile(figures: Mapping[str, Any], name: str, heading: str, note: str) -> Tile:
    figure = figures[name]
    success = figures.get(f"{name}/success", {}).get("value")
    return Tile(
        heading=heading,
        value=number(figure["value"]),
        note=note if figure["reason"] is None else f"No value: {figure['reason']}.",
        success="" if success is None else f"success {number(success, 3)}",
        cadence="measured " + cadence_words(figure["cadence"]) if "cadence" in figure else "",
    )


def _task_line(life: Life, index: int, task: str, figures: Mapping[str, Any]) -> TaskLine:
    returns = figures.get("return", {})
    success = figures.get("success", {}).get("final")
    return TaskLine(
        name=task,
        colour=line_style(index)["color"],
        final=number(returns.get("final")),
        best=number(returns.get("best")),
        forgetting=number(returns.get("forgetting")),
        success="" if success is None else number(success, 3),
        spark=_spark(Series(life.matrix.env_steps, life.matrix.column(task)), life.env_steps),
    )


def _spark(series: Series, env_steps: int) -> str:
    """A small curve on its own scale."""
    points = thinned(series, CURVE_POINTS // 5)
    if len(points.values) < 2:
        return ""
    lowest, highest = float(points.values.min()), float(points.values.max())
    x = points.env_steps / max(1, env_steps) * (SPARK_WIDTH - 4) + 2
    share = (points.values - lowest) / (highest - lowest or 1.0)
    y = np.round(SPARK_HEIGHT - 3 - share * (SPARK_HEIGHT - 6), 1)
    return " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
