"""Can the agent still learn? Its learning beside a fresh agent's, and what its monitor measured.

Against a fresh agent (an expert run), over the tasks but the first, k the place of the task:

    learning_time_ratio     mean of (env steps that this agent needs to reach a level) / (those that
                            the fresh agent needs): the inverse of the relative learning speed. The
                            level is 90 % of the way from the fresh agent's start to its best
                            within the same env steps. Below 1: faster than fresh. Who never
                            reaches it counts with its whole phase, and the figure is a lower bound
    terminal_difference     mean of the performance at the end of the first phase minus the fresh
                            agent's after as many env steps
    terminal_trend          slope of that difference over k: below 0, each new task is learned less
                            well than a fresh agent would, and ever less so

From the plasticity monitor (2310.07418, 2302.12902, ...; see `plasticity.monitor`), for each
network, at the last measurement of the last learning block, and `/change` since that of the first:

    <network>/fau, /dormant_<tau>, /effective_rank, /srank, /stable_rank, /approximate_rank,
    /weight_norm, /weight_mean, /drift_initial_rms, /drift_period_rms
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from l2rl.metrics.evaluation_matrix import EvaluationMatrix, Phase
from l2rl.metrics.figures import (
    Computed,
    Definition,
    Figure,
    NotComputable,
    cadence,
    figure,
    mean,
    mean_of,
    without,
)
from l2rl.metrics.learning_curves import Curve, at_end, curve_of, mean_at, reference_curves
from l2rl.metrics.run_log import RunLog, named
from l2rl.metrics.transfer import later_first_phases
from l2rl.runs.log_views import BlockSpan, Series

LEVEL = 0.9
"""Share of the way from the fresh agent's start to its best."""

MONITORED: Mapping[str, Definition] = {
    "fau": Definition("share of units", "higher"),
    "dormant": Definition("share of units", "lower"),
    "effective_rank": Definition("rank", "higher"),
    "srank": Definition("rank", "higher"),
    "stable_rank": Definition("rank", "higher"),
    "approximate_rank": Definition("rank", "higher"),
    "weight_norm": Definition("norm", "lower"),
    "weight_mean": Definition("mean magnitude", "lower"),
    "drift_initial_rms": Definition("root mean square", "neither"),
    "drift_period_rms": Definition("root mean square", "neither"),
}
"""What monitors log as `<component>/<network>/<quantity>`, by the quantity's name up to its
threshold, and which values speak for plasticity."""


def plasticity(run: RunLog) -> dict[str, Figure]:
    """The family `plasticity`."""
    figures: dict[str, Figure] = {}
    for measure in run.measures:
        metrics: dict[str, tuple[Callable[[RunLog, str], Computed], Definition]] = {
            "learning_time_ratio": (learning_time_ratio, Definition("ratio", "lower")),
            "terminal_difference": (terminal_difference, Definition(measure, "higher")),
            "terminal_trend": (terminal_trend, Definition(f"{measure} per task", "higher")),
        }
        looked = cadence(run.matrix(measure))
        for name, (metric, definition) in metrics.items():
            figures[named(f"plasticity/{name}", measure)] = figure(
                partial(metric, run, measure), definition, measure=measure, cadence=looked
            )
    return figures | _monitored(run)


def learning_time_ratio(run: RunLog, measure: str) -> Computed:
    """How much longer than by a fresh agent the later tasks are learned."""
    ratios, notes, bounds = {}, set(), 0
    for phase, own, fresh, note in _beside_fresh(run, measure):
        until = min(own.length, *(curve.length for curve in fresh))
        level = mean(_level(curve, until) for curve in fresh)
        expected = mean(_until_level(curve, level, until)[0] for curve in fresh)
        if expected == 0:
            raise NotComputable(f"a fresh agent is at its level on {phase.task} from birth")
        needed, reached = _until_level(own, level, until)
        bounds += not reached
        ratios[phase.task] = needed / expected
        notes.add(note)
    if bounds:
        notes.add(f"a lower bound: on {bounds} of {len(ratios)} tasks the level was not reached")
    return mean_of(ratios, "; ".join(sorted(notes)))


