"""PPO's loss (arXiv 1707.06347), operation by operation as Stable-Baselines3 computes it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from stable_baselines3.common.policies import ActorCriticPolicy
from torch.nn import functional as F

from l2rl.component import Batch
from l2rl.engine.masked_distributions import masked


@dataclass(frozen=True)
class PPOSettings:
    """What the loss depends on besides parameters and batch."""

    clip_range: float
    clip_range_vf: float | None
    normalize_advantage: bool
    ent_coef: float
    vf_coef: float


@dataclass(frozen=True)
class PPOLoss:
    """The loss and what is logged of it."""

    total: torch.Tensor
    policy: torch.Tensor
    value: torch.Tensor
    entropy: torch.Tensor
    clip_fraction: torch.Tensor
    log_ratio: torch.Tensor
    """(batch,) log of new over old action probability."""

    def approximate_kl(self) -> float:
        """Reverse KL estimate of http://joschu.net/blog/kl-approx.html, as SB3 logs it."""
        with torch.no_grad():
            return float(torch.mean((torch.exp(self.log_ratio) - 1) - self.log_ratio))


def ppo_loss(policy: ActorCriticPolicy, batch: Batch, settings: PPOSettings) -> PPOLoss:
    """Clipped surrogate + value + entropy loss of one minibatch.

    `batch`: observations (B, ...), actions (B,) or (B, n), old_values, old_log_prob, advantages,
    returns (B,) float32, and optionally weights (B,) float32, action_masks (B, n) bool.
    """
    with masked(policy, batch.get("action_masks")):
        values, log_prob, entropy = policy.evaluate_actions(batch["observations"], batch["actions"])
    values = values.flatten()
    advantages = batch["advantages"]
    if settings.normalize_advantage and len(advantages) > 1:
        advantages = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
    ratio = torch.exp(log_prob - batch["old_log_prob"])
    clip = settings.clip_range
    surrogate = torch.min(advantages * ratio, advantages * torch.clamp(ratio, 1 - clip, 1 + clip))
    weights = batch.get("weights")
    policy_loss = -_mean(surrogate, weights)
    value_loss = _value_loss(values, batch, settings.clip_range_vf, weights)
    entropy_loss = -torch.mean(-log_prob) if entropy is None else -torch.mean(entropy)
    with torch.no_grad():
        clip_fraction = torch.mean((torch.abs(ratio - 1) > clip).float())
    return PPOLoss(
        total=policy_loss + settings.ent_coef * entropy_loss + settings.vf_coef * value_loss,
        policy=policy_loss,
        value=value_loss,
        entropy=entropy_loss,
        clip_fraction=clip_fraction,
        log_ratio=(log_prob - batch["old_log_prob"]).detach(),
    )


def _mean(values: torch.Tensor, weights: torch.Tensor | None) -> torch.Tensor:
    return values.mean() if weights is None else (weights * values).mean()


def _value_loss(
    values: torch.Tensor,
    batch: Batch,
    clip_range_vf: float | None,
    weights: torch.Tensor | None,
) -> torch.Tensor:
    predicted = values
    if clip_range_vf is not None:
        old = batch["old_values"]
        predicted = old + torch.clamp(values - old, -clip_range_vf, clip_range_vf)
    returns: torch.Tensor = batch["returns"]
    if weights is None:
        return F.mse_loss(returns, predicted)
    return (weights * (returns - predicted) ** 2).mean()
