"""L2M results as files: JSON that every parser takes, TSV and Parquet.

<name>_metrics.json  <name>_settings.json    the report of l2metrics, and ours below `l2rl`
<name>_metrics.tsv   <name>_regime.tsv       metric by task, quantities by regime
<name>_metrics.parquet  <name>_regime.parquet  <name>_data.parquet
ll_metrics.json  ll_metrics.tsv              of several logs, one row each
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet

from l2rl.metrics.l2m.differences import Difference
from l2rl.metrics.l2m.options import Options
from l2rl.metrics.l2m.report import data_table, original_name, regime_table, report
from l2rl.metrics.l2m.result import L2MResult, is_transfer
from l2rl.runs.files import write_bytes_atomically, write_json

FORMATS = ("json", "tsv", "parquet")

_SETTINGS = {
    "perf_measure": "performance_column",
    "variant_mode": "variants",
    "ste_averaging_method": "expert_averaging",
    "aggregation_method": "aggregate",
    "maintenance_method": "maintenance",
    "transfer_method": "transfer",
    "normalization_method": "normalise",
    "smoothing_method": "smooth",
    "do_smooth_eval_data": "smooth_evaluations",
    "window_length": "window",
    "clamp_outliers": "clamp",
    "data_range": "ranges",
}
"""The original's name of each option."""


@dataclass(frozen=True)
class Analysis:
    """All that is said about one log."""

    name: str
    """Of the files."""
    source: Path
    result: L2MResult
    figures: Mapping[str, Mapping[str, Any]]
    """Qualified name -> figure; other families may be among them."""
    differences: Sequence[Difference]


def full_report(analysis: Analysis) -> dict[str, Any]:
    """The original's report; what it does not have is below `l2rl`."""
    corrections = analysis.result.options.corrections.on()
    return report(analysis.result) | {
        "l2rl": {
            "corrections": list(corrections),
            "metrics": analysis.figures,
            "differences": [asdict(difference) for difference in analysis.differences],
            "transfer_left_out": [asdict(one) for one in analysis.result.transfer.left_out],
        }
    }


def settings(analysis: Analysis) -> dict[str, Any]:
    """The options by the original's names, and which corrections were on."""
    options = analysis.result.options
    found: dict[str, Any] = {name: getattr(options, option) for name, option in _SETTINGS.items()}
    if options.ranges:
        found["data_range"] = {
            task: {"min": low, "max": high} for task, (low, high) in options.ranges.items()
        }
    noise = [options.noise_mean, options.noise_std]
    corrections = list(options.corrections.on())
    return {"log_dir": str(analysis.source), **found, "noise": noise, "corrections": corrections}


def metrics_table(result: L2MResult) -> pa.Table:
    """One row per metric and task, pair of tasks (`source -> target`) or, with "", lifetime."""
    rows: list[tuple[str, str, float | None]] = []
    for metric, value in result.lifetime().items():
        rows.append((metric, "", value))
        if not is_transfer(metric):
            rows += [(metric, task, value) for task, value in result.of_tasks(metric).items()]
            continue
        for source, targets in result.of_pairs(metric).items():
            for target, values in targets.items():
                rows += [(metric, f"{source} -> {target}", value) for value in values]
    return pa.table(
        {
            "run_id": [result.log.name] * len(rows),
            "metric": [metric for metric, _, _ in rows],
            "task": [task for _, task, _ in rows],
            "value": pa.array([_known(value) for _, _, value in rows], pa.float64()),
        }
    )


def write_analysis(analysis: Analysis, directory: Path, formats: Sequence[str]) -> list[Path]:
    """Write the files of one log; returns their paths."""
    directory.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []

    def path(ending: str) -> Path:
        written.append(directory / f"{analysis.name}_{ending}")
        return written[-1]

    if "json" in formats:
        write_json(path("metrics.json"), full_report(analysis))
        write_json(path("settings.json"), settings(analysis))
    tables = {
        "metrics": metrics_table(analysis.result),
        "regime": regime_table(analysis.result),
    }
    for name, table in tables.items():
        if "tsv" in formats:
            write_tsv(path(f"{name}.tsv"), table)
        if "parquet" in formats:
            write_parquet(path(f"{name}.parquet"), table)
    if "parquet" in formats:
        write_parquet(path("data.parquet"), data_table(analysis.result))
    return written


def write_together(
    analyses: Sequence[Analysis], directory: Path, formats: Sequence[str]
) -> list[Path]:
    """Write the lifetime figures of several logs, one row each; returns the paths."""
    written: list[Path] = []
    if "json" in formats:
        written.append(directory / "ll_metrics.json")
        text = [full_report(analysis) for analysis in analyses]
        write_json(written[-1], text)
    table = lifetime_table(analyses)
    if "tsv" in formats:
        written.append(directory / "ll_metrics.tsv")
        write_tsv(written[-1], table)
    if "parquet" in formats:
        written.append(directory / "ll_metrics.parquet")
        write_parquet(written[-1], table)
    return written


def lifetime_table(analyses: Sequence[Analysis]) -> pa.Table:
    """One row per log: the original's columns of the lifetime."""
    rows = []
    for analysis in analyses:
        row = report(analysis.result)
        row.pop("task_metrics")
        row.pop("normalization_data_range")
        rows.append({key: _known(value) for key, value in row.items()})
    names = list(dict.fromkeys(["run_id", *(key for row in rows for key in row)]))
    metrics = {original_name(m) for a in analyses for m in a.result.lifetime()}
    return pa.table(
        {
            name: pa.array(
                [row.get(name) for row in rows], pa.float64() if name in metrics else None
            )
            for name in names
        }
    )


def write_tsv(path: Path, table: pa.Table) -> None:
    """Tab-separated, with a header; what is missing is empty."""
    write_bytes_atomically(path, tsv_text(table).encode())


def tsv_text(table: pa.Table) -> str:
    """The table as the text of a TSV file; floats with all their digits."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter="\t", lineterminator="\n")
    writer.writerow(table.column_names)
    writer.writerows(zip(*(column.to_pylist() for column in table.columns), strict=True))
    return text.getvalue()


def write_parquet(path: Path, table: pa.Table) -> None:
    """Compressed Parquet."""
    sink = pa.BufferOutputStream()
    pyarrow.parquet.write_table(table, sink, compression="zstd")
    write_bytes_atomically(path, bytes(sink.getvalue()))


def _known(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def options_shown(options: Options) -> dict[str, Any]:
    """Every option that is not the default, for a heading."""
    default = Options()
    names = [name for name in asdict(default) if name != "corrections"]
    chosen = {name: getattr(options, name) for name in names}
    return {name: value for name, value in chosen.items() if value != getattr(default, name)}
