"""ReDo: dormant units are recycled.

Every `interval_updates` gradient steps of a phase, on states of recent experience, each unit of
each hidden layer gets the score

    s_i = E|h_i| / mean over the layer of E|h_k|          (of a convolution a unit is a channel)

and a unit with s_i <= threshold is drawn anew: incoming weights from the layer's own initialiser,
bias 0, outgoing weights 0, and the optimiser's moments zero for exactly these entries. A target
network undergoes the same. So the output changes by at most the sum of |w_out| |h| of the recycled
units, and with threshold 0 not by a bit (but for layers with a normalisation before the
non-linearity, where a unit's new input changes the statistics of its neighbours).

Units with a frozen weight are left alone, and with `spare_important` also those that earlier tasks
depend on most, as a consolidation component measures it; of what is recycled, consolidation lets
go. With action and value networks in one phase (PPO) each has its own threshold.

Source: Sokar et al. 2023, arXiv:2302.12902. Cost: one forward pass over `sample_states` states at
each interval and one fresh draw of the network when a unit is recycled, together 2 ms with two
hidden layers of 64 units and 4 ms with 256. Not recycled: output layers, and layers whose
surroundings are not understood (networks with shortcuts).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import torch
from pydantic import Field

from l2rl.capabilities import PARAMETER_IMPORTANCE, WEIGHT_MASK, Need
from l2rl.component import Component, ComponentConfig
from l2rl.errors import UserError
from l2rl.testing import Conformance
from l2rl.views import (
    AgentView,
    ComponentGenerators,
    NetworkEdit,
    NetworkView,
    TransitionBatch,
    UpdateView,
)

from ..recent_experience import RecentExperience, seen_by_networks
from .layer_graph import HiddenLayer, hidden_layers
from .measures import unit_scores
from .sparing import Sparing
from .surgery import Surgery


class ReDo(Component):
    """Draws units anew that hardly answer to anything."""

    uses = (WEIGHT_MASK,)
    cost = "under 1 %, one probe of states"

    conformance = Conformance(
        active={"interval_updates": 8, "threshold": 0.7, "critic_threshold": 0.7}
    )

    class Config(ComponentConfig):
        """Settings of `plasticity.redo`."""

        interval_updates: int = Field(
            1000, ge=1, description="gradient steps of a phase between two recyclings"
        )
        threshold: float | None = Field(
            0.1,
            ge=0,
            description="score up to which a unit of a network that decides actions is dormant; "
            "null: its units are left alone",
        )
        critic_threshold: float | None = Field(
            0.1, ge=0, description="the same for units of networks that only judge actions"
        )
        sample_states: int = Field(256, ge=1, description="states on which scores are measured")
        memory_env_steps: int = Field(
            10_000, ge=1, description="how far back those states go: mean age in env steps"
        )
        incoming_scale: Literal["initial", "live_mean"] = Field(
            "initial",
            description="norm of the new incoming weights: as at birth, or the mean norm of the "
            "layer's units that are not dormant",
        )
        spare_important: float = Field(
            0.0,
            ge=0,
            lt=1,
            description="share of each layer's units that is never recycled because earlier "
            "tasks depend on it most",
        )

    def requirements(self) -> tuple[tuple[Need, ...], tuple[str, ...]]:
        needs = (PARAMETER_IMPORTANCE,) if self.config.spare_important > 0 else ()
        return needs, ()

    def bind(self, agent: AgentView, rng: ComponentGenerators) -> None:
        super().bind(agent, rng)
        found = {n: self._wanted(hidden_layers(agent, v)) for n, v in agent.phases.items()}
        self._layers = {phase: layers for phase, layers in found.items() if layers}
        if not self._layers:
            raise UserError(
                f"component {self.name!r}: no hidden layer of this network can be recycled\n"
                "  set a threshold, give the network hidden layers, or remove the component"
            )
        self._since = dict.fromkeys(self._layers, 0)
        self._recycled = dict.fromkeys(self._layers, 0)
        self._with_actions = "critic" in self._layers
        self._memory = RecentExperience(
            self.config.sample_states, self.config.memory_env_steps, rng.numpy
        )

    def _wanted(self, layers: list[HiddenLayer]) -> list[HiddenLayer]:
        return [layer for layer in layers if self._threshold_of(layer) is not None]

    def _threshold_of(self, layer: HiddenLayer) -> float | None:
        value: float | None = (
            self.config.threshold if layer.role == "acting" else self.config.critic_threshold
        )
        return value

    # ---- what it watches -----------------------------------------------------------------

    def on_transitions(self, batch: TransitionBatch) -> None:
        space = self.agent.action_space
        self._memory.add(seen_by_networks(batch, space, with_actions=self._with_actions))

    def after_step(self, view: UpdateView) -> None:
        if view.phase in self._since:
            self._since[view.phase] += 1

    # ---- recycling -----------------------------------------------------------------------

    def propose_network_edit(self, view: NetworkView) -> NetworkEdit | None:
        due = [n for n, count in self._since.items() if count >= self.config.interval_updates]
        if not due or len(self._memory) == 0:
            return None
        surgery = Surgery(view.phases)
        for phase in due:
            self._since[phase] %= self.config.interval_updates
            self._recycle(phase, surgery)
        return surgery.edit("units_recycled")

    def _recycle(self, phase: str, surgery: Surgery) -> None:
        dormant = self._dormant(phase)
        chosen = {layer.title: units for layer, units in dormant if bool(units.any())}
        if not chosen:
            return
        fresh = self.agent.phases[phase].fresh_parameters(self.rng.torch)
        for layer, units in dormant:
            if layer.title in chosen:
                rows = fresh | self._scaled(layer, units, fresh[layer.weight])
                surgery.redraw(layer, units.nonzero(as_tuple=True)[0], rows)
        counts = {name: int(units.sum()) for name, units in chosen.items()}
        self._recycled[phase] += sum(counts.values())
        self.agent.emit("units_recycled", units=counts)

    def _dormant(self, phase: str) -> list[tuple[HiddenLayer, torch.Tensor]]:
        """Units of each layer that are dormant and may be recycled, (units,) bool."""
        device = self.agent.device
        observations = torch.as_tensor(self._memory.read("observations"), device=device)
        actions = None
        if self._with_actions:
            actions = torch.as_tensor(self._memory.read("actions"), device=device)
        outputs = self.agent.phases[phase].activations(observations, actions)
        sparing = Sparing(self.agent, phase, self.config.spare_important)
        found = []
        for layer in self._layers[phase]:
            # Of a unit with two outputs it is the mean of their scores.
            scores = layer.by_unit(unit_scores(outputs[layer.name])) / layer.copies
            threshold = self._threshold_of(layer)
            assert threshold is not None
            found.append((layer, (scores <= threshold) & sparing.units(layer)))
        return found

    def _scaled(
        self, layer: HiddenLayer, dormant: torch.Tensor, fresh: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        """The new incoming weights with the mean norm of the live units, if that is wanted."""
        if self.config.incoming_scale == "initial" or bool(dormant.all()):
            return {}
        weight = self.agent.phases[layer.phase].parameters[layer.weight].detach()
        mean = weight.flatten(1).norm(dim=1)[~dormant].mean()
        norms = fresh.flatten(1).norm(dim=1).clamp_min(1e-12)
        shape = (-1, *[1] * (fresh.dim() - 1))
        return {layer.weight: fresh * (mean / norms).reshape(shape)}

    # ---- books ---------------------------------------------------------------------------

    def metrics(self) -> Mapping[str, float]:
        """Units recycled so far, per phase."""
        return {f"{phase}/recycled": float(count) for phase, count in self._recycled.items()}

    def state_dict(self) -> dict[str, Any]:
        return {
            "since": dict(self._since),
            "recycled": dict(self._recycled),
            "memory": self._memory.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._since = dict(state["since"])
        self._recycled = dict(state["recycled"])
        self._memory.load_state_dict(state["memory"])
