"""Applying a network edit: new parameter values with targets and optimiser state, or nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

import torch

from l2rl.engine.phase import Phase
from l2rl.views import NetworkEdit

Values = Mapping[str, Mapping[str, torch.Tensor]]


class BadEdit(ValueError):
    """A component proposed an edit that does not fit the network; nothing was changed."""


def apply_edit(phases: Mapping[str, Phase], edit: NetworkEdit) -> NetworkEdit:
    """Apply an edit whole. It is checked first, so a refused edit leaves nothing half done.

    Returns the edit with `before` filled in.

    Raises `BadEdit` for an unknown phase or parameter, a wrong shape, or a non-finite value.
    """
    check_edit(phases, edit)
    before = _copies(phases, edit.values)
    with torch.no_grad():
        for phase_name, values in edit.values.items():
            phase = phases[phase_name]
            for name, value in values.items():
                phase.parameters[name].copy_(value)
                _edit_target(phase, name, value, edit)
                _edit_optimizer(phase, name, edit)
    return replace(edit, before=before)


def check_edit(phases: Mapping[str, Phase], edit: NetworkEdit) -> None:
    """Raise `BadEdit` unless every value of the edit fits."""
    _check_values(phases, edit.values, edit.reason)
    if not isinstance(edit.targets, str):
        _check_values(phases, edit.targets, edit.reason)
    if not isinstance(edit.optimizer, str):
        for phase_name, by_name in edit.optimizer.items():
            for name in by_name:
                if phase_name not in phases or name not in phases[phase_name].parameters:
                    raise BadEdit(f"edit {edit.reason!r}: no parameter {phase_name}/{name}")


def _check_values(phases: Mapping[str, Phase], values: Values, reason: str) -> None:
    for phase_name, by_name in values.items():
        if phase_name not in phases:
            raise BadEdit(f"edit {reason!r}: no phase {phase_name!r}; there are {list(phases)}")
        parameters = phases[phase_name].parameters
        for name, value in by_name.items():
            if name not in parameters:
                raise BadEdit(f"edit {reason!r}: no parameter {phase_name}/{name}")
            if value.shape != parameters[name].shape:
                raise BadEdit(
                    f"edit {reason!r}: {phase_name}/{name} has shape "
                    f"{tuple(parameters[name].shape)}, not {tuple(value.shape)}"
                )
            if not bool(torch.isfinite(value).all()):
                raise BadEdit(f"edit {reason!r}: {phase_name}/{name} has non-finite values")


def _edit_target(phase: Phase, name: str, value: torch.Tensor, edit: NetworkEdit) -> None:
    if name not in phase.targets or edit.targets == "keep":
        return
    if isinstance(edit.targets, str):
        phase.targets[name].copy_(value)
    elif name in edit.targets.get(phase.name, {}):
        phase.targets[name].copy_(edit.targets[phase.name][name])


def _edit_optimizer(phase: Phase, name: str, edit: NetworkEdit) -> None:
    parameter = phase.parameters[name]
    if edit.optimizer == "keep":
        return
    phase.optimizer.state.pop(parameter, None)
    if not isinstance(edit.optimizer, str):
        state = edit.optimizer.get(phase.name, {}).get(name)
        if state:
            # Cloned: the optimiser updates its state in place.
            phase.optimizer.state[parameter] = {k: v.clone() for k, v in state.items()}


@contextmanager
def lent(phases: Mapping[str, Phase], values: Values) -> Iterator[None]:
    """Put values in place for the body, then the former ones back, bit for bit."""
    _check_values(phases, values, "lend")
    before = _copies(phases, values)
    put(phases, values)
    try:
        yield
    finally:
        put(phases, before)


def _copies(phases: Mapping[str, Phase], names: Values) -> dict[str, dict[str, torch.Tensor]]:
    """Copies of the live parameters that `names` has keys for."""
    return {
        phase: {name: phases[phase].parameters[name].detach().clone() for name in by_name}
        for phase, by_name in names.items()
    }


def put(phases: Mapping[str, Phase], values: Values) -> None:
    """Copy values into live parameters; nothing else follows."""
    with torch.no_grad():
        for phase, by_name in values.items():
            for name, value in by_name.items():
                phases[phase].parameters[name].copy_(value)
