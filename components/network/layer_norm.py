"""Layer normalisation before each non-linearity.

    h = phi(LN(W x + b)),   LN(z) = g (z - mean z) / sqrt(var z + epsilon) + c

over the units of a layer (of a convolution over channels and space), so that what the
non-linearity gets does not change when all of z is scaled or shifted: pre-activations cannot drift
into a region without gradient. g and c (`affine`) are learned, one each per unit.

The layers are put in when the agent is built, in targets too, so a run with it has other
parameters than one without: models saved without it do not fit. The output layer stays bare.

Source: Ba et al. 2016, arXiv:1607.06450; for plasticity Lyle et al. 2023, arXiv:2303.01486. Cost:
0.25 ms a gradient step of DQN with two hidden layers of 64 or 256 units; 2 parameters per unit.
"""

from __future__ import annotations

from pydantic import Field
from torch import nn

from l2rl.capabilities import NETWORK_BUILD
from l2rl.component import Component, ComponentConfig
from l2rl.errors import UserError
from l2rl.views import NetworkBuildView

from .structure import NETWORKS_DESCRIPTION, Networks, Stack, stacks


class LayerNormalisation(Component):
    """Puts a layer normalisation before each non-linearity."""

    needs = (NETWORK_BUILD,)
    cost = "0.25 ms per gradient step, 2 parameters per unit"
    order = -10

    class Config(ComponentConfig):
        """Settings of `network.layer_norm`."""

        networks: Networks = Field("all", description=NETWORKS_DESCRIPTION)
        affine: bool = Field(True, description="learn a gain and an offset for each unit")
        epsilon: float = Field(1e-5, gt=0, description="added to the variance")

    def modify_network(self, view: NetworkBuildView) -> None:
        found = list(stacks(view.networks, self.config.networks))
        if not found:
            raise UserError(
                f"component {self.name!r}: there is no hidden layer to normalise\n"
                "  give the network hidden layers, choose other `networks`, or remove the component"
            )
        for stack in found:
            # From the end, so that places stay what they were.
            for place in reversed(stack.non_linearities()):
                stack.layers.insert(place, self._norm_of(stack, place))

    def _norm_of(self, stack: Stack, place: int) -> nn.Module:
        before = stack.weighted_before(place)
        assert before is not None
        layer = stack.layers[before]
        norm: nn.Module
        if isinstance(layer, nn.Conv2d):
            # One group is a layer normalisation over channels and space, of any picture size.
            norm = nn.GroupNorm(1, layer.out_channels, self.config.epsilon, self.config.affine)
        else:
            assert isinstance(layer, nn.Linear)
            norm = nn.LayerNorm(layer.out_features, self.config.epsilon, self.config.affine)
        return norm.to(layer.weight.device)
