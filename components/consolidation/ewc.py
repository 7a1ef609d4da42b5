"""Elastic weight consolidation: parameters that mattered are tied to where they were.

    penalty = 1/2 * strength * sum_i F_i (theta_i - anchor_i)^2

At the end of a task F is the exact diagonal Fisher information of the policy, per sample and in
expectation over its own actions (`fisher.py`), averaged over recent states of that task and
summed over outputs; a network of values counts as the mean of a Gaussian of unit variance.
Source: arXiv 1612.00796; the online variant arXiv 1805.06370:

    online     F <- decay * F + F_new, one anchor: where the last task ended.
    per_task   one (F, anchor) for each finished task, penalties summed. A sum of quadratics is a
               quadratic with F = sum F_t and anchor = sum F_t anchor_t / F, up to a constant that
               no gradient sees. That one is kept, so the memory does not grow with tasks.

Each parameter is judged by the heads of its own role: what decides actions (and a trunk shared
with the value function) by the action head or DQN's Q values, with weight `strength`; what only
judges them by the values, with weight `critic_strength`. Critics are free by default: published
lifelong agents protect the actor only.

Units: F per state and squared inverse parameter; the penalty is in units of the loss. It is added
before the learner's gradient clip (`max_grad_norm` of PPO and DQN), so it is clipped with it.

After a detected change the anchor is the network of a few updates into the new task, and some of
the remembered states are from there: the detector's delay.

Cost: 0.1-0.2 ms per gradient step on one core (10-15 % of an update of a tiny network, 1-2 % of one
of SAC's), 3 P, and at each end of a task one forward and backward pass per state and output:
0.05 s for a small MLP, 20-40 s for an Atari-sized CNN with 1024 states and 6 actions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import torch
from pydantic import Field

from l2rl.capabilities import CHANGE_EVENTS, TASK_BOUNDARY, Need, any_of
from l2rl.component import Component, ComponentConfig
from l2rl.views import (
    AgentView,
    ChangeEvent,
    ComponentGenerators,
    LossView,
    NetworkEdit,
    Role,
    TaskEvent,
    TransitionBatch,
)

from ..recent_experience import RecentExperience, seen_by_networks
from .anchor import Anchor
from .fisher import diagonal_fisher, scaled_to_unit_norm


class ElasticWeightConsolidation(Component):
    """Ties parameters to their values at the end of earlier tasks, each by its importance."""

    cost = "0.1-0.2 ms per gradient step, 3 P, one pass over `fisher_samples` states per task"

    class Config(ComponentConfig):
        """Settings of `consolidation.ewc`."""

        strength: float = Field(
            500.0, ge=0, description="weight of the penalty on parameters that decide actions"
        )
        critic_strength: float = Field(
            0.0, ge=0, description="the same for parameters that only judge actions; 0: left free"
        )
        mode: Literal["online", "per_task"] = Field(
            "online", description="one anchor with decaying importance, or the sum over tasks"
        )
        decay: float = Field(
            0.95, ge=0, le=1, description="online: share of the old importance kept at each end"
        )
        fisher_samples: int = Field(
            1024, ge=1, description="states over which importance is averaged"
        )
        memory_env_steps: int = Field(
            20_000,
            ge=1,
            description="how far back those states go: uniform over a task of up to so many env "
            "steps, mean age so many in a longer one",
        )
        minimum_states: int = Field(
            64, ge=1, description="a task with fewer states is not consolidated (false alarms)"
        )
        fisher_floor: float = Field(
            0.0, ge=0, description="importance of each new task is raised to at least this"
        )
        normalise: bool = Field(
            False, description="scale the importance of each new task to unit norm, per role"
        )
        trigger: Literal["auto", "boundary", "detected"] = Field(
            "auto",
            description="what ends a task: the curriculum's boundaries, detected changes, or "
            "(auto) boundaries where the run offers them and detected changes elsewhere",
        )

    def requirements(self) -> tuple[tuple[Need, ...], tuple[str, ...]]:
        needs: dict[str, Need] = {
            "auto": any_of(TASK_BOUNDARY, CHANGE_EVENTS),
            "boundary": TASK_BOUNDARY,
            "detected": CHANGE_EVENTS,
        }
        return (needs[self.config.trigger],), ()

    def bind(self, agent: AgentView, rng: ComponentGenerators) -> None:
        super().bind(agent, rng)
        self._anchors = self._unset_anchors()
        self._tensors: dict[str, dict[str, torch.Tensor]] = {}
        self._consolidations = 0
        self._memory = RecentExperience(
            self.config.fisher_samples, self.config.memory_env_steps, rng.numpy
        )
        self._with_actions = "critic" in self._anchors
        self._at_boundaries = self.config.trigger == "boundary" or (
            self.config.trigger == "auto" and TASK_BOUNDARY in agent.offered
        )

    def _unset_anchors(self) -> dict[str, Anchor]:
        """One for each phase that has parameters to protect."""
        anchors = {}
        for phase, view in self.agent.phases.items():
            protected = {
                name: parameter
                for name, parameter in view.parameters.items()
                if self._strength_of(view.roles[name]) > 0
            }
            if protected:
                anchors[phase] = Anchor(protected)
        return anchors

    def _strength_of(self, role: Role) -> float:
        strengths = {"acting": self.config.strength, "value": self.config.critic_strength}
        return float(strengths.get(role, 0.0))

    # ---- the end of a task ---------------------------------------------------------------

    def on_transitions(self, batch: TransitionBatch) -> None:
        if self._anchors:
            space = self.agent.action_space
            self._memory.add(seen_by_networks(batch, space, with_actions=self._with_actions))

    def on_task_end(self, event: TaskEvent) -> None:
        if self._at_boundaries:
            self._end_period()

    def on_change_detected(self, event: ChangeEvent) -> None:
        if not self._at_boundaries:
            self._end_period()

    def _end_period(self) -> None:
        """Consolidate what was learned since the last time, and begin a new memory."""
        states = len(self._memory)
        if not self._anchors:
            return
        if states < min(self.config.minimum_states, self.config.fisher_samples):
            self.agent.emit("consolidation_skipped", states=states)
        else:
            self._consolidate()
            self.agent.emit("consolidated", states=states, number=self._consolidations)
        self._memory.clear()

    def _consolidate(self) -> None:
        for phase, anchor in self._anchors.items():
            importance = anchor.flat(self._fisher(phase)).clamp_min(self.config.fisher_floor)
            if self.config.mode == "online":
                anchor.replace(importance, self.config.decay)
            else:
                anchor.add(importance)
        self._consolidations += 1
        self._refresh()

    def _fisher(self, phase: str) -> dict[str, torch.Tensor]:
        """Importance of each protected parameter on the remembered states."""
        view = self.agent.phases[phase]
        observations = self._remembered("observations")
        actions = self._remembered("actions") if self._with_actions else None
        result: dict[str, torch.Tensor] = {}
        for role in ("acting", "value"):
            names = [n for n in self._anchors[phase].names if view.roles[n] == role]
            if names:
                fisher = diagonal_fisher(
                    view.heads, view.parameters, names, role, observations, actions
                )
                result |= scaled_to_unit_norm(fisher) if self.config.normalise else fisher
        return result

    def _remembered(self, field: str) -> torch.Tensor:
        return torch.as_tensor(self._memory.read(field), device=self.agent.device)

    # ---- the penalty ---------------------------------------------------------------------

    def _refresh(self) -> None:
        """Lay out what the loss needs, for the phases that have anything to protect."""
        self._tensors = {
            phase: {"weight": self._weight(phase), "anchor": anchor.values}
            for phase, anchor in self._anchors.items()
            if bool(anchor.importance.any())
        }

    def _weight(self, phase: str) -> torch.Tensor:
        """Importance times the strength of each parameter's role, (P,)."""
        view, anchor = self.agent.phases[phase], self._anchors[phase]
        strengths = {
            name: torch.full_like(view.parameters[name].detach(), self._strength_of(role))
            for name, role in view.roles.items()
        }
        return anchor.flat(strengths) * anchor.importance

    def term_tensors(self, phase: str) -> Mapping[str, torch.Tensor] | None:
        return self._tensors.get(phase)

    def loss_terms(self, view: LossView) -> Mapping[str, torch.Tensor]:
        live = self._anchors[view.phase].flat(view.parameters)
        return {"penalty": quadratic(live, view.tensors)}

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
                    anchor.exchange(name, *edit.parameter_set)
                elif edit.continues:
                    anchor.follow(name, values[name])
                else:
                    anchor.let_go(name, values[name], edit.before.get(phase, {}).get(name))
        self._refresh()

    # ---- books ---------------------------------------------------------------------------

    def metrics(self) -> Mapping[str, float]:
        """Per phase: the penalty now, importance, distance from the anchor where it matters."""
        result = {"consolidations": float(self._consolidations)}
        for phase, tensors in self._tensors.items():
            anchor = self._anchors[phase]
            live, importance = anchor.live(), anchor.importance
            drift = (live - anchor.values)[importance > 0].square().mean().sqrt()
            result[f"{phase}/penalty"] = float(quadratic(live, tensors))
            result[f"{phase}/importance_mean"] = float(importance.mean())
            result[f"{phase}/importance_max"] = float(importance.max())
            result[f"{phase}/anchor_drift_rms"] = float(drift)
        return result

    def state_dict(self) -> dict[str, Any]:
        return {
            "anchors": {phase: anchor.state_dict() for phase, anchor in self._anchors.items()},
            "consolidations": self._consolidations,
            "memory": self._memory.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        for phase, anchor in self._anchors.items():
            anchor.load_state_dict(state["anchors"][phase])
        self._consolidations = state["consolidations"]
        self._memory.load_state_dict(state["memory"])
        self._refresh()


def quadratic(live: torch.Tensor, tensors: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """1/2 sum weight (live - anchor)^2 of rows (P,); scalar."""
    moved = live - tensors["anchor"]
    return 0.5 * torch.dot(tensors["weight"] * moved, moved)
