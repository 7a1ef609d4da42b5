"""Entries of the parameters that may not move: kept bit for bit through a step or an edit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch

from l2rl.component import Component
from l2rl.engine.phase import Phase
from l2rl.views import NetworkEdit

Masks = Mapping[str, torch.Tensor]
_NONE: Masks = {}


def masks_of(owners: Sequence[Component], phase: str) -> Masks:
    """True where an entry is free, by parameter; a parameter that is not named is free."""
    return (owners[0].weight_mask(phase) or _NONE) if owners else _NONE


@contextmanager
def frozen_entries(phase: Phase, masks: Masks) -> Iterator[None]:
    """Around an optimiser's step: what is not free has no gradient, does not move (whatever
    momentum or weight decay would do), and its moments are zero afterwards."""
    before = {name: phase.parameters[name].detach().clone() for name in masks}
    for name, free in masks.items():
        gradient = phase.parameters[name].grad
        if gradient is not None:
            gradient.mul_(free)
    yield
    with torch.no_grad():
        for name, free in masks.items():
            parameter = phase.parameters[name]
            parameter.copy_(torch.where(free, parameter, before[name]))
            for value in phase.optimizer.state.get(parameter, {}).values():
                if isinstance(value, torch.Tensor) and value.shape == free.shape:
                    value.mul_(free)


def spared(
    edit: NetworkEdit, phases: Mapping[str, Phase], owners: Sequence[Component]
) -> NetworkEdit:
    """The edit without its effect on entries that are not free. An edit that puts another set of
    parameters in place is left as it is: the mask belongs to the set that leaves."""
    if edit.parameter_set is not None:
        return edit
    values = {}
    for phase_name, by_name in edit.values.items():
        masks = masks_of(owners, phase_name)
        live = phases[phase_name].parameters if phase_name in phases else {}
        values[phase_name] = {
            name: torch.where(masks[name], value, live[name].detach()) if name in masks else value
            for name, value in by_name.items()
        }
    return replace(edit, values=values, targets=_spared_targets(edit, phases, owners))


def _spared_targets(
    edit: NetworkEdit, phases: Mapping[str, Phase], owners: Sequence[Component]
) -> Any:
    """Explicit values of targets keep their frozen entries, too."""
    if isinstance(edit.targets, str):
        return edit.targets
    targets = {}
    for phase_name, by_name in edit.targets.items():
        masks = masks_of(owners, phase_name)
        live = phases[phase_name].targets if phase_name in phases else {}
        targets[phase_name] = {
            name: torch.where(masks[name], value, live[name])
            if name in masks and name in live
            else value
            for name, value in by_name.items()
        }
    return targets
