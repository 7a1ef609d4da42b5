"""What a lifetime writes down: the tidy log's rows, each with its place in the curriculum."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, Literal

import numpy as np

from l2rl.agents.host import AgentEvent
from l2rl.curriculum import Block
from l2rl.environments import EnvironmentEvent
from l2rl.episodes import Episode
from l2rl.evaluation import EvaluationResult
from l2rl.runs.run_directory import RunDirectory
from l2rl.runs.tensorboard import LiveEvents

# What of an event's detail is its number, by preference.
_VALUE_OF_EVENT = ("confidence", "expert", "ratio", "value")
_UNITS: Mapping[str, str] = {"sleep": "gradient_steps", "evaluate": "tasks"}


class LifetimeLog:
    """Writes rows to a run's tidy log and its clock."""

    BEGINNING: ClassVar[Mapping[str, Any]] = {
        "log": {"rows": 0, "parts": 0},
        "clock": {"rows": 0, "parts": 0},
    }
    """The position before the first row."""

    def __init__(self, run: RunDirectory, *, tensorboard: bool = False) -> None:
        """`tensorboard`: also as event files. Raises `UserError` if its package is missing."""
        self._live = LiveEvents(run) if tensorboard else None
        self._log = run.open_log()
        self._clock = run.open_clock()
        self._block = -1
        self._trained_task = ""
        self._env_steps: Callable[[], int] = lambda: 0

    def place(self, *, block: int, trained_task: str, env_steps: Callable[[], int]) -> None:
        """Where in the curriculum the rows to come belong."""
        self._block, self._trained_task, self._env_steps = block, trained_task, env_steps

    def block_starts(self, block: Block) -> None:
        """A block of the curriculum starts."""
        self._block_mark("start", block, {})

    def block_ends(self, block: Block, footprint: Mapping[str, Any]) -> None:
        """A block of the curriculum ends; how large the agent is by now (`l2rl.footprint`)."""
        self._block_mark("end", block, {"footprint": footprint})

    def _block_mark(
        self, which: Literal["start", "end"], block: Block, more: Mapping[str, Any]
    ) -> None:
        # Always stamped: what a block cost is the time between its marks.
        self._clock.stamp(self._log.rows, always=True)
        unit = _UNITS.get(block.kind, block.unit)
        detail = {"kind": block.kind, "unit": unit, **more}
        self._append("block", which, float(block.budget), detail)

    def boundary(self) -> None:
        """The hidden truth that another task begins."""
        self._append("event", "task_boundary", 1.0)

    def training_episode(self, number: int, episode: Episode) -> None:
        """One training episode."""
        self._clock.stamp(self._log.rows)
        self._log.append_episode(
            phase="train",
            episode=number,
            environment=episode.environment,
            episode_return=episode.episode_return,
            length=episode.length,
            success=episode.success,
            env_steps=episode.env_steps,
            block=self._block,
            trained_task=self._trained_task,
        )

    def evaluation(self, number: int, result: EvaluationResult) -> None:
        """One task measured: its episodes, and their summary."""
        self._clock.stamp(self._log.rows)
        for i, (total, length) in enumerate(zip(result.returns, result.lengths, strict=True)):
            self._log.append_episode(
                phase="test",
                episode=i,
                environment=0,
                episode_return=float(total),
                length=int(length),
                success=None if result.successes is None else float(result.successes[i]),
                env_steps=self._env_steps(),
                block=self._block,
                evaluation=number,
                trained_task=self._trained_task,
                evaluated_task=result.task,
            )
        for metric, value in _summary(result).items():
            self._log.append(
                kind="evaluation",
                metric=metric,
                value=value,
                env_steps=self._env_steps(),
                block=self._block,
                evaluation=number,
                trained_task=self._trained_task,
                evaluated_task=result.task,
            )

    def scalars(self, values: Mapping[str, Any]) -> None:
        """Numbers of the learner and the components, by name."""
        for name in sorted(values):
            self._append("scalar", name, float(values[name]))

    def events(self, events: Iterable[AgentEvent]) -> None:
        """What the components announced."""
        for event in events:
            value = next((event.detail[k] for k in _VALUE_OF_EVENT if k in event.detail), np.nan)
            self._append("event", event.name, float(value), event.detail, event.env_steps)

    def environment_events(self, events: Iterable[EnvironmentEvent]) -> None:
        """What the environments have gone through, such as a restart after a crash."""
        for event in events:
            value = float(event.detail.get("restarts", np.nan))
            self._append("event", event.name, value, event.detail)

    def _append(
        self,
        kind: Literal["scalar", "event", "block"],
        metric: str,
        value: float,
        detail: Mapping[str, Any] | None = None,
        env_steps: int | None = None,
    ) -> None:
        self._clock.stamp(self._log.rows)
        self._log.append(
            kind=kind,
            metric=metric,
            value=value,
            env_steps=self._env_steps() if env_steps is None else env_steps,
            block=self._block,
            trained_task=self._trained_task,
            detail=detail,
        )

    def flush(self) -> None:
        """Everything so far onto the disk."""
        self._clock.stamp(self._log.rows, always=True)
        self._log.flush()
        self._clock.flush()
        self._follow()

    def position(self) -> dict[str, Any]:
        """Flush, and say where the log ends, for a checkpoint."""
        self._clock.stamp(self._log.rows, always=True)
        position = {"log": self._log.position(), "clock": self._clock.position()}
        self._follow()
        return position

    def truncate(self, position: Mapping[str, Any]) -> None:
        """Forget what was written after a checkpoint."""
        self._log.truncate(position["log"])
        self._clock.truncate(position["clock"])

    def _follow(self) -> None:
        if self._live:
            self._live.follow()

    def compact(self) -> None:
        """At the end of the lifetime: one file each."""
        self._log.compact()
        self._clock.compact()


def _summary(result: EvaluationResult) -> dict[str, float]:
    values = {
        "return": float(result.returns.mean()),
        "return_std": float(result.returns.std()),
        "episodes": float(len(result.returns)),
    }
    if result.successes is not None:
        values["success"] = float(result.successes.mean())
    return values
