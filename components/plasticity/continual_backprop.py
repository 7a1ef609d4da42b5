"""Continual backprop: a small, steady stream of the least useful units is drawn anew.

For each unit of each hidden layer, at every gradient step (of a convolution a unit is a channel):

    age      += 1
    hhat     <- decay hhat + (1 - decay) E h
    utility  <- decay utility + (1 - decay) contribution
    contribution = E|h| mean|w_out|                                  (`utility: contribution`)
                   E|h - hhat'| mean|w_out| / mean|w_in|             (`utility: adaptable`)

with x' = x / (1 - decay^age), the correction for a young running mean. Units older than
`maturity_updates` are eligible; `replacement_rate` times their number accumulates at every step,
and of that the whole part is replaced, the smallest utility' first: what a unit gave on average,
w_out hhat', moves into the bias of the next layer, its incoming weights come from the layer's own
initialiser, bias 0, outgoing weights 0, age 0, moments of the optimiser zero for these entries. A
target network undergoes the same with its own outgoing weights.

Parameters change between training calls: what falls due in between is counted and replaced then,
so that over n steps replacement_rate * eligible * n units are replaced in the mean, however many
steps a call has. Units with a frozen weight are not eligible, nor (`spare_important`) those that
earlier tasks depend on most; of what is replaced, consolidation lets go. Each set of an expert
pool has its own utilities.

Source: Dohare et al. 2024, arXiv:2306.13812. Cost: 0.3 ms a gradient step with two hidden layers
of 64 or of 256 units, 2-4 ms more when something is replaced; 3 numbers per unit. Not replaced:
units of output layers, and layers whose surroundings are not understood (networks with shortcuts).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import torch
from pydantic import Field

from l2rl.capabilities import ACTIVATIONS, PARAMETER_IMPORTANCE, WEIGHT_MASK, Need
from l2rl.component import Component, ComponentConfig
from l2rl.errors import UserError
from l2rl.testing import Conformance
from l2rl.views import AgentView, ComponentGenerators, NetworkEdit, NetworkView, UpdateView

from .layer_graph import HiddenLayer, hidden_layers
from .sparing import Sparing
from .surgery import Surgery
from .unit_statistics import UnitStatistics


class ContinualBackprop(Component):
    """Replaces mature units of low utility, a few at a time."""

    needs = (ACTIVATIONS,)
    uses = (WEIGHT_MASK,)
    cost = "0.15 ms per hidden layer and gradient step, 3 numbers per unit"

    conformance = Conformance(
        active={"replacement_rate": 0.05, "critic_replacement_rate": 0.05, "maturity_updates": 4},
        own_moments="a bias that takes over the mean of a replaced unit goes on as it was",
    )

    class Config(ComponentConfig):
        """Settings of `plasticity.continual_backprop`."""

        replacement_rate: float = Field(
            1e-4,
            ge=0,
            le=1,
            description="share of the eligible units that is replaced per gradient step, in "
            "networks that decide actions",
        )
        critic_replacement_rate: float = Field(
            1e-4, ge=0, le=1, description="the same in networks that only judge actions"
        )
        maturity_updates: int = Field(
            10_000, ge=0, description="gradient steps for which a new unit is left alone"
        )
        decay: float = Field(
            0.99, ge=0, lt=1, description="decay of the running means, per gradient step"
        )
        utility: Literal["contribution", "adaptable"] = Field(
            "contribution", description="what makes a unit useful"
        )
        compensate: bool = Field(
            True, description="move a replaced unit's mean contribution into the next bias"
        )
        spare_important: float = Field(
            0.0,
            ge=0,
            lt=1,
            description="share of each layer's units that is never replaced because earlier "
            "tasks depend on it most",
        )

    def requirements(self) -> tuple[tuple[Need, ...], tuple[str, ...]]:
        needs = (PARAMETER_IMPORTANCE,) if self.config.spare_important > 0 else ()
        return (*self.needs, *needs), ()

    def bind(self, agent: AgentView, rng: ComponentGenerators) -> None:
        super().bind(agent, rng)
        found = [
            layer
            for phase in agent.phases.values()
            for layer in hidden_layers(agent, phase)
            if self._rate_of(layer) > 0
        ]
        rates = (self.config.replacement_rate, self.config.critic_replacement_rate)
        if not found and max(rates) > 0:
            raise UserError(
                f"component {self.name!r}: this network has no hidden layer whose units could be "
                "replaced\n  set the rate of a network that has some, or remove the component"
            )
        self._units = {layer.title: self._new_statistics(layer) for layer in found}
        self._layers: dict[str, list[HiddenLayer]] = {}
        for layer in found:
            self._layers.setdefault(layer.phase, []).append(layer)
        self._put_away: dict[str, dict[str, Any]] = {}
        self._replaced = {layer.phase: 0 for layer in found}
        self._is_own_edit = False

    def _new_statistics(self, layer: HiddenLayer) -> UnitStatistics:
        return UnitStatistics(layer, self.config.decay, self.agent.device)

    def _rate_of(self, layer: HiddenLayer) -> float:
        acting = layer.role == "acting"
        rate = self.config.replacement_rate if acting else self.config.critic_replacement_rate
        return float(rate)

    # ---- what it watches -----------------------------------------------------------------

    def after_step(self, view: UpdateView) -> None:
        for layer in self._layers.get(view.phase, ()):
            outputs = view.activations.get(layer.name)
            if outputs is None:  # a step that is not the learner's own
                continue
            units = self._units[layer.title]
            units.observe(outputs, view.parameters, adaptable=self.config.utility == "adaptable")
            units.accumulate(self._rate_of(layer), self.config.maturity_updates)

    # ---- replacing -----------------------------------------------------------------------

    def propose_network_edit(self, view: NetworkView) -> NetworkEdit | None:
        surgery = Surgery(view.phases)
        for phase, layers in self._layers.items():
            due = [layer for layer in layers if self._units[layer.title].due >= 1.0]
            if due:
                self._replace(phase, due, surgery)
        edit = surgery.edit("units_replaced")
        self._is_own_edit = edit is not None
        return edit

    def _replace(self, phase: str, due: list[HiddenLayer], surgery: Surgery) -> None:
        sparing = Sparing(self.agent, phase, self.config.spare_important)
        chosen = []
        for layer in due:
            units = self._units[layer.title]
            which = units.take_due(sparing.units(layer), self.config.maturity_updates)
            if len(which):
                chosen.append((layer, units, which))
        if not chosen:
            return
        fresh = self.agent.phases[phase].fresh_parameters(self.rng.torch)
        for layer, units, which in chosen:
            if self.config.compensate:
                surgery.hand_over(layer, which, units.mean_outputs())
            surgery.redraw(layer, which, fresh)
            units.restart(which)
            self._replaced[phase] += len(which)

    def on_network_edited(self, edit: NetworkEdit) -> None:
        """Units that others have drawn anew are young again; another set brings its own."""
        own, self._is_own_edit = self._is_own_edit, False
        if own:
            return
        for layers in self._layers.values():
            for layer in layers:
                value = edit.values.get(layer.phase, {}).get(layer.weight)
                if value is None:
                    continue
                if edit.parameter_set is not None:
                    self._exchange(layer, *edit.parameter_set)
                else:
                    before = edit.before.get(layer.phase, {}).get(layer.weight)
                    self._units[layer.title].restart(redrawn_rows(value, before))

    def _exchange(self, layer: HiddenLayer, leaving: int, coming: int) -> None:
        units = self._units[layer.title]
        self._put_away.setdefault(str(leaving), {})[layer.title] = units.state_dict()
        self._units[layer.title] = self._new_statistics(layer)
        back = self._put_away.get(str(coming), {}).pop(layer.title, None)
        if back is not None:
            self._units[layer.title].load_state_dict(back)

    # ---- books ---------------------------------------------------------------------------

    def metrics(self) -> Mapping[str, float]:
        """Per phase: units replaced so far, mean age in gradient steps, share that is mature."""
        result = {}
        for phase, layers in self._layers.items():
            ages = torch.cat([self._units[layer.title].age for layer in layers])
            mature = ages > self.config.maturity_updates
            result[f"{phase}/replaced"] = float(self._replaced[phase])
            result[f"{phase}/mean_age_updates"] = float(ages.double().mean())
            result[f"{phase}/mature_share"] = float(mature.double().mean())
        return result

    def state_dict(self) -> dict[str, Any]:
        return {
            "units": {title: units.state_dict() for title, units in self._units.items()},
            "put_away": self._put_away,
            "replaced": dict(self._replaced),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        for title, units in self._units.items():
            units.load_state_dict(state["units"][title])
        self._put_away = {
            number: {title: dict(units) for title, units in by_title.items()}
            for number, by_title in state["put_away"].items()
        }
        self._replaced = dict(state["replaced"])


def redrawn_rows(value: torch.Tensor, before: torch.Tensor | None) -> torch.Tensor:
    """Rows (n,) int64 of a weight that are another unit's now: changed by more than half of their
    norm. So many small changes (noise, decay) leave a unit what it is. All where `before` is
    unknown."""
    if before is None:
        return torch.arange(len(value), device=value.device)
    change = (value - before).flatten(1).norm(dim=1)
    changed: torch.Tensor = change > 0.5 * before.flatten(1).norm(dim=1)
    return changed.nonzero(as_tuple=True)[0]
