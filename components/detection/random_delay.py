"""The detector that is told late: how much does a delay cost, whatever causes it?

Announces each true boundary after a random number of env steps, exponential with mean
`mean_delay_env_steps`, and false alarms (kind "new", a context that nobody was in) at random with
`false_alarms_per_million_env_steps`. A boundary whose announcement is due after the next one is
never announced. So a real detector can be told apart from the same delays and alarms without any
skill in them. With a delay of 0 it is `detection.oracle`. Needs TASK_BOUNDARY. Cost: nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from l2rl.component import ComponentConfig
from l2rl.views import AgentView, ComponentGenerators, TaskEvent, TransitionBatch

from .oracle import OracleDetector


class RandomDelayConfig(ComponentConfig):
    """Settings of `detection.random_delay`."""

    mean_delay_env_steps: float = Field(
        1000.0, ge=0, description="Mean of the exponential delay between a change and its event."
    )
    false_alarms_per_million_env_steps: float = Field(
        0.0, ge=0, description="Mean number of events without a change, per million env steps."
    )


class RandomDelayDetector(OracleDetector):
    """Announces true boundaries late, and false ones."""

    Config: ClassVar[type[ComponentConfig]] = RandomDelayConfig

    def bind(self, agent: AgentView, rng: ComponentGenerators) -> None:
        super().bind(agent, rng)
        self.due: dict[str, Any] | None = None

    def on_task_start(self, event: TaskEvent) -> None:
        belief, recurring = self.contexts.number_of(event)
        delay = float(self.rng.numpy.exponential(self.config.mean_delay_env_steps))
        at = self.agent.env_steps() + delay
        self.due = {"belief": belief, "recurring": int(recurring), "env_steps": at}
        self._announce_what_is_due()

    def on_transitions(self, batch: TransitionBatch) -> None:
        rate = self.config.false_alarms_per_million_env_steps * 1e-6
        if rate > 0 and self.rng.numpy.poisson(rate * batch.rewards.size) > 0:
            self.contexts.known.append(f"false alarm {len(self.contexts.known)}")
            self._announce(len(self.contexts.known) - 1, recurring=False)
        self._announce_what_is_due()

    def _announce_what_is_due(self) -> None:
        if self.due is None or self.agent.env_steps() < self.due["env_steps"]:
            return
        due, self.due = self.due, None
        if due["belief"] != self.belief:
            self._announce(due["belief"], recurring=bool(due["recurring"]))

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "due": None if self.due is None else dict(self.due)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        super().load_state_dict(state)
        self.due = None if state["due"] is None else dict(state["due"])
