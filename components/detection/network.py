"""A network of two hidden layers with its own gradient and its own Adam, all in flat tensors.

    ŷ = W₃·relu(W₂·relu(W₁x + b₁) + b₂) + b₃,    loss = mean of Huber(ŷ - y), weighted by column

By hand for three reasons: torch's layers draw from the global generator when they are made; flat
tensors are the whole state; and for a network this small autograd costs three times as much.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch

_DECAY, _SQUARE_DECAY, _EPSILON = 0.9, 0.999, 1e-8
_HUBER_BOUND = 1.0
"""Residual beyond which the loss is linear. Small: what is rare and cannot be foreseen shall not
be predicted a little everywhere, which would look like an error where it does not come."""


class Network:
    """`inputs` -> hidden -> hidden -> `outputs`; weights are drawn from the given generator."""

    def __init__(self, inputs: int, hidden: int, outputs: int, generator: torch.Generator) -> None:
        self._shapes: tuple[tuple[int, ...], ...] = (
            (inputs, hidden),
            (hidden,),
            (hidden, hidden),
            (hidden,),
            (hidden, outputs),
            (outputs,),
        )
        self._sizes = [math.prod(shape) for shape in self._shapes]
        self.weights = self._drawn(generator)
        self.first_moment = torch.zeros_like(self.weights)
        self.second_moment = torch.zeros_like(self.weights)
        self.steps = 0

    def _drawn(self, generator: torch.Generator) -> torch.Tensor:
        """Uniform with He's bound; the last layer a tenth of it, biases zero."""
        parts = []
        for index, shape in enumerate(self._shapes):
            bound = math.sqrt(6.0 / shape[0]) if len(shape) == 2 else 0.0
            scale = 0.1 if index == 4 else 1.0
            parts.append((torch.rand(shape, generator=generator) * 2.0 - 1.0) * bound * scale)
        return torch.cat([part.reshape(-1) for part in parts])

    def __call__(self, inputs: torch.Tensor) -> torch.Tensor:
        """(batch, inputs) -> (batch, outputs)."""
        return self._layers(inputs)[-1]

    def learn(
        self, inputs: torch.Tensor, targets: torch.Tensor, columns: torch.Tensor, rate: float
    ) -> None:
        """One step of Adam on a batch; `columns` (outputs,) weigh the columns of the loss."""
        first, second, output = self._layers(inputs)
        delta = (output - targets).clamp_(-_HUBER_BOUND, _HUBER_BOUND) * columns / len(inputs)
        self._adam(self._gradient(inputs, first, second, delta), rate)

    def _layers(self, inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Both hidden layers and the output."""
        w1, b1, w2, b2, w3, b3 = self._parts(self.weights)
        first = torch.relu(torch.addmm(b1, inputs, w1))
        second = torch.relu(torch.addmm(b2, first, w2))
        return first, second, torch.addmm(b3, second, w3)

    def _parts(self, flat: torch.Tensor) -> list[torch.Tensor]:
        """Views of a flat vector in the shapes of the weights."""
        parts = torch.split_with_sizes(flat, self._sizes)
        return [part.view(shape) for part, shape in zip(parts, self._shapes, strict=True)]

    def _gradient(
        self,
        inputs: torch.Tensor,
        first: torch.Tensor,
        second: torch.Tensor,
        delta: torch.Tensor,
    ) -> torch.Tensor:
        """Back through the layers, from the loss's derivative by the output."""
        gradient = torch.empty_like(self.weights)
        g1, gb1, g2, gb2, g3, gb3 = self._parts(gradient)
        _, _, w2, _, w3, _ = self._parts(self.weights)
        g3[:], gb3[:] = second.T @ delta, delta.sum(dim=0)
        delta = (delta @ w3.T) * (second > 0)
        g2[:], gb2[:] = first.T @ delta, delta.sum(dim=0)
        delta = (delta @ w2.T) * (first > 0)
        g1[:], gb1[:] = inputs.T @ delta, delta.sum(dim=0)
        return gradient

    def _adam(self, gradient: torch.Tensor, rate: float) -> None:
        self.steps += 1
        self.first_moment.lerp_(gradient, 1.0 - _DECAY)
        self.second_moment.mul_(_SQUARE_DECAY)
        self.second_moment.addcmul_(gradient, gradient, value=1.0 - _SQUARE_DECAY)
        root = (self.second_moment / (1.0 - _SQUARE_DECAY**self.steps)).sqrt_().add_(_EPSILON)
        step = rate / (1.0 - _DECAY**self.steps)
        self.weights.addcdiv_(self.first_moment, root, value=-step)

    def state_dict(self) -> dict[str, Any]:
        """Weights and moments, live."""
        return {
            "weights": self.weights,
            "first_moment": self.first_moment,
            "second_moment": self.second_moment,
            "steps": self.steps,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Give back what `state_dict` read, as copies."""
        for name in ("weights", "first_moment", "second_moment"):
            getattr(self, name).copy_(state[name])
        self.steps = state["steps"]
