"""DQN's loss (arXiv 1312.5602), operation by operation as Stable-Baselines3 computes it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

from l2rl.component import Batch


@dataclass(frozen=True)
class DQNLoss:
    """The loss and what it is made of."""

    total: torch.Tensor
    values: torch.Tensor
    """(batch, 1) of the actions taken."""
    targets: torch.Tensor
    """(batch, 1)"""

    def errors(self) -> torch.Tensor:
        """TD errors (batch,), without gradient."""
        return (self.values.detach() - self.targets).reshape(-1)


def dqn_loss(q_net: nn.Module, q_net_target: nn.Module, batch: Batch, gamma: float) -> DQNLoss:
    """Huber loss of the TD error of one minibatch.

    `batch`: observations, next_observations (B, ...), actions (B, 1), rewards, dones (B, 1)
    float32, and optionally weights (B,) float32, next_action_masks (B, n) bool: the target's
    maximum is then over valid actions. `gamma`: discount, where there
    are no `discounts` (B, 1) in the batch.
    """
    gamma = batch.get("discounts", gamma)
    masks: torch.Tensor | None = batch.get("next_action_masks")
    with torch.no_grad():
        next_values = q_net_target(batch["next_observations"])
        if masks is not None:
            next_values = next_values.masked_fill(~masks, -torch.inf)
        next_values, _ = next_values.max(dim=1)
        next_values = next_values.reshape(-1, 1)
        targets = batch["rewards"] + (1 - batch["dones"]) * gamma * next_values
    values = q_net(batch["observations"])
    values = torch.gather(values, dim=1, index=batch["actions"].long())
    weights: torch.Tensor | None = batch.get("weights")
    if weights is None:
        total = F.smooth_l1_loss(values, targets)
    else:
        each = F.smooth_l1_loss(values, targets, reduction="none")
        total = (weights.reshape(-1, 1) * each).mean()
    return DQNLoss(total, values, targets)
