"""Logs of a few experiences, written down block by block."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from l2rl.metrics.l2m import Corrections, L2MResult, Options, compute_l2m
from l2rl.metrics.l2m.experts import expert_runs
from l2rl.runs.l2logger_log import COLUMNS, L2Log

Block = tuple[str, str, Sequence[float]]
"""Kind (`train`, `test`, with `sleep` before it if asleep), task, performances."""


def log_of(*blocks: Block, name: str = "small", **columns: list[Any]) -> L2Log:
    """A log with one regime in each block; `columns` replace what is filled in."""
    rows = [
        (number, *(kind.split() if " " in kind else ("wake", kind)), task, value)
        for number, (kind, task, values) in enumerate(blocks)
        for value in values
    ]
    count = len(rows)
    filled: dict[str, Any] = {
        "block_num": [row[0] for row in rows],
        "exp_num": list(range(count)),
        "worker_id": ["worker-default"] * count,
        "block_type": [row[2] for row in rows],
        "block_subtype": [row[1] for row in rows],
        "task_name": [row[3] for row in rows],
        "task_params": ["{}"] * count,
        "exp_status": ["complete"] * count,
        "timestamp": [""] * count,
        "reward": [float(row[4]) for row in rows],
    } | columns
    arrays = {
        column: pa.array(values, pa.string()).dictionary_encode()
        if pa.types.is_dictionary(COLUMNS.get(column, pa.float64()))
        else pa.array(values, COLUMNS.get(column, pa.float64()))
        for column, values in filled.items()
    }
    return L2Log(name, pa.table(arrays), ("reward",), {"scenario_type": "custom"})


def plain_options(**chosen: Any) -> Options:
    """Performance as it is logged: neither smoothed nor normalised."""
    return Options(**{"smooth": "none", "normalise": "none", "transfer": "both"} | chosen)


def judge(log: L2Log, *experts: L2Log, on: Sequence[str] = (), **chosen: Any) -> L2MResult:
    """The metrics by plain options; `on` names the corrections that are on."""
    corrections = Corrections(**dict.fromkeys(on, True))
    options = plain_options(corrections=corrections, **chosen)
    return compute_l2m(log, expert_runs(experts), options)


def ramp(top: float, at: int, length: int) -> list[float]:
    """From 0 straight up to `top` at index `at`, and there until the end."""
    rising = np.linspace(0.0, top, at + 1)
    return [*rising.tolist(), *[top] * (length - at - 1)]
