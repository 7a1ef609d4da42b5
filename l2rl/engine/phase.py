"""A phase: one optimiser, the parameters it moves, and how to look at them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import nn

from l2rl.engine.activations import ActivationRecorder
from l2rl.engine.fresh import fresh_parameters
from l2rl.engine.heads import head_function, no_heads
from l2rl.views import HeadFunction, PhaseView, Role


@dataclass
class Phase:
    """One phase of a learner's update."""

    name: str
    network: nn.Module | None
    """What the parameters belong to; None for SAC's entropy weight."""
    parameters: dict[str, nn.Parameter]
    roles: dict[str, Role]
    targets: dict[str, torch.Tensor]
    output_layers: frozenset[str]
    optimizer: torch.optim.Optimizer
    forward: Callable[[torch.Tensor, torch.Tensor | None], object] | None = None
    """Runs the network once, for recordings."""
    clip_parameters: Sequence[nn.Parameter] = ()
    max_grad_norm: float | None = None
    heads: HeadFunction = field(default=no_heads)
    idle: Callable[[], Iterable[nn.Parameter]] = tuple
    """Parameters with no part in this step (heads of other tasks): they get no gradient at all,
    for even a gradient of zero would let an optimiser's momentum move them."""
    forget_asked: Callable[[], None] = lambda: None
    """A gradient step has ended: heads that loss terms asked may be idle again."""
    fresh_parameters: Callable[[torch.Generator], dict[str, torch.Tensor]] = lambda generator: {}
    updates: int = 0
    """Gradient steps taken so far."""

    def __post_init__(self) -> None:
        if self.network is not None:
            if self.heads is no_heads:
                self.heads = head_function(self.network)
            self.recorder = ActivationRecorder(self.network)
            self.fresh_parameters = partial(fresh_parameters, self.network, tuple(self.parameters))

    def activations(
        self, observations: torch.Tensor, actions: torch.Tensor | None = None
    ) -> dict[str, torch.Tensor]:
        """Outputs of the non-linearities on given observations; no gradient, no effect."""
        if self.network is None or self.forward is None:
            return {}
        was_training = self.network.training
        self.network.train(False)
        try:
            with torch.no_grad(), self.recorder.recording() as outputs:
                self.forward(observations, actions)
        finally:
            self.network.train(was_training)
        return outputs

    def tap(
        self, replaced: Mapping[str, torch.Tensor]
    ) -> AbstractContextManager[dict[str, torch.Tensor]]:
        """Look at, and replace, outputs of non-linearities in calls of `heads`."""
        return nullcontext({}) if self.network is None else self.recorder.tapped(replaced)

    def features(
        self,
        parameters: Mapping[str, torch.Tensor],
        observations: torch.Tensor,
        actions: torch.Tensor | None = None,
    ) -> dict[str, torch.Tensor]:
        """Outputs of the non-linearities as a pure function of any parameters, with gradients."""
        if self.network is None:
            return {}
        with self.recorder.recording_graph() as outputs:
            self.heads(parameters, observations, actions)
        return outputs

    def activation_kinds(self) -> dict[str, str]:
        """Class name of each recorded non-linearity by layer name."""
        if self.network is None:
            return {}
        return {name: type(layer).__name__ for name, layer in self.recorder.layers.items()}

    def read_optimizer(self) -> dict[str, dict[str, torch.Tensor]]:
        """A copy of the optimiser's state by parameter name."""
        return {
            name: {
                key: value.detach().clone()
                for key, value in self.optimizer.state[parameter].items()
                if isinstance(value, torch.Tensor)
            }
            for name, parameter in self.parameters.items()
            if parameter in self.optimizer.state
        }

    def view(self) -> PhaseView:
        """What components see of it."""
        return PhaseView(
            name=self.name,
            parameters=self.parameters,
            roles=self.roles,
            targets=self.targets,
            output_layers=self.output_layers,
            heads=self.heads,
            activations=self.activations,
            read_optimizer=self.read_optimizer,
            activation_kinds=self.activation_kinds(),
            fresh_parameters=self.fresh_parameters,
            tap=self.tap,
            features=self.features,
        )

    def flat_row(self) -> torch.Tensor:
        """All parameters as one new row (P,) in the order of `parameters`."""
        return torch.cat([p.detach().reshape(-1) for p in self.parameters.values()])


def optimised_parameters(
    module: nn.Module, optimizer: torch.optim.Optimizer
) -> dict[str, nn.Parameter]:
    """The named parameters of a module that an optimiser moves, in the module's order."""
    moved = {id(p) for group in optimizer.param_groups for p in group["params"]}
    return {name: p for name, p in module.named_parameters() if id(p) in moved}


def following(parameters: Mapping[str, nn.Parameter], target: nn.Module) -> dict[str, torch.Tensor]:
    """The target network's values by the name of the parameter they follow."""
    values = dict(target.named_parameters())
    return {name: values[name].data for name in parameters if name in values}


def last_layer(module: nn.Module, prefix: str) -> set[str]:
    """Names (with prefix) of the parameters of the last layer that has any; of all its heads if
    it has several."""
    heads = {f"{prefix}.{name}" for name, _ in module.named_parameters() if "heads." in name}
    if heads:
        return heads
    layers = [
        (name, m)
        for name, m in module.named_modules()
        if any(True for _ in m.parameters(recurse=False))
    ]
    name, layer = layers[-1]
    path = f"{prefix}.{name}" if name else prefix
    return {f"{path}.{p}" for p, _ in layer.named_parameters(recurse=False)}
