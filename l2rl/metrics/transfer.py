"""What earlier tasks do for later ones, and how fast a known task comes back.

    jump_start             mean over tasks but the first of the value when their learning begins
                           minus a newborn agent's: an expert's at birth, or, without one, this
                           agent's own before any learning
    area_between_curves    mean over tasks but the first of (area under the own learning curve -
                           area under the expert's) / env steps, over the first phase
    recovery_env_steps     mean over returns to a known task of the env steps until it is again at
                           or above its last value in the phase before; one that never is counts
                           with its whole phase, and the mean is then a lower bound
    recovered              share of the returns that got there

(Jump-start and area: Taylor and Stone, JMLR 10, 2009.) In the unit of the measure.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

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
)
from l2rl.metrics.learning_curves import at_end, at_start, curve_of, mean_at, reference_curves
from l2rl.metrics.run_log import RunLog, named


def transfer(run: RunLog) -> dict[str, Figure]:
    """The family `transfer`, for every measure that the log has."""
    figures: dict[str, Figure] = {}
    for measure in run.measures:
        metrics: dict[str, tuple[Callable[[RunLog, str], Computed], Definition]] = {
            "jump_start": (jump_start, Definition(measure, "higher")),
            "area_between_curves": (area_between_curves, Definition(measure, "higher")),
            "recovery_env_steps": (recovery, Definition("env steps", "lower")),
            "recovered": (recovered, Definition("share of returns", "higher")),
        }
        looked = cadence(run.matrix(measure))
        for name, (metric, definition) in metrics.items():
            figures[named(f"transfer/{name}", measure)] = figure(
                partial(metric, run, measure), definition, measure=measure, cadence=looked
            )
    return figures


def jump_start(run: RunLog, measure: str) -> Computed:
    """How much better than a newborn agent the first moment of a new task is."""
    matrix = run.matrix(measure)
    parts, notes = {}, set()
    for phase in later_first_phases(matrix):
        newborn, note = _newborn(run, measure, phase.task)
        parts[phase.task] = at_start(matrix, phase) - newborn
        notes.add(note)
    return mean_of(parts, "; ".join(sorted(notes)))


def area_between_curves(run: RunLog, measure: str) -> Computed:
    """How much better than its expert the agent is, on average over the first phase of a task."""
    matrix = run.matrix(measure)
    parts, notes = {}, set()
    for phase in later_first_phases(matrix):
        reference = run.references.of(phase.task, "first_phase")
        curves = reference_curves(reference, measure)
        own = curve_of(matrix, phase)
        until = min(own.length, *(curve.length for curve in curves))
        parts[phase.task] = own.mean_until(until) - mean(c.mean_until(until) for c in curves)
        notes.add(reference.note)
    return mean_of(parts, "; ".join(sorted(notes)))


def recovery(run: RunLog, measure: str) -> Computed:
    """Env steps until a task that is met again is where it was when it was left."""
    returns = _returns(run.matrix(measure))
    lasting = sum(1 for _, came_back in returns.values() if not came_back)
    note = f"a lower bound: {lasting} of {len(returns)} never recovered" if lasting else ""
    return mean_of({name: env_steps for name, (env_steps, _) in returns.items()}, note)


def recovered(run: RunLog, measure: str) -> Computed:
    """Share of the returns in which the task got back to where it was."""
    returns = _returns(run.matrix(measure))
    return mean_of({name: float(came_back) for name, (_, came_back) in returns.items()})


def later_first_phases(matrix: EvaluationMatrix) -> tuple[Phase, ...]:
    """The first phase of every task but the first. Raises `NotComputable` if there are none."""
    later = matrix.first_phases()[1:]
    if not later:
        raise NotComputable("fewer than two tasks were learned, so there is nothing to transfer")
    return later


def _newborn(run: RunLog, measure: str, task: str) -> tuple[float, str]:
    """(performance of an agent that has learned nothing, where that is from)."""
    try:
        reference = run.references.of(task, "first_phase")
        return mean_at(reference_curves(reference, measure), 0), reference.note
    except NotComputable as reason:
        matrix = run.matrix(measure)
        born = np.flatnonzero(np.isfinite(matrix.column(task)) & (matrix.env_steps == 0))
        if born.size:
            value = float(matrix.column(task)[born[0]])
            return value, "newborn: this agent's own evaluation before any learning"
        raise NotComputable(f"{task} was not evaluated before any learning, and {reason}") from None


def _returns(matrix: EvaluationMatrix) -> dict[str, tuple[float, bool]]:
    """(env steps to recover, whether it did) of every phase of a task that was learned before."""
    left: dict[str, Phase] = {}
    returns: dict[str, tuple[float, bool]] = {}
    for number, phase in enumerate(matrix.phases, start=1):
        if phase.task in left:
            level = at_end(matrix, left[phase.task], phase.task)
            steps = curve_of(matrix, phase).reaches(level)
            name = f"{phase.task} in phase {number}"
            returns[name] = (phase.env_steps if steps is None else steps, steps is not None)
        left[phase.task] = phase
    if not returns:
        raise NotComputable("no task was learned a second time")
    return returns
