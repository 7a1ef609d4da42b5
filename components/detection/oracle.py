"""The detector that is told: the upper bound for every other one.

Announces each true boundary at the moment it happens. With labels a task that was met before is
"recurring" and gets its old belief back; without labels each block is a context of its own.
Compare: `detection.never`, the lower bound, and `detection.random_delay`, this one late.

Needs TASK_BOUNDARY, so it is for studies in which the curriculum is visible. Set `trigger:
detected` on components that shall follow it and not the boundaries themselves. Cost: nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from l2rl.capabilities import CHANGE_EVENTS, TASK_BELIEF, TASK_BOUNDARY, TASK_LABEL
from l2rl.component import Component
from l2rl.views import AgentView, ChangeEvent, ComponentGenerators, TaskEvent


class TrueContexts:
    """Number of each context that was met, by its label where there is one."""

    def __init__(self) -> None:
        self.known: list[str] = []

    def number_of(self, event: TaskEvent) -> tuple[int, bool]:
        """(belief, whether it was met before)."""
        name = f"block {event.index}" if event.label is None else f"task {event.label}"
        if name in self.known:
            return self.known.index(name), True
        self.known.append(name)
        return len(self.known) - 1, False


class OracleDetector(Component):
    """Announces true boundaries."""

    needs = (TASK_BOUNDARY,)
    uses = (TASK_LABEL,)
    provides = (CHANGE_EVENTS, TASK_BELIEF)
    cost: ClassVar[str] = "nothing"

    def bind(self, agent: AgentView, rng: ComponentGenerators) -> None:
        super().bind(agent, rng)
        self.contexts = TrueContexts()
        self.belief = 0

    def on_task_start(self, event: TaskEvent) -> None:
        belief, recurring = self.contexts.number_of(event)
        if belief != self.belief:
            self._announce(belief, recurring=recurring)

    def _announce(self, belief: int, *, recurring: bool) -> None:
        previous, self.belief = self.belief, belief
        self.agent.announce_change(
            ChangeEvent(
                detector=self.name,
                env_steps=self.agent.env_steps(),
                kind="recurring" if recurring else "new",
                belief=belief,
                previous_belief=previous,
            )
        )

    def metrics(self) -> Mapping[str, float]:
        return {"contexts": float(max(1, len(self.contexts.known)))}

    def state_dict(self) -> dict[str, Any]:
        return {"known": list(self.contexts.known), "belief": self.belief}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.contexts.known = list(state["known"])
        self.belief = state["belief"]
