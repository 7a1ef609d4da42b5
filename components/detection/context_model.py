"""A small model of one context: which reward and which change follow on (observation, action).

Every column of a row is normalised by the context's own mean and scale, which move slowly, so
units do not matter. A network of two hidden layers predicts the normalised targets (r, y). The
error of a chunk has three parts, each robust (a rare event has a bounded say):

    e = w_r·(⟨log(1+(r-r̂)²)⟩+c)/(⟨log(1+r²)⟩+c) + w_d·⟨log(1+|y-ŷ|²)⟩ + w_o·⟨log(1+|x|²/u)⟩

with ⟨⟩ the mean over the chunk and x the observation; |·|² is the sum of squares over columns, in
units of its mean in this context, so that columns that never vary do not thin it out. The reward
part is a share of what *could* be predicted: where a policy improves, rewards become frequent,
and a plain error would grow with them. The observation part tells a context whose observations
are merely other ones, even if they are easier to predict; a policy that improves reaches new
states too, so only observations about u times as far out as usual weigh in.

Training is Adam on half new, half remembered transitions, with Huber's loss: the memory, a
uniform sample of the context's past, keeps what the policy no longer visits. Random numbers come
only from the generator handed in. Cost: one small network, three copies (values, two moments),
and `memory_transitions` rows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from .encoding import RowLayout

PARTS = ("reward", "dynamics", "observation")
"""The parts of the error."""

_DECAY, _SQUARE_DECAY, _EPSILON = 0.9, 0.999, 1e-8
_MOST_DEVIATIONS = 5.0
"""Inputs farther out than this many scales are clipped, or the network would extrapolate."""
_HUBER_BOUND = 1.0
"""Residual in scales beyond which the training loss is linear."""
_USUAL_DISTANCE = 10.0
"""u: squared distance, in units of the context's mean, at which observations begin to count."""
_REWARD_FLOOR = 0.1
"""c: so much reward surprise per transition counts as nothing to predict."""
_REWARD_MARGIN = 0.5
"""A reward outside the range seen so far by this share of the range is a strange one."""
_STRANGE_REWARD = 5.0
"""Weight of the share of strange rewards."""


