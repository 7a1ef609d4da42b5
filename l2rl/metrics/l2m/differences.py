"""Where the parity and the strict mode differ on a log, by how much and why."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from l2rl.errors import UserError
from l2rl.metrics.l2m.corrections import PARITY, REASONS, STRICT, Corrections
from l2rl.metrics.l2m.experts import ExpertRuns
from l2rl.metrics.l2m.options import Options
from l2rl.metrics.l2m.result import compute_l2m
from l2rl.runs.l2logger_log import L2Log

SAME = 1e-9
"""Relative or absolute; the original gives lifetime figures to ten decimals."""

Lifetime = dict[str, float]


@dataclass(frozen=True)
class Difference:
    """One metric that the two modes do not agree on."""

    metric: str
    parity: float | None
    strict: float | None
    reasons: tuple[str, ...]
    """The corrections that change the figure alone, in words."""


def differences(log: L2Log, experts: ExpertRuns, options: Options) -> list[Difference]:
    """Every metric of the lifetime on which the modes differ; none where both refuse the log."""
    parity, refused = _lifetime(log, experts, options, PARITY)
    strict, _ = _lifetime(log, experts, options, STRICT)
    differing = [
        metric for metric in strict or parity if not _same(parity.get(metric), strict.get(metric))
    ]
    if not differing:
        return []
    reasons: dict[str, list[str]] = {metric: [] for metric in differing}
    if refused:
        reasons = {metric: [refused] for metric in differing}
    else:
        for name, corrections in _applicable(log, experts, options):
            changed, _ = _lifetime(log, experts, options, corrections)
            for metric in differing:
                if not _same(parity.get(metric), changed.get(metric)):
                    reasons[metric].append(REASONS[name])
    return [
        Difference(
            metric=metric,
            parity=_known(parity.get(metric)),
            strict=_known(strict.get(metric)),
            reasons=tuple(reasons[metric]) or ("several corrections together",),
        )
        for metric in differing
    ]


def _applicable(
    log: L2Log, experts: ExpertRuns, options: Options
) -> Iterator[tuple[str, Corrections]]:
    """Each correction alone, but for those that cannot change anything here."""
    idle = {"varying_parameters", "single_rows"}
    if not experts:
        idle |= {"fixed_ranges", "separate_slopes", "tolerant_saturation", "single_smoothing"}
    if not experts and (options.variants == "aware" or not options.ranges):
        idle.add("whole_task_names")
    if options.normalise != "run":
        idle.add("constant_runs")
    if options.smooth == "none":
        idle.add("centred_smoothing")
    if "sleep" not in log.table["block_subtype"].combine_chunks().dictionary.to_pylist():
        idle.add("wake_evaluations")
    for name, corrections in PARITY.with_one_more():
        if name not in idle:
            yield name, corrections


def _lifetime(
    log: L2Log, experts: ExpertRuns, options: Options, corrections: Corrections
) -> tuple[Lifetime, str]:
    """The figures, or none and why the log was refused."""
    try:
        result = compute_l2m(log, experts, replace(options, corrections=corrections))
    except UserError as error:
        return {}, str(error)
    return result.lifetime(), ""


def _same(one: float | None, other: float | None) -> bool:
    one, other = _known(one), _known(other)
    if one is None or other is None:
        return one is other
    return math.isclose(one, other, rel_tol=SAME, abs_tol=SAME)


def _known(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
