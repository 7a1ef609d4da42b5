"""Lifetimes written by hand: what was learned when, and what every evaluation measured."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from l2rl.metrics.references import GivenReferences
from l2rl.metrics.run_log import RunLog
from l2rl.runs.tidy_log import TidyLog, read_log


class HandMade:
    """Writes a log as the driver does, move by move."""

    def __init__(self, directory: Path, measure: str = "return") -> None:
        self.directory, self.measure = directory, measure
        self.log = TidyLog.open(directory, "experiment/variant", 0)
        self.env_steps = 0
        self.evaluations = 0
        self.block = -1
        self.trained = ""
        self._kind = ""

    def learn(self, task: str) -> HandMade:
        """Another learning block begins, and the one before ends."""
        self.end()
        self.block, self.trained = self.block + 1, task
        return self._mark("start", "learn")

    def sleep(self) -> HandMade:
        self.end()
        self.block += 1
        return self._mark("start", "sleep")

    def end(self, footprint: Mapping[str, Any] | None = None) -> HandMade:
        """The block under way ends."""
        if self._kind:
            self._mark("end", self._kind, footprint)
            self._kind = ""
        return self

    def live(self, env_steps: int) -> HandMade:
        self.env_steps += env_steps
        return self

    def evaluate(self, **values: float | None) -> HandMade:
        for task, value in values.items():
            for metric, number in ((self.measure, value), ("episodes", 5.0)):
                if value is not None:
                    self._append("evaluation", metric, number, evaluated=task)
        self.evaluations += 1
        return self

    def learned(self, task: str, *evaluations: Mapping[str, float | None]) -> HandMade:
        """A block with an evaluation after every 10 env steps."""
        self.learn(task)
        for values in evaluations:
            self.live(10).evaluate(**values)
        return self

    def detect(self, kind: str, belief: int, detector: str = "detector") -> HandMade:
        detail = {"component": detector, "kind": kind, "belief": belief, "previous_belief": 0}
        self._append("event", "change_detected", 1.0, detail=detail)
        return self

    def event(self, name: str, value: float = 1.0) -> HandMade:
        self._append("event", name, value)
        return self

    def scalar(self, name: str, value: float) -> HandMade:
        self._append("scalar", name, value)
        return self

    def run(self, **experts: RunLog) -> RunLog:
        """The life as metrics see it, beside the experts of its tasks."""
        self.end()
        self.log.flush()
        references = GivenReferences({task: (expert,) for task, expert in experts.items()})
        return RunLog(read_log(self.directory), references=references)

    def _mark(self, which: str, kind: str, footprint: Mapping[str, Any] | None = None) -> HandMade:
        self._kind = kind
        detail = {"kind": kind, **({"footprint": footprint} if footprint else {})}
        self._append("block", which, 1.0, detail=detail)
        return self

    def _append(
        self, kind: Any, metric: str, value: float | None, evaluated: str = "", detail: Any = None
    ) -> None:
        assert value is not None
        self.log.append(
            kind=kind,
            metric=metric,
            value=value,
            env_steps=self.env_steps,
            block=self.block,
            evaluation=self.evaluations if kind == "evaluation" else -1,
            trained_task="" if kind == "block" and self._kind != "learn" else self.trained,
            evaluated_task=evaluated,
            detail=detail,
        )


def expert(directory: Path, *values: float, measure: str = "return") -> RunLog:
    """A run of one task alone, evaluated at birth and after every 10 env steps."""
    life = HandMade(directory, measure).evaluate(alone=values[0])
    return life.learned("alone", *({"alone": value} for value in values[1:])).run()
