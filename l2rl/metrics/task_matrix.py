"""The task matrix: R[i, j], performance on task j after the i-th learning phase, K phases.

    average_performance    mean over the learned tasks of their latest value (ACC, 1706.08840)
    forgetting             mean over the old tasks of R[own phase, j] - latest
    forgetting_measure     mean over j of max over l < K of R[l, j] - R[K, j], l from j's own phase
                           on (1801.10112)
    backward_transfer      BWT: mean over the old tasks of R[K, j] - R[own phase, j] (1706.08840)
    backward_transfer_expanded
                           mean over all i > own phase of j of R[i, j] - R[own phase, j]
                           (1810.13166)
    forward_transfer       FWT, zero-shot: mean over tasks but the first of R[before own phase, j]
                           minus the value before any learning (1706.08840)
    intransigence          mean over tasks of the expert's value after as many env steps minus
                           R[own phase, j] (1801.10112, with a single-task expert)
    resilience             CFR: min over i of a_i divided by max over i of a_i, a_i being the mean
                           of R[i, j] over the tasks met by phase i (2410.06209)
    incremental_plasticity IP: mean of a_{i+1} - a_i (2410.06209)

They disagree, which is why there are several. "Own phase" of a task is its first. A task that is
learned again counts with all its later phases as rows.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import pairwise

import numpy as np

from l2rl.metrics.evaluation_matrix import EvaluationMatrix, Phase
from l2rl.metrics.figures import (
    Computed,
    Definition,
    Direction,
    Figure,
    NotComputable,
    cadence,
    figure,
    mean,
    mean_of,
)
from l2rl.metrics.learning_curves import at_end, at_start, mean_at, reference_curves
from l2rl.metrics.run_log import RunLog, named
from l2rl.metrics.stability_gap import acc, forg, require_learned, require_old_tasks


def task_matrix(run: RunLog) -> dict[str, Figure]:
    """The family `matrix`, for every measure that the log has."""
    figures: dict[str, Figure] = {}
    for measure in run.measures:
        looked = cadence(run.matrix(measure))
        for name, (metric, direction) in _METRICS.items():
            figures[named(f"matrix/{name}", measure)] = figure(
                partial(metric, run, measure),
                Definition("ratio" if name == "resilience" else measure, direction),
                measure=measure,
                cadence=looked,
            )
    return figures


def forgetting_measure(matrix: EvaluationMatrix) -> Computed:
    """Mean over the old tasks of the best value of an earlier phase minus the last one's."""
    require_old_tasks(matrix)
    parts = {}
    for task in matrix.old_tasks():
        values = [at_end(matrix, phase, task) for phase in _since_own(matrix, task)]
        if len(values) < 2:
            raise NotComputable(f"no phase ended after that of {task}")
        parts[task] = max(values[:-1]) - values[-1]
    return mean_of(parts)


def backward_transfer(matrix: EvaluationMatrix) -> Computed:
    """BWT: what an old task gained since its own phase ended."""
    forgotten = forg(matrix)
    return mean_of({task: -float(lost or 0.0) for task, lost in forgotten.parts.items()})


def backward_transfer_expanded(matrix: EvaluationMatrix) -> Computed:
    """BWT after every later phase, not only the last."""
    require_old_tasks(matrix)
    gains: dict[str, float] = {}
    for task in matrix.learned:
        own, *later = _since_own(matrix, task)
        learned = at_end(matrix, own, task) if later else 0.0
        for number, phase in enumerate(later, start=1):
            gains[f"{task} +{number}"] = at_end(matrix, phase, task) - learned
    return mean_of(gains)


def forward_transfer(matrix: EvaluationMatrix) -> Computed:
    """FWT: what a task gained before it was ever trained."""
    require_learned(matrix)
    first, *later = matrix.first_phases()
    if not later:
        raise NotComputable("fewer than two tasks were learned, so there is nothing to transfer")
    born = matrix.before(first)
    if born < 0 or matrix.env_steps[born] != 0:
        raise NotComputable("nothing was evaluated before the first learning")
    newborn = matrix.performance[born]
    parts = {p.task: at_start(matrix, p) - newborn[matrix.tasks.index(p.task)] for p in later}
    if not np.isfinite(list(parts.values())).all():
        raise NotComputable("a task was not evaluated before the first learning")
    return mean_of(parts, "against this agent's own evaluation before any learning")


def intransigence(run: RunLog, measure: str) -> Computed:
    """What an expert of equal experience reaches beyond the agent; positive: it learned less."""
    matrix = run.matrix(measure)
    require_learned(matrix)
    parts, notes = {}, set()
    for phase in matrix.first_phases():
        reference = run.references.of(phase.task, "first_phase")
        expert = mean_at(reference_curves(reference, measure), phase.env_steps)
        parts[phase.task] = expert - at_end(matrix, phase, phase.task)
        notes.add(reference.note)
    return mean_of(parts, "; ".join(sorted(notes)))


def resilience(matrix: EvaluationMatrix) -> Computed:
    """CFR: the worst average over the tasks met, as a share of the best."""
    averages = _averages(matrix)
    if min(averages) < 0 or max(averages) <= 0:
        raise NotComputable("a ratio of performances means nothing where one is negative")
    return Computed(min(averages) / max(averages))


def incremental_plasticity(matrix: EvaluationMatrix) -> Computed:
    """IP: mean change of the average over the tasks met, from phase to phase."""
    averages = _averages(matrix)
    return Computed(mean(after - before for before, after in pairwise(averages)))


def _averages(matrix: EvaluationMatrix) -> list[float]:
    """Mean over the tasks met, at the end of every phase."""
    if len(matrix.phases) < 2:
        raise NotComputable("fewer than two phases of learning")
    averages = []
    met: dict[str, None] = {}
    for phase in matrix.phases:
        met[phase.task] = None
        averages.append(mean(at_end(matrix, phase, task) for task in met))
    return averages


def _since_own(matrix: EvaluationMatrix, task: str) -> list[Phase]:
    """The phases from the first one of the task to the last."""
    own = next(i for i, phase in enumerate(matrix.phases) if phase.task == task)
    return list(matrix.phases[own:])


def _of_matrix(metric: Callable[[EvaluationMatrix], Computed]) -> Callable[[RunLog, str], Computed]:
    return lambda run, measure: metric(run.matrix(measure))


_METRICS: dict[str, tuple[Callable[[RunLog, str], Computed], Direction]] = {
    "average_performance": (_of_matrix(acc), "higher"),
    "forgetting": (_of_matrix(forg), "lower"),
    "forgetting_measure": (_of_matrix(forgetting_measure), "lower"),
    "backward_transfer": (_of_matrix(backward_transfer), "higher"),
    "backward_transfer_expanded": (_of_matrix(backward_transfer_expanded), "higher"),
    "forward_transfer": (_of_matrix(forward_transfer), "higher"),
    "intransigence": (intransigence, "lower"),
    "resilience": (_of_matrix(resilience), "higher"),
    "incremental_plasticity": (_of_matrix(incremental_plasticity), "higher"),
}
