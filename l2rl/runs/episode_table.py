"""Every finished episode as a table for other tools."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from l2rl.runs.log_views import episodes, rows_of

EPISODE_SCHEMA = pa.schema(
    [
        ("run", pa.string()),
        ("seed", pa.int64()),
        ("env_steps", pa.int64()),
        ("block", pa.int64()),
        ("evaluation", pa.int64()),
        ("phase", pa.string()),
        ("task", pa.string()),
        ("return", pa.float64()),
        ("length", pa.int64()),
        ("success", pa.float64()),
    ]
)
"""`phase` is `train` or `test`; `evaluation` is -1 in training; `success` is null where the task
has no such notion."""


def episode_table(log: pa.Table) -> pa.Table:
    """The episodes of a tidy log, with the columns of `EPISODE_SCHEMA`."""
    table, played = rows_of(log, kind="episode", metric="return"), episodes(log)
    success = pa.array(played.success, mask=np.isnan(played.success))
    arrays = [
        table["run"].cast(pa.string()).combine_chunks(),
        table["seed"].combine_chunks(),
        pa.array(played.env_steps),
        pa.array(played.block),
        pa.array(played.evaluation),
        pc.if_else(pa.array(played.training), "train", "test"),
        pa.array(played.task, pa.string()),
        pa.array(played.returns),
        pa.array(played.lengths),
        success,
    ]
    return pa.Table.from_arrays(arrays, schema=EPISODE_SCHEMA)