def terminal_difference(run: RunLog, measure: str) -> Computed:
    """What the later tasks reach in their first phase beyond what a fresh agent reaches."""
    matrix = run.matrix(measure)
    parts, notes = {}, set()
    for phase, _, fresh, note in _beside_fresh(run, measure):
        parts[phase.task] = at_end(matrix, phase, phase.task) - mean_at(fresh, phase.env_steps)
        notes.add(note)
    return mean_of(parts, "; ".join(sorted(notes)))


def terminal_trend(run: RunLog, measure: str) -> Computed:
    """Slope of the terminal difference over the tasks, least squares."""
    differences = terminal_difference(run, measure)
    values = np.array(list(differences.parts.values()), dtype=np.float64)
    if values.size < 2:
        raise NotComputable("fewer than three tasks were learned, so there is no trend")
    places = np.arange(values.size) - (values.size - 1) / 2
    slope = float((places * values).sum() / (places**2).sum())
    return Computed(slope, note=differences.note)


def block_plasticity(run: RunLog) -> list[dict[str, Any]]:
    """One row for each learning block: `block`, `task`, and the mean over the block of every
    quantity of the monitor, as `<network>/<quantity>`."""
    rows = []
    for span in _learning(run):
        inside = {name: _within(series, span) for name, (_, series) in _quantities(run).items()}
        values = {name: float(v.mean()) for name, v in inside.items() if v.size}
        if values:
            rows.append({"block": span.index, "task": span.task, **values})
    return rows


def _beside_fresh(run: RunLog, measure: str) -> list[tuple[Phase, Curve, list[Curve], str]]:
    """(phase, own curve, fresh agents' curves, which these are) of every task but the first."""
    matrix: EvaluationMatrix = run.matrix(measure)
    found = []
    for phase in later_first_phases(matrix):
        reference = run.references.of(phase.task, "first_phase")
        fresh = reference_curves(reference, measure)
        found.append((phase, curve_of(matrix, phase), fresh, reference.note))
    return found


def _level(curve: Curve, until: int) -> float:
    """90 % of the way from the start to the best within `until` env steps."""
    inside = curve.values[curve.env_steps <= until]
    return float(inside[0] + LEVEL * (inside.max() - inside[0]))


def _until_level(curve: Curve, level: float, until: int) -> tuple[float, bool]:
    """(env steps to the level, at most `until`; whether it was reached by then)."""
    steps = curve.reaches(level)
    return (float(until), False) if steps is None or steps > until else (steps, True)


def _monitored(run: RunLog) -> dict[str, Figure]:
    figures: dict[str, Figure] = {}
    learning = _learning(run)
    for name, (definition, series) in _quantities(run).items():
        values = [_within(series, span) for span in learning]
        values = [v for v in values if v.size]
        if not values:
            reason = NotComputable("it was not measured in any learning block")
            figures[f"plasticity/{name}"] = figure(without(reason), definition)
            continue
        first, last = float(values[0][-1]), float(values[-1][-1])
        figures[f"plasticity/{name}"] = figure(partial(float, last), definition)
        if len(values) > 1:
            figures[f"plasticity/{name}/change"] = figure(partial(float, last - first), definition)
    return figures


def _learning(run: RunLog) -> list[BlockSpan]:
    return [span for span in run.blocks if span.kind == "learn"]


def _quantities(run: RunLog) -> dict[str, tuple[Definition, Series]]:
    """`<network>/<quantity>` -> (what it is, the series)."""
    found: dict[str, tuple[Definition, Series]] = {}
    for name, series in run.scalars.items():
        if "/" not in name:
            continue
        component, *networks, quantity = name.split("/")
        kind = "dormant" if quantity.startswith("dormant_") else quantity
        if networks and component and kind in MONITORED:
            found["/".join([*networks, quantity])] = (MONITORED[kind], series)
    return found


def _within(series: Series, span: BlockSpan) -> np.ndarray:
    """The values of a series that were measured in a block."""
    return series.values[(series.env_steps > span.start) & (series.env_steps <= span.end)]
