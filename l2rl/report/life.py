"""What the figures of one report are drawn from: the log, read once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import pyarrow as pa

from l2rl.metrics.evaluation_matrix import EvaluationMatrix, evaluation_matrix
from l2rl.runs.log_views import (
    BlockSpan,
    Episodes,
    Event,
    Series,
    block_spans,
    episodes,
    events,
    last_env_steps,
    scalars,
)


@dataclass(frozen=True)
class Life:
    """One lifetime, complete or not."""

    env_steps: int
    matrix: EvaluationMatrix
    spread: EvaluationMatrix
    """Standard deviation over the episodes of each measurement."""
    episodes: Episodes
    blocks: tuple[BlockSpan, ...]
    events: tuple[Event, ...]
    scalars: dict[str, Series]

    @cached_property
    def tasks(self) -> tuple[str, ...]:
        """Every task that occurs, in the order of their colours."""
        blocks = [block.task for block in self.blocks if block.task]
        return tuple(dict.fromkeys([*self.matrix.tasks, *blocks, *self.episodes.task]))

    @property
    def learning_blocks(self) -> list[BlockSpan]:
        return [block for block in self.blocks if block.kind == "learn"]

    def named(self, name: str) -> list[Event]:
        """The events of one name, in order."""
        return [event for event in self.events if event.name == name]

    def boundaries(self) -> list[int]:
        """Env steps of the true changes: as logged, and otherwise where learning blocks change."""
        logged = [event.env_steps for event in self.named("task_boundary")]
        blocks = self.learning_blocks
        pairs = pairwise(blocks)
        return logged or [after.start for before, after in pairs if after.task != before.task]

    def detections(self) -> list[int]:
        """Env steps at which a change was detected."""
        return [event.env_steps for event in self.named("change_detected")]

    def spread_of(self, task: str) -> np.ndarray:
        """(evaluations,) standard deviation of a task's episodes; NaN where the log lacks it."""
        if task not in self.spread.tasks or len(self.spread.env_steps) != len(
            self.matrix.env_steps
        ):
            return np.full(len(self.matrix.env_steps), np.nan)
        return self.spread.column(task)


def read_life(log: pa.Table) -> Life:
    """Everything that a report needs, from a tidy log."""
    return Life(
        env_steps=last_env_steps(log),
        matrix=evaluation_matrix(log),
        spread=evaluation_matrix(log, "return_std"),
        episodes=episodes(log),
        blocks=tuple(block_spans(log)),
        events=tuple(events(log)),
        scalars=scalars(log),
    )
