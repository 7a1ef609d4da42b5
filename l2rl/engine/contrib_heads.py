"""Heads of the networks of TD3 and of sb3-contrib's TQC, QR-DQN and CrossQ (`engine.heads`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from torch.func import functional_call

from l2rl.views import Head, HeadFunction


class _Raw(nn.Module):
    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network: Any = network


class Deterministic(_Raw):
    """TD3's actor: its action, read as the mean of a Gaussian of unit variance."""

    def forward(self, observations: torch.Tensor, actions: torch.Tensor | None) -> dict[str, Head]:
        return {"action": Head("scalar", "acting", self.network(observations))}


class QuantilesOfActions(_Raw):
    """QR-DQN's network (batch, quantiles, actions): every quantile of every action's value."""

    def forward(self, observations: torch.Tensor, actions: torch.Tensor | None) -> dict[str, Head]:
        return {"q": Head("scalar", "acting", self.network(observations).flatten(1))}


class QuantileCritics(_Raw):
    """TQC's critics (batch, critics, quantiles): the quantiles of each."""

    def forward(self, observations: torch.Tensor, actions: torch.Tensor | None) -> dict[str, Head]:
        if actions is None:
            raise ValueError("the heads of critics need actions")
        values = self.network(observations, actions)
        return {f"q{i}": Head("scalar", "value", values[:, i]) for i in range(values.shape[1])}


class NormalisedActor(_Raw):
    """CrossQ's actor under its running statistics, which a look must not change."""

    def forward(self, observations: torch.Tensor, actions: torch.Tensor | None) -> dict[str, Head]:
        self.network.set_bn_training_mode(False)
        mean, log_std, _ = self.network.get_action_dist_params(observations)
        return {"action": Head("gaussian", "acting", mean, log_std.exp())}


class NormalisedCritics(_Raw):
    """CrossQ's critics under their running statistics."""

    def forward(self, observations: torch.Tensor, actions: torch.Tensor | None) -> dict[str, Head]:
        if actions is None:
            raise ValueError("the heads of critics need actions")
        self.network.set_bn_training_mode(False)
        values = self.network(observations, actions)
        return {f"q{i}": Head("scalar", "value", value) for i, value in enumerate(values)}


def heads_through(raw: type[_Raw], network: nn.Module) -> HeadFunction:
    """The heads of a network as a pure function (`l2rl.views.HeadFunction`)."""
    module = raw(network)

    def heads(
        parameters: Mapping[str, torch.Tensor],
        observations: torch.Tensor,
        actions: torch.Tensor | None = None,
        beliefs: torch.Tensor | None = None,
    ) -> dict[str, Head]:
        named = {f"network.{name}": value for name, value in parameters.items()}
        result: dict[str, Head] = functional_call(module, named, (observations, actions))
        return result

    return heads
