"""Regenerative regularisation (L2-init): every parameter is pulled to where it was born.

    penalty = strength * sum_i (theta_i - theta_0,i)^2

theta_0 is the network at the first gradient step, so a run that starts from another agent's
parameters regenerates towards those. Unlike weight decay, which pulls to zero and lets a layer's
weights fade together, this pulls back to a draw from which the network could learn. Source: arXiv
2308.11958. Published strengths run from 1e-5 to 1e-2; too much of it keeps the agent from learning.

What acts and what judges has a strength of its own, both on by default: this is about staying able
to learn, not about remembering, and value functions lose that first. SAC's entropy weight is left
alone.

Entries that a reset draws anew have that draw as their theta_0 from then on. Each expert of a pool
is pulled to its own birth: to the parameters with which it was first put in place.

Units: the penalty is in units of the loss, a sum over parameters. With plain SGD each step takes
2 * learning rate * strength of the way back; Adam divides the pull by the size of the gradient.
PPO and DQN clip it together with their gradient.

Cost: 0.15 ms per gradient step on one core for a network of 64x64, 0.25 ms for 256x256; 3 P.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from pydantic import Field

from l2rl.component import ComponentConfig

from ..consolidation.anchor import Anchor
from ..consolidation.quadratic import QuadraticPenalty


class BirthAnchor(Anchor):
    """Anchored once, at birth, and all entries alike; what is redrawn is born again."""

    def lay(self) -> None:
        """The network is born now."""
        self.replace(torch.ones_like(self.importance), decay=0.0)

    def exchange(self, name: str, leaving: int, coming: int, value: torch.Tensor) -> None:
        if bool(self.importance.any()):
            super().exchange(name, leaving, coming, value)

    def follow(self, name: str, value: torch.Tensor, before: torch.Tensor | None) -> None:
        """Where a parameter was born does not move with it."""

    def _begin(self, rows: Mapping[str, torch.Tensor], value: torch.Tensor) -> None:
        rows["values"].copy_(value)

    def _redrawn(
        self, rows: Mapping[str, torch.Tensor], changed: torch.Tensor, values: torch.Tensor
    ) -> None:
        rows["values"][changed] = values


class L2Init(QuadraticPenalty):
    """Pulls every parameter to its initial value."""

    cost = "0.15-0.25 ms per gradient step, 3 P"
    logs_importance = False
    anchor_type = BirthAnchor

    class Config(ComponentConfig):
        """Settings of `plasticity.l2_init`."""

        strength: float = Field(
            1e-3, ge=0, description="weight of the penalty on parameters that decide actions"
        )
        critic_strength: float = Field(
            1e-3, ge=0, description="the same for parameters that only judge actions; 0: left free"
        )

    def term_tensors(self, phase: str) -> Mapping[str, torch.Tensor] | None:
        """Birth is at the first gradient step: until then a run may load parameters."""
        anchor = self._anchors.get(phase)
        if anchor is not None and phase not in self._tensors:
            anchor.lay()
            self._refresh()
        return self._tensors.get(phase)
