"""How well a task is kept while others are learned.

The first evaluation of a task after each of its learning blocks is a reference. Every later
evaluation is compared with the latest reference before it (`mrlep`: most recent learning's
evaluation performance) or with the terminal performance of the latest learning block before it
(`mrtlp`: most recent terminal learning performance). The mean difference is the task's performance
maintenance: negative means forgetting, in points of the normalised scale.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from l2rl.metrics.l2m.arrays import Bools, Floats, Ints
from l2rl.metrics.l2m.preparation import Prepared
from l2rl.metrics.l2m.quantities import Quantities


@dataclass(frozen=True)
class Maintenance:
    """One task's, of one kind."""

    value: float
    """Mean difference; NaN without any."""
    differences: tuple[Floats, ...]
    """All differences, cut where a regime of the task has none."""


def maintenance(
    prepared: Prepared, quantities: Quantities, counted: Bools, kind: str
) -> dict[str, Maintenance]:
    """Of every task; `counted` says which regimes are considered."""
    regimes = prepared.regimes
    found: dict[str, Maintenance] = {}
    for task in prepared.tasks:
        mine = regimes.of_task(task)
        learned = np.flatnonzero(mine & regimes.training & counted)
        evaluated = np.flatnonzero(mine & ~regimes.training & counted)
        compared, reference = _pairs(learned, evaluated, kind)
        difference = quantities.term_perf[compared] - quantities.term_perf[reference]
        # A difference for each regime of the task, none for most, shows where the gaps are.
        values = np.full(len(regimes), np.nan)
        values[compared] = difference
        found[task] = Maintenance(
            value=float(np.mean(difference)) if difference.size else np.nan,
            differences=_runs(values[mine]),
        )
    return found


def _pairs(learned: Ints, evaluated: Ints, kind: str) -> tuple[Ints, Ints]:
    """The evaluations that are compared, and the regime each is compared with."""
    next_evaluation = np.searchsorted(evaluated, learned)
    references = np.unique(evaluated[next_evaluation[next_evaluation < evaluated.size]])
    others = np.setdiff1d(evaluated, references)
    before = np.searchsorted(references, others)
    compared = others[before > 0]
    if kind == "mrlep":
        return compared, references[before[before > 0] - 1]
    return compared, learned[np.searchsorted(learned, compared) - 1]


def _runs(values: Floats) -> tuple[Floats, ...]:
    """The values between NaNs."""
    known = np.concatenate([[False], ~np.isnan(values), [False]])
    edges = np.flatnonzero(known[1:] != known[:-1])
    return tuple(values[a:b] for a, b in edges.reshape(-1, 2).tolist())
