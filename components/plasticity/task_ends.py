"""When a task ends, for components that act on it: by true boundaries or by detected changes."""

from __future__ import annotations

from typing import Final, Literal

from l2rl.capabilities import CHANGE_EVENTS, TASK_BOUNDARY, Need, any_of
from l2rl.views import AgentView

Trigger = Literal["auto", "boundary", "detected"]

DESCRIPTION: Final = (
    "what ends a task: the curriculum's boundaries, detected changes, or (auto) boundaries where "
    "the run offers them and detected changes elsewhere"
)


def need_of(trigger: Trigger) -> Need:
    """What somebody must offer for the trigger."""
    if trigger == "auto":
        return any_of(TASK_BOUNDARY, CHANGE_EVENTS)
    return TASK_BOUNDARY if trigger == "boundary" else CHANGE_EVENTS


def at_boundaries(trigger: Trigger, agent: AgentView) -> bool:
    """Whether true boundaries count on this agent (otherwise detected changes do)."""
    return trigger == "boundary" or (trigger == "auto" and TASK_BOUNDARY in agent.offered)
