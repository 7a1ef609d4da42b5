"""Elastic weight consolidation: parameters that mattered are tied to where they were.

    penalty = 1/2 * strength * sum_i F_i (theta_i - anchor_i)^2

At the end of a task F is the exact diagonal Fisher information of the policy, per sample and in
expectation over its own actions (`fisher.py`), averaged over recent states of that task and
summed over outputs; a network of values counts as the mean of a Gaussian of unit variance.
Source: arXiv 1612.00796; the online variant arXiv 1805.06370:

    online     F <- decay * F + F_new, one anchor: where the last task ended.
    per_task   one (F, anchor) for each finished task, penalties summed. A sum of quadratics is a
               quadratic with F = sum F_t and anchor = sum F_t anchor_t / F, up to a constant that
               no gradient sees. That one is kept, so the memory does not grow with tasks.

Each parameter is judged by the heads of its own role: what decides actions (and a trunk shared
with the value function) by the action head or DQN's Q values, with weight `strength`; what only
judges them by the values, with weight `critic_strength`. Critics are free by default: published
lifelong agents protect the actor only.

Units: F per state and squared inverse parameter; the penalty is in units of the loss. It is added
before the learner's gradient clip (`max_grad_norm` of PPO and DQN), so it is clipped with it.

After a detected change the anchor is the network of a few updates into the new task, and some of
the remembered states are from there: the detector's delay.

Cost: 0.1-0.2 ms per gradient step on one core (10-15 % of an update of a tiny network, 1-2 % of one
of SAC's), 3 P, and at each end of a task one forward and backward pass per state and output:
0.05 s for a small MLP, 20-40 s for an Atari-sized CNN with 1024 states and 6 actions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
from pydantic import Field

from l2rl.component import ComponentConfig
from l2rl.views import PhaseView, Role

from .fisher import diagonal_fisher, scaled_to_unit_norm
from .state_importance import StateImportancePenalty
from .trigger import Trigger, trigger_field


class ElasticWeightConsolidation(StateImportancePenalty):
    """Ties parameters to their values at the end of earlier tasks, each by its importance."""

    cost = "0.1-0.2 ms per gradient step, 3 P, one pass over `fisher_samples` states per task"
    factor = 0.5

    class Config(ComponentConfig):
        """Settings of `consolidation.ewc`."""

        strength: float = Field(
            500.0, ge=0, description="weight of the penalty on parameters that decide actions"
        )
        critic_strength: float = Field(
            0.0, ge=0, description="the same for parameters that only judge actions; 0: left free"
        )
        mode: Literal["online", "per_task"] = Field(
            "online", description="one anchor with decaying importance, or the sum over tasks"
        )
        decay: float = Field(
            0.95, ge=0, le=1, description="online: share of the old importance kept at each end"
        )
        fisher_samples: int = Field(
            1024, ge=1, description="states over which importance is averaged"
        )
        memory_env_steps: int = Field(
            20_000,
            ge=1,
            description="how far back those states go: uniform over a task of up to so many env "
            "steps, mean age so many in a longer one",
        )
        minimum_states: int = Field(
            64, ge=1, description="a task with fewer states is not consolidated (false alarms)"
        )
        fisher_floor: float = Field(
            0.0, ge=0, description="importance of each new task is raised to at least this"
        )
        normalise: bool = Field(
            False, description="scale the importance of each new task to unit norm, per role"
        )
        trigger: Trigger = trigger_field()

    def _sample_size(self) -> int:
        return int(self.config.fisher_samples)

    def _renew(self, phase: str) -> None:
        anchor = self._anchors[phase]
        importance = self._importance(phase).clamp_min(self.config.fisher_floor)
        if self.config.mode == "online":
            anchor.replace(importance, self.config.decay)
        else:
            anchor.add(importance)

    def _measured(
        self,
        view: PhaseView,
        names: list[str],
        role: Role,
        observations: torch.Tensor,
        actions: torch.Tensor | None,
    ) -> Mapping[str, torch.Tensor]:
        fisher = diagonal_fisher(view.heads, view.parameters, names, role, observations, actions)
        return scaled_to_unit_norm(fisher) if self.config.normalise else fisher
