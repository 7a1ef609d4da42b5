"""Distillation: the network at the end of the last task teaches the one that goes on learning.

    form: outputs     loss + strength * mean over states of D(teacher's answer, answer now)
    form: features    loss + strength * mean over states of ||f_teacher - f||^2

D is T^2 KL(softmax(z_old / T) || softmax(z / T)) for discrete policies, KL(N_old || N_new) for
Gaussian ones, and the squared difference for values; DQN's values may be compared as a policy
instead (`q_distance`; see distances.py for all of them and why). f are the last hidden layers of
the role's network. Sources: learning without forgetting, arXiv 1606.09282 (T = 2, strength 1);
feature and prediction forms without rehearsal, arXiv 2203.17269; policy distillation arXiv
1511.06295.

    states: current      the batch that the learner trains on: nothing is stored, but the teacher is
                         asked about states that it never saw
    states: remembered   a batch of states of finished tasks, `states_per_task` of each

The teacher is the whole network at the end of the last task and is renewed at the end of each, so
on tasks further back it is a copy of copies; `consolidation.bc_memory` keeps first answers instead.
With a head for each task (`multi_head`) the answers of earlier tasks' heads are taught: on current
states each row asks one of them in turn, on remembered ones that of the state's own task. The new
task's head is left free.

What acts and what judges has a strength of its own; PPO's and DQN's clip takes in the term. Critics
of actions are asked about those in the batch, or those remembered. A task is known by its label
where labels are visible and else by the context believed in; one that ends again has its states
replaced. Each expert of a pool has its own teacher. A reset by another component does not change
the teacher: redrawn units learn its outputs again (form: outputs); with form: features they are
also pulled to be what the old units were, dormant ones included, so do not combine it with resets.

Cost: two forward passes and a backward pass of the network per gradient step, with a batch of 128
0.7 ms on one core for a network of 64x64 and 1.8 ms for 256x256; 1 P for the teacher.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import torch
from pydantic import Field

from l2rl.batches import rows_in
from l2rl.component import ComponentConfig
from l2rl.errors import UserError
from l2rl.views import AgentView, ComponentGenerators, LossView, PhaseView, Role

from ..plasticity.network_parts import NetworkPart
from .distances import QDistance, distance_of, q_distance_field, temperature_field
from .task_memory import TaskMemoryComponent
from .trigger import Trigger, trigger_field

_ROLES: tuple[Role, ...] = ("acting", "value")


class Distillation(TaskMemoryComponent):
    """Keeps the outputs or features of the network near those at the end of the last task."""

    cost = "0.7-1.8 ms per gradient step, 1 P"

    class Config(ComponentConfig):
        """Settings of `consolidation.distillation`."""

        strength: float = Field(
            1.0, ge=0, description="weight of the term for what decides actions"
        )
        critic_strength: float = Field(
            0.0, ge=0, description="the same for what only judges actions; 0: left free"
        )
        form: Literal["outputs", "features"] = Field(
            "outputs", description="what is taught: the outputs, or the last hidden features"
        )
        states: Literal["current", "remembered"] = Field(
            "current",
            description="on which states: the learner's own batch, or states of finished tasks",
        )
        temperature: float = temperature_field()
        q_distance: QDistance = q_distance_field()
        batch_size: int = Field(
            128, ge=1, description="remembered: states of finished tasks per gradient step"
        )
        states_per_task: int = Field(
            1024, ge=1, description="remembered: states kept of each task that has ended"
        )
        memory_env_steps: int = Field(
            20_000,
            ge=1,
            description="how far back those states go: uniform over a task of up to so many env "
            "steps, mean age so many in a longer one",
        )
        minimum_states: int = Field(
            64, ge=1, description="a task with fewer states makes no teacher (false alarms)"
        )
        trigger: Trigger = trigger_field()

    def bind(self, agent: AgentView, rng: ComponentGenerators) -> None:
        super().bind(agent, rng)
        self._distance = distance_of(agent, self.config)
        self._teacher: dict[str, dict[str, torch.Tensor]] = {}
        self._contexts: list[int] = []
        """Contexts of finished tasks."""
        self._layers = {name: self._taught_layers(v) for name, v in agent.phases.items()}

    def _strength_of(self, role: Role) -> float:
        return float(self.config.strength if role == "acting" else self.config.critic_strength)

    def _roles_of(self, view: PhaseView) -> list[Role]:
        """Roles in a phase that are taught."""
        present = set(view.roles.values())
        return [role for role in _ROLES if role in present and self._strength_of(role) > 0]

    def _taught_layers(self, view: PhaseView) -> dict[Role, list[str]]:
        """The last hidden layers of each role; nothing with `form: outputs`."""
        if self.config.form == "outputs":
            return {}
        found: dict[Role, list[str]] = {}
        outputs = dict.fromkeys(view.activation_kinds, torch.empty(0))
        for role in self._roles_of(view):
            part = NetworkPart(view.name, view, role)
            found[role] = part.penultimate(part.layers(outputs))
            if not found[role]:
                raise UserError(
                    f"component {self.name!r}: the {role} network of phase {view.name!r} has no "
                    "hidden layer whose features could be taught\n"
                    "  give the network a hidden layer, or set `form: outputs`"
                )
        return found

    def _keeps_states(self) -> bool:
        return bool(self.config.states == "remembered")

    def _is_on(self) -> bool:
        return bool(self.config.strength > 0 or self.config.critic_strength > 0)

    def _with_actions(self) -> bool:
        return "critic" in self.agent.phases and self.config.critic_strength > 0

    # ---- the end of a task ---------------------------------------------------------------

    def _finish_task(self, task: str) -> None:
        """The network as it is becomes the teacher."""
        if self._keeps_states():
            self._tasks.put(task, self._recent_rows())
        self._contexts = sorted({*self._contexts, self._belief})
        self._teacher = {
            name: {n: p.detach().clone() for n, p in view.parameters.items()}
            for name, view in self.agent.phases.items()
            if self._roles_of(view)
        }

    # ---- the loss ------------------------------------------------------------------------
    # In `view.tensors` the teacher has its parameters' names, and everything else a slash.

    def term_tensors(self, phase: str) -> Mapping[str, torch.Tensor] | None:
        teacher = self._teacher.get(phase)
        if teacher is None:
            return None
        if not self._keeps_states():
            return {**teacher, "states/contexts": torch.tensor(self._contexts)}
        rows = self._tasks.drawn(self.config.batch_size, self.rng.numpy)
        return {**teacher, **{f"states/{n}": self._tensor(v) for n, v in rows.items()}}

    def loss_terms(self, view: LossView) -> Mapping[str, torch.Tensor]:
        states = self._states(view)
        if not states:
            return {}
        teacher = {name: t for name, t in view.tensors.items() if "/" not in name}
        if self.config.form == "features":
            distances = self._of_features(view, teacher, states)
        else:
            distances = self._of_outputs(view, teacher, states)
        return {
            role: self._strength_of(role) * distance.mean() for role, distance in distances.items()
        }

    def _states(self, view: LossView) -> dict[str, torch.Tensor]:
        """The states to compare on; nothing in a step without a batch."""
        if self._keeps_states():
            return {n[7:]: v for n, v in view.tensors.items() if n.startswith("states/")}
        if rows_in(view.batch) == 0:
            return {}
        fields = ("observations", "actions", "action_masks")
        states = {name: view.batch[name] for name in fields if name in view.batch}
        contexts = view.tensors["states/contexts"]
        # Rows are in no order, so asking each context in turn is as good as drawing one for each.
        states["belief"] = contexts[torch.arange(rows_in(view.batch)) % len(contexts)]
        return states

    def _of_outputs(
        self,
        view: LossView,
        teacher: Mapping[str, torch.Tensor],
        states: Mapping[str, torch.Tensor],
    ) -> dict[Role, torch.Tensor]:
        """Distance on each state by role, added over the role's heads."""
        where = (states["observations"], states.get("actions"), states["belief"])
        with torch.no_grad():
            old = view.heads(teacher, *where)
        result: dict[Role, Any] = {}
        for name, new in view.heads(view.parameters, *where).items():
            if self._strength_of(new.role) > 0:
                distance = self._distance(old[name], new, states.get("action_masks"))
                result[new.role] = result.get(new.role, 0.0) + distance
        return result

    def _of_features(
        self,
        view: LossView,
        teacher: Mapping[str, torch.Tensor],
        states: Mapping[str, torch.Tensor],
    ) -> dict[Role, torch.Tensor]:
        features = self.agent.phases[view.phase].features
        where = (states["observations"], states.get("actions"))
        with torch.no_grad():
            old = features(teacher, *where)
        new = features(view.parameters, *where)
        result: dict[Role, torch.Tensor] = {}
        for role, layers in self._layers[view.phase].items():
            moved = [(old[n] - new[n]).flatten(1).square().sum(dim=1) for n in layers]
            result[role] = torch.stack(moved).sum(dim=0)
        return result

    # ---- books ---------------------------------------------------------------------------

    def _state_of_set(self) -> dict[str, Any]:
        return {
            **super()._state_of_set(),
            "teacher": self._teacher,
            "contexts": self._contexts,
        }

    def _load_state_of_set(self, state: Mapping[str, Any] | None) -> None:
        super()._load_state_of_set(state)
        self._contexts = [] if state is None else list(state["contexts"])
        teacher: Mapping[str, Any] = {} if state is None else state["teacher"]
        self._teacher = {
            phase: {name: value.to(self.agent.device, copy=True) for name, value in values.items()}
            for phase, values in teacher.items()
        }
