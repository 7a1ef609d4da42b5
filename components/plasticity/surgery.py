"""Surgery on units: new values for some entries of the parameters, as one network edit.

Only the entries that were operated on change: their values, the same entries of target networks,
and their moments in the optimiser, which become zero.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch

from l2rl.views import NetworkEdit, PhaseView

from .layer_graph import HiddenLayer

Values = dict[str, dict[str, torch.Tensor]]
"""phase -> parameter name -> values."""


class Surgery:
    """Collects what shall change; `edit`, called once, makes it a network edit."""

    def __init__(self, phases: Mapping[str, PhaseView]) -> None:
        self._phases = phases
        self._values: Values = {}
        self._targets: Values = {}
        self._cleared: Values = {}
        self._redrawn: list[tuple[HiddenLayer, torch.Tensor, Mapping[str, torch.Tensor]]] = []

    def redraw(
        self, layer: HiddenLayer, units: torch.Tensor, fresh: Mapping[str, torch.Tensor]
    ) -> None:
        """Incoming weights of the units (n,) int64 from `fresh` (parameter name -> values of its
        full shape), bias 0, normalisations as at birth, outgoing weights 0."""
        if len(units):
            self._redrawn.append((layer, units, fresh))

    def hand_over(
        self, layer: HiddenLayer, units: torch.Tensor, mean_outputs: torch.Tensor
    ) -> None:
        """Add what the units (n,) gave on average to the biases of the layers that they feed:
        call it before `redraw`. `mean_outputs` (copies * units,): mean output of the layer."""
        outputs = layer.outputs_of(units)
        for edge in layer.outgoing:
            if edge.bias is None:
                continue
            columns = edge.columns(outputs)
            given = mean_outputs[outputs].repeat_interleave(edge.block)
            both = zip(
                self._of(layer.phase, edge.weight), self._of(layer.phase, edge.bias), strict=True
            )
            for weight, bias in both:
                # Of a convolution every tap reads the same mean.
                taps = weight[:, columns].flatten(2).sum(2) if weight.dim() > 2 else None
                bias += (weight[:, columns] if taps is None else taps) @ given

    def edit(self, reason: str) -> NetworkEdit | None:
        """The edit; None if nothing was operated on."""
        # First what comes into all layers: a unit may feed another one that is drawn anew.
        for layer, units, fresh in self._redrawn:
            self._redraw_incoming(layer, units, fresh)
        for layer, units, _ in self._redrawn:
            self._silence(layer, units)
        if not self._values:
            return None
        return NetworkEdit(reason, self._values, self._targets, self._optimizer())

    def _redraw_incoming(
        self, layer: HiddenLayer, units: torch.Tensor, fresh: Mapping[str, torch.Tensor]
    ) -> None:
        for name in layer.incoming:
            rows = fresh[name][units]
            if name == layer.bias:
                rows = torch.zeros_like(rows)
            for values in self._of(layer.phase, name):
                values[units] = rows
            self._clear(layer.phase, name)[units] = True

    def _silence(self, layer: HiddenLayer, units: torch.Tensor) -> None:
        outputs = layer.outputs_of(units)
        for edge in layer.outgoing:
            columns = edge.columns(outputs)
            for values in self._of(layer.phase, edge.weight):
                values[:, columns] = 0.0
            self._clear(layer.phase, edge.weight)[:, columns] = True

    def _of(self, phase: str, name: str) -> list[torch.Tensor]:
        """New values of a parameter and, if it has one, of its target, to be written in place."""
        view = self._phases[phase]
        values = self._values.setdefault(phase, {})
        if name not in values:
            values[name] = view.parameters[name].detach().clone()
            if name in view.targets:
                self._targets.setdefault(phase, {})[name] = view.targets[name].detach().clone()
        targets = self._targets.get(phase, {})
        return [values[name], *((targets[name],) if name in targets else ())]

    def _clear(self, phase: str, name: str) -> torch.Tensor:
        cleared = self._cleared.setdefault(phase, {})
        if name not in cleared:
            like = self._phases[phase].parameters[name]
            cleared[name] = torch.zeros_like(like, dtype=torch.bool)
        return cleared[name]

    def _optimizer(self) -> dict[str, dict[str, dict[str, torch.Tensor]]]:
        """Moments of the edited parameters, zero where entries were drawn anew."""
        return {
            phase: {
                name: without_moments(moments, self._cleared.get(phase, {}).get(name))
                for name, moments in self._phases[phase].read_optimizer().items()
                if name in values
            }
            for phase, values in self._values.items()
        }


def without_moments(
    moments: Mapping[str, torch.Tensor], cleared: torch.Tensor | None
) -> dict[str, torch.Tensor]:
    """Copies of a parameter's optimiser state with zeros where `cleared` (bool, its shape)."""
    if cleared is None:
        return dict(moments)
    return {
        key: torch.where(cleared, torch.zeros_like(value), value)
        if value.shape == cleared.shape
        else value
        for key, value in moments.items()
    }
