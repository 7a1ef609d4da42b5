"""Learning in the lifetime against learning by single-task experts.

All learning of a task while awake, in order, is one curve; so is each expert run.

    relative performance   sum of the curve / sum of the expert's, over as many experiences as both
                           have
    sample efficiency      (saturation / expert's) * (expert's experiences to saturation / own)

Sample efficiency is 0 where the curve does not learn: it saturates below a fifth of the expert's
saturation, or its least-squares slope against `exp_num` is negative.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from l2rl.metrics.l2m.arrays import Floats, Ints, mean_per_experience
from l2rl.metrics.l2m.corrections import Corrections
from l2rl.metrics.l2m.experts import ExpertCurve
from l2rl.metrics.l2m.options import Options
from l2rl.metrics.l2m.preparation import Prepared
from l2rl.metrics.l2m.quantities import saturation

LEAST_SHARE_OF_EXPERT = 0.2


@dataclass(frozen=True)
class RelativePerformance:
    """One task's."""

    value: float
    """Mean over the experts; NaN where there are none or the task was not learned."""
    values: tuple[float, ...]


@dataclass(frozen=True)
class SampleEfficiency:
    """One task's; the tuples have one entry for each expert that saturates."""

    value: float
    reason: str
    """Why there is no value, where there is none for another reason than missing experts."""
    saturation: float = np.nan
    exp_to_sat: float = np.nan
    expert_saturations: tuple[float, ...] = ()
    expert_exp_to_sats: tuple[float, ...] = ()
    saturation_ratios: tuple[float, ...] = ()
    exp_to_sat_ratios: tuple[float, ...] = ()
    values: tuple[float, ...] = ()


NO_EFFICIENCY = SampleEfficiency(np.nan, "")


def relative_performance(prepared: Prepared, options: Options) -> dict[str, RelativePerformance]:
    """Of every task."""
    found: dict[str, RelativePerformance] = {}
    for task in prepared.tasks:
        curve = prepared.performance[_learning(prepared, task)]
        values = [
            _relative(curve, expert)
            for expert in _expert_values(prepared.experts[task], options)
            if curve.size
        ]
        found[task] = RelativePerformance(mean_of_known(values), tuple(values))
    return found


def sample_efficiency(prepared: Prepared, options: Options) -> dict[str, SampleEfficiency]:
    """Of every task."""
    corrections = options.corrections
    rows = {task: _learning(prepared, task) for task in prepared.tasks}
    slopes = {
        task: _slope(prepared.experiences.experience[own], prepared.performance[own])
        for task, own in rows.items()
        if own.size
    }
    undefined = [task for task, slope in slopes.items() if np.isnan(slope)]
    if undefined and not corrections.separate_slopes:
        reason = (
            f"the learning of {', '.join(undefined)} has no slope, which in l2metrics removes "
            "the sample efficiency of all tasks"
        )
        return dict.fromkeys(prepared.tasks, SampleEfficiency(np.nan, reason))
    return {
        task: _efficiency(prepared, task, rows[task], slopes[task], options)
        if rows[task].size and prepared.experts[task]
        else NO_EFFICIENCY
        for task in prepared.tasks
    }


def mean_of_known(values: list[float] | tuple[float, ...]) -> float:
    """Mean of all that is no NaN; NaN if nothing is left."""
    known = np.array([value for value in values if not np.isnan(value)])
    return float(known.mean()) if known.size else np.nan


def _learning(prepared: Prepared, task: str) -> Ints:
    """Experiences of learning a task while awake."""
    regimes = prepared.regimes
    return prepared.rows_of(regimes.of_task(task) & regimes.training & ~regimes.asleep)


def _relative(curve: Floats, expert: Floats) -> float:
    length = min(curve.size, expert.size)
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.nansum(curve[:length]) / np.nansum(expert[:length]))


def _expert_values(experts: list[ExpertCurve], options: Options) -> list[Floats]:
    """The values of each expert, or of their pointwise mean."""
    if options.expert_averaging == "time" and experts:
        return [_pointwise_mean(experts)]
    return [expert.values for expert in experts]


def _pointwise_mean(experts: list[ExpertCurve]) -> Floats:
    shortest = min(map(len, experts))
    curves = np.array([expert.values[:shortest] for expert in experts])
    mean: Floats = curves.mean(axis=0)
    return mean


def _slope(experience: Ints, values: Floats) -> float:
    """Least-squares slope; NaN where there is none."""
    if np.isnan(values).any() or not experience.any():
        return np.nan
    with warnings.catch_warnings():
        # One experience has many best lines; numpy's choice is also the original's.
        warnings.simplefilter("ignore", np.exceptions.RankWarning)
        return float(np.polyfit(experience, values, 1)[0])


def _efficiency(
    prepared: Prepared, task: str, rows: Ints, slope: float, options: Options
) -> SampleEfficiency:
    corrections = options.corrections
    values = mean_per_experience(prepared.performance[rows], prepared.experiences.experience[rows])
    reached, exp_to_sat = saturation(values, corrections)
    if exp_to_sat == 0:
        return SampleEfficiency(np.nan, "it saturates at the first experience")
    experts = _expert_saturations(prepared.experts[task], options, corrections)
    kept = [(sat, steps) for sat, steps in experts if steps != 0]
    if not kept:
        own = (reached, exp_to_sat) if options.expert_averaging == "metrics" else ()
        return SampleEfficiency(np.nan, "its experts saturate at their first experience", *own)
    learns = [not (reached < sat * LEAST_SHARE_OF_EXPERT or slope < 0) for sat, _ in kept]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = [float(np.float64(reached) / sat) for sat, _ in kept]
        shares = [float(np.float64(steps) / exp_to_sat) for _, steps in kept]
    each = [r * s if ok else 0.0 for r, s, ok in zip(ratios, shares, learns, strict=True)]
    return SampleEfficiency(
        value=mean_of_known(each),
        reason="",
        saturation=reached,
        exp_to_sat=exp_to_sat,
        expert_saturations=tuple(sat for sat, _ in kept),
        expert_exp_to_sats=tuple(steps for _, steps in kept),
        saturation_ratios=tuple(ratios),
        exp_to_sat_ratios=tuple(shares),
        values=tuple(each),
    )


def _expert_saturations(
    experts: list[ExpertCurve], options: Options, corrections: Corrections
) -> list[tuple[float, float]]:
    if options.expert_averaging == "time":
        return [saturation(_pointwise_mean(experts), corrections)]
    return [
        saturation(mean_per_experience(expert.values, expert.experience), corrections)
        for expert in experts
    ]
