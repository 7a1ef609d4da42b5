"""Our answers to a case and l2metrics', number by number."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from l2rl.metrics.l2m import L2MResult, Options, report
from l2rl.metrics.l2m.experts import ExpertRuns, expert_runs
from l2rl.metrics.l2m.report import regime_table
from l2rl.runs.l2logger_log import L2Log
from l2rl.runs.l2logger_reader import read_l2logger
from l2rl.runs.l2logger_writer import write_l2logger
from tests.parity.random_logs import Case

LISTS_OF_EXPERTS = (
    *("ste_rel_perf_vals", "ste_saturation_vals", "ste_exp_to_sat_vals"),
    *("se_saturation_vals", "se_exp_to_sat_vals", "sample_efficiency_vals"),
)
TASK_TOLERANCE = 1e-8
"""Relative."""
LIFETIME_TOLERANCE = 1e-9
"""Absolute or relative: the original rounds to ten decimals."""


def write_case(case: Case, directory: Path) -> tuple[Path, list[Path]]:
    """The case's logs on disk, by our own writer: the lifetime and its experts."""
    log = directory / case.log.name
    write_l2logger(case.log, log, version=case.version)  # type: ignore[arg-type]
    experts = [directory / f"{number}-{log.name}" for number, log in enumerate(case.experts)]
    for expert, path in zip(case.experts, experts, strict=True):
        write_l2logger(expert, path)
    return log, experts


def our_options(options: dict[str, Any], **more: Any) -> Options:
    """The original's options in our words."""
    ranges = options["data_range"]
    return Options(
        performance_column=options["perf_measure"],
        variants=options["variant_mode"],
        expert_averaging=options["ste_averaging_method"],
        aggregate=options["aggregation_method"],
        maintenance=options["maintenance_method"],
        transfer=options["transfer_method"],
        normalise=options["normalization_method"],
        smooth=options["smoothing_method"],
        smooth_evaluations=options["do_smooth_eval_data"],
        window=options["window_length"],
        clamp=options["clamp_outliers"],
        ranges=ranges and {task: (r["min"], r["max"]) for task, r in ranges.items()},
        **more,
    )


def our_log(path: Path) -> L2Log:
    """The lifetime, read from its files."""
    return read_l2logger(path)


def our_experts(paths: list[Path]) -> ExpertRuns:
    """The expert runs, read from their files."""
    return expert_runs(read_l2logger(path) for path in paths)


def differences(result: L2MResult, answer: dict[str, Any]) -> list[str]:
    """Where our report or regimes differ from the original's by more than the tolerances."""
    ours, theirs = report(result), answer["report"]
    found: list[str] = []
    for key in sorted(set(ours) | set(theirs)):
        tolerance = TASK_TOLERANCE if key == "task_metrics" else LIFETIME_TOLERANCE
        if key == "0":
            # What the original writes when it has no lifetime figure at all.
            continue
        found += _differ(ours.get(key), theirs.get(key), key, tolerance)
    regimes = regime_table(result).to_pydict()
    for column, values in answer["regimes"].items():
        found += _differ(regimes.get(column), values, f"regimes.{column}", TASK_TOLERANCE)
    return found


def _differ(ours: Any, theirs: Any, path: str, tolerance: float) -> Iterator[str]:
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in sorted(set(ours) | set(theirs), key=str):
            yield from _differ(ours.get(key), theirs.get(key), f"{path}.{key}", tolerance)
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        if path.rpartition(".")[2] in LISTS_OF_EXPERTS:
            # Where variants are pooled, the original's order is that of the file system.
            ours, theirs = (sorted(some, key=_order) for some in (ours, theirs))
        for number, pair in enumerate(zip(ours, theirs, strict=True)):
            yield from _differ(*pair, f"{path}[{number}]", tolerance)
    elif not _same(ours, theirs, tolerance):
        yield f"{path}: ours {ours!r}, theirs {theirs!r}"


def _order(value: Any) -> float:
    number = _number(value)
    return -math.inf if number is None else number


def _same(ours: Any, theirs: Any, tolerance: float) -> bool:
    one, other = _number(ours), _number(theirs)
    if one is None or other is None:
        return one is other and (ours == theirs or not (ours and theirs))
    if math.isinf(one) or math.isinf(other):
        return one == other
    return math.isclose(one, other, rel_tol=tolerance, abs_tol=tolerance)


def _number(value: Any) -> float | None:
    if value in ("inf", "-inf"):
        return float(value)
    if isinstance(value, int | float) and not math.isnan(value):
        return float(value)
    return None
