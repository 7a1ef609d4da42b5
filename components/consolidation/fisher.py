"""The exact diagonal of a network's Fisher information, in expectation over its own outputs.

For each state the Fisher information of a head is J^T A J, where J is the Jacobian of the
distribution's parameters and A their own Fisher information. Here A is written as a sum of
squares, A = sum_k c_k c_k^T, so that the diagonal is `sum_k (d f_k / d theta)^2` for the few
scalar functions f_k ("score factors") that `score_factors` returns:

    categorical   sqrt(p_k) log p_k             A = diag p - p p^T    (arXiv 1612.00796)
    bernoulli     sqrt(p (1 - p)) logit         A = p (1 - p)
    gaussian      mu_a / s_a, sqrt(2) log s_a   A = 1 / s^2, 2 / s^2 of (mu, s)
    scalar        the value itself              A = 1, a Gaussian of unit variance

No action is sampled. Squares are taken per sample and then averaged: squaring the gradient of a
batch mean instead gives about 1/B of it. Unit: squared inverse parameters, per state.

Cost: per state one forward and one backward pass per score factor.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch.func import grad, vmap

from l2rl.views import Head, HeadFunction, Role

from .per_state import CHUNK_NUMBERS, PerStateGradients, mean_over_states


def diagonal_fisher(
    heads: HeadFunction,
    parameters: Mapping[str, torch.Tensor],
    names: Sequence[str],
    role: Role,
    observations: torch.Tensor,
    actions: torch.Tensor | None = None,
    *,
    chunk_numbers: int = CHUNK_NUMBERS,
) -> dict[str, torch.Tensor]:
    """Mean over states of the Fisher diagonal of all heads of `role`, for the parameters `names`.

    `observations` (batch, ...), at least one; `actions` (batch, action_dim) or None; `parameters`
    holds all of the network's. States are taken in chunks whose gradients have at most
    `chunk_numbers` numbers, but one state at least; as much again goes into their squares. A
    parameter that the heads do not depend on gets zeros.
    """
    fixed = {name: value.detach() for name, value in parameters.items()}
    chosen = {name: fixed[name] for name in names}

    def factors(
        values: Mapping[str, torch.Tensor], state: torch.Tensor, action: torch.Tensor | None
    ) -> torch.Tensor:
        given = heads({**fixed, **values}, state[None], None if action is None else action[None])
        return torch.cat([score_factors(h) for h in given.values() if h.role == role], dim=1)[0]

    def one_factor(
        values: Mapping[str, torch.Tensor],
        state: torch.Tensor,
        action: torch.Tensor | None,
        selection: torch.Tensor,
    ) -> torch.Tensor:
        return torch.dot(factors(values, state, action), selection)

    per_state = vmap(grad(one_factor), in_dims=(None, 0, None if actions is None else 0, None))
    first = factors(chosen, observations[0], None if actions is None else actions[0])

    def gradients_of(selection: torch.Tensor) -> PerStateGradients:
        return lambda states, taken: per_state(chosen, states, taken, selection)

    selections = torch.eye(len(first), dtype=first.dtype, device=first.device)
    functions = (gradients_of(selection) for selection in selections)
    return mean_over_states(
        functions, chosen, observations, actions, _square, chunk_numbers=chunk_numbers
    )


def _square(rows: torch.Tensor, /, *, out: torch.Tensor) -> torch.Tensor:
    return torch.mul(rows, rows, out=out)


def scaled_to_unit_norm(fisher: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The same importance with a Euclidean norm of 1 over all parameters; zeros stay zeros."""
    norm = torch.stack([value.square().sum() for value in fisher.values()]).sum().sqrt()
    return {name: torch.where(norm > 0, v / norm, v) for name, v in fisher.items()}


def score_factors(head: Head) -> torch.Tensor:
    """(batch, k): functions whose squared derivatives add up to the Fisher diagonal of a head.

    The weights in front are constants: nothing flows through them.
    """
    if head.kind == "scalar":
        return head.values
    if head.kind == "categorical":
        return _categorical(head.values)
    if head.kind == "multi_categorical":
        parts = torch.split(head.values, list(head.sizes), dim=1)
        return torch.cat([_categorical(part) for part in parts], dim=1)
    if head.kind == "bernoulli":
        probability = torch.sigmoid(head.values.detach())
        return (probability * (1.0 - probability)).sqrt() * head.values
    assert head.scale is not None
    scale = head.scale.detach()
    return torch.cat([head.values / scale, 2.0**0.5 * head.scale / scale], dim=1)


def _categorical(logits: torch.Tensor) -> torch.Tensor:
    log_probability = torch.log_softmax(logits, dim=1)
    return (0.5 * log_probability.detach()).exp() * log_probability
