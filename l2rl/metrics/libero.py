"""The metrics of LIBERO (arXiv 2306.03310), on a scale from 0 to 1 (see `scale`).

Tasks 1..K in the order of learning, c_{i,j,e} the performance on task j at the evaluation e of the
phase of task i, the first of them made right before the phase. c_{k,k} is the best over e, reached
first at e*_k; c_{i,j} for another task is c_{i,j,e*_i}: what the best checkpoint of task i does.

    fwt   mean over k of FWT_k, the mean over e of c_{k,k,e}, after e*_k replaced by c_{k,k}
    nbt   mean over k of NBT_k, the mean over i > k of c_{k,k} - c_{i,k}; lower is better
    auc   mean over k of (FWT_k + sum over i > k of c_{i,k}) / (K - k + 1)

NBT_K is 0 and counts, so the mean is over K (`nbt_without_last`: over K - 1). Only the first phase
of a task counts; LIBERO's sequences meet each task once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from l2rl.metrics.evaluation_matrix import NEVER, EvaluationMatrix, Phase
from l2rl.metrics.figures import Computed, Definition, Figure, NotComputable, mean, mean_of
from l2rl.metrics.run_log import RunLog
from l2rl.metrics.scale import ScaledMetric, UnitScale, figures_on_unit_scale


@dataclass(frozen=True)
class SuccessTable:
    """What LIBERO's definitions are made of."""

    tasks: tuple[str, ...]
    transfer: NDArray[np.float64]
    """(K,) FWT_k."""
    success: NDArray[np.float64]
    """(K, K) c_{i,k} for i >= k; NaN above the diagonal."""

    def nbt(self, k: int) -> float:
        """Negative backward transfer of task k, 0 for the last."""
        later = self.success[k + 1 :, k]
        return float((self.success[k, k] - later).mean()) if later.size else 0.0

    def auc(self, k: int) -> float:
        """Area under the success curve of task k."""
        return float((self.transfer[k] + self.success[k + 1 :, k].sum()) / (len(self.tasks) - k))


def libero(run: RunLog) -> dict[str, Figure]:
    """The family `libero`."""
    share = "share of the scale"
    return figures_on_unit_scale(
        run,
        {
            "libero/fwt": (_of_table(fwt), Definition(share, "higher")),
            "libero/nbt": (_of_table(nbt), Definition(share, "lower")),
            "libero/nbt_without_last": (_of_table(nbt_without_last), Definition(share, "lower")),
            "libero/auc": (_of_table(auc), Definition(share, "higher")),
        },
    )


def _of_table(metric: Callable[[SuccessTable], Computed]) -> ScaledMetric:
    def compute(run: RunLog, scale: UnitScale) -> Computed:
        later = len(scale.matrix.phases) - len(scale.matrix.learned)
        note = f"{later} later phases of tasks that were met again are left out" if later else ""
        return replace(metric(success_table(scale.matrix)), note=note)

    return compute


def success_table(matrix: EvaluationMatrix) -> SuccessTable:
    """FWT_k and c_{i,k} of a lifetime. Raises `NotComputable` if an evaluation is missing."""
    phases = matrix.first_phases()
    size = len(phases)
    transfer, success = np.zeros(size), np.full((size, size), np.nan)
    for i, phase in enumerate(phases):
        rows = _rows_of(matrix, phase)
        own = _values(matrix, phase.task, rows)
        best = int(own.argmax())
        transfer[i] = np.append(own[:best], np.full(own.size - best, own[best])).mean()
        success[i, i] = own[best]
        for k, earlier in enumerate(phases[:i]):
            success[i, k] = _values(matrix, earlier.task, rows[best : best + 1])[0]
    return SuccessTable(tuple(phase.task for phase in phases), transfer, success)


def fwt(table: SuccessTable) -> Computed:
    """Forward transfer: how high, averaged over the phase, up to the best checkpoint."""
    return mean_of({task: float(table.transfer[k]) for k, task in enumerate(table.tasks)})


def nbt(table: SuccessTable) -> Computed:
    """Negative backward transfer, the last task counted with 0."""
    return mean_of({task: table.nbt(k) for k, task in enumerate(table.tasks)})


def nbt_without_last(table: SuccessTable) -> Computed:
    """Negative backward transfer over all tasks but the last."""
    if len(table.tasks) < 2:
        raise NotComputable("fewer than two tasks were learned")
    return Computed(mean(table.nbt(k) for k in range(len(table.tasks) - 1)))


def auc(table: SuccessTable) -> Computed:
    """Area under the success curves: transfer and retention in one."""
    return mean_of({task: table.auc(k) for k, task in enumerate(table.tasks)})


def _rows_of(matrix: EvaluationMatrix, phase: Phase) -> NDArray[np.int64]:
    """The evaluations of a phase that measured its task, with that of its beginning in front."""
    inside = matrix.inside(phase)
    before = matrix.before(phase)
    if before != NEVER and matrix.env_steps[before] == phase.start:
        inside = np.append(before, inside)
    rows: NDArray[np.int64] = inside[matrix.measured[inside, matrix.tasks.index(phase.task)]]
    if not rows.size or not (rows > before).any():
        raise NotComputable(f"{phase.task} was not evaluated while it was learned")
    return rows


def _values(matrix: EvaluationMatrix, task: str, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    values = matrix.column(task)[rows]
    if np.isnan(values).any():
        raise NotComputable(f"{task} has no value at evaluation {rows[np.isnan(values)][0]}")
    return values
