"""A replay ratio after a plan: other numbers of gradient steps per env step as time goes by.

`points` are pairs (env steps, ratio). Between two points the ratio is that of the earlier one
(`stepwise`), or on the straight line between both (`linear`); before the first and after the last
it is theirs. Env steps are counted over the lifetime, or from the start of each task anew: many
gradient steps wear out a network that must still be formed, few waste the experience of a grown
one (arXiv 2310.07418), and in a new task it must be formed anew.

Units: gradient steps per env step, all environments together; the ratio in force is looked at once
per collection. Cost: that of the gradient steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, model_validator

from l2rl.capabilities import REPLAY, REPLAY_RATIO, Need
from l2rl.component import Component, ComponentConfig
from l2rl.views import AgentView, ChangeEvent, ComponentGenerators, RatioView, TaskEvent

from ..task_changes import TRIGGER_DESCRIPTION, Trigger, at_boundaries, trigger_needs

Point = tuple[Annotated[int, Field(ge=0)], Annotated[float, Field(ge=0)]]
"""(env steps, gradient steps per env step)."""


def scheduled_ratio(
    points: Sequence[tuple[int, float]], env_steps: int, interpolation: str
) -> float:
    """Gradient steps per env step after `env_steps`; `points` in rising order of env steps."""
    if interpolation == "linear":
        return float(np.interp(env_steps, [p[0] for p in points], [p[1] for p in points]))
    passed = [ratio for start, ratio in points if start <= env_steps]
    return float(passed[-1] if passed else points[0][1])


class ScheduledReplayRatio(Component):
    """Moves the learner's replay ratio along a plan."""

    needs = (REPLAY,)
    provides = (REPLAY_RATIO,)
    stateful = ("_origin",)
    cost = "that of the gradient steps"

    class Config(ComponentConfig):
        points: tuple[Point, ...] = Field(
            ((0, 0.5), (50_000, 2.0)),
            min_length=1,
            description="pairs of env steps and gradient steps per env step, in rising order",
        )
        interpolation: Literal["stepwise", "linear"] = Field(
            "stepwise", description="between points: stay at the earlier one, or a straight line"
        )
        scope: Literal["lifetime", "task"] = Field(
            "lifetime", description="where env steps are counted from: birth, or each task's start"
        )
        trigger: Trigger = Field("auto", description=f"with scope `task`, {TRIGGER_DESCRIPTION}")

        @model_validator(mode="after")
        def _check(self) -> ScheduledReplayRatio.Config:
            starts = [start for start, _ in self.points]
            if starts != sorted(set(starts)):
                raise ValueError("the env steps of points must rise")
            return self

    _origin = 0
    """Env steps of the lifetime when the task began."""

    def requirements(self) -> tuple[tuple[Need, ...], tuple[str, ...]]:
        extra = trigger_needs(self.config.trigger) if self.config.scope == "task" else ()
        return (*self.needs, *extra), self.provides

    def bind(self, agent: AgentView, rng: ComponentGenerators) -> None:
        super().bind(agent, rng)
        per_task = self.config.scope == "task"
        boundaries = at_boundaries(self.config.trigger, agent)
        self._on_boundaries = per_task and boundaries
        self._on_changes = per_task and not boundaries

    def on_task_start(self, event: TaskEvent) -> None:
        if self._on_boundaries:
            self._origin = event.env_steps

    def on_change_detected(self, event: ChangeEvent) -> None:
        if self._on_changes:
            self._origin = event.env_steps

    def propose_replay_ratio(self, view: RatioView) -> float:
        passed = view.env_steps - self._origin
        return scheduled_ratio(self.config.points, passed, self.config.interpolation)
