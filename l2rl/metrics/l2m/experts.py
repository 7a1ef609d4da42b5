"""Runs of single-task experts: what a lifetime's learning of a task is compared with.

An expert run is an ordinary log in which exactly one task was learned. Nothing is stored for it
anywhere, and nothing but its learning counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from l2rl.errors import UserError
from l2rl.metrics.l2m.arrays import Floats, Ints, starts_of
from l2rl.metrics.l2m.experiences import base_name, complete_experiences
from l2rl.metrics.l2m.options import Options
from l2rl.runs.l2logger_log import L2Log

ExpertRuns = Mapping[str, Sequence[L2Log]]
"""Logs of expert runs by the task, variant included, that was learned in them."""


@dataclass(frozen=True)
class ExpertCurve:
    """The learning of one expert run."""

    task: str
    values: Floats
    """(n,) performance."""
    experience: Ints
    """(n,) `exp_num`."""
    begin: Ints
    end: Ints
    """(learning regimes,) stretches `begin:end` of the values."""

    def __len__(self) -> int:
        return self.values.size

    def with_values(self, values: Floats) -> ExpertCurve:
        """The same curve after a step of preparation."""
        return replace(self, values=values)


def expert_runs(logs: Iterable[L2Log]) -> dict[str, list[L2Log]]:
    """The logs by the task learned in them. Raises `UserError` if that is not exactly one."""
    runs: dict[str, list[L2Log]] = {}
    for log in logs:
        kinds = log.table["block_type"].to_pylist()
        statuses = log.table["exp_status"].to_pylist()
        names = log.table["task_name"].to_pylist()
        rows = zip(names, kinds, statuses, strict=True)
        trained = {n for n, kind, status in rows if (kind, status) == ("train", "complete")}
        if len(trained) != 1:
            raise UserError(
                f"{log.name} cannot be an expert run: exactly one task must be learned in it, "
                f"but there are {len(trained)} ({', '.join(sorted(trained)) or 'none'})."
            )
        runs.setdefault(trained.pop(), []).append(log)
    return runs


def expert_curves(
    tasks: Sequence[str], experts: ExpertRuns, options: Options
) -> dict[str, list[ExpertCurve]]:
    """For every task the learning of its experts; an empty list where there are none.

    Without variants, experts of all variants are those of the task. In parity mode they are found
    by the beginning of the name, so that t1 also gets those of t10.
    """
    return {
        task: [
            _curve(log, options, name)
            for name, log in _experts_of(task, experts, options.corrections.whole_task_names)
            # No range is known of a task that the log has not.
            if name in tasks or options.normalise != "task"
        ]
        for task in tasks
    }


def _experts_of(task: str, experts: ExpertRuns, whole_names: bool) -> list[tuple[str, L2Log]]:
    """The logs, each with the name that its task has here."""
    if task in experts:
        return [(task, log) for log in experts[task]]
    if whole_names or task not in map(base_name, experts):
        names = [name for name in experts if base_name(name) == task]
    else:
        names = [name for name in experts if name.startswith(task)]
    return [(base_name(name), log) for name in names for log in experts[name]]


def _curve(log: L2Log, options: Options, task: str) -> ExpertCurve:
    found = complete_experiences(log, options)
    starts = found.regime_starts()
    regime = np.zeros(len(found), dtype=np.int64)
    regime[starts[1:]] = 1
    # Regimes are those of all complete experiences, a missing performance does not join two.
    regime = np.cumsum(regime)
    keep = found.training & ~np.isnan(found.performance)
    if not keep.any():
        raise UserError(
            f"{log.name} cannot be an expert run: no complete experience of learning has a value "
            f"of `{options.performance_column}`."
        )
    found, regime = found.only(keep), regime[keep]
    begin = starts_of(regime[1:] != regime[:-1], regime.size)
    return ExpertCurve(
        task=task,
        values=found.performance,
        experience=found.experience,
        begin=begin,
        end=np.append(begin[1:], regime.size),
    )
