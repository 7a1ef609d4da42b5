"""Whom resets leave alone: entries that may not move, and those that earlier tasks depend on.

Frozen entries are those of the owner of WEIGHT_MASK; importance is what the provider of
PARAMETER_IMPORTANCE says. A component that asks for either lists it in `needs` or `uses`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch

from l2rl.capabilities import PARAMETER_IMPORTANCE, WEIGHT_MASK
from l2rl.component import Component
from l2rl.views import AgentView

from .layer_graph import HiddenLayer

Masks = Mapping[str, torch.Tensor]


class Sparing:
    """Which units and entries of one phase may be reset now."""

    def __init__(self, agent: AgentView, phase: str, important_share: float) -> None:
        """`important_share`: of the units of a layer, or the entries of a parameter, the share
        that is kept because it matters most; what matters to nobody is never kept."""
        self._share = important_share
        self._parameters = agent.phases[phase].parameters
        self._free: Masks = {}
        if WEIGHT_MASK in agent.offered:
            owner: Component = agent.service(WEIGHT_MASK)
            self._free = owner.weight_mask(phase) or {}
        self._importance: Masks = {}
        if important_share > 0:
            said = agent.service(PARAMETER_IMPORTANCE).parameter_importance()
            self._importance = said.get(phase, {})

    def units(self, layer: HiddenLayer) -> torch.Tensor:
        """Units that may be drawn anew, (units,) bool: nothing of theirs is frozen, neither what
        comes in nor what goes out, and they are not among the most important."""
        frozen = self._over_units(layer, {n: (~free).float() for n, free in self._free.items()})
        importance = self._over_units(layer, self._importance)
        return (frozen == 0) & ~most_important(importance, self._share)

    def entries(self, name: str) -> torch.Tensor:
        """Entries of a parameter that may be drawn anew, bool of its shape."""
        parameter = self._parameters[name]
        allowed = torch.ones_like(parameter, dtype=torch.bool)
        if name in self._free:
            allowed &= self._free[name]
        if name in self._importance:
            allowed &= ~most_important(self._importance[name], self._share)
        return allowed

    def _over_units(self, layer: HiddenLayer, by_name: Masks) -> torch.Tensor:
        """Sum over all entries that belong to each unit, (units,)."""
        like = self._parameters[layer.weight]
        total = torch.zeros(layer.units, device=like.device)
        for name in layer.incoming:
            if name in by_name:
                total += by_name[name].reshape(layer.units, -1).sum(dim=1)
        outputs = torch.arange(layer.units * layer.copies, device=like.device)
        for edge in layer.outgoing:
            if edge.weight in by_name:
                columns = by_name[edge.weight][:, edge.columns(outputs)]
                by_output = columns.transpose(0, 1).reshape(len(outputs), -1).sum(dim=1)
                total += layer.by_unit(by_output)
        return total


def most_important(importance: torch.Tensor, share: float) -> torch.Tensor:
    """The so large share of entries that matter most, bool of the same shape; of equals the first,
    and never an entry without importance."""
    flat = importance.reshape(-1)
    kept = math.floor(share * flat.numel() + 1e-9)
    result = torch.zeros_like(flat, dtype=torch.bool)
    result[flat.argsort(descending=True, stable=True)[:kept]] = True
    return (result & (flat > 0)).reshape(importance.shape)
