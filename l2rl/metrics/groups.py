"""Runs with their figures, grouped by variant: what a comparison is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from l2rl.errors import UserError
from l2rl.metrics.figures import Figure
from l2rl.metrics.registry import all_figures
from l2rl.metrics.run_log import RunLog
from l2rl.metrics.scalability import timing_figures
from l2rl.metrics.statistics import Strata
from l2rl.runs.collection import CollectedRun, Collection, LeftOut
from l2rl.runs.run_directory import RunDirectory
from l2rl.runs.run_setting import Setting, setting_of
from l2rl.runs.timing import timing_of


@dataclass(frozen=True)
class MeasuredRun:
    """One run with all its figures."""

    run: CollectedRun
    figures: Mapping[str, Figure]
    setting: Setting


@dataclass(frozen=True)
class Group:
    """The runs of one variant."""

    name: str
    runs: tuple[MeasuredRun, ...]

    @property
    def seeds(self) -> tuple[int, ...]:
        return tuple(sorted({measured.run.seed for measured in self.runs}))

    @property
    def setting(self) -> Setting:
        return self.runs[0].setting

    @property
    def curricula(self) -> dict[tuple[str, int], str]:
        """(experiment, seed) -> what was lived through; a scenario may draw it from the seed."""
        return {(m.run.experiment, m.run.seed): m.setting.curriculum for m in self.runs}

    def by_stratum(self, metric: str) -> dict[str, dict[int, float]]:
        """Experiment -> seed -> value, of the runs that have one."""
        found: dict[str, dict[int, float]] = {}
        for measured in self.runs:
            figure = measured.figures.get(metric)
            if figure is not None and figure.value is not None:
                found.setdefault(measured.run.experiment, {})[measured.run.seed] = figure.value
        return found

    def strata(self, metric: str) -> Strata:
        """One array of values an experiment."""
        return [np.array(list(values.values())) for values in self.by_stratum(metric).values()]

    def reason(self, metric: str) -> str:
        """Why some run has no value; "" if all have one."""
        for measured in self.runs:
            figure = measured.figures.get(metric)
            if figure is None:
                return f"seed {measured.run.seed}: this run has no such figure"
            if figure.value is None:
                return f"seed {measured.run.seed}: {figure.reason}"
        return ""


def measure(collection: Collection) -> tuple[list[MeasuredRun], list[LeftOut]]:
    """The figures of every run, one log in memory at a time; those whose log is damaged apart."""
    measured, damaged = [], []
    # Runs of one experiment are measured against the same experts.
    experts: dict[Path, RunLog] = {}

    def open_expert(expert: RunDirectory) -> RunLog:
        if expert.path not in experts:
            experts[expert.path] = RunLog.open(expert)
        return experts[expert.path]

    for run in collection.runs:
        try:
            log = run.read_log()
            figures = all_figures(RunLog.open(run.directory, log, open_expert))
            figures |= timing_figures(timing_of(run.directory, log))
            measured.append(MeasuredRun(run, figures, setting_of(run.directory.config_path)))
        except UserError as error:
            damaged.append(LeftOut(run.path, str(error)))
    return measured, damaged


def grouped(measured: Sequence[MeasuredRun], pool: bool) -> tuple[Group, ...]:
    """The groups in order of appearance, named by variant as far as that tells them apart."""
    experiments = {one.run.experiment for one in measured}
    with_experiment = len(experiments) > 1 and not pool
    groups: dict[str, list[MeasuredRun]] = {}
    for one in measured:
        run = one.run
        name = f"{run.experiment}/{run.variant}" if with_experiment else run.variant
        groups.setdefault(name, []).append(one)
    return tuple(Group(name, tuple(runs)) for name, runs in groups.items())
