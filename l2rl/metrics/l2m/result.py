"""All L2M metrics of one log; each is computed when it is first asked for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

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

AVERAGES = {"mean_training_performance": True, "mean_evaluation_performance": False}
"""The metrics that are averages, and whether of learning."""
AGAINST_EXPERTS = ("relative_performance", "sample_efficiency")


@dataclass(frozen=True)
class L2MResult:
    """What figures and reports are made from."""

    log: L2Log
    options: Options
    prepared: Prepared
    quantities: Quantities
    counted: Bools
    """(regimes,) considered by maintenance, averages and transfer."""

    @cached_property
    def recovery(self) -> dict[str, Recovery]:
        """By task."""
        return recovery(self.prepared, self.quantities)

    @cached_property
    def maintenance(self) -> dict[str, dict[str, Maintenance]]:
        """By kind and task."""
        return {
            kind: maintenance(self.prepared, self.quantities, self.counted, kind)
            for kind in self.options.maintenances
        }

    @cached_property
    def transfer(self) -> Transfer:
        """Both directions, all kinds."""
        kinds, corrections = self.options.transfers, self.options.corrections
        return transfer(self.prepared, self.quantities, self.counted, kinds, corrections)

    @cached_property
    def relative(self) -> dict[str, RelativePerformance]:
        """By task."""
        return relative_performance(self.prepared, self.options)

    @cached_property
    def efficiency(self) -> dict[str, SampleEfficiency]:
        """By task."""
        return sample_efficiency(self.prepared, self.options)

    def averages(self, task: str, *, training: bool) -> Floats:
        """Mean performance of each learning or evaluation block of a task."""
        regimes = self.prepared.regimes
        mine = regimes.of_task(task) & (regimes.training == training) & self.counted
        averages = self.quantities.avg_perf[mine]
        known: Floats = averages[~np.isnan(averages)]
        return known

    def of_tasks(self, metric: str) -> dict[str, float]:
        """The metric of each task, NaN where it has none; transfer is not a task's."""
        return {task: self._of_task(metric, task) for task in self.prepared.tasks}

    def of_pairs(self, metric: str) -> Values:
        """Source -> target -> values, of a transfer metric."""
        direction, _, kind = metric.split("_")
        values: Values = getattr(self.transfer, direction)[kind]
        return values

    def lifetime(self, metrics: Iterable[str] | None = None) -> dict[str, float]:
        """One figure for each metric, or for those asked for; NaN where there is none."""
        metrics = metric_names(self.options) if metrics is None else metrics
        return {metric: self._aggregate(self._to_aggregate(metric)) for metric in metrics}

    def _of_task(self, metric: str, task: str) -> float:
        if metric == "performance_recovery":
            return self.recovery[task].value
        if metric in AVERAGES:
            averages = self.averages(task, training=AVERAGES[metric])
            return float(averages.mean()) if averages.size else np.nan
        if metric == "relative_performance":
            return self.relative[task].value
        if metric == "sample_efficiency":
            return self.efficiency[task].value
        return self.maintenance[metric.rpartition("_")[2]][task].value

    def _to_aggregate(self, metric: str) -> Iterable[float]:
        if not is_transfer(metric):
            return self.of_tasks(metric).values()
        every_value = self.options.corrections.all_transfer_values
        return [
            value
            for targets in self.of_pairs(metric).values()
            for pair in targets.values()
            for value in (pair if every_value else pair[:1])
        ]

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
    return judged(log, prepare(log, experts or {}, options), options)


def judged(log: L2Log, prepared: Prepared, options: Options) -> L2MResult:
    """The metrics of a log that was prepared."""
    quantities = quantities_of(prepared, options.corrections)
    return L2MResult(log, options, prepared, quantities, counted_regimes(prepared, options))


def counted_regimes(prepared: Prepared, options: Options) -> Bools:
    """(regimes,) all; but where there is sleep, evaluations only if they belong to it."""
    regimes = prepared.regimes
    if options.corrections.wake_evaluations or not regimes.asleep.any():
        return np.ones(len(regimes), dtype=np.bool_)
    return regimes.training | regimes.asleep


def metric_names(options: Options) -> tuple[str, ...]:
    """The metrics that the options ask for, in the original's order."""
    maintained = (f"performance_maintenance_{kind}" for kind in options.maintenances)
    transferred = (
        f"{direction}_transfer_{kind}"
        for kind in options.transfers
        for direction in ("forward", "backward")
    )
    return ("performance_recovery", *AVERAGES, *maintained, *transferred, *AGAINST_EXPERTS)


def is_transfer(metric: str) -> bool:
    """Whether a metric is of pairs of tasks."""
    return "_transfer_" in metric
