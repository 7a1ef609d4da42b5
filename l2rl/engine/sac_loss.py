"""SAC's three losses (arXiv 1812.05905), operation by operation as Stable-Baselines3 does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from stable_baselines3.common.policies import ContinuousCritic
from stable_baselines3.sac.policies import Actor
from torch.nn import functional as F

from l2rl.component import Batch


def entropy_loss(
    log_ent_coef: torch.Tensor, log_prob: torch.Tensor, target_entropy: float
) -> torch.Tensor:
    """Loss of the (log) entropy weight; `log_prob` (B, 1) float32."""
    return -(log_ent_coef * (log_prob + target_entropy).detach()).mean()


def td_target(
    actor: Actor,
    critic_target: ContinuousCritic,
    batch: Batch,
    ent_coef: torch.Tensor,
    gamma: float,
) -> torch.Tensor:
    """Soft TD target (B, 1); draws the next actions from the global torch generator. `gamma`:
    discount, where the batch has no `discounts` (B, 1)."""
    discounts = batch.get("discounts", gamma)
    with torch.no_grad():
        following = batch["next_observations"]
        next_actions, next_log_prob = actor.action_log_prob(following)
        next_values = torch.cat(critic_target(following, next_actions), dim=1)
        next_values, _ = torch.min(next_values, dim=1, keepdim=True)
        next_values = next_values - ent_coef * next_log_prob.reshape(-1, 1)
        target: torch.Tensor = batch["rewards"] + (1 - batch["dones"]) * discounts * next_values
    return target


@dataclass(frozen=True)
class CriticLoss:
    """The loss and what it is made of."""

    total: torch.Tensor
    values: Sequence[torch.Tensor]
    """(batch, 1) of each critic."""
    target: torch.Tensor
    """(batch, 1)"""

    def errors(self) -> torch.Tensor:
        """Mean absolute TD error over the critics, (batch,), without gradient."""
        distances = [(value.detach() - self.target).abs() for value in self.values]
        return torch.stack(distances).mean(dim=0).reshape(-1)


def critic_loss(critic: ContinuousCritic, batch: Batch, target: torch.Tensor) -> CriticLoss:
    """Half the summed squared TD errors of all critics; optional `weights` (B,) float32."""
    values = critic(batch["observations"], batch["actions"])
    weights = batch.get("weights")
    if weights is None:
        loss = 0.5 * sum(F.mse_loss(value, target) for value in values)
    else:
        column = weights.reshape(-1, 1)
        loss = 0.5 * sum((column * (value - target) ** 2).mean() for value in values)
    assert isinstance(loss, torch.Tensor)
    return CriticLoss(loss, values, target)


def actor_loss(
    critic: ContinuousCritic,
    batch: Batch,
    actions: torch.Tensor,
    log_prob: torch.Tensor,
    ent_coef: torch.Tensor,
) -> torch.Tensor:
    """Expected entropy-regularised value, negated. `actions` (B, n), `log_prob` (B, 1)."""
    values = torch.cat(critic(batch["observations"], actions), dim=1)
    smallest, _ = torch.min(values, dim=1, keepdim=True)
    return (ent_coef * log_prob - smallest).mean()
