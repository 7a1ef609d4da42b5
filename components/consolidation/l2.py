"""L2 to the previous task: every parameter is tied to where the last task left it.

    penalty = 1/2 * strength * sum_i (theta_i - anchor_i)^2

The anchor is the network at the end of the last task, and all parameters matter alike: EWC with
F = 1 and `mode: online`, `decay: 0`. It takes no states and no pass over them. Source: plain L2
against EWC and feature distillation without rehearsal in arXiv 2203.17269; in lifelong RL Continual
World (arXiv 2105.10919), whose strength for SAC's actor with a head per task is 1e5; the default
here is for one head, which must still be able to learn the next task.

Units: the penalty is in units of the loss, a sum over parameters. PPO and DQN clip it together
with their gradient. With plain SGD the step that it adds is stable while learning rate * strength
is below 2; Adam divides it by its own size like every gradient.

Nothing is tied before the first task has ended. A parameter that a reset draws anew is free until
the next task ends; each expert of a pool has anchors of its own.

Cost: 0.15 ms per gradient step on one core for a network of 64x64, 0.25 ms for 256x256; 3 P.
"""

from __future__ import annotations

import torch
from pydantic import Field

from l2rl.component import ComponentConfig

from .quadratic import TaskPenalty
from .trigger import Trigger, trigger_field


class L2ToPreviousTask(TaskPenalty):
    """Ties every parameter to its value at the end of the last task."""

    cost = "0.15-0.25 ms per gradient step, 3 P"
    factor = 0.5
    logs_importance = False

    class Config(ComponentConfig):
        """Settings of `consolidation.l2`."""

        strength: float = Field(
            1.0, ge=0, description="weight of the penalty on parameters that decide actions"
        )
        critic_strength: float = Field(
            0.0, ge=0, description="the same for parameters that only judge actions; 0: left free"
        )
        trigger: Trigger = trigger_field()

    def _renew(self, phase: str) -> None:
        anchor = self._anchors[phase]
        anchor.replace(torch.ones_like(anchor.values), decay=0.0)
