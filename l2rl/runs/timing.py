"""How many seconds a run took, as a whole and block by block, from its log and its clocks.

Apart from the metrics, since seconds are the one thing that no two runs share.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from l2rl.runs.clock import CLOCK_SCHEMA, Spent, read_clock, spent
from l2rl.runs.files import write_json
from l2rl.runs.log_views import block_spans, last_env_steps
from l2rl.runs.run_directory import RunDirectory


def timing_of(run: RunDirectory, log: pa.Table) -> dict[str, Any]:
    """What timing.json holds: `wall_s`, `cpu_s`, `processes`, `env_steps` and `blocks`, a list of
    `{block, kind, task, env_steps, wall_s, cpu_s}`. Processes that were killed count up to their
    last checkpoint. All seconds are 0 when the run has no clock."""
    seconds = spent(read_clock(run.clock_path)) if run.clock_path.is_dir() else _NOTHING
    blocks = []
    for span in block_spans(log):
        begin, end = seconds.at(span.start_row), seconds.at(span.end_row)
        blocks.append(
            {
                "block": span.index,
                "kind": span.kind,
                "task": span.task,
                "env_steps": span.end - span.start,
                "wall_s": end[0] - begin[0],
                "cpu_s": end[1] - begin[1],
            }
        )
    return {
        "wall_s": float(seconds.wall_s[-1]) if seconds.row.size else 0.0,
        "cpu_s": float(seconds.cpu_s[-1]) if seconds.row.size else 0.0,
        "processes": seconds.processes,
        "env_steps": last_env_steps(log),
        "blocks": blocks,
    }


def write_timing(run: RunDirectory, log: pa.Table) -> None:
    """Write timing.json, atomically."""
    write_json(run.timing_path, timing_of(run, log))


_NOTHING: Spent = spent(CLOCK_SCHEMA.empty_table())
