"""Variants side by side: what a table, a report or a paper says of many runs.

    runs -> figures of each -> groups by variant -> summaries, differences, effects, verdicts

A group is a variant (of an experiment, if there are several); its runs differ by their seeds.
Differences are paired by seed against a baseline. Where two variants differ by one component only,
their difference is that component's effect; over all such pairs, it is its effect in the whole
comparison. Everything here is plain data: whoever draws a table or a page needs nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from l2rl.errors import UserError
from l2rl.metrics.criteria import CRITERIA, Verdict, verdict
from l2rl.metrics.figures import Cadence, Direction, Figure
from l2rl.metrics.groups import Group, MeasuredRun, grouped, measure
from l2rl.metrics.intervals import Method
from l2rl.metrics.registry import is_custom
from l2rl.metrics.statistics import FEWEST, Bootstrap, Estimate, Summary, summarise
from l2rl.metrics.two_groups import (
    BySeed,
    PairedDifference,
    Profile,
    paired_differences,
    performance_profile,
    probability_of_improvement,
)
from l2rl.registry import did_you_mean
from l2rl.runs.collection import Collection, LeftOut, check_versions
from l2rl.runs.run_setting import extra_component

HEADLINE = (
    "matrix/average_performance",
    "matrix/forgetting",
    "gap/min_acc",
    "gap/wc_acc",
    "cw/forward_transfer",
    "transfer/jump_start",
    "plasticity/learning_time_ratio",
    "l2m/performance_maintenance_mrlep",
    "l2m/forward_transfer_ratio",
    "l2m/backward_transfer_ratio",
    "l2m/relative_performance",
    "l2m/sample_efficiency",
    "detection/identity_accuracy",
    "scalability/state_bytes",
    "scalability/wall_seconds",
)
"""Metrics that are compared unless others are asked for; those of other packages are added."""


ENOUGH = 10
"""Seeds from which on a percentile interval covers nearly as often as it says."""


@dataclass(frozen=True)
class Cell:
    """One metric of one group."""

    summary: Summary | None
    reason: str
    """Why there is no summary, or why some seed is missing in it."""


@dataclass(frozen=True)
class Against:
    """One group against the baseline in one metric."""

    difference: PairedDifference
    """Group minus baseline, paired by seed."""
    improvement: Estimate | None
    """Probability that a run of the group is better than one of the baseline."""
    reason: str
    """Why there is no difference or no probability."""


@dataclass(frozen=True)
class Effect:
    """What one component does, over all pairs of variants that differ by it alone."""

    component: str
    pairs: tuple[tuple[str, str], ...]
    """(variant with it, variant without it)."""
    differences: Mapping[str, PairedDifference]
    """By metric."""


@dataclass(frozen=True)
class MetricInfo:
    """What is said of a metric in every table."""

    name: str
    unit: str
    direction: Direction
    note: str
    cadence: Cadence | None
    """Of the first run; that others were evaluated at another one is among the warnings."""


@dataclass(frozen=True)
class Comparison:
    """Everything that is known of some runs together."""

    groups: tuple[Group, ...]
    metrics: tuple[MetricInfo, ...]
    cells: Mapping[tuple[str, str], Cell]
    """By (group, metric)."""
    baseline: str
    """Name of a group, or "" without one."""
    against: Mapping[tuple[str, str], Against]
    """By (group, metric), for every group but the baseline."""
    effects: tuple[Effect, ...]
    verdicts: Mapping[str, tuple[Verdict, ...]]
    """The L2M criteria by group, as far as their metrics are known."""
    left_out: tuple[LeftOut, ...]
    warnings: tuple[str, ...]
    confidence: float
    method: Method = "percentile"
    """How the intervals are made."""


def compare(
    collection: Collection,
    *,
    metrics: Sequence[str] = (),
    baseline: str = "",
    pool: bool = False,
    bootstrap: Bootstrap | None = None,
) -> Comparison:
    """Group runs by variant, and say of each metric what can be said.

    `metrics`: qualified names, default the headline; `baseline`: a group's name; `pool`: groups of
    one variant name across experiments, each experiment a stratum. Raises `UserError` for an
    unknown metric or baseline, without usable runs, and for mixed versions of environments.
    """
    bootstrap = bootstrap or Bootstrap()
    measured, damaged = measure(collection)
    left_out = (*collection.left_out, *damaged)
    if not measured:
        raise UserError(_nothing(left_out))
    check_versions(one.run for one in measured)
    groups = grouped(measured, pool)
    chosen = chosen_metrics(measured, metrics)
    reference = _baseline(groups, baseline)
    names = [info.name for info in chosen]
    return Comparison(
        groups=groups,
        metrics=chosen,
        cells={(g.name, m): cell(g, m, bootstrap) for g in groups for m in names},
        baseline=reference.name if reference else "",
        against={
            (g.name, info.name): against(g, reference, info, bootstrap)
            for g in groups
            for info in chosen
            if reference and g is not reference
        },
        effects=component_effects(groups, names, bootstrap),
        verdicts={g.name: _verdicts(g, bootstrap) for g in groups},
        left_out=left_out,
        warnings=tuple(_warnings(groups, bootstrap.method)),
        confidence=bootstrap.confidence,
        method=bootstrap.method,
    )


def chosen_metrics(
    measured: Sequence[MeasuredRun], wanted: Sequence[str]
) -> tuple[MetricInfo, ...]:
    """The metrics asked for, or the headline as far as some run has a value, and custom ones."""
    known: dict[str, Figure] = {}
    for one in measured:
        for name, figure in one.figures.items():
            if name not in known or known[name].value is None:
                known[name] = figure
    for name in wanted:
        if name not in known:
            raise UserError(f"no run has a metric `{name}`\n  {did_you_mean(name, known)}")
    default = [name for name in HEADLINE if name in known and known[name].value is not None]
    names = list(wanted) or [*default, *filter(is_custom, known)]
    return tuple(
        MetricInfo(name, one.unit, one.direction, one.note, one.cadence)
        for name, one in ((name, known[name]) for name in dict.fromkeys(names))
    )


def profiles(
    comparison: Comparison, metric: str, *, points: int = 101, bootstrap: Bootstrap | None = None
) -> dict[str, Profile]:
    """The performance profile of every group that has values, over thresholds that all share.

    `points`: thresholds, evenly spaced from just below the lowest value to the highest.
    """
    values = {
        g.name: np.concatenate(g.strata(metric)) for g in comparison.groups if g.strata(metric)
    }
    if not values:
        return {}
    together = np.concatenate(list(values.values()))
    thresholds = np.linspace(np.nextafter(together.min(), -np.inf), together.max(), points)
    return {
        name: performance_profile(mine, thresholds, f"{name} {metric}", bootstrap)
        for name, mine in values.items()
    }


def cell(group: Group, metric: str, bootstrap: Bootstrap) -> Cell:
    """The summary of one metric over the seeds of a group."""
    strata, reason = group.strata(metric), group.reason(metric)
    if not strata:
        return Cell(None, reason)
    return Cell(summarise(strata, f"{group.name} {metric}", bootstrap), reason)


def against(group: Group, baseline: Group, info: MetricInfo, bootstrap: Bootstrap) -> Against:
    """A group against the baseline in one metric."""
    name = f"{group.name} - {baseline.name} {info.name}"
    if not set(group.curricula.values()) & set(baseline.curricula.values()):
        reason = "the two lived through different curricula"
        return Against(PairedDifference((), None, reason), None, reason)
    difference = paired_differences(_pairs(group, baseline, info.name), name, bootstrap)
    both = _strata_of_both(group, baseline, info.name)
    if not both or info.direction == "neither":
        reason = difference.reason or "no direction of this metric is better"
        return Against(difference, None, reason)
    ours = [np.array(list(group.by_stratum(info.name)[one].values())) for one, _ in both]
    theirs = [np.array(list(baseline.by_stratum(info.name)[other].values())) for _, other in both]
    improvement = probability_of_improvement(ours, theirs, info.direction, name, bootstrap)
    return Against(difference, improvement, difference.reason or "")


def component_effects(
    groups: Sequence[Group], metrics: Sequence[str], bootstrap: Bootstrap
) -> tuple[Effect, ...]:
    """The effect of every component for which two variants differ by it alone."""
    pairs: dict[str, list[tuple[Group, Group]]] = {}
    for with_it in groups:
        for without in groups:
            component = extra_component(with_it.setting, without.setting)
            alike = set(with_it.curricula.values()) & set(without.curricula.values())
            if component and alike:
                pairs.setdefault(component, []).append((with_it, without))
    return tuple(
        Effect(
            component=component,
            pairs=tuple((one.name, other.name) for one, other in found),
            differences={
                metric: paired_differences(
                    [pair for one, other in found for pair in _pairs(one, other, metric)],
                    f"effect of {component} {metric}",
                    bootstrap,
                )
                for metric in metrics
            },
        )
        for component, found in sorted(pairs.items())
    )


def _pairs(one: Group, other: Group, metric: str) -> list[tuple[BySeed, BySeed]]:
    """(values of one, values of the other) for each experiment that both have, by the seeds with
    which both lived through the same curriculum."""
    pairs: list[tuple[BySeed, BySeed]] = []
    for mine, its in _strata_of_both(one, other, metric):
        ours, theirs = one.by_stratum(metric)[mine], other.by_stratum(metric)[its]
        alike = [
            seed
            for seed in ours
            if seed in theirs and one.curricula[mine, seed] == other.curricula[its, seed]
        ]
        pairs.append(({s: ours[s] for s in alike}, {s: theirs[s] for s in alike}))
    return pairs


def _strata_of_both(one: Group, other: Group, metric: str) -> list[tuple[str, str]]:
    """The experiments that stand against each other: of one name, or the only ones there are."""
    ours, theirs = list(one.by_stratum(metric)), list(other.by_stratum(metric))
    if len(ours) == len(theirs) == 1:
        return [(ours[0], theirs[0])]
    return [(name, name) for name in ours if name in theirs]


def _verdicts(group: Group, bootstrap: Bootstrap) -> tuple[Verdict, ...]:
    found = []
    for criterion in CRITERIA:
        strata = group.strata(criterion.metric)
        if strata:
            name = f"{group.name} {criterion}"
            found.append(verdict(criterion, strata, name, bootstrap))
        elif any(criterion.metric in one.figures for one in group.runs):
            reason = group.reason(criterion.metric)
            found.append(Verdict(str(criterion), None, None, None, reason))
    return tuple(found)


def _baseline(groups: Sequence[Group], name: str) -> Group | None:
    """The group of that name; without a name, the bare agent if exactly one has no component."""
    if name:
        for group in groups:
            if group.name == name:
                return group
        raise UserError(
            f"there is no variant `{name}`\n  {did_you_mean(name, [g.name for g in groups])}"
        )
    bare = [g for g in groups if g.setting.curriculum and not g.setting.components]
    return bare[0] if len(bare) == 1 and len(groups) > 1 else None


def _warnings(groups: Sequence[Group], method: Method) -> list[str]:
    warnings = []
    if len({group.setting.evaluation for group in groups}) > 1:
        warnings.append(
            "not all variants were evaluated alike (interval, episodes): minima and windowed "
            "metrics depend on that"
        )
    if method != "t" and any(FEWEST <= len(group.runs) < ENOUGH for group in groups):
        warnings.append(
            f"intervals of fewer than {ENOUGH} seeds are too narrow: one of 95 % of 5 seeds covers "
            "the mean in about 84 % of the cases; one by `--interval t` does in 93 % and more, "
            "unless values are very skewed"
        )
    for group in groups:
        settings = {one.setting.text for one in group.runs}
        experiments = {one.run.experiment for one in group.runs}
        if len(settings) > len(experiments):
            warnings.append(f"{group.name}: not all seeds have the same configuration")
        if not group.setting.curriculum:
            warnings.append(
                f"{group.name}: its configuration cannot be read, so nothing is checked"
            )
        unfinished = [str(one.run.seed) for one in group.runs if one.run.state != "complete"]
        if unfinished:
            seeds = ", ".join(unfinished)
            warnings.append(f"{group.name}: used until the last evaluation, seeds {seeds}")
    return warnings


def _nothing(left_out: Sequence[LeftOut]) -> str:
    lines = [f"  {one.path}: {one.reason}" for one in left_out[:10]]
    return "\n".join(["there is no run to compare", *lines])
