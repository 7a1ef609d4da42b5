"""Probabilities of actions and distances of policies, from heads (`l2rl.views.Head`).

Where there are action masks, distributions are over the valid actions only, as the learner's are.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch.distributions import Bernoulli, Distribution, Independent, Normal
from torch.distributions.kl import kl_divergence
from torch.nn.functional import log_softmax

from l2rl.views import Head

_INVALID_LOGIT = -1e8


def log_probabilities(
    head: Head, actions: torch.Tensor, masks: torch.Tensor | None = None
) -> torch.Tensor:
    """Log probability (density) of each row's action, (batch,).

    `actions` (batch,) or (batch, n) as the policy drew them; `masks` (batch, n) bool or None.
    """
    if head.kind in ("gaussian", "bernoulli"):
        rows = actions.reshape(len(actions), -1).to(head.values.dtype)
        return _continuous(head).log_prob(rows)
    columns = actions.reshape(len(actions), -1).long()
    parts = [
        logits.gather(1, columns[:, [number]])
        for number, logits in enumerate(_log_parts(head, masks))
    ]
    return torch.cat(parts, dim=1).sum(dim=1)


def divergences(old: Head, new: Head, masks: torch.Tensor | None = None) -> torch.Tensor:
    """KL(old || new) of each row, (batch,) nats."""
    if old.kind in ("gaussian", "bernoulli"):
        return kl_divergence(_continuous(old), _continuous(new))
    parts = [
        (before.exp() * (before - after)).sum(dim=1)
        for before, after in zip(_log_parts(old, masks), _log_parts(new, masks), strict=True)
    ]
    return torch.stack(parts).sum(dim=0)


def _log_parts(head: Head, masks: torch.Tensor | None) -> Iterator[torch.Tensor]:
    """Normalised log probabilities (batch, n) of each categorical part."""
    logits = head.values
    if masks is not None:
        logits = logits.masked_fill(~masks, _INVALID_LOGIT)
    sizes = head.sizes or (logits.shape[1],)
    return (log_softmax(part, dim=1) for part in torch.split(logits, list(sizes), dim=1))


def _continuous(head: Head) -> Distribution:
    if head.kind == "bernoulli":
        return Independent(Bernoulli(logits=head.values), 1)
    assert head.scale is not None
    return Independent(Normal(head.values, head.scale), 1)
