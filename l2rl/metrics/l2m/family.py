"""The L2M metrics of a run of ours, as one family among the metrics of its log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pyarrow as pa

from l2rl.metrics.figures import Figure, NotComputable, cadence
from l2rl.metrics.l2m.experts import ExpertRuns
from l2rl.metrics.l2m.figures import l2m_figures
from l2rl.metrics.l2m.options import Options
from l2rl.metrics.run_log import RunLog
from l2rl.runs.l2logger_log import WORD, L2Log
from l2rl.runs.l2logger_view import l2logger_view

DEFAULTS = Options(maintenance="both", transfer="both")
"""As l2metrics' own, but with both kinds of maintenance and transfer: names tell them apart."""


def l2m_family(run: RunLog) -> dict[str, Figure]:
    """`l2m/...` -> figure of a run, in parity mode, against the expert runs beside it."""
    log = l2logger_view(run.table)
    experts, missing = experts_of(run, log)
    found = l2m_figures(log, experts, options=DEFAULTS)
    return {name: _figure(plain, run, missing) for name, plain in found.items()}


def experts_of(run: RunLog, log: L2Log) -> tuple[ExpertRuns, dict[str, str]]:
    """The logs of expert runs by the name of their task in `log`; and by the run's own name of a
    task, why it has none."""
    experts: dict[str, list[L2Log]] = {}
    missing: dict[str, str] = {}
    for task, name in log.own_names.items():
        try:
            runs = run.references.of(task).runs
        except NotComputable as reason:
            missing[task] = str(reason)
            continue
        experts[name] = [_called(name, l2logger_view(expert.table)) for expert in runs]
    return experts, missing


def _called(name: str, log: L2Log) -> L2Log:
    """The log of an expert run, whose one task may bear another name there."""
    place = log.table.schema.get_field_index("task_name")
    names = pa.array([name] * len(log.table), pa.string()).cast(WORD)
    return replace(log, table=log.table.set_column(place, "task_name", names))


def _figure(plain: Mapping[str, Any], run: RunLog, missing: Mapping[str, str]) -> Figure:
    reason = plain["reason"]
    wanted = [missing[task] for task in plain.get("missing_experts", []) if task in missing]
    if reason is not None and wanted:
        reason = "; ".join(dict.fromkeys(wanted))
    return Figure(
        value=plain["value"],
        reason=reason,
        unit="1",
        direction="higher",
        measure="return",
        note=_note(plain),
        cadence=cadence(run.matrix()),
    )


def _note(plain: Mapping[str, Any]) -> str:
    """What the strict mode says, where that is something else; and tasks left out."""
    notes = []
    if "strict" in plain:
        notes.append(f"strict mode: {plain['strict']} ({'; '.join(plain['because'])})")
    if plain["value"] is not None and plain.get("missing_experts"):
        notes.append(f"without {', '.join(plain['missing_experts'])}, which have no expert run")
    return "; ".join(notes)
