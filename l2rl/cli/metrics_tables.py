"""What `l2rl metrics` prints: tables for people, or text for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from l2rl.errors import UserError
from l2rl.metrics.l2m.differences import Difference
from l2rl.metrics.l2m.files import Analysis, full_report, lifetime_table, options_shown, tsv_text
from l2rl.metrics.l2m.result import L2MResult, is_transfer, metric_names
from l2rl.report.style import count, number
from l2rl.runs.files import plain

_HEADINGS = {
    "performance_recovery": "recovery",
    "mean_training_performance": "training",
    "mean_evaluation_performance": "evaluation",
    "performance_maintenance_mrlep": "maintenance mrlep",
    "performance_maintenance_mrtlp": "maintenance mrtlp",
    "relative_performance": "relative to experts",
    "sample_efficiency": "sample efficiency",
}
"""Short names of the metrics of tasks."""


def shown(analysis: Analysis) -> Iterator[RenderableType]:
    """A log as tables: the lifetime, the tasks, the transfer, where the modes differ."""
    yield _heading(analysis)
    yield _lifetime(analysis.figures)
    yield _tasks(analysis.result)
    transfer = _transfer(analysis.result)
    if transfer.row_count:
        yield transfer
    if analysis.differences:
        yield _differences(analysis.differences)


def as_text(analyses: Sequence[Analysis], formats: Sequence[str]) -> str:
    """JSON or TSV of everything. Raises `UserError` for what no terminal takes."""
    if len(formats) > 1 or formats[0] == "parquet":
        raise UserError("without --output, one --format json or --format tsv can be printed")
    if formats[0] == "tsv":
        return tsv_text(lifetime_table(analyses))
    reports = [plain(full_report(analysis)) for analysis in analyses]
    whole = reports[0] if len(reports) == 1 else reports
    return json.dumps(whole, sort_keys=True, indent=2, allow_nan=False) + "\n"


def _heading(analysis: Analysis) -> Text:
    result = analysis.result
    training = result.prepared.experiences.training
    learned, evaluated = int(training.sum()), int((~training).sum())
    mode = "strict" if result.options.corrections.on() else "parity"
    head = Text(f"{analysis.name}  ", style="bold")
    head.append(
        f"{mode}, {count(learned)} learning and {count(evaluated)} evaluation experiences "
        f"in {count(len(result.prepared.regimes))} regimes",
        style="not bold",
    )
    chosen = options_shown(result.options)
    if chosen:
        words = ", ".join(f"{name} {value}" for name, value in chosen.items())
        head.append(f"\n{words}", style="not bold")
    return head


def _lifetime(figures: Mapping[str, Mapping[str, Any]]) -> Table:
    table = Table("metric", "", "")
    table.columns[0].no_wrap, table.columns[1].justify = True, "right"
    for name, figure in figures.items():
        value, why = number(figure["value"]), figure["reason"] or ""
        if figure["value"] is not None and figure.get("missing_experts"):
            why = f"without {', '.join(figure['missing_experts'])}: no expert run"
        table.add_row(Text(name), value, Text(why))
    return table


def _tasks(result: L2MResult) -> Table:
    metrics = [metric for metric in metric_names(result.options) if not is_transfer(metric)]
    values = {metric: result.of_tasks(metric) for metric in metrics}
    table = Table("task")
    for heading in ("LX", "EX", *(_HEADINGS[metric] for metric in metrics)):
        table.add_column(heading, justify="right")
    found = result.prepared.experiences
    for task in result.prepared.tasks:
        mine = found.task == found.tasks.index(task)
        counts = [count(int((mine & found.training).sum()))]
        counts.append(count(int((mine & ~found.training).sum())))
        table.add_row(Text(task), *counts, *(number(values[metric][task]) for metric in values))
    return table


def _transfer(result: L2MResult) -> Table:
    table = Table("transfer", "source", "target", "values")
    for metric in filter(is_transfer, metric_names(result.options)):
        for source, targets in result.of_pairs(metric).items():
            for target, values in targets.items():
                name = metric.replace("_transfer_", " ")
                table.add_row(name, Text(source), Text(target), _few(values))
    return table


def _few(values: Sequence[float], most: int = 6) -> str:
    words = [number(value) for value in values[:most]]
    rest = len(values) - most
    return ", ".join(words) + (f" and {count(rest)} more" if rest > 0 else "")


def _differences(differences: Sequence[Difference]) -> Table:
    table = Table("where the modes differ", "parity", "strict", "because")
    table.columns[0].no_wrap = True
    for one in differences:
        table.add_row(one.metric, number(one.parity), number(one.strict), "; ".join(one.reasons))
    return table
