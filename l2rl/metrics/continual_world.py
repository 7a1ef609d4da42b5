"""The metrics of Continual World (arXiv 2105.10919), on a scale from 0 to 1 (see `scale`).

With p_i(t) the performance on the task of the i-th learning phase, phase i from t_{i-1} to t_i,
N phases, T the end:

    performance        mean over i of p_i(T)
    forgetting         mean over i of p_i(t_i) - p_i(T)
    forward_transfer   mean over i of (AUC_i - AUC_i^ref) / (1 - AUC_i^ref), AUC_i being the mean
                       of p_i over its phase, and AUC_i^ref that of experts that learned the task
                       from scratch, over as many env steps

As published, each occurrence of a task is a phase of its own (CW20 is CW10 twice). The published
code averages the last five of fifty evaluations of a phase; so does this, the last tenth of each
phase's evaluations, five at most, and with fewer than twenty it is the last one, as in the paper.
AUC is the area under the curve over its length, from the phase's beginning.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from l2rl.metrics.evaluation_matrix import EvaluationMatrix, Phase
from l2rl.metrics.figures import Computed, Definition, Figure, NotComputable, mean, mean_of
from l2rl.metrics.learning_curves import curve_of
from l2rl.metrics.run_log import RunLog
from l2rl.metrics.scale import UnitScale, figures_on_unit_scale

MOST_AVERAGED = 5
AVERAGED_SHARE = 10
"""The last evaluations of a phase that are averaged: one in so many, at most five."""


def continual_world(run: RunLog) -> dict[str, Figure]:
    """The family `cw`."""
    return figures_on_unit_scale(
        run,
        {
            "cw/performance": (
                lambda run, scale: performance(scale.matrix),
                Definition("share of the scale", "higher"),
            ),
            "cw/forgetting": (
                lambda run, scale: forgetting(scale.matrix),
                Definition("share of the scale", "lower"),
            ),
            "cw/forward_transfer": (
                forward_transfer,
                Definition("share of what the expert left", "higher"),
            ),
        },
    )


def performance(matrix: EvaluationMatrix) -> Computed:
    """Mean performance at the end over the tasks of all phases."""
    rows = np.arange(len(matrix.env_steps))
    count = _averaged(matrix, matrix.phases[-1])
    return mean_of({name: _last(matrix, p.task, rows, count) for name, p in _named(matrix)})


def forgetting(matrix: EvaluationMatrix) -> Computed:
    """Mean loss from the end of each phase to the end of the lifetime; 0 for the last phase."""
    rows = np.arange(len(matrix.env_steps))
    last = _averaged(matrix, matrix.phases[-1])
    lost = {}
    for name, phase in _named(matrix):
        then = _last(matrix, phase.task, matrix.inside(phase), _averaged(matrix, phase))
        lost[name] = then - _last(matrix, phase.task, rows, last)
    return mean_of(lost)


def forward_transfer(run: RunLog, scale: UnitScale) -> Computed:
    """Mean over phases of the area gained over an expert's curve, as a share of what it left."""
    gained, notes = {}, set()
    for name, phase in _named(scale.matrix):
        reference = run.references.of(phase.task, "first_phase")
        curves = scale.reference_curves(reference, phase.task)
        own = curve_of(scale.matrix, phase)
        until = min(own.length, *(curve.length for curve in curves))
        expected = mean(curve.mean_until(until) for curve in curves)
        gained[name] = normalised_gain(own.mean_until(until), expected, phase.task)
        notes.add(reference.note)
    return mean_of(gained, "; ".join(sorted(notes)))


def normalised_gain(area: float, reference: float, task: str = "the task") -> float:
    """(AUC - AUC_ref) / (1 - AUC_ref). Raises `NotComputable` where the expert left nothing."""
    if reference >= 1:
        raise NotComputable(f"the expert of {task} is at the top of the scale all along")
    return (area - reference) / (1 - reference)


def _named(matrix: EvaluationMatrix) -> Iterator[tuple[str, Phase]]:
    """The phases under names of their own: `beacon`, `shards`, `beacon#2`."""
    if not matrix.phases:
        raise NotComputable("no task has been learned yet")
    met: dict[str, int] = {}
    for phase in matrix.phases:
        met[phase.task] = met.get(phase.task, 0) + 1
        times = met[phase.task]
        yield (phase.task if times == 1 else f"{phase.task}#{times}"), phase


def _averaged(matrix: EvaluationMatrix, phase: Phase) -> int:
    """How many of the last evaluations are averaged."""
    return min(MOST_AVERAGED, max(1, matrix.inside(phase).size // AVERAGED_SHARE))


def _last(matrix: EvaluationMatrix, task: str, rows: NDArray[np.int64], count: int) -> float:
    """Mean of the last few of the given evaluations that measured a task."""
    if task not in matrix.tasks:
        raise NotComputable(f"{task} was not evaluated")
    rows = rows[matrix.measured[rows, matrix.tasks.index(task)]][-count:]
    if not rows.size:
        raise NotComputable(f"{task} was not evaluated during or right after its learning")
    value = float(matrix.column(task)[rows].mean())
    if np.isnan(value):
        raise NotComputable(f"an evaluation of {task} is not a number")
    return value
