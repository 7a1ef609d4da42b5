"""Quadratic penalties whose importance is a mean over states of the task that ends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from l2rl.capabilities import PARAMETER_IMPORTANCE
from l2rl.views import AgentView, ComponentGenerators, PhaseView, Role, TransitionBatch

from ..recent_experience import RecentExperience, seen_by_networks
from .quadratic import TaskPenalty


class StateImportancePenalty(TaskPenalty):
    """Remembers states of the task, measures importance on them at its end, forgets them.

    Its `Config` has `memory_env_steps` and `minimum_states`. Each parameter is judged by the heads
    of its own role."""

    provides = (PARAMETER_IMPORTANCE,)

    def bind(self, agent: AgentView, rng: ComponentGenerators) -> None:
        super().bind(agent, rng)
        self._memory = RecentExperience(
            self._sample_size(), self.config.memory_env_steps, rng.numpy
        )
        self._with_actions = "critic" in self._anchors

    def _sample_size(self) -> int:
        """Over how many states importance is averaged."""
        raise NotImplementedError

    def on_transitions(self, batch: TransitionBatch) -> None:
        if self._anchors:
            space = self.agent.action_space
            self._memory.add(seen_by_networks(batch, space, with_actions=self._with_actions))

    def _end_period(self) -> None:
        """Consolidate what was learned since the last time, and begin a new memory."""
        states = len(self._memory)
        if not self._anchors:
            return
        if states < min(self.config.minimum_states, self._sample_size()):
            self.agent.emit("consolidation_skipped", states=states)
        else:
            self._consolidate()
            self.agent.emit("consolidated", states=states, number=self._consolidations)
        self._memory.clear()

    def _importance(self, phase: str) -> torch.Tensor:
        """Importance of each protected parameter on the remembered states, (P,)."""
        view, anchor = self.agent.phases[phase], self._anchors[phase]
        observations = self._remembered("observations")
        actions = self._remembered("actions") if self._with_actions else None
        result: dict[str, torch.Tensor] = {}
        roles: tuple[Role, ...] = ("acting", "value")
        for role in roles:
            names = [n for n in anchor.names if view.roles[n] == role]
            if names:
                result |= self._measured(view, names, role, observations, actions)
        flat: torch.Tensor = anchor.flat(result)
        return flat

    def _measured(
        self,
        view: PhaseView,
        names: list[str],
        role: Role,
        observations: torch.Tensor,
        actions: torch.Tensor | None,
    ) -> Mapping[str, torch.Tensor]:
        """Importance of the parameters `names` for the heads of `role`, by name."""
        raise NotImplementedError

    def _remembered(self, field: str) -> torch.Tensor:
        return torch.as_tensor(self._memory.read(field), device=self.agent.device)

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "memory": self._memory.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        super().load_state_dict(state)
        self._memory.load_state_dict(state["memory"])
