"""From performance as it was logged to performance as the metrics see it.

In this order: smooth, clamp, normalise, add noise. Expert runs go through the same steps, by the
same ranges. Each step's result is kept as a column.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from l2rl.metrics.l2m.arrays import Bools, Floats, Ints
from l2rl.metrics.l2m.experiences import (
    Experiences,
    Regimes,
    counted_experiences,
    regimes_of,
)
from l2rl.metrics.l2m.experts import ExpertCurve, ExpertRuns, expert_curves
from l2rl.metrics.l2m.options import Options, Range
from l2rl.metrics.l2m.ranges import (
    is_point,
    normalised,
    normalised_by_run,
    range_of,
    supplied_ranges,
)
from l2rl.metrics.l2m.smoothing import smoothed_stretches
from l2rl.runs.l2logger_log import L2Log

CLAMP_QUANTILES = (0.1, 0.9)

Curves = dict[str, list[ExpertCurve]]


@dataclass(frozen=True)
class Prepared:
    """A log and its experts, ready for the metrics."""

    experiences: Experiences
    regimes: Regimes
    tasks: tuple[str, ...]
    """In order of their first learning block, then those only evaluated."""
    performance: Floats
    """(experiences,) after all steps."""
    steps: dict[str, Floats]
    """(experiences,) after `raw`, `smoothed`, `filtered`, `normalized`; those that were done."""
    experts: Curves
    """By task, after all steps."""
    ranges: dict[str, Range] | None
    """What was normalised by; None if nothing was."""

    def rows_of(self, regimes: Bools) -> Ints:
        """Indices of the experiences of those regimes for which `(regimes,)` is true."""
        lengths = self.regimes.end - self.regimes.begin
        return np.flatnonzero(np.repeat(regimes, lengths))


def prepare(log: L2Log, experts: ExpertRuns, options: Options) -> Prepared:
    """Do every step. Raises `UserError` as `counted_experiences` and `supplied_ranges` do."""
    found = counted_experiences(log, options)
    regimes = regimes_of(log, found, options)
    tasks = tuple(regimes.ordered_tasks())
    supplied = supplied_ranges(tasks, options, log.own_names)
    values, curves = found.performance, expert_curves(tasks, experts, options)
    steps, ranges = {"raw": values}, None
    if options.smooth != "none":
        values, curves = _smooth(values, curves, regimes, options)
        steps["smoothed"] = values
    if options.clamp:
        values, curves = _clamp(values, curves, found, supplied, options)
        steps["filtered"] = values
    if options.normalise != "none":
        ranges = supplied or _ranges(values, curves, found, options)
        values, curves = _normalise(values, curves, found, ranges, options)
        steps["normalized"] = values
    if options.noise_mean or options.noise_std:
        values = values + _noise(options, values.size)
    return Prepared(found, regimes, tasks, values, steps, curves, ranges)


def _noise(options: Options, size: int) -> Floats:
    # Imported late, because it brings torch.
    from l2rl.randomness import numpy_generator

    generator = numpy_generator(options.noise_seed, "l2m", "noise")
    return generator.normal(options.noise_mean, options.noise_std, size)


def _smooth(
    values: Floats, curves: Curves, regimes: Regimes, options: Options
) -> tuple[Floats, Curves]:
    """Every learning block, evaluation blocks on request, every block of an expert."""
    which = regimes.training | options.smooth_evaluations
    how = (options.smooth, options.window, options.corrections.centred_smoothing)
    smooth = smoothed_stretches(values, regimes.begin[which], regimes.end[which], *how)
    return smooth, {
        task: [
            curve.with_values(smoothed_stretches(curve.values, curve.begin, curve.end, *how))
            for curve in own
        ]
        for task, own in curves.items()
    }


def _clamp(
    values: Floats,
    curves: Curves,
    found: Experiences,
    supplied: dict[str, Range] | None,
    options: Options,
) -> tuple[Floats, Curves]:
    clamped, clamped_curves = values.copy(), {}
    for task, own in curves.items():
        of_task = found.task == found.tasks.index(task)
        if supplied:
            low, high = supplied[task]
        else:
            reference = _reference(values[of_task], own, options.corrections.fixed_ranges)
            low, high = (float(end) for end in np.quantile(reference, CLAMP_QUANTILES))
        clamped[of_task] = values[of_task].clip(low, high)
        clamped_curves[task] = [
            # A curve of another task is here only because its name begins with this one's.
            curve.with_values(curve.values.clip(low, high)) if curve.task == task else curve
            for curve in own
        ]
    return clamped, clamped_curves


def _ranges(
    values: Floats, curves: Curves, found: Experiences, options: Options
) -> dict[str, Range]:
    fixed = options.corrections.fixed_ranges
    return {
        task: range_of(_reference(values[found.task == found.tasks.index(task)], own, fixed))
        for task, own in curves.items()
    }


def _reference(values: Floats, curves: list[ExpertCurve], experts_alone: bool) -> Floats:
    """The values that a task's range is taken from."""
    of_experts = [curve.values for curve in curves]
    if experts_alone and of_experts:
        together = np.concatenate(of_experts)
        # Experts that never changed give no scale.
        if not is_point(range_of(together)):
            return together
    return np.concatenate([values, *of_experts])


def _normalise(
    values: Floats,
    curves: Curves,
    found: Experiences,
    ranges: dict[str, Range],
    options: Options,
) -> tuple[Floats, Curves]:
    corrections = options.corrections
    if options.normalise == "run":
        return normalised_by_run(values, ranges, corrections), {
            task: [
                curve.with_values(normalised_by_run(curve.values, ranges, corrections))
                for curve in own
            ]
            for task, own in curves.items()
        }
    found_values = values.copy()
    for index, task in enumerate(found.tasks):
        of_task = found.task == index
        found_values[of_task] = normalised(values[of_task], ranges[task], corrections)
    return found_values, {
        task: [
            curve.with_values(normalised(curve.values, ranges[curve.task], corrections))
            for curve in own
        ]
        for task, own in curves.items()
    }
