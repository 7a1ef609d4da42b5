"""What ends a task for components that look back at it: a true boundary or a detected change."""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import Field

from l2rl.capabilities import CHANGE_EVENTS, TASK_BOUNDARY, Need, any_of
from l2rl.component import Component
from l2rl.views import AgentView, ChangeEvent, ComponentGenerators, TaskEvent

Trigger = Literal["auto", "boundary", "detected"]
_NEEDS: Final[dict[Trigger, Need]] = {
    "auto": any_of(TASK_BOUNDARY, CHANGE_EVENTS),
    "boundary": TASK_BOUNDARY,
    "detected": CHANGE_EVENTS,
}


def trigger_field() -> Any:
    """The setting `trigger` of a `TaskEndComponent`."""
    return Field(
        "auto",
        description="what ends a task: the curriculum's boundaries, detected changes, or "
        "(auto) boundaries where the run offers them and detected changes elsewhere",
    )


class TaskEndComponent(Component):
    """Calls `_end_period` at the end of each task. Its `Config` has a `trigger`."""

    def requirements(self) -> tuple[tuple[Need, ...], tuple[str, ...]]:
        return (*self.needs, _NEEDS[self.config.trigger]), self.provides

    def bind(self, agent: AgentView, rng: ComponentGenerators) -> None:
        super().bind(agent, rng)
        self._at_boundaries = self.config.trigger == "boundary" or (
            self.config.trigger == "auto" and TASK_BOUNDARY in agent.offered
        )

    def on_task_end(self, event: TaskEvent) -> None:
        if self._at_boundaries:
            self._end_period()

    def on_change_detected(self, event: ChangeEvent) -> None:
        if not self._at_boundaries:
            self._end_period()

    def _end_period(self) -> None:
        """A task has ended, the network still being the one that learned it."""
        raise NotImplementedError
