"""Shrink and perturb: parameters are drawn towards zero and noise is added.

At the end of a task (`form: boundary`)

    theta <- shrink * theta + perturb * theta_fresh

with theta_fresh drawn from the network's own initialisers, so that `perturb` is in units of their
scale and Var(theta) becomes shrink^2 Var(theta) + perturb^2 Var(theta_fresh). Moments of the
optimiser are cleared and targets copied. Or, at every gradient step (`form: soft`)

    loss + 1/2 weight_decay ||theta||^2,     theta <- theta + N(0, noise_std^2)

where the noise of all gradient steps of one training call (PPO's epochs, DQN's `gradient_steps`)
is added after it at once, with the variance of them all. The optimiser and targets go on.

Parameters that decide actions and those that only judge them (critics) have strengths of their
own. Entries that are frozen stay, and with `spare_important` also the share of each parameter's
entries that earlier tasks depend on most. Consolidation lets go of what changed, so on a network
that consolidation holds whole use `spare_important`, or leave what acts alone
(`shrink: 1, perturb: 0`; `weight_decay: 0, noise_std: 0`).

Source: Ash & Adams 2020, arXiv:1910.08475; soft form: Dohare et al. 2024, arXiv:2306.13812. Cost:
boundary: one fresh draw of the network per task; soft: 0.15 ms a gradient step with two hidden
layers of 64 units, 0.25 ms with 256 (one training call a step). SAC's entropy weight and PPO's
`log_std` are left alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

import torch
from pydantic import Field

from l2rl.capabilities import PARAMETER_IMPORTANCE, WEIGHT_MASK, Need
from l2rl.component import Component, ComponentConfig
from l2rl.views import (
    AgentView,
    ChangeEvent,
    ComponentGenerators,
    LossView,
    NetworkEdit,
    NetworkView,
    PhaseView,
    TaskEvent,
    UpdateView,
)

from . import task_ends
from .sparing import Sparing


class ShrinkAndPerturb(Component):
    """Shrinks all weights and adds noise, at the ends of tasks or all the time."""

    uses = (WEIGHT_MASK,)
    cost = "boundary: none between tasks; soft: 0.15-0.25 ms per gradient step"

    class Config(ComponentConfig):
        """Settings of `plasticity.shrink_perturb`."""

        form: Literal["boundary", "soft"] = Field(
            "boundary", description="at the end of each task, or a little at every gradient step"
        )
        trigger: task_ends.Trigger = Field("auto", description=task_ends.DESCRIPTION)
        shrink: float = Field(
            0.8, ge=0, le=1, description="boundary: factor of the parameters that decide actions"
        )
        perturb: float = Field(
            0.1, ge=0, description="boundary: share of a fresh draw added to them"
        )
        critic_shrink: float = Field(
            0.8, ge=0, le=1, description="boundary: factor of those that only judge actions"
        )
        critic_perturb: float = Field(
            0.1, ge=0, description="boundary: share of a fresh draw added to those"
        )
        weight_decay: float = Field(
            1e-4, ge=0, description="soft: weight of 1/2 ||theta||^2 in the loss, what acts"
        )
        noise_std: float = Field(
            1e-5, ge=0, description="soft: standard deviation of the noise per gradient step"
        )
        critic_weight_decay: float = Field(1e-4, ge=0, description="soft: the same for critics")
        critic_noise_std: float = Field(1e-5, ge=0, description="soft: the same for critics")
        spare_important: float = Field(
            0.0,
            ge=0,
            lt=1,
            description="share of each parameter's entries that is not edited because earlier "
            "tasks depend on it most",
        )

    def requirements(self) -> tuple[tuple[Need, ...], tuple[str, ...]]:
        needs: tuple[Need, ...] = ()
        if self.config.form == "boundary":
            needs = (task_ends.need_of(self.config.trigger),)
        if self.config.spare_important > 0:
            needs = (*needs, PARAMETER_IMPORTANCE)
        return needs, ()

    def bind(self, agent: AgentView, rng: ComponentGenerators) -> None:
        super().bind(agent, rng)
        self._soft = self.config.form == "soft"
        self._at_boundaries = task_ends.at_boundaries(self.config.trigger, agent)
        self._due = False
        self._steps = dict.fromkeys(agent.phases, 0)
        self._edits = 0
        decays = {n: self._decayed(phase) for n, phase in agent.phases.items()}
        self._decays = {n: names for n, names in decays.items() if names}

    def _of_role(self, setting: str, phase: PhaseView, name: str) -> float:
        """A setting's value for a parameter."""
        prefix = "critic_" if phase.roles[name] == "value" else ""
        return float(getattr(self.config, prefix + setting))

    def _names(self, phase: PhaseView) -> list[str]:
        """Weights and biases: no entropy weight, no `log_std`."""
        return [
            name
            for name, role in phase.roles.items()
            if role != "temperature" and name != "log_std"
        ]

    # ---- the soft form's decay -----------------------------------------------------------

    def _decayed(self, phase: PhaseView) -> dict[float, list[str]]:
        """Names by their weight decay, without those that have none."""
        result: dict[float, list[str]] = {}
        for name in self._names(phase) if self._soft else ():
            decay = self._of_role("weight_decay", phase, name)
            if decay > 0:
                result.setdefault(decay, []).append(name)
        return result

    def term_tensors(self, phase: str) -> Mapping[str, torch.Tensor] | None:
        return {} if phase in self._decays else None

    def loss_terms(self, view: LossView) -> Mapping[str, torch.Tensor]:
        terms = []
        for decay, names in self._decays[view.phase].items():
            row = torch.cat([view.parameters[name].reshape(-1) for name in names])
            terms.append(0.5 * decay * torch.dot(row, row))
        return {"weight_decay": torch.stack(terms).sum()}

    # ---- when ----------------------------------------------------------------------------

    def on_task_end(self, event: TaskEvent) -> None:
        self._due = self._due or (self._at_boundaries and not self._soft)

    def on_change_detected(self, event: ChangeEvent) -> None:
        self._due = self._due or not (self._at_boundaries or self._soft)

    def after_step(self, view: UpdateView) -> None:
        if self._soft:
            self._steps[view.phase] += 1

    # ---- edits ---------------------------------------------------------------------------

    def propose_network_edit(self, view: NetworkView) -> NetworkEdit | None:
        if self._soft:
            return self._noise(view)
        due, self._due = self._due, False
        if not due:
            return None
        values = {name: self._shrunk(phase) for name, phase in view.phases.items()}
        values = {name: changed for name, changed in values.items() if changed}
        if not values:
            return None
        self._edits += 1
        self.agent.emit("shrunk_and_perturbed", number=self._edits)
        return NetworkEdit("shrunk_and_perturbed", values)

    def _shrunk(self, phase: PhaseView) -> dict[str, torch.Tensor]:
        factors = {
            name: (self._of_role("shrink", phase, name), self._of_role("perturb", phase, name))
            for name in self._names(phase)
        }
        factors = {name: pair for name, pair in factors.items() if pair != (1.0, 0.0)}
        if not factors:
            return {}
        fresh = phase.fresh_parameters(self.rng.torch)
        new = {
            name: shrink * phase.parameters[name].detach() + perturb * fresh[name]
            for name, (shrink, perturb) in factors.items()
        }
        return self._spared(phase, new)

    def _noise(self, view: NetworkView) -> NetworkEdit | None:
        """The noise of all steps since the last time."""
        values = {}
        for name, phase in view.phases.items():
            steps, self._steps[name] = self._steps[name], 0
            noisy = self._with_noise(phase, math.sqrt(steps)) if steps else {}
            if noisy:
                values[name] = noisy
        if not values:
            return None
        return NetworkEdit("noise_added", values, targets="keep", optimizer="keep")

    def _with_noise(self, phase: PhaseView, scale: float) -> dict[str, torch.Tensor]:
        new = {}
        for name in self._names(phase):
            std = self._of_role("noise_std", phase, name)
            if std > 0:
                value = phase.parameters[name].detach()
                noise = torch.randn(value.shape, generator=self.rng.torch)
                new[name] = value + scale * std * noise.to(value.device)
        return self._spared(phase, new)

    def _spared(self, phase: PhaseView, new: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Frozen and important entries stay what they are."""
        sparing = Sparing(self.agent, phase.name, self.config.spare_important)
        return {
            name: torch.where(sparing.entries(name), value, phase.parameters[name].detach())
            for name, value in new.items()
        }

    # ---- books ---------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        return {"due": self._due, "steps": dict(self._steps), "edits": self._edits}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._due = bool(state["due"])
        self._steps = dict(state["steps"])
        self._edits = int(state["edits"])
