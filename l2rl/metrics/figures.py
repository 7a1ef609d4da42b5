"""A figure: one metric's value, or why there is none, and all that must be said with it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from l2rl.metrics.evaluation_matrix import EvaluationMatrix

Direction = Literal["higher", "lower", "neither"]
"""Which values are better."""

MOST_PARTS = 200
"""Figures that are the mean of more parts than this are written without them."""

Cadence = dict[str, Any]
"""How densely was looked: see `cadence`."""


class NotComputable(Exception):
    """A metric has no value here; the message says why, in words for a report."""


@dataclass(frozen=True)
class Figure:
    """What metrics.json says under one qualified name."""

    value: float | None
    reason: str | None = None
    """Why there is no value."""
    unit: str = ""
    direction: Direction = "neither"
    measure: str = ""
    """`return`, `success` or `normalised return`, of metrics of performance."""
    note: str = ""
    """Scale, convention and caveat that belong to this value."""
    cadence: Cadence | None = None
    """Of metrics that depend on how often was evaluated."""
    parts: Mapping[str, float | None] = field(default_factory=dict)
    """What the value is the mean of, where it is one: by task, or by phase."""

    def as_json(self) -> dict[str, Any]:
        """Plain data; empty fields but `value` and `reason` are left out, and too many parts."""
        plain = {"value": self.value, "reason": self.reason}
        said = {
            "unit": self.unit,
            "direction": self.direction,
            "measure": self.measure,
            "note": self.note,
            "cadence": self.cadence,
            "parts": dict(self.parts) if len(self.parts) <= MOST_PARTS else {},
        }
        return {**plain, **{key: value for key, value in said.items() if value}}


@dataclass(frozen=True)
class Definition:
    """What is the same for every value of one metric."""

    unit: str
    direction: Direction


@dataclass(frozen=True)
class Computed:
    """What a definition gave: the value, the numbers it is the mean of, and what to say of it."""

    value: float
    parts: Mapping[str, float | None] = field(default_factory=dict)
    note: str = ""


def figure(
    compute: Callable[[], Computed | float],
    definition: Definition,
    *,
    measure: str = "",
    cadence: Cadence | None = None,
    note: str = "",
) -> Figure:
    """The figure of one computation: its value, or the reason it raised as `NotComputable`."""

    def made(value: float | None, reason: str | None, computed: Computed) -> Figure:
        return Figure(
            value=value,
            reason=reason,
            unit=definition.unit,
            direction=definition.direction,
            measure=measure,
            note="; ".join(part for part in (note, computed.note) if part),
            cadence=cadence,
            parts=computed.parts,
        )

    try:
        answer = compute()
    except NotComputable as reason:
        return made(None, str(reason), Computed(math.nan))
    computed = answer if isinstance(answer, Computed) else Computed(float(answer))
    if not math.isfinite(computed.value):
        return made(None, f"the value is {computed.value}", computed)
    return made(float(computed.value), None, computed)


def without(reason: NotComputable) -> Callable[[], Computed]:
    """A computation that gives nothing but its reason."""

    def compute() -> Computed:
        raise reason

    return compute


def mean_of(parts: Mapping[str, float], note: str = "") -> Computed:
    """The mean over named parts. Raises `NotComputable` if there are none."""
    if not parts:
        raise NotComputable("there is nothing to take a mean of")
    return Computed(mean(parts.values()), dict(parts), note)


def mean(values: Iterable[float]) -> float:
    """The arithmetic mean of at least one number."""
    return float(np.mean(list(values)))


CADENCE_COLUMNS = ("interval_env_steps", "episodes_per_evaluation")
"""What of a cadence stands beside a figure in tables."""


def cadence_columns(looked: Cadence | None) -> tuple[float | None, ...]:
    """The values of `CADENCE_COLUMNS`; None of figures that do not depend on a cadence."""
    return tuple((looked or {}).get(column) for column in CADENCE_COLUMNS)


def cadence(matrix: EvaluationMatrix) -> Cadence:
    """How densely was looked, since a minimum depends on it.

    `evaluations`, `interval_env_steps` (median and largest between evaluations) and
    `episodes_per_evaluation` (median over evaluations and tasks); None where there are too few.
    """
    gaps = np.diff(np.unique(matrix.env_steps))
    counts = matrix.episodes[np.isfinite(matrix.episodes)]
    return {
        "evaluations": len(matrix.env_steps),
        "interval_env_steps": float(np.median(gaps)) if gaps.size else None,
        "largest_interval_env_steps": int(gaps.max()) if gaps.size else None,
        "episodes_per_evaluation": float(np.median(counts)) if counts.size else None,
    }
