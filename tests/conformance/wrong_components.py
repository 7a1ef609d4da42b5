"""Components with one mistake each, as authors make them."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import numpy as np
import torch
from pydantic import Field

from l2rl.capabilities import TASK_BOUNDARY, WEIGHT_MASK
from l2rl.component import Batch, Component, ComponentConfig
from l2rl.testing import Conformance
from l2rl.views import (
    AgentView,
    ComponentGenerators,
    EvaluationEvent,
    GradientView,
    LossView,
    NetworkBuildView,
    NetworkEdit,
    NetworkView,
    TaskEvent,
    TransitionBatch,
    UpdateView,
)

Flat = dict[str, torch.Tensor]


class Right(Component):
    """Ties parameters to where the last task ended; the one without a mistake."""

    needs = (TASK_BOUNDARY,)
    cost = "a few %, 1 P"
    compiles = True
    budget_ms_per_step = 1.0
    conformance = Conformance(anchored=True)

    class Config(ComponentConfig):
        """Settings."""

        strength: float = Field(1.0, ge=0, description="weight of the penalty")

    def bind(self, agent: AgentView, rng: ComponentGenerators) -> None:
        super().bind(agent, rng)
        self.anchors: dict[str, Flat] = {}
        self.away: dict[str, dict[str, Flat]] = {}

    def on_task_end(self, event: TaskEvent) -> None:
        self.anchors = {
            name: {n: p.detach().clone() for n, p in phase.parameters.items()}
            for name, phase in self.agent.phases.items()
        }

    def term_tensors(self, phase: str) -> Mapping[str, torch.Tensor] | None:
        return self.anchors.get(phase) if self.config.strength > 0 else None

    def loss_terms(self, view: LossView) -> Mapping[str, torch.Tensor]:
        squares = [((view.parameters[n] - a) ** 2).sum() for n, a in view.tensors.items()]
        return {"penalty": self.config.strength * torch.stack(squares).sum()}

    def on_network_edited(self, edit: NetworkEdit) -> None:
        if edit.parameter_set is None:
            for phase, values in edit.values.items():
                if phase in self.anchors:
                    changed = {n: v.clone() for n, v in values.items()}
                    self.anchors[phase] = {**self.anchors[phase], **changed}
            return
        leaving, coming = map(str, edit.parameter_set)
        self.away[leaving] = self.anchors
        self.anchors = self.away.pop(coming, {})

    def state_dict(self) -> dict[str, Any]:
        return {"anchors": self.anchors, "away": self.away}

    def load_state_dict(self, state: dict[str, Any]) -> None:  # type: ignore[override]
        def copied(values: Any) -> Any:
            if isinstance(values, dict):
                return {key: copied(value) for key, value in values.items()}
            return values.clone()

        self.anchors, self.away = copied(state["anchors"]), copied(state["away"])


class DrawsGlobally(Right):
    """Its noise shifts every draw of the learner."""

    def on_transitions(self, batch: TransitionBatch) -> None:
        self.last = float(torch.rand(()))


class DrawsFromPython(Right):
    """The same with the standard library."""

    def after_step(self, view: UpdateView) -> None:
        random.random()


class ForgetsItsState(Right):
    """After a resume it has no anchor."""

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:  # type: ignore[override]
        pass


class KeepsTheLoaded(Right):
    """Works on the very tensors that it was given to load."""

    def load_state_dict(self, state: dict[str, Any]) -> None:  # type: ignore[override]
        self.anchors, self.away = state["anchors"], state["away"]

    def after_step(self, view: UpdateView) -> None:
        for values in self.anchors.values():
            for value in values.values():
                value.mul_(0.999)


class UnwritableState(Right):
    """Its state holds a set, which no file takes."""

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "seen": {1, 2}}


class StillPullsAtZero(Right):
    """With strength 0 it still shrinks weights."""

    def transform_gradients(self, view: GradientView) -> None:
        for name, gradient in view.gradients.items():
            gradient.add_(view.parameters[name].detach(), alpha=1e-3)


class DoesNothing(Right):
    """Anchors the live parameters, which are never away from themselves."""

    def on_task_end(self, event: TaskEvent) -> None:
        self.anchors = {
            name: {n: p.detach() for n, p in phase.parameters.items()}
            for name, phase in self.agent.phases.items()
        }


class AnchorsTheOld(Right):
    """Anchors where the agent was born instead of where the task ended."""

    def bind(self, agent: AgentView, rng: ComponentGenerators) -> None:
        super().bind(agent, rng)
        Right.on_task_end(self, TaskEvent(0, 0, None))
        self.born, self.anchors = self.anchors, {}

    def on_task_end(self, event: TaskEvent) -> None:
        self.anchors = {
            phase: {n: v.clone() for n, v in values.items()} for phase, values in self.born.items()
        }


class DrawsInItsLoss(Right):
    """The term is another each time it is asked."""

    def loss_terms(self, view: LossView) -> Mapping[str, torch.Tensor]:
        factor = 1 + 1e-5 * float(torch.rand((), generator=self.rng.torch))
        return {"penalty": super().loss_terms(view)["penalty"] * factor}


class Detached(Right):
    """Half of the penalty has no gradient."""

    def loss_terms(self, view: LossView) -> Mapping[str, torch.Tensor]:
        whole = super().loss_terms(view)["penalty"]
        return {"penalty": 0.5 * whole + 0.5 * whole.detach()}


class NeedsData(Right):
    """Looks at the observations of a batch that may be empty."""

    def after_step(self, view: UpdateView) -> None:
        self.rows = len(view.batch["observations"])


class MomentumMoves(Component):
    """Masks gradients, but not what the optimiser remembers."""

    gradient_stage = "mask"
    cost = "1 %"

    def transform_gradients(self, view: GradientView) -> None:
        for gradient in view.gradients.values():
            gradient.reshape(-1)[::2] = 0.0


class MasksNothing(Component):
    """Owns a mask that is true everywhere."""

    provides = (WEIGHT_MASK,)
    cost = "1 %"
    conformance = Conformance(silent="only its mask is looked at")

    def weight_mask(self, phase: str) -> Mapping[str, torch.Tensor] | None:
        live = self.agent.phases[phase].parameters
        return {n: torch.ones_like(p, dtype=torch.bool) for n, p in live.items()}


class Resets(Component):
    """Draws the first unit of a layer anew now and then; `moments` as a subclass has it."""

    cost = "1 %"
    stateful = ("asked",)
    asked = 0
    moments = "keep"

    def propose_network_edit(self, view: NetworkView) -> NetworkEdit | None:
        self.asked += 1
        if self.asked % 7:
            return None
        phase = list(view.phases)[-1]
        name, live = next((n, p) for n, p in view.phases[phase].parameters.items() if p.dim() == 2)
        values = live.detach().clone()
        values[0] = torch.randn(values[0].shape, generator=self.rng.torch)
        return NetworkEdit("reset", {phase: {name: values}}, optimizer=self.moments)  # type: ignore[arg-type]


class ClearsTooMuch(Resets):
    """Forgets the moments of units that it does not reset."""

    moments = "clear"


class IgnoresEdits(Right):
    """Its anchors stay where they were when somebody else changes the network."""

    def on_network_edited(self, edit: NetworkEdit) -> None:
        pass


class ListsLayersByName(Right):
    """Anchors only the parameters of the layers it knows by name."""

    KNOWN = frozenset({"0", "1", "2", "4"})

    def on_task_end(self, event: TaskEvent) -> None:
        super().on_task_end(event)
        for phase, values in self.anchors.items():
            self.anchors[phase] = {n: v for n, v in values.items() if ".0.0." not in n}


class WritesToBatches(Right):
    """Scales rewards in place, for everybody."""

    def transform_batch(self, batch: Batch, view: UpdateView) -> Batch:
        for name in ("rewards", "returns"):
            if name in batch:
                batch[name].mul_(1.0 + 0.1 * self.config.strength)
        return batch


class WritesToTransitions(Right):
    """Clips rewards in place."""

    def on_transitions(self, batch: TransitionBatch) -> None:
        np.clip(batch.rewards, -1, 1, out=batch.rewards)


class EvaluationStays(Right):
    """Acts without noise weights in evaluation, and does not put them back."""

    def evaluation_context(self, event: EvaluationEvent) -> AbstractContextManager[None]:
        return self._shrunk(event)

    @contextmanager
    def _shrunk(self, event: EvaluationEvent) -> Iterator[None]:
        if not self.config.strength:
            yield
            return
        with torch.no_grad():
            for phase in event.phases.values():
                for parameter in phase.parameters.values():
                    parameter.mul_(0.5)
        yield
        with torch.no_grad():
            for phase in event.phases.values():
                for parameter in phase.parameters.values():
                    parameter.mul_(2.0000002)


class RemembersEvaluations(Right):
    """Counts evaluations outside its state, and learns otherwise afterwards."""

    evaluations = 0

    def evaluation_context(self, event: EvaluationEvent) -> AbstractContextManager[None]:
        self.evaluations += 1
        return super().evaluation_context(event)

    def transform_batch(self, batch: Batch, view: UpdateView) -> Batch:
        if not self.evaluations or "observations" not in batch or not self.config.strength:
            return batch
        return {**batch, "observations": batch["observations"] * 1.01}

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict()}


class PeeksAtLabels(Right):
    """Finds the name of the task where nobody gave it to it."""

    def on_task_start(self, event: TaskEvent) -> None:
        host: Any = self.agent.emit.func.__self__  # type: ignore[attr-defined]
        self.agent.emit("peeked", first=host.surroundings.labels[0])


class TellsTheTime(Right):
    """Depends on how many of it were ever made."""

    made = 0

    def __init__(self, config: Any = None) -> None:
        super().__init__(config)
        TellsTheTime.made += 1
        self.number = TellsTheTime.made

    def transform_batch(self, batch: Batch, view: UpdateView) -> Batch:
        if not self.config.strength:
            return batch
        factor = 1 + 1e-3 * self.number
        return {**batch, "observations": batch["observations"] * factor}


class Misspelt(Right):
    """A hook with a slip of the pen is never called."""

    def on_task_begin(self, event: TaskEvent) -> None:
        self.begun = True


class HiddenNeed(Component):
    """Has a hook for boundaries and does not say so."""

    cost = "1 %"

    def on_task_end(self, event: TaskEvent) -> None:
        self.ended = True


class Explodes(Right):
    """Divides by a norm that is zero at first."""

    def transform_gradients(self, view: GradientView) -> None:
        for gradient in view.gradients.values():
            gradient.mul_(torch.tensor(float("nan")))


class CannotSac(Right):
    """Asks for a phase that only some learners have."""

    def after_step(self, view: UpdateView) -> None:
        if self.agent.learner == "sac":
            self.agent.phases["q"].read_optimizer()


class BranchesInItsLoss(Right):
    """Claims to compile and looks at a value."""

    def loss_terms(self, view: LossView) -> Mapping[str, torch.Tensor]:
        terms = super().loss_terms(view)
        return terms if float(terms["penalty"].detach()) >= 0 else {}


class IsSlow(Right):
    """Does far more in each step than it says."""

    budget_ms_per_step = 0.01

    def after_step(self, view: UpdateView) -> None:
        for _ in range(20):
            torch.linalg.svd(torch.ones(40, 40))


class IdleLayer(Component):
    """Adds a layer that nobody asks."""

    needs = ("NETWORK_BUILD",)
    cost = "1 P"
    conformance = Conformance(silent="its layer is not in the way")

    def modify_network(self, view: NetworkBuildView) -> None:
        for network in view.networks.values():
            network.add_module("idle", torch.nn.Linear(4, 4))


class TrainsForever(Right):
    """Takes a thousand steps of its own when a task ends, also in a life of a minute."""

    def on_task_end(self, event: TaskEvent) -> None:
        super().on_task_end(event)
        phase = list(self.agent.phases)[-1]
        weights = list(self.agent.phases[phase].parameters.values())
        for _ in range(1000):
            self.agent.minimise(phase, 1e-6 * torch.stack([(w**2).sum() for w in weights]).sum())
