"""The tidy log: one long table per run, the only source of every figure, metric and export.

No wall-clock time is in it (that is `clock.py`'s), so that an interrupted and resumed run leaves
the same bytes as an undisturbed one. One row is one number; what a row says depends on its `kind`:

`episode`     one finished episode. metric "return", value the undiscounted return; detail
              {"episode": n, "environment": i, "phase": "train" | "test", "length": env steps,
              "success": 0 | 1 where the task has such a notion}. One row, not three: training
              episodes are by far the most numerous rows. Written with `append_episode`.
`evaluation`  one (evaluation, evaluated_task, metric), metric being "return" (mean over the
              episodes), "return_std", "success" (mean; only where the task has it), "episodes".
`scalar`      a number of the learner or of a component: "train/loss",
              "plasticity.monitor/critic/fau", "replay_ratio/realised". For those
              measured per network, `<component>/<network>/<quantity>`.
`event`       something happened; the metric is its name:
              "task_boundary"         hidden truth, for reports and metrics only; trained_task is
                                      the task that begins
              "change_detected"       value: confidence; detail {"detector", "belief",
                                      "previous_belief", "kind": "new" | "recurring" | "unknown"}
              "expert_spawned"        value: number of the new expert
              "expert_switched"       value: number of the expert now in use
              "replay_ratio_changed"  value: gradient steps per env step from now on
              "environment_restarted" value: failures so far; detail {"env", "game", "failure"}
              and any other name, such as "checkpoint_damaged"; detail says more.
`block`       metric "start" or "end" of a block of the curriculum; value its budget; detail
              {"kind": "learn" | "evaluate" | "sleep", "unit": "env_steps" | "episodes" |
              "gradient_steps"}; trained_task of a learning block is its task. An "end" also has
              "footprint", how large the agent was (`l2rl.footprint`).
`span`        a stretch that ended here: value its length in env steps, metric its name.

`trained_task` is the task being learned at that moment ("" before the first one), `block` the
index in the curriculum or -1, `evaluation` the running number of the evaluation or -1, `env_steps`
the env steps of the lifetime so far, evaluation episodes not counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import pyarrow as pa

from l2rl.errors import UserError
from l2rl.runs.files import compact_json
from l2rl.runs.part_table import PartTable, read_table

Kind = Literal["evaluation", "episode", "scalar", "event", "block", "span"]
KINDS = frozenset(get_args(Kind))
STEM = "log"

STORED_SCHEMA = pa.schema(
    [
        ("run", pa.string()),
        ("seed", pa.int64()),
        ("row", pa.int64()),
        ("kind", pa.string()),
        ("block", pa.int32()),
        ("evaluation", pa.int32()),
        ("env_steps", pa.int64()),
        ("trained_task", pa.string()),
        ("evaluated_task", pa.string()),
        ("metric", pa.string()),
        ("value", pa.float64()),
        ("detail", pa.string()),
    ]
)
"""The columns on disk, where Parquet keeps words as dictionaries by itself."""

_WORDS = ("run", "kind", "trained_task", "evaluated_task", "metric")
LOG_SCHEMA = pa.schema(
    [
        (field.name, pa.dictionary(pa.int32(), pa.string()) if field.name in _WORDS else field.type)
        for field in STORED_SCHEMA
    ]
)
"""The columns of the table that `read_log` returns: words as dictionaries, to be small."""


class TidyLog:
    """The writer of one run's log."""

    def __init__(self, table: PartTable, run: str, seed: int) -> None:
        self._table, self._run, self._seed = table, run, int(seed)

    @classmethod
    def open(cls, directory: Path, run: str, seed: int) -> TidyLog:
        """Open or create the log in `directory` for appending; the caller holds the run's lock.

        A resumed run calls `truncate` with its checkpoint's position before it appends.
        Raises `UserError` if a file of the log is damaged.
        """
        return cls(PartTable(directory, STEM, STORED_SCHEMA), run, seed)

    @property
    def rows(self) -> int:
        """Rows so far, which is also the number of the next row."""
        return self._table.rows

    def append(
        self,
        *,
        kind: Kind,
        metric: str,
        value: float,
        env_steps: int,
        block: int = -1,
        evaluation: int = -1,
        trained_task: str = "",
        evaluated_task: str = "",
        detail: Mapping[str, Any] | None = None,
    ) -> None:
        """Add one row; see the module's docstring for the conventions. Kept in memory until flush.

        `detail` becomes compact JSON with sorted keys, in which what is not finite is null.
        Raises `ValueError` for an unknown kind.
        """
        if kind not in KINDS:
            raise ValueError(f"kind {kind!r} is none of {', '.join(sorted(KINDS))}")
        self._table.append(
            (
                self._run,
                self._seed,
                self._table.rows,
                kind,
                int(block),
                int(evaluation),
                int(env_steps),
                trained_task,
                evaluated_task,
                metric,
                float(value),
                compact_json(detail) if detail else "",
            )
        )

    def append_episode(
        self,
        *,
        phase: Literal["train", "test"],
        episode: int,
        environment: int,
        episode_return: float,
        length: int,
        env_steps: int,
        success: float | None = None,
        block: int = -1,
        evaluation: int = -1,
        trained_task: str = "",
        evaluated_task: str = "",
    ) -> None:
        """Add one finished episode: number of the episode, environment index, return, env steps."""
        detail: dict[str, Any] = {
            "episode": episode,
            "environment": environment,
            "phase": phase,
            "length": length,
        }
        if success is not None:
            detail["success"] = float(success)
        self.append(
            kind="episode",
            metric="return",
            value=episode_return,
            env_steps=env_steps,
            block=block,
            evaluation=evaluation,
            trained_task=trained_task,
            evaluated_task=evaluated_task,
            detail=detail,
        )

    def flush(self) -> None:
        """Write what waits in memory as one more part, atomically."""
        self._table.flush()

    def position(self) -> dict[str, int]:
        """Flush, and say where the log ends, for a checkpoint."""
        return self._table.position()

    def truncate(self, position: Mapping[str, int]) -> None:
        """Drop every row after a checkpoint's position. Raises `UserError` if rows were lost."""
        self._table.truncate(position)

    def compact(self) -> None:
        """At completion: merge all parts into `log.parquet`. Equal rows give equal bytes."""
        self._table.compact()


def read_log(directory: Path) -> pa.Table:
    """Every row of a run's log on disk, in order, with the columns of `LOG_SCHEMA`.

    Works during the run, after a crash and after completion. Raises `UserError` when the log is
    missing, damaged or incomplete.
    """
    table = read_table(directory, STEM, STORED_SCHEMA)
    if not np.array_equal(table["row"].to_numpy(), np.arange(table.num_rows)):
        raise UserError(
            f"{directory} has lost or doubled rows: the row numbers do not run from 0 to "
            f"{table.num_rows - 1}. Restore it from a copy, or resume from an older checkpoint."
        )
    return as_dictionaries(table)


def as_dictionaries(table: pa.Table) -> pa.Table:
    """The table with the columns of `LOG_SCHEMA`, one dictionary per column."""
    columns = [
        table[field.name].combine_chunks().dictionary_encode()
        if field.name in _WORDS
        else table[field.name]
        for field in LOG_SCHEMA
    ]
    return pa.Table.from_arrays(columns, schema=LOG_SCHEMA)
