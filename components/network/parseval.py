"""Parseval regularisation: hidden layers are kept near orthogonal, so gradients keep their size.

    loss + strength * sum over hidden layers of ||W W^T - scale I||_F^2

W (units, inputs), of a convolution with its kernel flattened; where a layer has more units than
inputs its rows cannot be orthogonal, and W^T W takes the place of W W^T. Zero for orthonormal rows
and scale 1.

Source: Cisse et al. 2017, arXiv:1704.08847; in continual reinforcement learning Chung et al. 2024,
arXiv:2412.07224. Cost: 0.25 ms a gradient step with two hidden layers of 64 units, 1.6 ms with 256.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from pydantic import Field

from l2rl.component import Component, ComponentConfig
from l2rl.errors import UserError
from l2rl.views import AgentView, ComponentGenerators, LossView

from ..plasticity.layer_graph import hidden_layers


class ParsevalRegularisation(Component):
    """Keeps the rows of hidden weights near orthogonal."""

    cost = "0.25-1.6 ms per gradient step"

    class Config(ComponentConfig):
        """Settings of `network.parseval`."""

        strength: float = Field(
            1e-3, ge=0, description="weight of the penalty on layers that decide actions"
        )
        critic_strength: float = Field(
            1e-3, ge=0, description="the same on layers that only judge actions"
        )
        scale: float = Field(1.0, gt=0, description="wanted squared norm of each row")

    def bind(self, agent: AgentView, rng: ComponentGenerators) -> None:
        super().bind(agent, rng)
        self._weights: dict[str, dict[str, float]] = {}
        found = [x for phase in agent.phases.values() for x in hidden_layers(agent, phase)]
        if not found:
            raise UserError(
                f"component {self.name!r}: this network has no hidden layer\n"
                "  give it some, or remove the component"
            )
        strengths = {"acting": self.config.strength, "value": self.config.critic_strength}
        for layer in found:
            if strengths[layer.role] > 0:
                self._weights.setdefault(layer.phase, {})[layer.weight] = strengths[layer.role]

    def term_tensors(self, phase: str) -> Mapping[str, torch.Tensor] | None:
        return {} if phase in self._weights else None

    def loss_terms(self, view: LossView) -> Mapping[str, torch.Tensor]:
        terms = [
            strength * parseval(view.parameters[name], self.config.scale)
            for name, strength in self._weights[view.phase].items()
        ]
        return {"penalty": torch.stack(terms).sum()}


def parseval(weight: torch.Tensor, scale: float) -> torch.Tensor:
    """||W W^T - scale I||_F^2 of a weight (units, ...), or of its transpose if that is smaller."""
    rows = weight.flatten(1)
    if rows.shape[0] > rows.shape[1]:
        rows = rows.T
    gram = rows @ rows.T
    return (gram - scale * torch.eye(len(gram), device=gram.device)).square().sum()
