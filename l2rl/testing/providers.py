"""Stand-ins that offer a component under test what it needs, by a script instead of by skill."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import torch

from l2rl.capabilities import (
    CHANGE_EVENTS,
    CONTEXT_ERRORS,
    EXPERTS,
    REPLAY_RATIO,
    TASK_BELIEF,
    WEIGHT_MASK,
    Need,
)
from l2rl.component import Component
from l2rl.views import (
    ChangeEvent,
    NetworkEdit,
    NetworkView,
    RatioView,
    SleepView,
    TransitionBatch,
)

Script = Sequence[tuple[int, int]]
"""(env steps, context): from when on which context is the true one."""


class Scripted(Component):
    """A stand-in that offers some of what its kind can offer."""

    offering: tuple[str, ...] = ()
    script: Script = ()

    def requirements(self) -> tuple[tuple[Need, ...], tuple[str, ...]]:
        return (), self.offering


class ScriptedDetector(Scripted):
    """Announces the changes of its script, one collection after they happened."""

    stateful = ("belief", "announced")
    belief = 0
    announced = 0

    def on_transitions(self, batch: TransitionBatch) -> None:
        due = [context for env_steps, context in self.script if env_steps < batch.env_steps]
        if len(due) <= self.announced + 1:
            return
        self.announced += 1
        previous, self.belief = self.belief, due[self.announced]
        kind = "recurring" if self.belief in due[: self.announced] else "new"
        if CHANGE_EVENTS in self.offering:
            event = ChangeEvent(self.name, batch.env_steps, kind, self.belief, previous)  # type: ignore[arg-type]
            self.agent.announce_change(event)

    def context_errors(
        self,
        observations: np.ndarray,
        actions: np.ndarray,
        rewards: np.ndarray,
        next_observations: np.ndarray,
    ) -> Mapping[int, float]:
        """By how much the sign of the first number differs from the context's."""
        mean = float(np.mean(observations[:, 0] > 0)) if len(observations) else 0.5
        return {context: abs(mean - context % 2) for _, context in self.script}


class ScriptedExperts(Scripted):
    """Puts the parameters of the script's context in place, fresh ones for a new context."""

    stateful = ("active", "resting")

    def __init__(self, config: Any = None) -> None:
        super().__init__(config)
        self.active = 0
        self.resting: dict[str, dict[str, dict[str, torch.Tensor]]] = {}

    def propose_network_edit(self, view: NetworkView) -> NetworkEdit | None:
        wanted = [context for env_steps, context in self.script if env_steps < view.env_steps]
        if not wanted or wanted[-1] == self.active:
            return None
        leaving, self.active = self.active, wanted[-1]
        self.resting[str(leaving)] = {
            name: {n: p.detach().clone() for n, p in phase.parameters.items()}
            for name, phase in view.phases.items()
        }
        coming = self.resting.get(str(self.active)) or {
            name: phase.fresh_parameters(self.rng.torch) for name, phase in view.phases.items()
        }
        values = {name: by_name for name, by_name in coming.items() if by_name}
        return NetworkEdit("scripted_expert", values, parameter_set=(leaving, self.active))

    def resting_parameters(self) -> Mapping[str, Mapping[str, Mapping[str, torch.Tensor]]]:
        """For users of EXPERTS: parameters of every expert at rest, by its number."""
        return {n: v for n, v in sorted(self.resting.items()) if n != str(self.active)}


class ScriptedMask(Scripted):
    """From the second context on, lets every other entry of the acting parameters move."""

    stateful = ("frozen",)
    frozen = False

    def on_transitions(self, batch: TransitionBatch) -> None:
        due = [context for env_steps, context in self.script if env_steps < batch.env_steps]
        self.frozen = len(due) > 1

    def weight_mask(self, phase: str) -> Mapping[str, torch.Tensor] | None:
        if not self.frozen:
            return None
        return {
            name: (torch.arange(p.numel()) % 2 == 0).reshape(p.shape)
            for name, p in self.agent.phases[phase].parameters.items()
            if self.agent.phases[phase].roles[name] == "acting"
        }


class ScriptedRatio(Scripted):
    """A replay ratio that rises once."""

    def propose_replay_ratio(self, view: RatioView) -> float:
        return 0.125 if view.env_steps < 100 else 0.25


class EditsOnDemand(Scripted):
    """Proposes the edits that it was given, one each time it is asked."""

    def __init__(self, config: Any = None) -> None:
        super().__init__(config)
        self.due: list[NetworkEdit] = []

    def propose_network_edit(self, view: NetworkView) -> NetworkEdit | None:
        return self.due.pop(0) if self.due else None


class SleepsWithoutData(Scripted):
    """In sleep, takes a gradient step on a loss of parameters alone: the batch is empty."""

    def sleep_step(self, view: SleepView) -> None:
        for name, phase in view.phases.items():
            weights = [p for p in phase.parameters.values() if p.requires_grad]
            loss = 1e-3 * sum((w**2).sum() for w in weights)
            assert isinstance(loss, torch.Tensor)
            view.minimise(name, loss)


STAND_INS: Final[Mapping[str, Callable[[], Scripted]]] = {
    CHANGE_EVENTS: ScriptedDetector,
    TASK_BELIEF: ScriptedDetector,
    CONTEXT_ERRORS: ScriptedDetector,
    EXPERTS: ScriptedExperts,
    WEIGHT_MASK: ScriptedMask,
    REPLAY_RATIO: ScriptedRatio,
}
"""Capability -> who can stand in for its provider."""
