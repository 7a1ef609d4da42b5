"""Concatenated rectifiers: each unit says both its positive and its negative part.

    h = [relu(W x + b), relu(-(W x + b))]

So one of the two is active whatever the input (the fraction of active units is 1/2, unless a
pre-activation is exactly zero) and no unit can die. The hidden layers of the policy's and the
critics' stacks change their non-linearity, whatever it was; the layers that read them get twice
the inputs and are drawn anew by the initialiser of that place. Layers of a features extractor
(convolutions) stay as they are.

A run with it has other parameters than one without: models saved without it do not fit.

Source: Shang et al. 2016, arXiv:1603.05201; for plasticity Abbas et al. 2023, arXiv:2303.07507.
Cost: twice the weights after the first hidden layer; a gradient step of DQN takes 0.2 ms more with
two hidden layers of 64 units and 1.3 ms with 256. Not with `use_sde`, nor with crossq, whose
normalisations follow the non-linearities.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from pydantic import Field
from stable_baselines3.common.policies import ActorCriticPolicy
from torch import nn

from l2rl.capabilities import NETWORK_BUILD
from l2rl.component import Component, ComponentConfig
from l2rl.errors import UserError
from l2rl.views import NetworkBuildView

from .structure import NETWORKS_DESCRIPTION, Networks, Stack, stacks


class CReLU(nn.ReLU):
    """[relu(x), relu(-x)] along the units: (batch, units, ...) -> (batch, 2 * units, ...)."""

    def __init__(self) -> None:
        super().__init__(inplace=False)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return torch.cat([torch.relu(values), torch.relu(-values)], dim=1)


class ConcatenatedReLU(Component):
    """Gives the hidden layers concatenated rectifiers."""

    needs = (NETWORK_BUILD,)
    cost = "20-70 %, twice the weights after the first hidden layer"
    order = -20

    class Config(ComponentConfig):
        """Settings of `network.crelu`."""

        networks: Networks = Field("all", description=NETWORKS_DESCRIPTION)

    def modify_network(self, view: NetworkBuildView) -> None:
        found = [
            stack
            for stack in stacks(view.networks, self.config.networks)
            if "features_extractor" not in stack.path
        ]
        if not found:
            raise UserError(
                f"component {self.name!r}: there is no hidden layer to change\n"
                "  give the network hidden layers, choose other `networks`, or remove the component"
            )
        for stack in found:
            self._refuse_what_cannot_be_widened(stack)
            for place in stack.non_linearities():
                stack.layers[place] = CReLU()
                _widen_readers(stack, place)

    def _refuse_what_cannot_be_widened(self, stack: Stack) -> None:
        for place in stack.non_linearities():
            end = stack.weighted_after(place) or len(stack.layers)
            between = list(stack.layers)[place + 1 : end]
            if any(True for layer in between for _ in layer.parameters()):
                raise UserError(
                    f"component {self.name!r} cannot widen this network: a normalisation follows "
                    "its non-linearities\n  use another learner, or remove the component"
                )
        if getattr(stack.network, "use_sde", False):
            raise UserError(
                f"component {self.name!r} cannot widen a policy with state-dependent noise\n"
                "  set `use_sde: false` in the learner's settings, or remove the component"
            )


def _widen_readers(stack: Stack, place: int) -> None:
    """Twice the inputs for whatever reads a non-linearity of the stack."""
    following = stack.weighted_after(place)
    if following is not None:
        layer = stack.layers[following]
        assert isinstance(layer, nn.Linear)
        stack.layers[following] = _widened(layer, stack.network, np.sqrt(2))
        return
    for name, gain in _readers(stack.path):
        layer = getattr(stack.network, name)
        setattr(stack.network, name, _widened(layer, stack.network, gain))
    _note_width(stack)


def _readers(path: str) -> Iterable[tuple[str, float]]:
    """What reads the end of a stack, with its gain in SB3's orthogonal initialisation."""
    following = {
        "mlp_extractor.policy_net": (("action_net", 0.01),),
        "mlp_extractor.value_net": (("value_net", 1.0),),
        "latent_pi": (("mu", 1.0), ("log_std", 1.0)),
    }
    return following[path]


def _note_width(stack: Stack) -> None:
    """Stable-Baselines3 keeps the width of the last hidden layer beside the layers."""
    widths = {"policy_net": "latent_dim_pi", "value_net": "latent_dim_vf"}
    owner: Any = getattr(stack.network, "mlp_extractor", None)
    attribute = widths.get(stack.path.rpartition(".")[2])
    if owner is not None and attribute is not None:
        setattr(owner, attribute, 2 * getattr(owner, attribute))


def _widened(layer: nn.Linear, network: nn.Module, gain: float) -> nn.Linear:
    """A new layer with twice the inputs, drawn as its place is."""
    wide = nn.Linear(2 * layer.in_features, layer.out_features, layer.bias is not None)
    if isinstance(network, ActorCriticPolicy) and network.ortho_init:
        network.init_weights(wide, gain)
    return wide.to(layer.weight.device)
