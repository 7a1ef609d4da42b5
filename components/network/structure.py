"""Finding one's way in the networks of an agent that is being built."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from torch import nn

from l2rl.engine.activations import NON_LINEARITIES

Networks = Literal["all", "policy", "critic"]

NETWORKS_DESCRIPTION: Final = (
    "which networks: what draws actions (`policy`: PPO's policy, SAC's actor), what estimates "
    "values (`critic`: DQN's Q network, SAC's critics, PPO's value function), or all"
)
_VALUE_PARTS = ("value_net", "mlp_extractor.value_net", "vf_features_extractor")


@dataclass(frozen=True)
class Stack:
    """A sequence of layers with hidden layers in it."""

    phase: str
    """Of its network; `<phase>_target` for a target network."""
    path: str
    network: nn.Module
    layers: nn.Sequential

    def non_linearities(self) -> list[int]:
        """Places of the non-linearities of hidden layers. TD3's actor squashes its output in the
        same stack; that is none."""
        return [
            i
            for i, layer in enumerate(self.layers)
            if isinstance(layer, NON_LINEARITIES)
            and not isinstance(layer, nn.Hardtanh)
            and self.weighted_before(i) is not None
            and not (self.path == "mu" and self.weighted_after(i) is None)
        ]

    def weighted_before(self, place: int) -> int | None:
        """Place of the last layer with a weight matrix before another place."""
        found = [i for i in range(place) if isinstance(self.layers[i], nn.Linear | nn.Conv2d)]
        return found[-1] if found else None

    def weighted_after(self, place: int) -> int | None:
        """Place of the next layer with a weight matrix after another place."""
        for i in range(place + 1, len(self.layers)):
            if isinstance(self.layers[i], nn.Linear | nn.Conv2d):
                return i
        return None


def stacks(networks: Mapping[str, nn.Module], wanted: Networks) -> Iterator[Stack]:
    """Every stack with hidden layers of the wanted networks, targets included, each once."""
    seen: set[int] = set()
    for phase, network in networks.items():
        for path, module in network.named_modules():
            if not isinstance(module, nn.Sequential) or id(module) in seen:
                continue
            seen.add(id(module))
            stack = Stack(phase, path, network, module)
            if _is_wanted(phase, path, wanted) and stack.non_linearities():
                yield stack


def _is_wanted(phase: str, path: str, wanted: Networks) -> bool:
    if wanted == "all":
        return True
    estimates = phase.removesuffix("_target") in ("q", "critic") or path.startswith(_VALUE_PARTS)
    return estimates == (wanted == "critic")
