"""Every family of metrics: ours, and those of other packages.

A family is a function of a `RunLog` that gives figures by qualified name. An outside package adds
one under the entry-point group `l2rl.metrics`: the entry point's name is the family's, its value a
callable

    def metric(run: RunLog) -> Mapping[str, float | None | Figure]: ...

A name without the family in front gets it (`depth` -> `mine/depth`). What one custom family does
wrong, be it an exception or an impossible answer, becomes a figure without value that says so; it
stops neither the others nor a run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from l2rl.metrics.continual_world import continual_world
from l2rl.metrics.detection import detection
from l2rl.metrics.figures import Figure
from l2rl.metrics.l2m.family import l2m_family
from l2rl.metrics.libero import libero
from l2rl.metrics.plasticity import plasticity
from l2rl.metrics.run_log import RunLog
from l2rl.metrics.scalability import scalability
from l2rl.metrics.stability_gap import stability_gap
from l2rl.metrics.task_matrix import task_matrix
from l2rl.metrics.transfer import transfer
from l2rl.metrics.wake_sleep import wake_sleep
from l2rl.registry import METRICS, distribution_of, metric_family, metric_family_names

Family = Callable[[RunLog], Mapping[str, Any]]

FAMILIES: dict[str, Family] = {
    "matrix": task_matrix,
    "gap": stability_gap,
    "l2m": l2m_family,
    "cw": continual_world,
    "libero": libero,
    "transfer": transfer,
    "plasticity": plasticity,
    "sleep": wake_sleep,
    "detection": detection,
    "scalability": scalability,
}
"""The families of this package."""


def all_figures(run: RunLog) -> dict[str, Figure]:
    """The figures of every family, in the order of families, custom ones last."""
    figures: dict[str, Figure] = {}
    for family in FAMILIES.values():
        figures |= family(run)
    for name in metric_family_names():
        figures |= custom_figures(name, run)
    return figures


def custom_figures(name: str, run: RunLog) -> dict[str, Figure]:
    """What one custom family says, under qualified names; its failure as a figure."""
    owner = distribution_of(METRICS, name)
    if name in FAMILIES:
        reason = f"{owner} names its metrics {name!r}, which is a family of l2rl itself"
        return {f"{name}/custom": Figure(None, reason)}
    try:
        answer = dict(metric_family(name)(run))
        return {_qualified(name, key): _figure(value) for key, value in answer.items()}
    except Exception as error:  # whatever an outside package raises
        reason = f"the metrics {name!r} of {owner} raised {type(error).__name__}: {error}"
        return {f"{name}/failed": Figure(None, reason)}


def is_custom(name: str) -> bool:
    """Whether a figure of this qualified name is not one of l2rl's own."""
    return name.partition("/")[0] not in FAMILIES


def _qualified(family: str, name: object) -> str:
    text = str(name)
    return text if text.startswith(f"{family}/") else f"{family}/{text}"


def _figure(value: Any) -> Figure:
    if isinstance(value, Figure):
        return value
    if value is None:
        return Figure(None, "the custom metric gave no value")
    number = float(value)
    # Not a number, or infinite: no figure for a table.
    if number != number or number in (float("inf"), float("-inf")):
        return Figure(None, f"the value is {number}")
    return Figure(number)
