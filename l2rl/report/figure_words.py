"""Every figure in words, for those who do not see it: beginnings, ends and extremes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from l2rl.report.component_figures import Panel
from l2rl.report.gap_figures import Close
from l2rl.report.life import Life
from l2rl.report.style import count, number
from l2rl.runs.log_views import Series

TOLD = 20
"""Sentences at most; the tables have the rest."""


def evaluation_words(life: Life) -> list[str]:
    """First, best and last value of every task."""
    told = []
    for task in life.matrix.tasks:
        series = Series(life.matrix.env_steps, life.matrix.column(task))
        told.append(f"{task}: {_course(series)}")
    return limited(told)


def training_words(life: Life) -> list[str]:
    """Mean return in the first and in the last tenth of every task's episodes."""
    played = life.episodes
    names = np.array(played.task, dtype=object)
    told = []
    for task in life.tasks:
        returns = played.returns[played.training & (names == task)]
        returns = returns[np.isfinite(returns)]
        if returns.size:
            tenth = max(1, returns.size // 10)
            first, last = float(returns[:tenth].mean()), float(returns[-tenth:].mean())
            told.append(
                f"{task}: {count(returns.size)} training episodes, mean return {number(first)} in "
                f"the first tenth and {number(last)} in the last"
            )
    return limited(told)


def timeline_words(life: Life) -> list[str]:
    """How many changes, detections, experts and other events there were."""
    counts = Counter(event.name.replace("_", " ") for event in life.events)
    told = [f"true changes: {len(life.boundaries())}"]
    told += [f"{name}: {n}" for name, n in sorted(counts.items()) if name != "task boundary"]
    for name, series in life.scalars.items():
        if name.startswith("replay_ratio/"):
            told.append(f"replay ratio {name.partition('/')[2]}: {_course(series)}")
    return limited(told)


def panel_words(panels: Sequence[Panel]) -> list[str]:
    """First, highest and last value of every curve."""
    return limited(
        [
            f"{panel.title}{_of(name, panel)}: {_course(series, 'highest')}"
            for panel in panels
            for name, series in panel.curves.items()
        ]
    )


def gap_words(looks: Sequence[Close]) -> list[str]:
    """How many dips there were, and the deepest of them."""
    fallen = sorted((look for look in looks if look.dip), key=lambda look: -look.share)
    told = [f"{len(fallen)} dips in {len(looks)} looks at an earlier task around a change"]
    told += [
        f"{look.task} as {look.began} began at {count(look.env_steps)} env steps: {look.told}"
        for look in fallen[:TOLD]
    ]
    return told


def cost_words(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The costs after the first and after the last block."""
    if not rows:
        return []
    first, last = rows[0], rows[-1]
    names = (
        ("parameters", "parameters"),
        ("total_bytes", "bytes"),
        ("updates", "gradient steps of the block"),
        ("wall_s", "seconds of the block"),
    )
    return [
        f"{name}: {number(first[key])} with {first['tasks_met']} tasks met, {number(last[key])} "
        f"with {last['tasks_met']}"
        for key, name in names
        if last[key] is not None
    ]


def limited(told: list[str]) -> list[str]:
    """At most `TOLD` sentences, and how many more there would be."""
    more = len(told) - TOLD
    return [*told[:TOLD], f"and {more} more"] if more > 0 else told


def _of(name: str, panel: Panel) -> str:
    return f" of {name}" if len(panel.curves) > 1 else ""


def _course(series: Series, top: str = "best") -> str:
    finite = np.isfinite(series.values)
    values, steps = series.values[finite], series.env_steps[finite]
    if not values.size:
        return "no value"
    best = int(values.argmax())
    return (
        f"{number(float(values[0]))} at first, {top} {number(float(values[best]))} at "
        f"{count(int(steps[best]))} env steps, {number(float(values[-1]))} at last"
    )