@dataclass(frozen=True)
class ModelSettings:
    """How a context model learns and scores."""

    hidden_units: int = 64
    learning_rate: float = 2e-3
    batch_size: int = 64
    gradient_steps: int = 4
    """For each chunk of transitions."""
    memory_transitions: int = 2048
    statistics_transitions: int = 20_000
    """Normalisation averages over about this many transitions."""
    relative_floor: float = 0.05
    """Smallest scale of a column, as a share of the typical scale of its group."""


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
        self.reward_range = torch.tensor([math.inf, -math.inf])
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

    def errors(self, rows: torch.Tensor) -> dict[str, float]:
        """Robust error of a chunk of rows by part (`PARTS`), without learning."""
        scale = self._scale()
        inputs, targets = self._normalised(rows, scale)
        residual = self._forward(inputs.clamp(-_MOST_DEVIATIONS, _MOST_DEVIATIONS))[-1] - targets
        unexplained, explainable = _share(residual[:, 0].square()), _share(targets[:, 0].square())
        spread = self.variance / scale.square()
        usual = spread[: self.layout.observation] * _USUAL_DISTANCE
        return {
            "reward": (unexplained + self._strange(rows) + _REWARD_FLOOR)
            / (explainable + _REWARD_FLOOR),
            "dynamics": _surprise(residual[:, 1:], spread[self.layout.inputs + 1 :]),
            "observation": _surprise(inputs[:, : self.layout.observation], usual),
        }

    def _strange(self, rows: torch.Tensor) -> float:
        """Weighted share of rewards such as this context has never given; none if all it ever
        gave was the same, or the first reward of a sparse task would be a change of task."""
        low, high = self.reward_range.tolist()
        if not low < high:
            return 0.0
        margin = _REWARD_MARGIN * (high - low)
        rewards = rows[:, self.layout.inputs]
        outside = (rewards < low - margin) | (rewards > high + margin)
        return _STRANGE_REWARD * float(outside.float().mean())

    def _normalised(
        self, rows: torch.Tensor, scale: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Inputs and targets in units of their scales."""
        normal = (rows - self.mean) / scale
        return normal[:, : self.layout.inputs], normal[:, self.layout.inputs :]

    def _scale(self) -> torch.Tensor:
        """Standard deviation of each column, kept from vanishing by its group's typical one."""
        layout = self.layout
        floors = torch.empty_like(self.variance)
        for group in (
            slice(0, layout.observation),
            slice(layout.observation, layout.inputs),
            slice(layout.inputs + 1, layout.width),
        ):
            floors[group] = float(self.variance[group].mean()) ** 0.5
        # A reward that never varied has the scale of its size.
        reward = layout.inputs
        floors[reward] = float(self.variance[reward] + self.mean[reward].square()) ** 0.5
        floors = torch.where(floors > 0, floors * self.settings.relative_floor, 1.0)
        return self.variance.sqrt() + floors

    def _forward(self, inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Both hidden layers and the output."""
        w1, b1, w2, b2, w3, b3 = self._parts(self.weights)
        first = torch.relu(torch.addmm(b1, inputs, w1))
        second = torch.relu(torch.addmm(b2, first, w2))
        return first, second, torch.addmm(b3, second, w3)

    def _parts(self, flat: torch.Tensor) -> list[torch.Tensor]:
        """Views of a flat vector in the shapes of the weights."""
        parts = flat.split([math.prod(shape) for shape in self._shapes])
        return [part.view(shape) for part, shape in zip(parts, self._shapes, strict=True)]

    # ---- learning ------------------------------------------------------------------------

    def learn(self, rows: torch.Tensor, generator: torch.Generator) -> None:
        """Take a chunk of rows into statistics, memory and weights."""
        self._update_statistics(rows)
        self._remember(rows, generator)
        steps, half = self.settings.gradient_steps, self.settings.batch_size // 2
        new = torch.randint(len(rows), (steps * half,), generator=generator)
        old = torch.randint(self._remembered, (steps * half,), generator=generator)
        scale = self._scale()
        for recent, past in zip(new.split(half), old.split(half), strict=True):
            inputs, targets = self._normalised(torch.cat([rows[recent], self.memory[past]]), scale)
            inputs = inputs.clamp(-_MOST_DEVIATIONS, _MOST_DEVIATIONS)
            self._adam_step(self._gradient(inputs, targets))

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
        low, high = torch.aminmax(rows[:, self.layout.inputs])
        self.reward_range[0].clamp_(max=low)
        self.reward_range[1].clamp_(min=high)

    def _remember(self, rows: torch.Tensor, generator: torch.Generator) -> None:
        """Reservoir sampling: every transition of the context is equally likely to be kept."""
        draws = torch.rand(len(rows), generator=generator, dtype=torch.float64)
        capacity = len(self.memory)
        for index, draw in enumerate(draws.tolist()):
            slot = self.seen if self.seen < capacity else int(draw * (self.seen + 1))
            if slot < capacity:
                self.memory[slot] = rows[index]
            self.seen += 1

    def _gradient(self, inputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Of Huber's loss, mean over the batch, reward and mean change weighing the same.

        By hand: for a network this small the automatic way costs three times as much.
        """
        first, second, output = self._forward(inputs)
        delta = (output - targets).clamp_(-_HUBER_BOUND, _HUBER_BOUND) / len(inputs)
        delta[:, 1:] /= self.layout.observation
        gradient = torch.empty_like(self.weights)
        g1, gb1, g2, gb2, g3, gb3 = self._parts(gradient)
        _, _, w2, _, w3, _ = self._parts(self.weights)
        g3[:], gb3[:] = second.T @ delta, delta.sum(dim=0)
        delta = (delta @ w3.T) * (second > 0)
        g2[:], gb2[:] = first.T @ delta, delta.sum(dim=0)
        delta = (delta @ w2.T) * (first > 0)
        g1[:], gb1[:] = inputs.T @ delta, delta.sum(dim=0)
        return gradient

    def _adam_step(self, gradient: torch.Tensor) -> None:
        self.steps += 1
        self.first_moment.lerp_(gradient, 1.0 - _DECAY)
        self.second_moment.mul_(_SQUARE_DECAY)
        self.second_moment.addcmul_(gradient, gradient, value=1.0 - _SQUARE_DECAY)
        root = (self.second_moment / (1.0 - _SQUARE_DECAY**self.steps)).sqrt_().add_(_EPSILON)
        rate = self.settings.learning_rate / (1.0 - _DECAY**self.steps)
        self.weights.addcdiv_(self.first_moment, root, value=-rate)

    # ---- books ---------------------------------------------------------------------------

    _TENSORS = ("weights", "first_moment", "second_moment", "mean", "variance", "reward_range")

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


def _surprise(normal: torch.Tensor, spread: torch.Tensor) -> float:
    """Share of surprising rows; a single column that is far outside makes a row one."""
    return _share(normal.square().sum(dim=1) / spread.sum().clamp(min=1.0))


def _share(square: torch.Tensor) -> float:
    """⟨q/(1+q)⟩: how many squared distances are large, each counting for one at most."""
    return float((square / (1.0 + square)).mean())
