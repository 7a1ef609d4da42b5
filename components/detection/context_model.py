"""A small model of one context: which reward and which change follow on (observation, action).

Every column of a row is normalised by the context's own mean and scale, which move slowly, so
units do not matter. A network of two hidden layers predicts the normalised targets ŷ; the error
of a transition is robust and has three parts of equal weight:

    e = w_r·log(1+(r-r̂)²) + w_d·mean_j log(1+(y_j-ŷ_j)²) + w_o·mean_i log(1+x_i²)

(reward, dynamics, and how unusual the observation is). The logarithm bounds the say of a rare
event, such as a sparse reward. Training is Adam on half new, half remembered transitions: the
memory, a uniform sample of the context's past, keeps what the policy no longer visits.

Random numbers come only from the generator handed in. Cost: one small network, three copies
(values, two moments), and `memory_transitions` rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from .encoding import RowLayout

_DECAY, _SQUARE_DECAY, _EPSILON = 0.9, 0.999, 1e-8
_MOST_DEVIATIONS = 5.0
"""Inputs farther out than this many scales are clipped, or the network would extrapolate."""


@dataclass(frozen=True)
class ModelSettings:
    """How a context model learns and scores."""

    hidden_units: int = 64
    learning_rate: float = 1e-3
    batch_size: int = 64
    gradient_steps: int = 4
    """For each chunk of transitions."""
    memory_transitions: int = 2048
    statistics_transitions: int = 20_000
    """Normalisation averages over about this many transitions."""
    relative_floor: float = 0.05
    """Smallest scale of a column, as a share of the typical scale of its group."""
    reward_weight: float = 1.0
    dynamics_weight: float = 1.0
    observation_weight: float = 0.5


class ContextModel:
    """Predicts, scores and learns rows of one context."""

    def __init__(
        self, layout: RowLayout, settings: ModelSettings, generator: torch.Generator
    ) -> None:
        self.layout = layout
        self.settings = settings
        hidden = settings.hidden_units
        self._shapes = (
            (layout.inputs, hidden),
            (hidden,),
            (hidden, hidden),
            (hidden,),
            (hidden, layout.targets),
            (layout.targets,),
        )
        self.weights = self._initial_weights(generator)
        self.first_moment = torch.zeros_like(self.weights)
        self.second_moment = torch.zeros_like(self.weights)
        self.steps = 0
        self.mean = torch.zeros(layout.width)
        self.variance = torch.zeros(layout.width)
        self.seen = 0
        self.memory = torch.zeros((settings.memory_transitions, layout.width))

    def _initial_weights(self, generator: torch.Generator) -> torch.Tensor:
        """Uniform with He's bound, by hand: torch's own would draw from the global generator."""
        parts = []
        for index, shape in enumerate(self._shapes):
            bound = (6.0 / shape[0]) ** 0.5 if len(shape) == 2 else 0.0
            if index == len(self._shapes) - 2:
                bound *= 0.1  # at first the prediction is about the mean
            parts.append((torch.rand(shape, generator=generator) * 2.0 - 1.0) * bound)
        return torch.cat([part.reshape(-1) for part in parts])

    # ---- scoring -------------------------------------------------------------------------

    @torch.no_grad()
    def errors(self, rows: torch.Tensor) -> torch.Tensor:
        """Robust error of each transition, (batch,) float32, without learning."""
        normal = self._normalised(rows)
        reward, dynamics = self._losses(self.weights, normal)
        unusual = torch.log1p(normal[:, : self.layout.observation].square()).mean(dim=1)
        settings = self.settings
        return (
            settings.reward_weight * reward
            + settings.dynamics_weight * dynamics
            + settings.observation_weight * unusual
        )

    def _normalised(self, rows: torch.Tensor) -> torch.Tensor:
        return (rows - self.mean) / self._scale()

    def _scale(self) -> torch.Tensor:
        """Standard deviation of each column, kept from vanishing by its group's."""
        deviation = self.variance.sqrt()
        layout, floor = self.layout, self.settings.relative_floor
        scale = torch.empty_like(deviation)
        start = layout.inputs + 1
        for group in (
            slice(0, layout.observation),
            slice(layout.observation, layout.inputs),
            slice(start, layout.width),
        ):
            typical = self.variance[group].mean().sqrt()
            scale[group] = deviation[group] + torch.where(typical > 0, floor * typical, 1.0)
        # A reward that never varied has no scale: that of its size, or 1 if there was none.
        reward = layout.inputs
        size = (self.variance[reward] + self.mean[reward].square()).sqrt()
        scale[reward] = deviation[reward] + torch.where(size > 0, floor * size, 1.0)
        return scale

    def _losses(
        self, weights: torch.Tensor, normal: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """(batch,) reward and (batch,) mean dynamics loss of normalised rows."""
        inputs = normal[:, : self.layout.inputs].clamp(-_MOST_DEVIATIONS, _MOST_DEVIATIONS)
        residual = self._forward(weights, inputs) - normal[:, self.layout.inputs :]
        loss = torch.log1p(residual.square())
        return loss[:, 0], loss[:, 1:].mean(dim=1)

    def _forward(self, weights: torch.Tensor, inputs: torch.Tensor) -> torch.Tensor:
        sizes = [shape[0] * (shape[1] if len(shape) == 2 else 1) for shape in self._shapes]
        parts = [
            part.view(shape)
            for part, shape in zip(weights.split(sizes), self._shapes, strict=True)
        ]
        hidden = torch.relu(torch.addmm(parts[1], inputs, parts[0]))
        hidden = torch.relu(torch.addmm(parts[3], hidden, parts[2]))
        return torch.addmm(parts[5], hidden, parts[4])

    # ---- learning ------------------------------------------------------------------------

    def learn(self, rows: torch.Tensor, generator: torch.Generator) -> None:
        """Take a chunk of rows into statistics, memory and weights."""
        self._update_statistics(rows)
        self._remember(rows, generator)
        half = self.settings.batch_size // 2
        for _ in range(self.settings.gradient_steps):
            new = torch.randint(len(rows), (half,), generator=generator)
            old = torch.randint(self._remembered, (half,), generator=generator)
            self._gradient_step(torch.cat([rows[new], self.memory[old]]))

    @property
    def _remembered(self) -> int:
        return min(self.seen, len(self.memory))

    def _update_statistics(self, rows: torch.Tensor) -> None:
        """Mean and variance, exact at first, later with a share that stops falling."""
        count = len(rows)
        share = max(count / (self.seen + count), count / self.settings.statistics_transitions)
        share = min(share, 1.0)
        step = rows.mean(dim=0) - self.mean
        spread = rows.var(dim=0, unbiased=False) + (1.0 - share) * step.square()
        self.variance += share * (spread - self.variance)
        self.mean += share * step

    def _remember(self, rows: torch.Tensor, generator: torch.Generator) -> None:
        """Reservoir sampling: every transition of the context is equally likely to be kept."""
        draws = torch.rand(len(rows), generator=generator, dtype=torch.float64)
        for row, draw in zip(rows, draws.tolist(), strict=True):
            slot = self.seen if self.seen < len(self.memory) else int(draw * (self.seen + 1))
            if slot < len(self.memory):
                self.memory[slot] = row
            self.seen += 1

    def _gradient_step(self, rows: torch.Tensor) -> None:
        """Adam on the flat weights."""
        weights = self.weights.requires_grad_()
        reward, dynamics = self._losses(weights, self._normalised(rows))
        (gradient,) = torch.autograd.grad(reward.mean() + dynamics.mean(), weights)
        self.weights.requires_grad_(False)
        self.steps += 1
        self.first_moment.lerp_(gradient, 1.0 - _DECAY)
        self.second_moment.mul_(_SQUARE_DECAY).addcmul_(
            gradient, gradient, value=1.0 - _SQUARE_DECAY
        )
        root = (self.second_moment / (1.0 - _SQUARE_DECAY**self.steps)).sqrt_().add_(_EPSILON)
        rate = self.settings.learning_rate / (1.0 - _DECAY**self.steps)
        self.weights.addcdiv_(self.first_moment, root, value=-rate)

    # ---- books ---------------------------------------------------------------------------

    _TENSORS = ("weights", "first_moment", "second_moment", "mean", "variance")

    def state_dict(self) -> dict[str, Any]:
        """Weights, moments, statistics and the filled part of the memory."""
        tensors = {name: getattr(self, name) for name in self._TENSORS}
        memory = self.memory[: self._remembered]
        return {**tensors, "steps": self.steps, "seen": self.seen, "memory": memory}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Give back what `state_dict` read, as copies."""
        for name in self._TENSORS:
            getattr(self, name).copy_(state[name])
        self.steps, self.seen = state["steps"], state["seen"]
        self.memory[: self._remembered] = state["memory"]
