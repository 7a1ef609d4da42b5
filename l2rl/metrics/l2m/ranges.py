"""The range of a task's performance, and the map from it to 1-101."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from l2rl.errors import UserError
from l2rl.metrics.l2m.arrays import Floats
from l2rl.metrics.l2m.corrections import Corrections
from l2rl.metrics.l2m.experiences import base_name
from l2rl.metrics.l2m.options import Options, Range
from l2rl.runs.files import read_json

SCALE = 100.0
OFFSET = 1.0
"""Normalised performance is offset + scale * share of the range, so that no ratio divides by 0."""
NARROW = 1e-9
"""A range of this width, relative to its ends, is rounding and not performance."""


def read_ranges(path: Path) -> dict[str, Range]:
    """`{task: {"min": lowest, "max": highest}}` from a JSON file; names become lower case.

    Raises `UserError` for anything else.
    """
    if not path.is_file():
        raise UserError(f"there is no file {path} with ranges")
    return {task.lower(): _range(path, task, value) for task, value in read_json(path).items()}


def _range(path: Path, task: str, value: Any) -> Range:
    ends: list[Any] = [None]
    if isinstance(value, Mapping):
        ends = [value.get(name) for name in ("min", "max")]
    good = all(isinstance(end, int | float) and np.isfinite(end) for end in ends)
    if not good or ends[0] > ends[1]:
        raise UserError(
            f'{path}: the range of {task} should be like {{"min": 0, "max": 100}}, '
            f"but is {json.dumps(value)}"
        )
    return float(ends[0]), float(ends[1])


def supplied_ranges(
    tasks: tuple[str, ...], options: Options, own_names: Mapping[str, str]
) -> dict[str, Range] | None:
    """The ranges that were given, merged over variants if those do not count.

    A task of a run of ours may go by its name there. Raises `UserError` if a task of the log has
    no range although ranges are needed.
    """
    if options.ranges is None:
        return None
    names = {own.lower(): name for own, name in own_names.items()}
    ranges = {names.get(task, task): value for task, value in options.ranges.items()}
    if options.variants == "agnostic":
        ranges = _merged(ranges, options.corrections.whole_task_names)
    missing = [task for task in tasks if task not in ranges]
    if missing and (options.clamp or options.normalise != "none"):
        raise UserError(
            f"the ranges lack {', '.join(missing)}; they need every task of the log, by the name "
            "that it has there"
        )
    return ranges


def _merged(ranges: Mapping[str, Range], whole_names: bool) -> dict[str, Range]:
    merged: dict[str, Range] = {}
    for task in dict.fromkeys(base_name(name) for name in ranges):
        own = [
            value
            for name, value in ranges.items()
            if (base_name(name) == task if whole_names else task in name)
        ]
        merged[task] = (min(lowest for lowest, _ in own), max(highest for _, highest in own))
    return merged


def range_of(values: Floats) -> Range:
    """Smallest and largest value."""
    return float(values.min()), float(values.max())


def normalised(values: Floats, ends: Range, corrections: Corrections) -> Floats:
    """The values on the scale from 1 to 101; all 1 if the range is a point."""
    lowest, highest = ends
    if lowest == highest or (corrections.tolerant_ranges and is_point(ends)):
        return np.full_like(values, OFFSET)
    return (values - lowest) / (highest - lowest) * SCALE + OFFSET


def is_point(ends: Range) -> bool:
    """Whether a range is no wider than rounding makes it."""
    lowest, highest = ends
    return highest - lowest <= NARROW * max(abs(lowest), abs(highest))


def whole_range(ranges: Mapping[str, Range]) -> Range:
    """From the smallest to the largest end of all ranges."""
    return min(low for low, _ in ranges.values()), max(high for _, high in ranges.values())


def normalised_by_run(
    values: Floats, ranges: Mapping[str, Range], corrections: Corrections
) -> Floats:
    """The same by the range of all tasks together; in parity mode NaN if that is a point."""
    lowest, highest = whole_range(ranges)
    if lowest == highest and not corrections.constant_runs:
        return np.full_like(values, np.nan)
    return normalised(values, (lowest, highest), corrections)
