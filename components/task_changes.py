"""When a task ends, for components that take the curriculum's word for it or a detector's."""

from __future__ import annotations

from typing import Literal

from l2rl.capabilities import CHANGE_EVENTS, TASK_BELIEF, TASK_BOUNDARY, Need, any_of
from l2rl.views import AgentView, ChangeEvent, TaskEvent

Trigger = Literal["auto", "boundary", "detected"]
"""`auto`: boundaries where the run offers them, detected changes elsewhere."""
TRIGGER_DESCRIPTION = (
    "what ends a task: the curriculum's boundaries, detected changes, or (auto) boundaries where "
    "the run offers them and detected changes elsewhere"
)


def trigger_needs(trigger: Trigger) -> tuple[Need, ...]:
    """The capabilities that a component with this trigger needs."""
    needs: dict[Trigger, Need] = {
        "auto": any_of(TASK_BOUNDARY, CHANGE_EVENTS),
        "boundary": TASK_BOUNDARY,
        "detected": CHANGE_EVENTS,
    }
    return (needs[trigger],)


def at_boundaries(trigger: Trigger, agent: AgentView) -> bool:
    """Whether the curriculum's boundaries count on this agent, and detected changes do not."""
    return trigger == "boundary" or (trigger == "auto" and TASK_BOUNDARY in agent.offered)


class TaskKeys:
    """Names the task that is going on, by the best knowledge there is.

    The label where the component may see it (so a task that returns is known again), else the
    context that the owner of TASK_BELIEF believes in, else the number of the period.
    """

    def __init__(self, trigger: Trigger, agent: AgentView) -> None:
        self._at_boundaries = at_boundaries(trigger, agent)
        self._believes = TASK_BELIEF in agent.offered and not self._at_boundaries
        self.current = "0"

    def task_starts(self, event: TaskEvent) -> bool:
        """Take a true boundary; whether another task is going on now."""
        if not self._at_boundaries:
            return False
        return self._turn_to(str(event.index) if event.label is None else event.label)

    def change_detected(self, event: ChangeEvent) -> bool:
        """Take a detected change; whether another task is going on now."""
        if self._at_boundaries:
            return False
        return self._turn_to(str(event.belief if self._believes else int(self.current) + 1))

    def _turn_to(self, key: str) -> bool:
        before, self.current = self.current, key
        return key != before
