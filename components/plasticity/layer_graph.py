"""Which layer feeds which: the hidden layers of a phase with what comes in and what goes out.

    incoming weight (units, ...) -> normalisation -> non-linearity -> outgoing weights (..., units)

A unit is a row of the incoming weight (of a convolution an output channel). A non-linearity that
doubles its input (CReLU) gives each unit two outputs. Where features are flattened, each output
channel feeds a block of columns.

The graph is read off the names that Stable-Baselines3 gives its layers, and then *tried*: with the
outgoing weights of a layer at zero, what the network says must not depend on its incoming weights.
A layer that fails (of a network with shortcuts, say) is left out.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from gymnasium import spaces

from l2rl.views import AgentView, Head, PhaseView, Role

DOUBLING = ("CReLU",)
"""Class names of non-linearities with two outputs a unit: output u and output units + u."""
_TRIAL_STATES = 4


@dataclass(frozen=True)
class Outgoing:
    """One layer that reads a hidden layer's outputs."""

    weight: str
    bias: str | None
    start: int
    """Its first column that does."""
    block: int
    """Columns per output."""

    def columns(self, outputs: torch.Tensor) -> torch.Tensor:
        """Columns of the outputs (n,) int64: (n * block,) int64, output by output."""
        within = torch.arange(self.block, device=outputs.device)
        return (self.start + outputs[:, None] * self.block + within).reshape(-1)


@dataclass(frozen=True)
class HiddenLayer:
    """One hidden layer: all names are those of parameters of its phase."""

    name: str
    """Of its non-linearity, as in `PhaseView.activations`."""
    phase: str
    role: Role
    weight: str
    bias: str | None
    norms: tuple[str, ...]
    """Weight and bias of normalisations between weight and non-linearity, each (units,)."""
    outgoing: tuple[Outgoing, ...]
    units: int
    copies: int
    """Outputs per unit."""

    @property
    def title(self) -> str:
        """Unique on the agent."""
        return f"{self.phase}/{self.name}"

    @property
    def incoming(self) -> tuple[str, ...]:
        """Parameters with one row for each unit."""
        return (self.weight, *((self.bias,) if self.bias else ()), *self.norms)

    def outputs_of(self, units: torch.Tensor) -> torch.Tensor:
        """Outputs of the units (n,) int64: (copies * n,) int64, one copy after the other."""
        return torch.cat([units + copy * self.units for copy in range(self.copies)])

    def by_unit(self, by_output: torch.Tensor) -> torch.Tensor:
        """(copies * units,) -> (units,), summed over the copies."""
        return by_output.reshape(self.copies, self.units).sum(dim=0)


def hidden_layers(agent: AgentView, phase: PhaseView) -> list[HiddenLayer]:
    """The hidden layers of a phase that pass the trial, in order of execution."""
    names = _Names(phase, _action_size(agent.action_space))
    found = [layer for name in phase.activation_kinds if (layer := names.layer(name))]
    found = [layer for layer in found if not _shared_with_critic(layer, agent)]
    trial = _Trial(agent, phase)
    return [layer for layer in found if trial.passes(layer)]


def _shared_with_critic(layer: HiddenLayer, agent: AgentView) -> bool:
    """Whether SAC's critics read it too: those have the layer, but not its parameters."""
    if layer.phase != "actor" or "critic" not in agent.phases:
        return False
    critic = agent.phases["critic"]
    return layer.name in critic.activation_kinds and layer.weight not in critic.parameters


def _action_size(space: spaces.Space[object]) -> int:
    return int(np.prod(space.shape or ()))


