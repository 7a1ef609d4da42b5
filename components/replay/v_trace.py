"""V-trace: value targets and advantages from what another policy did (arXiv 1802.01561).

With importance ratios rho_t = pi(a_t|x_t) / mu(a_t|x_t), and gamma_t = 0 where a state has no
future:

    delta_t = min(rho_max, rho_t) (r_t + gamma_t V(x_{t+1}) - V(x_t))
    v_t     = V(x_t) + delta_t + gamma_t lambda min(c_max, rho_t) (v_{t+1} - V(x_{t+1}))
    A_t     = min(rho_max, rho_t) (r_t + gamma_t v_{t+1} - V(x_t))

(equation 1 in the recursive form of remark 1, and section 4.2). The recursion does not pass the end
of an episode; where one was only cut, and at the end of an unroll, v_{t+1} is V(x_{t+1}).
"""

from __future__ import annotations

from typing import NamedTuple

import torch


class VTrace(NamedTuple):
    """What an actor-critic learns from."""

    targets: torch.Tensor
    """v (steps, ...) of values."""
    advantages: torch.Tensor
    """A (steps, ...) of the actions taken."""


def v_trace(
    rewards: torch.Tensor,
    values: torch.Tensor,
    next_values: torch.Tensor,
    ratios: torch.Tensor,
    *,
    terminated: torch.Tensor,
    truncated: torch.Tensor,
    gamma: float,
    rho_max: float = 1.0,
    c_max: float = 1.0,
    lambda_: float = 1.0,
) -> VTrace:
    """Targets and advantages of unrolls; all tensors (steps, ...).

    `values`: V of the states acted in, `next_values` of the states that followed (the true last
    one at the end of an episode), float32; `ratios`: pi / mu of the actions taken; `terminated`,
    `truncated`: bool, the episode ended there for good or was only cut.
    """
    going_on = ~(terminated | truncated)
    discounts = gamma * (~terminated).to(values.dtype)
    clipped = ratios.clamp(max=rho_max)
    traces = discounts * lambda_ * ratios.clamp(max=c_max) * going_on
    deltas = clipped * (rewards + discounts * next_values - values)
    excess = torch.zeros_like(values)
    following = torch.zeros_like(values[0])  # v - V of the next state
    for step in reversed(range(len(values))):
        following = deltas[step] + traces[step] * following
        excess[step] = following
    targets = values + excess
    after = torch.cat([targets[1:], next_values[-1:]])
    next_targets = torch.where(going_on, after, next_values)
    return VTrace(targets, clipped * (rewards + discounts * next_targets - values))
