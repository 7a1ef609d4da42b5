"""What SB3's networks say, as pure functions of their parameters.

Each function here wraps one SB3 network so that it can be called with *any* parameters of the
right names and shapes (`torch.func.functional_call`): with the live ones, with an anchor, or with
one set per sample under `torch.func.vmap`. That is what Fisher information, distillation and the
compiled and batched updates of later need.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from stable_baselines3.common.distributions import (
    BernoulliDistribution,
    CategoricalDistribution,
    DiagGaussianDistribution,
    MultiCategoricalDistribution,
    StateDependentNoiseDistribution,
)
from stable_baselines3.common.policies import ActorCriticPolicy, ContinuousCritic
from stable_baselines3.dqn.policies import QNetwork
from stable_baselines3.sac.policies import Actor
from torch import nn
from torch.func import functional_call

from l2rl.views import Head, HeadFunction


class _Raw(nn.Module):
    """A module whose forward is one function over an SB3 network."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network


def _called_with(raw: _Raw) -> HeadFunction:
    """`raw` as a function of (parameters, observations, actions)."""

    def heads(
        parameters: Mapping[str, torch.Tensor],
        observations: torch.Tensor,
        actions: torch.Tensor | None = None,
        beliefs: torch.Tensor | None = None,
    ) -> dict[str, Head]:
        named = {f"network.{name}": value for name, value in parameters.items()}
        result: dict[str, Head] = functional_call(raw, named, (observations, actions))
        return result

    return heads


class _ActorCritic(_Raw):
    network: ActorCriticPolicy

    def forward(self, observations: torch.Tensor, actions: torch.Tensor | None) -> dict[str, Head]:
        policy = self.network
        features = policy.extract_features(observations)
        if policy.share_features_extractor:
            latent_pi, latent_vf = policy.mlp_extractor(features)
        else:
            latent_pi = policy.mlp_extractor.forward_actor(features[0])
            latent_vf = policy.mlp_extractor.forward_critic(features[1])
        return {
            "action": action_head(policy, policy.action_net(latent_pi), latent_pi),
            "value": Head("scalar", "value", policy.value_net(latent_vf)),
        }


def action_head(policy: ActorCriticPolicy, output: torch.Tensor, latent: torch.Tensor) -> Head:
    """The policy's action distribution as a head; `output` is that of `action_net`."""
    distribution = policy.action_dist
    if isinstance(distribution, CategoricalDistribution):
        return Head("categorical", "acting", output)
    if isinstance(distribution, MultiCategoricalDistribution):
        sizes = tuple(int(n) for n in distribution.action_dims)
        return Head("multi_categorical", "acting", output, sizes=sizes)
    if isinstance(distribution, BernoulliDistribution):
        return Head("bernoulli", "acting", output)
    if isinstance(distribution, StateDependentNoiseDistribution):
        return Head("gaussian", "acting", output, _sde_scale(policy, distribution, latent))
    if isinstance(distribution, DiagGaussianDistribution):
        return Head("gaussian", "acting", output, policy.log_std.exp().expand_as(output))
    raise NotImplementedError(f"no head for {type(distribution).__name__}")


def _sde_scale(
    policy: ActorCriticPolicy, distribution: StateDependentNoiseDistribution, latent: torch.Tensor
) -> torch.Tensor:
    variance = torch.matmul(latent**2, distribution.get_std(policy.log_std) ** 2)
    return torch.sqrt(variance + distribution.epsilon)


class _Q(_Raw):
    network: QNetwork

    def forward(self, observations: torch.Tensor, actions: torch.Tensor | None) -> dict[str, Head]:
        return {"q": Head("scalar", "acting", self.network(observations))}


class _SquashedActor(_Raw):
    network: Actor

    def forward(self, observations: torch.Tensor, actions: torch.Tensor | None) -> dict[str, Head]:
        mean, log_std, extra = self.network.get_action_dist_params(observations)
        if "latent_sde" in extra:
            distribution = self.network.action_dist
            assert isinstance(distribution, StateDependentNoiseDistribution)
            variance = torch.matmul(extra["latent_sde"] ** 2, distribution.get_std(log_std) ** 2)
            return {"action": Head("gaussian", "acting", mean, torch.sqrt(variance + 1e-6))}
        return {"action": Head("gaussian", "acting", mean, log_std.exp())}


class _Critics(_Raw):
    network: ContinuousCritic

    def forward(self, observations: torch.Tensor, actions: torch.Tensor | None) -> dict[str, Head]:
        if actions is None:
            raise ValueError("the heads of SAC's critics need actions")
        values = self.network(observations, actions)
        return {f"q{i}": Head("scalar", "value", value) for i, value in enumerate(values)}


def head_function(network: nn.Module) -> HeadFunction:
    """The heads of an SB3 network as a pure function; see `l2rl.views.HeadFunction`.

    Raises `NotImplementedError` for a network of a kind not known here.
    """
    if isinstance(network, ActorCriticPolicy):
        return _called_with(_ActorCritic(network))
    if isinstance(network, QNetwork):
        return _called_with(_Q(network))
    if isinstance(network, Actor):
        return _called_with(_SquashedActor(network))
    if isinstance(network, ContinuousCritic):
        return _called_with(_Critics(network))
    raise NotImplementedError(f"no heads for a network of type {type(network).__name__}")


def squashed_actor_heads(actor: nn.Module) -> HeadFunction:
    """The heads of an actor that is like SAC's, of whatever class."""
    return _called_with(_SquashedActor(actor))


def no_heads(
    parameters: Mapping[str, torch.Tensor],
    observations: torch.Tensor,
    actions: torch.Tensor | None = None,
    beliefs: torch.Tensor | None = None,
) -> dict[str, Head]:
    """The heads of a phase without a network (SAC's entropy weight)."""
    return {}