class _Names:
    """The layers of one phase by their names, `<stack>.<number in the stack>`."""

    def __init__(self, phase: PhaseView, action_size: int) -> None:
        self.phase = phase
        self.action_size = action_size
        self.weights = {
            name.removesuffix(".weight"): parameter
            for name, parameter in phase.parameters.items()
            if name.endswith(".weight") and parameter.dim() > 1
        }

    def layer(self, name: str) -> HiddenLayer | None:
        """The hidden layer of a non-linearity; None if its surroundings are not understood."""
        stack, number = _place(name)
        before = self._last_before(stack, number)
        if before is None:
            return None
        units = len(self.weights[before])
        copies = 2 if self.phase.activation_kinds[name] in DOUBLING else 1
        readers = self._next_in(stack, number) or self._after(stack)
        outgoing = [self._outgoing(reader, units * copies) for reader in readers]
        complete = [edge for edge in outgoing if edge is not None]
        if not complete or len(complete) < len(outgoing):
            return None
        norms = self._norms(stack, _place(before)[1], number, units)
        weight, bias = f"{before}.weight", self._bias(before)
        role = self.phase.roles[weight]
        return HiddenLayer(
            name, self.phase.name, role, weight, bias, norms, tuple(complete), units, copies
        )

    def _bias(self, layer: str) -> str | None:
        return f"{layer}.bias" if f"{layer}.bias" in self.phase.parameters else None

    def _last_before(self, stack: str, number: int) -> str | None:
        """The last weighted layer before a place in a stack, if no non-linearity is between."""
        inside = [n for n in self.weights if _place(n)[0] == stack and -1 < _place(n)[1] < number]
        if not inside:
            return None
        last = max(inside, key=lambda n: _place(n)[1])
        between = range(_place(last)[1] + 1, number)
        blocked = any(f"{stack}.{i}" in self.phase.activation_kinds for i in between)
        return None if blocked else last

    def _norms(self, stack: str, first: int, last: int, units: int) -> tuple[str, ...]:
        return tuple(
            name
            for i in range(first + 1, last)
            for name in (f"{stack}.{i}.weight", f"{stack}.{i}.bias")
            if name in self.phase.parameters and self.phase.parameters[name].shape == (units,)
        )

    def _next_in(self, stack: str, number: int) -> list[str]:
        """The next weighted layer of a stack; all its heads if it is one head a task."""
        later = sorted({i for n in self.weights if (i := _within(n, stack)) > number})
        return [n for n in self.weights if later and _within(n, stack) == later[0]]

    def _after(self, stack: str) -> list[str]:
        """The layers that read a stack's last output, by the topologies of SB3's networks."""
        names = list(self.weights)
        root = stack.split(".")[0]
        if root.endswith("features_extractor"):
            last = max(i for i, n in enumerate(names) if n.startswith(f"{stack}."))
            rest = [n for n in names[last + 1 :] if n.startswith(f"{root}.")]
            return self._entries((_sub_stack(rest[0], 1),)) if rest else self._heads_of(root)
        following = {
            "mlp_extractor.policy_net": ("action_net",),
            "mlp_extractor.value_net": ("value_net",),
            "latent_pi": ("mu", "log_std"),
        }
        return self._entries(following.get(stack, ()))

    def _heads_of(self, extractor: str) -> list[str]:
        """What reads the features."""
        if self.phase.name == "policy":
            separate = any(n.startswith("vf_features_extractor.") for n in self.weights)
            acting = self._first_of("mlp_extractor.policy_net", "action_net")
            value = self._first_of("mlp_extractor.value_net", "value_net")
            if extractor == "vf_features_extractor":
                return value
            return acting if separate else [*acting, *value]
        if self.phase.name == "actor":
            return self._first_of("latent_pi", "mu", "log_std")
        stacks = {n.split(".")[0] for n in self.weights}
        critics = sorted(s for s in stacks if s == "q_net" or s.startswith("qf"))
        return self._entries(critics)

    def _first_of(self, stack: str, *otherwise: str) -> list[str]:
        return self._entries((stack,)) or self._entries(otherwise)

    def _entries(self, stacks: Iterable[str]) -> list[str]:
        """The first weighted layer (all its heads) below each of these names."""
        result = []
        for stack in stacks:
            inside = [n for n in self.weights if n == stack or n.startswith(f"{stack}.")]
            first = inside[0] if inside else ""
            siblings = first.rpartition(".heads.")[0]
            result += [n for n in inside if n == first or (siblings and n.startswith(siblings))]
        return result

    def _outgoing(self, reader: str, outputs: int) -> Outgoing | None:
        weight = self.weights[reader]
        inputs = weight.shape[1]
        stack, number = _place(reader)
        if self.phase.name == "critic" and "." not in stack and number == 0:
            # The first layer of each critic reads the features, then the actions.
            inputs -= self.action_size
        if inputs < outputs or inputs % outputs:
            return None
        return Outgoing(f"{reader}.weight", self._bias(reader), 0, inputs // outputs)


def _place(name: str) -> tuple[str, int]:
    """(stack, number in it); number -1 where the last part of the name is none."""
    stack, _, last = name.rpartition(".")
    return stack, int(last) if last.isdigit() else -1


def _within(name: str, stack: str) -> int:
    """Number in a stack of the module that a layer is, or is a head of; -1 if it is not in it."""
    inside = name.removeprefix(f"{stack}.")
    first = inside.split(".")[0]
    is_head = inside == first or ".heads." in f".{inside}."
    return int(first) if inside != name and first.isdigit() and is_head else -1


def _sub_stack(name: str, depth: int) -> str:
    """The name without its last `depth` parts."""
    return ".".join(name.split(".")[:-depth])


class _Trial:
    """Whether a layer is what the names say, on a few random states."""

    def __init__(self, agent: AgentView, phase: PhaseView) -> None:
        self.phase = phase
        self.generator = torch.Generator().manual_seed(0)
        space = copy.deepcopy(agent.observation_space)
        space.seed(0)
        states = np.stack([np.asarray(space.sample()) for _ in range(_TRIAL_STATES)])
        self.states = torch.as_tensor(states, device=agent.device)
        shape = (_TRIAL_STATES, _action_size(agent.action_space))
        self.actions = torch.rand(shape, generator=self.generator).to(agent.device)

    def passes(self, layer: HiddenLayer) -> bool:
        """With outgoing weights at zero, incoming ones must have no effect."""
        silent = {name: p.detach() for name, p in self.phase.parameters.items()}
        outputs = torch.arange(layer.units * layer.copies)
        for edge in layer.outgoing:
            weight = silent[edge.weight].clone()
            weight[:, edge.columns(outputs)] = 0.0
            silent[edge.weight] = weight
        other = dict(silent)
        for name in layer.incoming:
            drawn = torch.randn(silent[name].shape, generator=self.generator)
            other[name] = drawn.to(silent[name].device)
        before, after = self._said(silent), self._said(other)
        return all(torch.equal(before[name], after[name]) for name in before)

    def _said(self, parameters: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        with torch.no_grad():
            heads: Mapping[str, Head] = self.phase.heads(parameters, self.states, self.actions)
        return {name: head.values for name, head in heads.items()}


def layers_of_role(layers: Sequence[HiddenLayer], role: Role) -> list[HiddenLayer]:
    """Those whose incoming weights serve a role."""
    return [layer for layer in layers if layer.role == role]
