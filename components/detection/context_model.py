"""A small model of one context: which reward and which change follow on (observation, action).

Every column of a row is normalised by the context's own mean and scale, which move slowly, so
units do not matter. A network predicts the normalised targets (r, y). The error of a chunk has
three parts, shares of the transitions that cannot be explained (s(q) = q/(1+q), at most 1):

    reward       (⟨s((r-r̂)²)⟩ + 5·⟨r never seen⟩ + c) / (⟨s(r²)⟩ + c)
    dynamics     ⟨s(|y-ŷ|²)⟩
    observation  ⟨s(|x|²/u)⟩

with ⟨⟩ the mean over the chunk and x the observation; |·|² is the sum of squares over columns, in
units of its mean in this context, so that columns that never vary do not thin it out. The reward
part is a share of what *could* be predicted: where a policy improves, rewards become frequent,
and a plain error would grow with them. The observation part tells a context whose observations
are merely other ones, even if they are easier to predict; a policy that improves reaches new
states too, so only observations about u times as far out as usual weigh in.

The model learns from new and remembered transitions, half and half: the memory, a uniform sample
of the context's past, keeps what the policy no longer visits. Random numbers come only from the
generator handed in. Cost: a small network with Adam, and `memory_transitions` rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from pydantic import Field

from l2rl.component import ComponentConfig

from .encoding import RowLayout
from .network import Network

PARTS = ("reward", "dynamics", "observation")
"""The parts of the error."""

_MOST_DEVIATIONS = 5.0
"""Inputs farther out than this many scales are clipped, or the network would extrapolate."""
_USUAL_DISTANCE = 10.0
"""u: squared distance, in units of the context's mean, at which observations begin to count."""
_REWARD_FLOOR = 0.1
"""c: so much reward surprise per transition counts as nothing to predict."""
_REWARD_MARGIN = 0.5
"""A reward outside the range seen so far by this share of the range was never seen."""
_STRANGE_REWARD = 5.0
"""Weight of the share of rewards never seen."""
_RELATIVE_FLOOR = 0.05
"""Smallest scale of a column, as a share of the typical scale of its group."""


class ModelSettings(ComponentConfig):
    """How a context model learns."""

    hidden_units: int = Field(
        default=64, ge=1, description="Units of each of the two hidden layers."
    )
    learning_rate: float = Field(default=2e-3, gt=0, description="Of Adam.")
    batch_size: int = Field(default=64, ge=2, description="Transitions per step, half of them new.")
    gradient_steps: int = Field(default=2, ge=1, description="Steps for each chunk of experience.")
    memory_transitions: int = Field(
        default=2048, ge=1, description="Transitions each context remembers."
    )
    statistics_transitions: int = Field(
        default=20_000, ge=1, description="Normalisation averages over about this many transitions."
    )


class ContextModel:
    """Scores and learns rows of one context."""

    def __init__(
        self, layout: RowLayout, settings: ModelSettings, generator: torch.Generator
    ) -> None:
        self.layout = layout
        self.settings = settings
        self.network = Network(layout.inputs, settings.hidden_units, layout.targets, generator)
        self.mean = torch.zeros(layout.width)
        self.variance = torch.zeros(layout.width)
        self.reward_range = torch.tensor([torch.inf, -torch.inf])
        self.seen = 0
        self.memory = torch.zeros((settings.memory_transitions, layout.width))
        # Reward and mean change weigh the same.
        self._columns = torch.full((layout.targets,), 1.0 / layout.observation)
        self._columns[0] = 1.0

    # ---- scoring -------------------------------------------------------------------------

    def errors(self, rows: torch.Tensor) -> dict[str, float]:
        """Error of a chunk of rows by part (`PARTS`), without learning."""
        scale = self._scale()
        inputs, targets = self._normalised(rows, scale)
        residual = self._predicted(inputs) - targets
        unexplained = _share(residual[:, 0].square()) + _STRANGE_REWARD * self._strange(rows)
        explainable = _share(targets[:, 0].square())
        spread = self.variance / scale.square()
        usual = spread[: self.layout.observation] * _USUAL_DISTANCE
        return {
            "reward": (unexplained + _REWARD_FLOOR) / (explainable + _REWARD_FLOOR),
            "dynamics": _surprise(residual[:, 1:], spread[self.layout.inputs + 1 :]),
            "observation": _surprise(inputs[:, : self.layout.observation], usual),
        }

    def _predicted(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.network(inputs.clamp(-_MOST_DEVIATIONS, _MOST_DEVIATIONS))

    def _strange(self, rows: torch.Tensor) -> float:
        """Share of rewards such as this context has never given; none if all it ever gave was
        the same, or the first reward of a sparse task would be a change of task."""
        low, high = self.reward_range.tolist()
        if not low < high:
            return 0.0
        margin = _REWARD_MARGIN * (high - low)
        rewards = rows[:, self.layout.inputs]
        return float(((rewards < low - margin) | (rewards > high + margin)).float().mean())

    def _normalised(
        self, rows: torch.Tensor, scale: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Inputs and targets in units of their scales."""
        normal = (rows - self.mean) / scale
        return normal[:, : self.layout.inputs], normal[:, self.layout.inputs :]

    def _scale(self) -> torch.Tensor:
        """Standard deviation of each column, kept from vanishing by its group's typical one."""
        layout, floors = self.layout, torch.empty_like(self.variance)
        for group in (
            slice(0, layout.observation),
            slice(layout.observation, layout.inputs),
            slice(layout.inputs + 1, layout.width),
        ):
            floors[group] = float(self.variance[group].mean()) ** 0.5
        # A reward that never varied has the scale of its size.
        reward = layout.inputs
        floors[reward] = float(self.variance[reward] + self.mean[reward].square()) ** 0.5
        return self.variance.sqrt() + torch.where(floors > 0, floors * _RELATIVE_FLOOR, 1.0)

    # ---- learning ------------------------------------------------------------------------

    def learn(self, rows: torch.Tensor, generator: torch.Generator) -> None:
        """Take a chunk of rows into statistics, memory and weights."""
        self._update_statistics(rows)
        self._remember(rows, generator)
        settings, half = self.settings, self.settings.batch_size // 2
        new = torch.randint(len(rows), (settings.gradient_steps, half), generator=generator)
        old = torch.randint(self._remembered, new.shape, generator=generator)
        scale = self._scale()
        for recent, past in zip(new, old, strict=True):
            inputs, targets = self._normalised(torch.cat([rows[recent], self.memory[past]]), scale)
            inputs = inputs.clamp(-_MOST_DEVIATIONS, _MOST_DEVIATIONS)
            self.network.learn(inputs, targets, self._columns, settings.learning_rate)

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

    # ---- books ---------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Network, statistics and the filled part of the memory, live."""
        return {
            "network": self.network.state_dict(),
            "mean": self.mean,
            "variance": self.variance,
            "reward_range": self.reward_range,
            "seen": self.seen,
            "memory": self.memory[: self._remembered],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Give back what `state_dict` read, as copies."""
        self.network.load_state_dict(state["network"])
        for name in ("mean", "variance", "reward_range"):
            getattr(self, name).copy_(state[name])
        self.seen = state["seen"]
        self.memory[: self._remembered] = state["memory"]


def _surprise(normal: torch.Tensor, spread: torch.Tensor) -> float:
    """Share of surprising rows; a single column that is far outside makes a row one."""
    return _share(normal.square().sum(dim=1) / spread.sum().clamp(min=1.0))


def _share(square: torch.Tensor) -> float:
    """⟨q/(1+q)⟩: how many squared distances are large, each counting for one at most."""
    return float((square / (1.0 + square)).mean())
