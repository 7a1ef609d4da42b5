"""How far one answer of a network is from another, state by state, by the kind of head.

    categorical, Bernoulli   T^2 KL(softmax(z_old / T) || softmax(z / T))      arXiv 1503.02531
    Gaussian                 KL(N_old || N_new), summed over action dimensions, before squashing
    values                   ||v_old - v||^2, summed over outputs

T^2 keeps the gradient, T (softmax(z / T) - softmax(z_old / T)), of one size whatever T. DQN's
values may also be compared as a policy, `softened`: KL of their softmax at T, as in policy
distillation (arXiv 1511.06295). All are zero exactly where the answers are equal.

Where it is known which actions were valid, only those are compared, and probabilities are among
them: that is the policy that acts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch
from pydantic import Field

from l2rl.views import AgentView, Head

QDistance = Literal["regression", "softened"]
_NEVER = -1e8
"""Logit of an invalid action: its probability is 0 in float32, and 0 * log 0 stays finite."""


def temperature_field() -> Any:
    """The setting `temperature` of a component that compares answers."""
    return Field(
        2.0,
        gt=0,
        description="T: softens the probabilities of discrete actions (and, with q_distance: "
        "softened, DQN's values, in their units) before they are compared; Gaussians have none",
    )


def q_distance_field() -> Any:
    """The setting `q_distance` of a component that compares answers."""
    return Field(
        "regression",
        description="DQN's values compared as they are (squared difference: their level is "
        "bootstrapped from, so it is worth keeping), or as the policy that their softmax at "
        "`temperature` is (softened: levels stay free; set a temperature of the size of the gaps "
        "between values)",
    )


def distance_of(agent: AgentView, config: Any) -> OutputDistance:
    """The distance for a learner; `q_distance` concerns DQN alone."""
    q_distance: QDistance = config.q_distance if agent.learner == "dqn" else "regression"
    return OutputDistance(config.temperature, q_distance)


@dataclass(frozen=True)
class OutputDistance:
    """The distance of an old answer to a new one."""

    temperature: float
    q_distance: QDistance

    def __call__(self, old: Head, new: Head, valid: torch.Tensor | None = None) -> torch.Tensor:
        """(batch,) of two heads of one kind; `valid` (batch, n) bool: actions to compare."""
        if new.kind == "gaussian":
            assert old.scale is not None
            assert new.scale is not None
            return gaussian_kl(old.values, old.scale, new.values, new.scale)
        if new.role != "acting":
            valid = None
        if new.kind == "scalar" and (new.role != "acting" or self.q_distance == "regression"):
            squared = (old.values - new.values).square()
            return (squared if valid is None else squared * valid).sum(dim=1)
        before, after = _logits(old, valid), _logits(new, valid)
        sizes = list(new.sizes) or [after.shape[1]]
        if new.kind == "bernoulli":
            before, after = _as_pairs(before), _as_pairs(after)
            sizes = [2] * new.values.shape[1]
        return softened_kl(before, after, sizes, self.temperature)


def _logits(head: Head, valid: torch.Tensor | None) -> torch.Tensor:
    return head.values if valid is None else head.values.masked_fill(~valid, _NEVER)


def _as_pairs(logits: torch.Tensor) -> torch.Tensor:
    """(batch, n) logits of yes -> (batch, 2 n): the logits of yes and no of each."""
    return torch.stack([logits, torch.zeros_like(logits)], dim=2).flatten(1)


def softened_kl(
    old: torch.Tensor, new: torch.Tensor, sizes: list[int], temperature: float
) -> torch.Tensor:
    """T^2 KL of the softmax of logits (batch, n), added over choices of `sizes`; (batch,)."""
    total = new.new_zeros(len(new))
    choices = zip(torch.split(old, sizes, dim=1), torch.split(new, sizes, dim=1), strict=True)
    for before, after in choices:
        log_old = torch.log_softmax(before / temperature, dim=1)
        log_new = torch.log_softmax(after / temperature, dim=1)
        total = total + (log_old.exp() * (log_old - log_new)).sum(dim=1)
    return temperature**2 * total


def gaussian_kl(
    old_mean: torch.Tensor, old_scale: torch.Tensor, mean: torch.Tensor, scale: torch.Tensor
) -> torch.Tensor:
    """KL(N_old || N_new) of diagonal Gaussians, all (batch, n), summed over n; (batch,)."""
    moved = (old_scale.square() + (old_mean - mean).square()) / (2.0 * scale.square())
    return ((scale / old_scale).log() + moved - 0.5).sum(dim=1)
