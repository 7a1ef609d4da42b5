"""Where the parity and the strict mode differ on a log, by how much and why."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from l2rl.errors import UserError
from l2rl.metrics.l2m.corrections import PARITY, REASONS, STRICT, Corrections
from l2rl.metrics.l2m.experts import ExpertRuns
from l2rl.metrics.l2m.options import Options
from l2rl.metrics.l2m.result import compute_l2m, is_transfer
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
    parity, refused = _lifetime(log, experts, options, PARITY, None)
    strict, _ = _lifetime(log, experts, options, STRICT, None)
    differing = [
        metric for metric in strict or parity if not _same(parity.get(metric), strict.get(metric))
    ]
    reasons: dict[str, list[str]] = {metric: [refused] * bool(refused) for metric in differing}
    if not refused:
        for name, corrections in _applicable(log, experts, options):
            metrics = [metric for metric in differing if name not in _ONLY or _ONLY[name](metric)]
            changed, _ = _lifetime(log, experts, options, corrections, metrics)
            for metric in metrics:
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


_ONLY: dict[str, Callable[[str], bool]] = {
    "single_smoothing": "sample_efficiency".__eq__,
    "tolerant_saturation": "sample_efficiency".__eq__,
    "separate_slopes": "sample_efficiency".__eq__,
    "every_transfer_pair": is_transfer,
    "untrained_transfer": is_transfer,
    "all_transfer_values": is_transfer,
    "positive_transfer": is_transfer,
}
"""Which metrics a correction can change, where that is not all."""


def _lifetime(
    log: L2Log,
    experts: ExpertRuns,
    options: Options,
    corrections: Corrections,
    metrics: list[str] | None,
) -> tuple[Lifetime, str]:
    """The figures, or none and why the log was refused."""
    if metrics == []:
        return {}, ""
    try:
        result = compute_l2m(log, experts, replace(options, corrections=corrections))
    except UserError as error:
        return {}, str(error)
    return result.lifetime(metrics), ""


def _same(one: float | None, other: float | None) -> bool:
    one, other = _known(one), _known(other)
    if one is None or other is None:
        return one is other
    return math.isclose(one, other, rel_tol=SAME, abs_tol=SAME)


def _known(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
