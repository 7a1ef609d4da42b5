"""Running statistics of the units of one hidden layer: age, mean output, utility, what is due."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch

from .layer_graph import HiddenLayer


class UnitStatistics:
    """`age` (units,) int64; `mean` (copies * units,) and `utility` (units,) float32, both running
    means that start from zero and are corrected for it where they are read."""

    def __init__(self, layer: HiddenLayer, decay: float, device: torch.device) -> None:
        self._layer = layer
        self._decay = decay
        self.age = torch.zeros(layer.units, dtype=torch.int64, device=device)
        self.mean = torch.zeros(layer.units * layer.copies, device=device)
        self.utility = torch.zeros(layer.units, device=device)
        self.allowed = torch.ones(layer.units, dtype=torch.bool, device=device)
        """Which units might be replaced when it was last asked."""
        self.due = 0.0
        """Replacements that have accumulated."""

    def observe(
        self, outputs: torch.Tensor, parameters: Mapping[str, torch.Tensor], *, adaptable: bool
    ) -> None:
        """One gradient step: `outputs` (batch, copies * units, ...) of the layer's non-linearity,
        the live parameters by name. `adaptable`: which contribution counts."""
        samples = outputs.transpose(0, 1).flatten(1)
        self.age += 1
        self.mean.lerp_(samples.mean(dim=1), 1 - self._decay)
        if adaptable:
            samples = samples - self.mean_outputs()[:, None]
        size = samples.abs().mean(dim=1) * self._outgoing_magnitude(parameters)
        contribution = self._layer.by_unit(size)
        if adaptable:
            incoming = parameters[self._layer.weight].detach().flatten(1).abs().mean(dim=1)
            contribution = contribution / incoming.clamp_min(1e-12)
        self.utility.lerp_(contribution, 1 - self._decay)

    def _outgoing_magnitude(self, parameters: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Mean |w_out| of each output over all weights of all layers that read it."""
        sums, count = torch.zeros_like(self.mean), 0
        for edge in self._layer.outgoing:
            weight = parameters[edge.weight].detach()
            stop = edge.start + edge.block * len(self.mean)
            by_output = weight[:, edge.start : stop].transpose(0, 1).reshape(len(self.mean), -1)
            sums += by_output.abs().sum(dim=1)
            count += by_output.shape[1]
        return sums / count

    def accumulate(self, rate: float, maturity: int) -> None:
        """One step's share of replacements. What is due already will not be eligible any more."""
        mature = (self.age > maturity) & self.allowed
        eligible = int(mature.sum()) - math.floor(self.due + 1e-9)
        self.due += rate * max(eligible, 0)

    def take_due(self, allowed: torch.Tensor, maturity: int) -> torch.Tensor:
        """The units (n,) int64 to replace now, the least useful first; `allowed` (units,) bool."""
        self.allowed = allowed
        candidates = ((self.age > maturity) & allowed).nonzero(as_tuple=True)[0]
        count = math.floor(self.due + 1e-9)
        self.due = max(self.due - count, 0.0)
        order = self.corrected_utility()[candidates].argsort(stable=True)
        return candidates[order[:count]]

    def corrected_utility(self) -> torch.Tensor:
        """Utility of each unit, (units,); zero for one that has seen no step."""
        return self.utility / self._correction()

    def mean_outputs(self) -> torch.Tensor:
        """Mean output, (copies * units,); zero for a unit that has seen no step."""
        return self.mean / self._correction().repeat(self._layer.copies)

    def _correction(self) -> torch.Tensor:
        share = 1 - self._decay ** self.age.double()
        return torch.where(self.age > 0, share, torch.ones_like(share)).float()

    def restart(self, units: torch.Tensor) -> None:
        """These units (n,) int64 are new."""
        self.age[units] = 0
        self.utility[units] = 0.0
        self.mean[self._layer.outputs_of(units)] = 0.0

    def state_dict(self) -> dict[str, Any]:
        return {
            "age": self.age.clone(),
            "mean": self.mean.clone(),
            "utility": self.utility.clone(),
            "allowed": self.allowed.clone(),
            "due": self.due,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.age.copy_(state["age"])
        self.mean.copy_(state["mean"])
        self.utility.copy_(state["utility"])
        self.allowed.copy_(state["allowed"])
        self.due = float(state["due"])
