"""Distributions over the valid actions only (arXiv 2006.14171), for PPO.

SB3's categorical distributions, which know masks while `masked` is entered and are SB3's own
outside. The arithmetic is that of sb3-contrib's MaskablePPO, bit for bit: logits are normalised,
those of invalid actions become -1e8, and the rest is normalised again. So an invalid action has
probability 0 exactly and no part in the entropy; what the loss tells its logit is 0 up to the
rounding of the first normalisation (1e-7 of what it tells the others).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from stable_baselines3.common.distributions import (
    CategoricalDistribution,
    MultiCategoricalDistribution,
)
from stable_baselines3.common.policies import ActorCriticPolicy
from torch.distributions import Categorical

_INVALID_LOGIT = -1e8


class MaskedCategorical(Categorical):
    """A categorical distribution over the valid ones of its options."""

    def __init__(self, logits: torch.Tensor, masks: torch.Tensor) -> None:
        """`logits` (batch, n) float32, `masks` (batch, n) bool."""
        normalised = logits - logits.logsumexp(dim=-1, keepdim=True)
        invalid = torch.tensor(_INVALID_LOGIT, dtype=logits.dtype, device=logits.device)
        super().__init__(logits=torch.where(masks, normalised, invalid))
        self.masks = masks

    def entropy(self) -> torch.Tensor:
        """(batch,) nats; invalid options add nothing."""
        p_log_p = self.logits * self.probs
        nothing = torch.tensor(0.0, device=p_log_p.device)
        return -torch.where(self.masks, p_log_p, nothing).sum(-1)


class MaskedCategoricalDistribution(CategoricalDistribution):
    """SB3's distribution of Discrete actions, over the valid ones while there are `masks`."""

    masks: torch.Tensor | None = None

    def proba_distribution(self, action_logits: torch.Tensor) -> MaskedCategoricalDistribution:
        if self.masks is None:
            super().proba_distribution(action_logits)
        else:
            masks = _fitting(self.masks, action_logits)
            self.distribution = MaskedCategorical(action_logits, masks)
        return self


class MaskedMultiCategoricalDistribution(MultiCategoricalDistribution):
    """The same for MultiDiscrete actions; the parts of a mask follow one another."""

    masks: torch.Tensor | None = None

    def proba_distribution(self, action_logits: torch.Tensor) -> MaskedMultiCategoricalDistribution:
        if self.masks is None:
            super().proba_distribution(action_logits)
            return self
        sizes = [int(n) for n in self.action_dims]
        parts = zip(
            torch.split(action_logits, sizes, dim=1),
            torch.split(_fitting(self.masks, action_logits), sizes, dim=1),
            strict=True,
        )
        self.distribution = [MaskedCategorical(logits, masks) for logits, masks in parts]
        return self


def _fitting(masks: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    """The masks, if there is one for each row: broadcasting would hide a mistake."""
    if masks.shape != logits.shape:
        raise ValueError(
            f"action masks of shape {tuple(masks.shape)} for logits of {tuple(logits.shape)}"
        )
    return masks


def make_maskable(policy: ActorCriticPolicy) -> None:
    """Let a policy with categorical actions take masks.

    Raises `NotImplementedError` for another distribution.
    """
    distribution = policy.action_dist
    if isinstance(distribution, CategoricalDistribution):
        policy.action_dist = MaskedCategoricalDistribution(distribution.action_dim)
    elif isinstance(distribution, MultiCategoricalDistribution):
        policy.action_dist = MaskedMultiCategoricalDistribution(distribution.action_dims)
    else:
        raise NotImplementedError(f"no masks for a {type(distribution).__name__}")


@contextmanager
def masked(policy: ActorCriticPolicy, masks: torch.Tensor | None) -> Iterator[None]:
    """For the body, the policy's actions are the valid ones; `masks` (batch, n) bool, or None."""
    if masks is None:
        yield
        return
    set_masks(policy, masks)
    try:
        yield
    finally:
        set_masks(policy, None)


def set_masks(policy: ActorCriticPolicy, masks: torch.Tensor | None) -> None:
    """From now on only these actions are valid; None: all are. The policy must be maskable."""
    distribution = policy.action_dist
    maskable = (MaskedCategoricalDistribution, MaskedMultiCategoricalDistribution)
    assert isinstance(distribution, maskable)
    distribution.masks = masks
