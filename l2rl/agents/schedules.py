"""Which schedules run over the whole lifetime and which begin anew with each task."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

ScheduleScope = Literal["global", "per_task", "frozen"]
Schedule = Callable[[float], float]


@dataclass
class LifetimeClock:
    """How far the current task has come, for schedules that begin anew with each task.

    SB3 hands its schedules one number, the share of *all* steps that remain. This clock holds the
    same number for the task: 1 at its start, 0 after `period_env_steps`.
    """

    started_env_steps: int = 0
    period_env_steps: int = 1
    task_remaining: float = 1.0
    lifetime_remaining: float | None = None
    """Share of the lifetime that remains, where it cannot be told from env steps."""

    def start(self, env_steps: int, period_env_steps: int) -> None:
        """A task begins now and its schedules end after `period_env_steps`."""
        self.started_env_steps = env_steps
        self.period_env_steps = max(period_env_steps, 1)
        self.task_remaining = 1.0

    def advance(self, env_steps: int) -> None:
        """Env steps of the lifetime are now `env_steps`."""
        gone = (env_steps - self.started_env_steps) / self.period_env_steps
        self.task_remaining = max(1.0 - gone, 0.0)

    def state_dict(self) -> dict[str, Any]:
        return dict(vars(self))

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        for name in vars(self):
            setattr(self, name, state[name])


class ScopedSchedule:
    """A schedule of SB3's read at the progress that its scope says."""

    def __init__(self, schedule: Schedule, scope: ScheduleScope, clock: LifetimeClock) -> None:
        self.schedule = schedule
        self.scope = scope
        self.clock = clock

    def __call__(self, progress_remaining: float) -> float:
        if self.scope == "per_task":
            return self.schedule(self.clock.task_remaining)
        if self.scope == "frozen":
            return self.schedule(1.0)
        return self.schedule(progress_remaining)
