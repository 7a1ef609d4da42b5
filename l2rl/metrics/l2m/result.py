"""All L2M metrics of one log."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from l2rl.metrics.l2m.against_experts import (
    RelativePerformance,
    SampleEfficiency,
    relative_performance,
    sample_efficiency,
)
from l2rl.metrics.l2m.arrays import Bools, Floats
from l2rl.metrics.l2m.experts import ExpertRuns
from l2rl.metrics.l2m.maintenance import Maintenance, maintenance
from l2rl.metrics.l2m.options import Options
from l2rl.metrics.l2m.preparation import Prepared, prepare
from l2rl.metrics.l2m.quantities import Quantities, quantities_of
from l2rl.metrics.l2m.recovery import Recovery, recovery
from l2rl.metrics.l2m.transfer import Transfer, Values, transfer
from l2rl.runs.l2logger_log import L2Log


@dataclass(frozen=True)
class L2MResult:
    """Everything that was computed; figures and reports are made from it."""

    log: L2Log
    options: Options
    prepared: Prepared
    quantities: Quantities
    counted: Bools
    """(regimes,) considered by maintenance, averages and transfer."""
    recovery: dict[str, Recovery]
    maintenance: dict[str, dict[str, Maintenance]]
    """Kind -> task -> maintenance."""
    transfer: Transfer
    relative: dict[str, RelativePerformance]
    efficiency: dict[str, SampleEfficiency]

    def averages(self, task: str, *, training: bool) -> Floats:
        """Mean performance of each learning or evaluation block of a task."""
        regimes = self.prepared.regimes
        mine = regimes.of_task(task) & (regimes.training == training) & self.counted
        averages = self.quantities.avg_perf[mine]
        return averages[~np.isnan(averages)]

    def task_values(self) -> dict[str, dict[str, float]]:
        """Metric -> task -> value, NaN where there is none; transfer is not a task's."""
        tasks = self.prepared.tasks
        found = {
            "performance_recovery": {task: self.recovery[task].value for task in tasks},
            "mean_training_performance": {
                task: _mean(self.averages(task, training=True)) for task in tasks
            },
            "mean_evaluation_performance": {
                task: _mean(self.averages(task, training=False)) for task in tasks
            },
        }
        for kind, by_task in self.maintenance.items():
            values = {task: by_task[task].value for task in tasks}
            found[f"performance_maintenance_{kind}"] = values
        found["relative_performance"] = {task: self.relative[task].value for task in tasks}
        found["sample_efficiency"] = {task: self.efficiency[task].value for task in tasks}
        return found

    def transfer_values(self) -> dict[str, Values]:
        """Metric -> source -> target -> values."""
        return {
            f"{direction}_transfer_{kind}": values
            for kind in self.options.transfers
            for direction, values in (
                ("forward", self.transfer.forward[kind]),
                ("backward", self.transfer.backward[kind]),
            )
        }

    def lifetime(self) -> dict[str, float]:
        """One figure for each metric, NaN where there is none."""
        every_value = self.options.corrections.all_transfer_values
        of_tasks = {name: values.values() for name, values in self.task_values().items()}
        of_pairs = {
            name: [
                value
                for targets in values.values()
                for pair in targets.values()
                for value in (pair if every_value else pair[:1])
            ]
            for name, values in self.transfer_values().items()
        }
        order = [n for n in of_tasks if n not in ("relative_performance", "sample_efficiency")]
        order += [*of_pairs, "relative_performance", "sample_efficiency"]
        values = {**of_tasks, **of_pairs}
        return {name: self._aggregate(values[name]) for name in order}

    def _aggregate(self, values: Iterable[float]) -> float:
        known = np.array([value for value in values if not np.isnan(value)])
        if not known.size:
            return np.nan
        return float(np.median(known) if self.options.aggregate == "median" else np.mean(known))


def compute_l2m(
    log: L2Log, experts: ExpertRuns | None = None, options: Options | None = None
) -> L2MResult:
    """All metrics of a log, against the experts of its tasks where there are any.

    Raises `UserError` where the log, the experts or the options do not allow any.
    """
    options = options or Options()
    prepared = prepare(log, experts or {}, options)
    quantities = quantities_of(prepared, options.corrections)
    counted = counted_regimes(prepared, options)
    return L2MResult(
        log=log,
        options=options,
        prepared=prepared,
        quantities=quantities,
        counted=counted,
        recovery=recovery(prepared, quantities),
        maintenance={
            kind: maintenance(prepared, quantities, counted, kind)
            for kind in options.maintenances
        },
        transfer=transfer(prepared, quantities, counted, options.transfers, options.corrections),
        relative=relative_performance(prepared, options),
        efficiency=sample_efficiency(prepared, options),
    )


def counted_regimes(prepared: Prepared, options: Options) -> Bools:
    """(regimes,) all; but where there is sleep, evaluations only if they belong to it."""
    regimes = prepared.regimes
    if options.corrections.wake_evaluations or not regimes.asleep.any():
        return np.ones(len(regimes), dtype=np.bool_)
    return regimes.training | regimes.asleep


def _mean(values: Floats) -> float:
    return float(values.mean()) if values.size else np.nan
