"""Periodic resets: the last layers of a network, or all of it, are drawn anew.

Every `interval_updates` gradient steps of a phase, or at the end of each task, the last
`acting_layers` layers of what decides actions and the last `critic_layers` layers of what judges
them are drawn from their own initialisers. The output layer is the last one; all heads of a
network count as one layer (with one head a task all of them are drawn anew), and `log_std` of a
Gaussian policy belongs to its output. The replay buffer is kept, the optimiser's moments of these
layers are cleared, and target networks get the new values: the agent relearns from what it has
stored. Layers below stay bit for bit.

Entries that are frozen stay, and with `spare_important` also the share of each parameter's entries
that earlier tasks depend on most; of the rest, consolidation lets go.

Source: Nikishin et al. 2022 (The Primacy Bias), arXiv:2205.07802. Cost: one fresh draw of the
network per reset, 1-4 ms with two hidden layers of 64-256 units; nothing in between.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import torch
from pydantic import Field

from l2rl.capabilities import PARAMETER_IMPORTANCE, WEIGHT_MASK, Need
from l2rl.component import Component, ComponentConfig
from l2rl.errors import UserError
from l2rl.testing import Conformance
from l2rl.views import (
    AgentView,
    ChangeEvent,
    ComponentGenerators,
    NetworkEdit,
    NetworkView,
    PhaseView,
    TaskEvent,
    UpdateView,
)

from . import task_ends
from .layer_graph import HiddenLayer, hidden_layers
from .sparing import Sparing
from .surgery import without_moments

Depth = Annotated[int, Field(ge=0)] | Literal["all"]


class ResetLayers(Component):
    """Draws the last layers anew, again and again."""

    uses = (WEIGHT_MASK,)
    cost = "none between resets"

    conformance = Conformance(active={"interval_updates": 10})

    class Config(ComponentConfig):
        """Settings of `plasticity.reset_layers`."""

        when: Literal["updates", "task_end"] = Field(
            "updates", description="every so many gradient steps, or at the end of each task"
        )
        interval_updates: int = Field(
            100_000, ge=1, description="updates: gradient steps of a phase between two resets"
        )
        trigger: task_ends.Trigger = Field("auto", description=f"task_end: {task_ends.DESCRIPTION}")
        acting_layers: Depth = Field(
            1,
            description="how many layers of what decides actions, from the output on; 0: none; "
            "`all`: every parameter",
        )
        critic_layers: Depth = Field(1, description="the same for what only judges actions")
        spare_important: float = Field(
            0.0,
            ge=0,
            lt=1,
            description="share of each parameter's entries that is kept because earlier tasks "
            "depend on it most",
        )

    def requirements(self) -> tuple[tuple[Need, ...], tuple[str, ...]]:
        needs: tuple[Need, ...] = ()
        if self.config.when == "task_end":
            needs = (task_ends.need_of(self.config.trigger),)
        if self.config.spare_important > 0:
            needs = (*needs, PARAMETER_IMPORTANCE)
        return needs, ()

    def bind(self, agent: AgentView, rng: ComponentGenerators) -> None:
        super().bind(agent, rng)
        self._at_boundaries = task_ends.at_boundaries(self.config.trigger, agent)
        found = {n: self._last_layers(phase) for n, phase in agent.phases.items()}
        self._names = {phase: names for phase, names in found.items() if names}
        if not self._names:
            raise UserError(
                f"component {self.name!r} would reset nothing on learner {agent.learner}\n"
                "  set acting_layers (or, for ppo and sac, critic_layers) above 0"
            )
        self._since = dict.fromkeys(self._names, 0)
        self._due = False
        self._resets = dict.fromkeys(self._names, 0)

    def _last_layers(self, phase: PhaseView) -> list[str]:
        """Names of the parameters to draw anew."""
        depths = depths_of(phase, hidden_layers(self.agent, phase))
        return [
            name
            for name, role in phase.roles.items()
            if role != "temperature" and self._reaches(role == "value", depths.get(name))
        ]

    def _reaches(self, is_value: bool, depth: int | None) -> bool:
        wanted: Depth = self.config.critic_layers if is_value else self.config.acting_layers
        return wanted == "all" or (depth is not None and depth <= wanted)

    # ---- when ----------------------------------------------------------------------------

    def on_task_end(self, event: TaskEvent) -> None:
        self._due = self._due or (self.config.when == "task_end" and self._at_boundaries)

    def on_change_detected(self, event: ChangeEvent) -> None:
        self._due = self._due or (self.config.when == "task_end" and not self._at_boundaries)

    def after_step(self, view: UpdateView) -> None:
        if view.phase in self._since:
            self._since[view.phase] += 1

    def _due_phases(self) -> list[str]:
        if self.config.when == "task_end":
            due, self._due = self._due, False
            return list(self._names) if due else []
        interval = self.config.interval_updates
        phases = [name for name, count in self._since.items() if count >= interval]
        for name in phases:
            self._since[name] %= interval
        return phases

    # ---- resets --------------------------------------------------------------------------

    def propose_network_edit(self, view: NetworkView) -> NetworkEdit | None:
        due = self._due_phases()
        if not due:
            return None
        values, targets, optimizer = {}, {}, {}
        for name in due:
            values[name], targets[name], optimizer[name] = self._reset(view.phases[name])
            self._resets[name] += 1
        self.agent.emit("layers_reset", phases=due)
        return NetworkEdit("layers_reset", values, targets, optimizer)

    def _reset(self, phase: PhaseView) -> tuple[Any, Any, Any]:
        """New values, those of targets, and the optimiser's state of one phase."""
        fresh = phase.fresh_parameters(self.rng.torch)
        sparing = Sparing(self.agent, phase.name, self.config.spare_important)
        state = phase.read_optimizer()
        values, targets, optimizer = {}, {}, {}
        for name in self._names[phase.name]:
            drawn = sparing.entries(name)
            values[name] = torch.where(drawn, fresh[name], phase.parameters[name].detach())
            if name in phase.targets:
                targets[name] = values[name]
            if not bool(drawn.all()) and name in state:
                optimizer[name] = without_moments(state[name], drawn)
        return values, targets, optimizer

    # ---- books ---------------------------------------------------------------------------

    def metrics(self) -> Mapping[str, float]:
        """Resets so far, per phase."""
        return {f"{phase}/resets": float(count) for phase, count in self._resets.items()}

    def state_dict(self) -> dict[str, Any]:
        return {"since": dict(self._since), "due": self._due, "resets": dict(self._resets)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._since = dict(state["since"])
        self._due = bool(state["due"])
        self._resets = dict(state["resets"])


def depths_of(phase: PhaseView, layers: list[HiddenLayer]) -> dict[str, int]:
    """Parameter name -> number of its layer from the output on, which is 1; a layer that feeds
    several is one more than the deepest of them. Without those that no known layer leads to."""
    depths = dict.fromkeys(phase.output_layers, 1)
    for layer in reversed(layers):
        following = [depths[edge.weight] for edge in layer.outgoing if edge.weight in depths]
        if following:
            depths |= dict.fromkeys(layer.incoming, max(following) + 1)
    return depths
