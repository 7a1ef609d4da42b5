"""Parameters drawn anew, as they were drawn when the network was built."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.distributions import Distribution
from stable_baselines3.common.policies import ActorCriticPolicy
from torch import nn


def fresh_parameters(
    network: nn.Module, names: Sequence[str], generator: torch.Generator
) -> dict[str, torch.Tensor]:
    """New values for the named parameters from the network's own initialisers.

    Layers are drawn as torch draws them, those of an actor-critic policy with `ortho_init` as SB3
    does; a parameter that no initialiser draws (`log_std`) has its value of birth only where that
    is a constant of the policy, and otherwise the value it has now. One number is taken from
    `generator`; the global generator is left alone.
    """
    seed = int(torch.randint(0, 2**62, (), generator=generator))
    drawn = copy.deepcopy(network, _left_by_the_last_pass(network))
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        for module in drawn.modules():
            reset = getattr(module, "reset_parameters", None)
            if callable(reset):
                reset()
        if isinstance(drawn, ActorCriticPolicy):
            _as_actor_critic(drawn)
    values = dict(drawn.named_parameters())
    return {name: values[name].detach() for name in names}


def _left_by_the_last_pass(network: nn.Module) -> dict[int, Any]:
    """A memo for `deepcopy`: what SB3's distributions keep of the last forward pass is shared,
    since it may hang in a graph, which cannot be copied."""
    kept = [
        value
        for module in network.modules()
        for distribution in vars(module).values()
        if isinstance(distribution, Distribution)
        for value in vars(distribution).values()
    ]
    return {id(value): value for value in kept}


def _as_actor_critic(policy: ActorCriticPolicy) -> None:
    """SB3's orthogonal gains, and the constant that `log_std` starts from."""
    if isinstance(getattr(policy, "log_std", None), nn.Parameter):
        policy.log_std.fill_(policy.log_std_init)
    if not policy.ortho_init:
        return
    extractors: list[nn.Module] = [policy.features_extractor]
    if not policy.share_features_extractor:
        extractors = [policy.pi_features_extractor, policy.vf_features_extractor]
    gains: list[tuple[nn.Module, float]] = [
        *((extractor, np.sqrt(2)) for extractor in extractors),
        (policy.mlp_extractor, np.sqrt(2)),
        (policy.action_net, 0.01),
        (policy.value_net, 1.0),
    ]
    for module, gain in gains:
        module.apply(partial(policy.init_weights, gain=gain))
