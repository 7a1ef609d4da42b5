"""Which layers and parameters are measured together: a phase, or its acting and its value part."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch

from l2rl.views import PhaseView, Role

_LEFT_OUT = ("Hardtanh",)
"""Stable-Baselines3 clips the output of a gSDE policy with it; it is no hidden layer."""


@dataclass(frozen=True)
class NetworkPart:
    """Parameters of one phase that serve one role, and the non-linearities among them."""

    title: str
    """Prefix of its metrics: `q`, or `policy/acting` where a phase has two parts."""
    phase: PhaseView
    role: Role

    def parameters(self) -> dict[str, torch.Tensor]:
        """The live parameters by name."""
        roles = self.phase.roles
        return {n: p for n, p in self.phase.parameters.items() if roles[n] == self.role}

    def layers(self, outputs: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Of all recorded outputs those of this part's hidden layers, in order of execution."""
        kinds = self.phase.activation_kinds
        return {
            name: values
            for name, values in outputs.items()
            if kinds[name] not in _LEFT_OUT and _role_of(name, self.phase) == self.role
        }

    def penultimate(self, layers: Iterable[str]) -> list[str]:
        """The last of these layers before each head, each once.

        A head in a stack with hidden layers (`q_net.4`, `qf0.4`) follows the last one of that
        stack, and a head of its own (`action_net`) the last one of the part.
        """
        names = list(layers)
        outputs = [n for n in self.parameters() if n in self.phase.output_layers]
        found = [last for name in outputs if (last := _before(name, names))]
        return list(dict.fromkeys(found))


def network_parts(phase: PhaseView) -> list[NetworkPart]:
    """One part for each role of a phase that has a network; none for SAC's entropy weight."""
    roles: Sequence[Role] = [r for r in ("acting", "value") if r in phase.roles.values()]
    if len(roles) == 1:
        return [NetworkPart(phase.name, phase, roles[0])]
    return [NetworkPart(f"{phase.name}/{role}", phase, role) for role in roles]


def _role_of(layer: str, phase: PhaseView) -> Role:
    """Role of the parameters in the same stack as a layer; a shared one counts as acting."""
    stack = layer.rpartition(".")[0] + "."
    roles = {role for name, role in phase.roles.items() if name.startswith(stack)}
    if not roles:
        roles = set(phase.roles.values())
    return "acting" if "acting" in roles else "value"


def _before(parameter: str, layers: Sequence[str]) -> str | None:
    """The last of `layers` in the innermost stack around a parameter that has any."""
    stack = parameter
    while stack:
        stack = stack.rpartition(".")[0]
        inside = [n for n in layers if not stack or n.rpartition(".")[0] == stack]
        if inside:
            return inside[-1]
    return None
