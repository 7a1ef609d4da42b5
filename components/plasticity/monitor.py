"""Plasticity monitor: is the network still able to learn? It measures and changes nothing.

On a probe batch of recent states, for each phase of the learner (`q/...`, `actor/...`), and where
a phase holds both a policy and a value function for each of the two (`policy/acting/...`,
`policy/value/...`; a shared trunk counts as acting):

    fau                  share of active (sample, unit) pairs, all layers pooled   2310.07418
                         ReLU: above 0; tanh: |x| <= 0.99; sigmoid: in [0.01, 0.99]; absent where
                         no layer has a natural zero (GELU, SiLU, ELU, ...)
    fau_encoder, fau_heads            the same of convolutions alone, and of all other layers (both
                         critics pooled), where a network has convolutions      2310.07418
    dormant_<tau>        share of all units with E|h_i| <= tau * layer mean        2302.12902
                         a unit of a convolution is a channel
    effective_rank       exp(-sum p log p), p = s / sum s, s singular values       Roy & Vetterli
    srank                fewest s that make up 1 - delta of sum s                  2010.14498
    approximate_rank     the same of s^2
    stable_rank          sum s^2 / max s^2
    rank_ceiling         min(states, width): no rank can be above it
    weight_mean, weight_norm          mean |theta|, ||theta||
    drift_initial_rms    root mean square of theta - theta at the first experience
    drift_period_rms     the same since the task began (where the run has no boundaries: since the
                         last detected change; without either equal to drift_initial_rms)

With `per_layer`, of each hidden layer and each weight, under `.../layer/<its name>/...`:

    fau, dormant_<tau>, ever_active   the last: share of units active on any of the states
    weight_mean, weight_norm, drift_initial_rms, drift_period_rms

Ranks are of the features before the output layer, not centred, in float64; with several heads
(twin critics) the mean over heads. They want more states than features: where the probe is
smaller than the width, `rank_ceiling` is the number of states, and an event says so once.

When another expert's parameters are put in place, their drift in the period starts at zero.

Cost: one forward pass and one singular value decomposition every `interval_env_steps`; 2 P.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from statistics import fmean
from typing import Any

import torch
from pydantic import Field

from l2rl.capabilities import CHANGE_EVENTS, TASK_BOUNDARY
from l2rl.component import Component, ComponentConfig
from l2rl.errors import UserError
from l2rl.views import (
    AgentView,
    ChangeEvent,
    ComponentGenerators,
    NetworkEdit,
    TaskEvent,
    TransitionBatch,
)

from ..recent_experience import RecentExperience, seen_by_networks
from . import measures
from .network_parts import NetworkPart, network_parts

Snapshot = dict[str, dict[str, torch.Tensor]]
"""Phase -> parameter name -> value."""


class PlasticityMonitor(Component):
    """Logs activity, rank, magnitude and drift of every network."""

    uses = (TASK_BOUNDARY, CHANGE_EVENTS)
    cost = "under 1 % at the default interval, 2 P"

    class Config(ComponentConfig):
        """Settings of `plasticity.monitor`."""

        interval_env_steps: int = Field(
            10_000, ge=1, description="env steps between measurements; the log may be denser"
        )
        probe_size: int = Field(256, ge=2, description="states to measure on")
        probe_env_steps: int = Field(
            10_000, ge=1, description="how far back those states go: mean age in env steps"
        )
        dormant_thresholds: tuple[float, ...] = Field(
            (0.0, 0.025, 0.1), description="a unit is dormant at up to so much of its layer's mean"
        )
        srank_delta: float = Field(
            0.01, gt=0, lt=1, description="share of the singular values that ranks leave out"
        )
        per_layer: bool = Field(
            False, description="also say activity, magnitude and drift layer by layer"
        )
        phases: tuple[str, ...] = Field(
            (), description="phases to measure (`policy`; `q`; `actor`, `critic`); empty: all"
        )

    def bind(self, agent: AgentView, rng: ComponentGenerators) -> None:
        super().bind(agent, rng)
        self._parts = [part for phase in self._chosen() for part in network_parts(phase)]
        self._phases = {part.phase.name: part.phase for part in self._parts}
        self._with_actions = "critic" in self._phases
        self._probe = RecentExperience(
            self.config.probe_size, self.config.probe_env_steps, rng.numpy
        )
        self._initial: Snapshot = {}
        self._period: Snapshot = {}
        self._values: dict[str, float] = {}
        self._measured_at = -1
        self._warned = False

    def _chosen(self) -> list[Any]:
        phases = self.agent.phases
        for name in self.config.phases:
            if name not in phases:
                raise UserError(
                    f"component {self.name!r}: learner {self.agent.learner} has no phase "
                    f"{name!r}\n  choose from: {', '.join(phases)}"
                )
        return [view for name, view in phases.items() if name in (self.config.phases or phases)]

    # ---- what it watches -----------------------------------------------------------------

    def on_transitions(self, batch: TransitionBatch) -> None:
        if not self._initial:
            # Not at `bind`: a run may still load the parameters that it starts from.
            self._initial = self._snapshot()
            self._period = self._snapshot()
        space = self.agent.action_space
        self._probe.add(seen_by_networks(batch, space, with_actions=self._with_actions))

    def on_task_start(self, event: TaskEvent) -> None:
        if self._initial:
            self._period = self._snapshot()

    def on_change_detected(self, event: ChangeEvent) -> None:
        if TASK_BOUNDARY not in self.agent.offered:
            self._period = self._snapshot()

    def on_network_edited(self, edit: NetworkEdit) -> None:
        """Another expert's parameters have not drifted yet; a reset counts as drift."""
        if edit.parameter_set is None or not self._period:
            return
        for phase, values in edit.values.items():
            for name, value in values.items():
                if phase in self._period:
                    self._period[phase][name] = value.detach().clone()

    def _snapshot(self) -> Snapshot:
        return {
            name: {n: p.detach().clone() for n, p in phase.parameters.items()}
            for name, phase in self._phases.items()
        }

    # ---- what it says --------------------------------------------------------------------

    def metrics(self) -> Mapping[str, float]:
        """Fresh values when due, nothing in between."""
        now = self.agent.env_steps()
        if now == self._measured_at:
            return self._values
        interval = self.config.interval_env_steps
        if not self._initial or now // interval == self._measured_at // interval:
            return {}
        self._values, self._measured_at = self._measure(), now
        return self._values

    def _measure(self) -> dict[str, float]:
        outputs = {name: self._outputs(name) for name in self._phases}
        result: dict[str, float] = {}
        for part in self._parts:
            layers = part.layers(outputs[part.phase.name])
            found = self._of_weights(part)
            if layers:
                found |= self._of_activity(part, layers)
                found |= self._of_features(part, layers)
            if self.config.per_layer:
                found |= self._of_each_layer(part, layers)
            result |= {f"{part.title}/{name}": value for name, value in found.items()}
        return result

    def _of_each_layer(
        self, part: NetworkPart, layers: Mapping[str, torch.Tensor]
    ) -> dict[str, float]:
        found: dict[str, float] = {}
        for name, outputs in layers.items():
            single = self._activity({name: outputs}, part.phase.activation_kinds)
            active = measures.active(outputs, part.phase.activation_kinds[name])
            if active is not None:
                ever = active.transpose(0, 1).flatten(1).any(dim=1)
                single["ever_active"] = float(ever.double().mean())
            found |= {f"layer/{name}/{measure}": value for measure, value in single.items()}
        for name, parameter in part.parameters().items():
            if parameter.dim() > 1:
                of_it = self._magnitude_and_drift({name: parameter}, part.phase.name)
                layer = name.removesuffix(".weight")
                found |= {f"layer/{layer}/{measure}": value for measure, value in of_it.items()}
        return found

    def _outputs(self, phase: str) -> dict[str, torch.Tensor]:
        """Outputs of a phase's non-linearities on the probe."""
        device = self.agent.device
        observations = torch.as_tensor(self._probe.read("observations"), device=device)
        actions = None
        if self._with_actions:
            actions = torch.as_tensor(self._probe.read("actions"), device=device)
        return self._phases[phase].activations(observations, actions)

    def _of_activity(
        self, part: NetworkPart, layers: Mapping[str, torch.Tensor]
    ) -> dict[str, float]:
        kinds = part.phase.activation_kinds
        found = self._activity(layers, kinds)
        convolutions = {name: x for name, x in layers.items() if x.dim() > 2}
        others = {name: x for name, x in layers.items() if name not in convolutions}
        for title, group in (("fau_encoder", convolutions), ("fau_heads", others)):
            if convolutions and group:
                fau = self._activity(group, kinds).get("fau")
                found |= {} if fau is None else {title: fau}
        return found

    def _activity(
        self, layers: Mapping[str, torch.Tensor], kinds: Mapping[str, str]
    ) -> dict[str, float]:
        fau = measures.fraction_of_active_units((x, kinds[n]) for n, x in layers.items())
        return ({} if fau is None else {"fau": fau}) | {
            f"dormant_{threshold:g}": measures.dormant_ratio(layers.values(), threshold)
            for threshold in self.config.dormant_thresholds
        }

    def _of_features(
        self, part: NetworkPart, layers: Mapping[str, torch.Tensor]
    ) -> dict[str, float]:
        features = [layers[name].flatten(1) for name in part.penultimate(layers)]
        if not features:
            return {}
        spectra = [measures.singular_values(values) for values in features]
        self._warn_if_narrow(part, features)
        delta = self.config.srank_delta
        return {
            "effective_rank": fmean(measures.effective_rank(s) for s in spectra),
            "srank": fmean(measures.srank(s, delta) for s in spectra),
            "approximate_rank": fmean(measures.approximate_rank(s, delta) for s in spectra),
            "stable_rank": fmean(measures.stable_rank(s) for s in spectra),
            "rank_ceiling": float(min(len(s) for s in spectra)),
        }

    def _warn_if_narrow(self, part: NetworkPart, features: Iterable[torch.Tensor]) -> None:
        width = max(values.shape[1] for values in features)
        if self.config.probe_size < width and not self._warned:
            self._warned = True
            self.agent.emit(
                "probe_smaller_than_features",
                part=part.title,
                probe_size=self.config.probe_size,
                width=width,
            )

    def _of_weights(self, part: NetworkPart) -> dict[str, float]:
        return self._magnitude_and_drift(part.parameters(), part.phase.name)

    def _magnitude_and_drift(
        self, parameters: Mapping[str, torch.Tensor], phase: str
    ) -> dict[str, float]:
        return {
            "weight_mean": measures.mean_magnitude(parameters.values()),
            "weight_norm": measures.norm(parameters.values()),
            "drift_initial_rms": measures.drift_rms(parameters, self._initial[phase]),
            "drift_period_rms": measures.drift_rms(parameters, self._period[phase]),
        }

    # ---- books ---------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        return {
            "probe": self._probe.state_dict(),
            "initial": self._initial,
            "period": self._period,
            "values": self._values,
            "measured_at": self._measured_at,
            "warned": self._warned,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._probe.load_state_dict(state["probe"])
        self._initial = self._copied(state["initial"])
        self._period = self._copied(state["period"])
        self._values = dict(state["values"])
        self._measured_at = state["measured_at"]
        self._warned = bool(state["warned"])

    def _copied(self, snapshot: Snapshot) -> Snapshot:
        return {
            phase: {n: value.to(self.agent.device, copy=True) for n, value in values.items()}
            for phase, values in snapshot.items()
        }
