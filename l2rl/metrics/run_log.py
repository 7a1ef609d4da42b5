"""One lifetime as metrics see it: its log, read once, and what else may be known of the run.

This is what every family of metrics and every custom metric is given. All of it comes from the
log; a run's directory adds the manifest and the expert runs that it can be measured against.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from l2rl.errors import UserError
from l2rl.metrics.evaluation_matrix import EvaluationMatrix, evaluation_matrix
from l2rl.metrics.references import NoReferences, References, references_of
from l2rl.runs.log_views import (
    BlockSpan,
    Episodes,
    Event,
    Series,
    block_spans,
    episodes,
    events,
    last_env_steps,
    rows_of,
    scalars,
)
from l2rl.runs.run_directory import RunDirectory
from l2rl.runs.tidy_log import LOG_SCHEMA, read_log

View = TypeVar("View")

MEASURES = ("return", "success")
"""What an evaluation may measure: the mean undiscounted return, and the rate of success."""


class RunLog:
    """The log of one run with its views, each computed when it is first asked for."""

    def __init__(
        self,
        log: pa.Table,
        *,
        manifest: Mapping[str, Any] | None = None,
        references: References | None = None,
        origin: str = "the log",
    ) -> None:
        """`log` has the columns of `LOG_SCHEMA`; without `references` there are no expert runs.

        `origin`: what to call the log in messages, such as its path.
        """
        self.table = log
        self.manifest = dict(manifest or {})
        self.origin = origin
        self._references = references
        self._matrices: dict[str, EvaluationMatrix] = {}

    @classmethod
    def open(
        cls,
        run: RunDirectory,
        log: pa.Table | None = None,
        open_expert: Callable[[RunDirectory], RunLog] | None = None,
    ) -> RunLog:
        """The run in a directory, finished or not; an empty log if it had not begun to write one.

        `log`: if it was read already, or only a part of it is meant. `open_expert`: how expert runs
        are opened, for runs that share them. Raises `UserError` if the log or the manifest is
        damaged.
        """
        if log is None:
            log = read_log(run.log_path) if run.log_path.is_dir() else LOG_SCHEMA.empty_table()
        opened = cls(log, manifest=run.manifest, origin=str(run.log_path))
        opened._references = references_of(run, open_expert or cls.open)
        return opened

    @property
    def references(self) -> References:
        """The expert runs."""
        return self._references or NoReferences()

    def matrix(self, measure: str = "return") -> EvaluationMatrix:
        """R[evaluation, task] of one measure."""
        if measure not in self._matrices:
            made = self._told(lambda: evaluation_matrix(self.table, measure))
            self._matrices[measure] = made
        return self._matrices[measure]

    def _told(self, view: Callable[[], View]) -> View:
        """A view of the log; what is wrong with it is told with the log's place."""
        try:
            return view()
        except UserError as error:
            raise UserError(f"{self.origin}: {error}") from None

    @cached_property
    def measures(self) -> tuple[str, ...]:
        """`return` always, and `success` if some evaluation measured it."""
        found = set(pc.unique(rows_of(self.table, kind="evaluation")["metric"]).to_pylist())
        return tuple(measure for measure in MEASURES if measure == "return" or measure in found)

    @cached_property
    def env_steps(self) -> int:
        """Env steps of the lifetime so far."""
        return last_env_steps(self.table)

    @cached_property
    def blocks(self) -> tuple[BlockSpan, ...]:
        """The blocks of the curriculum as they were lived."""
        return tuple(self._told(lambda: block_spans(self.table)))

    @cached_property
    def events(self) -> tuple[Event, ...]:
        """What the components announced, and the true boundaries."""
        return tuple(self._told(lambda: events(self.table)))

    @cached_property
    def scalars(self) -> dict[str, Series]:
        """Every number that the learner and the components logged, by name."""
        return scalars(self.table)

    @cached_property
    def episodes(self) -> Episodes:
        """Every finished episode, of training and evaluation."""
        return self._told(lambda: episodes(self.table))


def named(name: str, measure: str) -> str:
    """The qualified name of a figure: that of the success rate has `/success` behind it."""
    return name if measure == "return" else f"{name}/{measure}"
