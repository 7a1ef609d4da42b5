"""DQN's loss (arXiv 1312.5602), operation by operation as Stable-Baselines3 computes it."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from l2rl.component import Batch


def dqn_loss(
    q_net: nn.Module, q_net_target: nn.Module, batch: Batch, gamma: float | torch.Tensor
) -> torch.Tensor:
    """Huber loss of the TD error of one minibatch.

    `batch`: observations, next_observations (B, ...), actions (B, 1), rewards, dones (B, 1)
    float32, and optionally weights (B,) float32, next_action_masks (B, n) bool: the target's
    maximum is then over valid actions. `gamma`: discount, a number or (B, 1).
    """
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
        return F.smooth_l1_loss(values, targets)
    return (weights.reshape(-1, 1) * F.smooth_l1_loss(values, targets, reduction="none")).mean()
