"""What the quadratic penalties share: anchors by phase, the term, edits by others, books.

    penalty = factor * sum_i strength_i F_i (theta_i - anchor_i)^2

F and the anchor are (P,) rows of an `Anchor`, one for each phase; the strength is that of the
parameter's role. The sum is over parameters, not their mean, and is in units of the loss. It is
added before the learner's gradient clip (`max_grad_norm` of PPO and DQN), so it is clipped with it.

One concatenation and one dot product of P numbers per gradient step, and 3 P: F, the anchor, and
their strength times F laid out for the term.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch

from l2rl.component import Component
from l2rl.views import AgentView, ComponentGenerators, LossView, NetworkEdit, Role

from .anchor import Anchor
from .trigger import TaskEndComponent


class QuadraticPenalty(Component):
    """Its `Config` has `strength` and `critic_strength`; it renews its anchors itself."""

    factor: ClassVar[float] = 1.0
    """In front of the sum: 1/2 or 1, as the method's source has it."""
    logs_importance: ClassVar[bool] = True
    """Whether importance differs among parameters."""
    anchor_type: ClassVar[type[Anchor]] = Anchor

    def bind(self, agent: AgentView, rng: ComponentGenerators) -> None:
        super().bind(agent, rng)
        self._anchors = self._unset_anchors()
        self._tensors: dict[str, dict[str, torch.Tensor]] = {}

    def _unset_anchors(self) -> dict[str, Any]:
        """One for each phase that has parameters to protect."""
        anchors = {}
        for phase, view in self.agent.phases.items():
            protected = {
                name: parameter
                for name, parameter in view.parameters.items()
                if self._strength_of(view.roles[name]) > 0
            }
            if protected:
                anchors[phase] = self.anchor_type(protected)
        return anchors

    def _strength_of(self, role: Role) -> float:
        strengths = {"acting": self.config.strength, "value": self.config.critic_strength}
        return float(strengths.get(role, 0.0))

    # ---- the penalty ---------------------------------------------------------------------

    def _refresh(self) -> None:
        """Lay out what the loss needs, for the phases that have anything to protect."""
        self._tensors = {
            phase: {"weight": self._weight(phase), "anchor": anchor.values}
            for phase, anchor in self._anchors.items()
            if bool(anchor.importance.any())
        }

    def _weight(self, phase: str) -> torch.Tensor:
        """Importance times twice the factor times the strength of each parameter's role, (P,)."""
        view, anchor = self.agent.phases[phase], self._anchors[phase]
        strengths = {
            name: torch.full_like(
                view.parameters[name].detach(), 2.0 * self.factor * self._strength_of(role)
            )
            for name, role in view.roles.items()
        }
        weight: torch.Tensor = anchor.flat(strengths) * anchor.importance
        return weight

    def term_tensors(self, phase: str) -> Mapping[str, torch.Tensor] | None:
        return self._tensors.get(phase)

    def loss_terms(self, view: LossView) -> Mapping[str, torch.Tensor]:
        live = self._anchors[view.phase].flat(view.parameters)
        return {"penalty": quadratic(live, view.tensors)}

    def parameter_importance(self) -> Mapping[str, Mapping[str, torch.Tensor]]:
        """phase -> parameter -> importance >= 0 of its shape, in units of the penalty: the service
        under PARAMETER_IMPORTANCE of those that measure it."""
        return {phase: anchor.by_name(anchor.importance) for phase, anchor in self._anchors.items()}

    # ---- edits by others -----------------------------------------------------------------

    def on_network_edited(self, edit: NetworkEdit) -> None:
        """Another set of parameters brings its own anchors; what a reset changed is let go; with
        values that go on from the old ones (a consolidated copy) the anchor moves along."""
        for phase, anchor in self._anchors.items():
            values = edit.values.get(phase, {})
            for name in anchor.names:
                if name not in values:
                    continue
                if edit.parameter_set is not None:
                    anchor.exchange(name, *edit.parameter_set, values[name])
                    continue
                before = edit.before.get(phase, {}).get(name)
                (anchor.follow if edit.continues else anchor.let_go)(name, values[name], before)
        self._refresh()

    # ---- books ---------------------------------------------------------------------------

    def metrics(self) -> Mapping[str, float]:
        """Per phase: the penalty now, importance, distance from the anchor where it matters."""
        result = {}
        for phase, tensors in self._tensors.items():
            anchor = self._anchors[phase]
            live, importance = anchor.live(), anchor.importance
            drift = (live - anchor.values)[importance > 0].square().mean().sqrt()
            result[f"{phase}/penalty"] = float(quadratic(live, tensors))
            if self.logs_importance:
                result[f"{phase}/importance_mean"] = float(importance.mean())
                result[f"{phase}/importance_max"] = float(importance.max())
            result[f"{phase}/anchor_drift_rms"] = float(drift)
        return result

    def state_dict(self) -> dict[str, Any]:
        return {"anchors": {phase: anchor.state_dict() for phase, anchor in self._anchors.items()}}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        for phase, anchor in self._anchors.items():
            anchor.load_state_dict(state["anchors"][phase])
        self._refresh()


class TaskPenalty(TaskEndComponent, QuadraticPenalty):
    """A quadratic penalty whose anchors are renewed at the end of each task."""

    def bind(self, agent: AgentView, rng: ComponentGenerators) -> None:
        super().bind(agent, rng)
        self._consolidations = 0

    def _end_period(self) -> None:
        if self._anchors:
            self._consolidate()
            self.agent.emit("consolidated", number=self._consolidations)

    def _consolidate(self) -> None:
        for phase in self._anchors:
            self._renew(phase)
        self._consolidations += 1
        self._refresh()

    def _renew(self, phase: str) -> None:
        """Bring one phase's anchor up to the network as it is."""
        raise NotImplementedError

    def metrics(self) -> Mapping[str, float]:
        """As of every quadratic penalty, and the number of `consolidations`."""
        return {"consolidations": float(self._consolidations), **super().metrics()}

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "consolidations": self._consolidations}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        super().load_state_dict(state)
        self._consolidations = state["consolidations"]


def quadratic(live: torch.Tensor, tensors: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """1/2 sum weight (live - anchor)^2 of rows (P,); scalar."""
    moved = live - tensors["anchor"]
    return 0.5 * torch.dot(tensors["weight"] * moved, moved)
