"""Memory aware synapses: parameters that the outputs depend on are tied to where they were.

    penalty = strength * sum_i I_i (theta_i - anchor_i)^2,   I_i = E_s | d ||f(s)||^2 / d theta_i |

The absolute value is taken for each state and then averaged: averaging first lets states of
opposite sign cancel. The anchor is where the last task ended. Source: arXiv 1711.09601; for agents
Continual World (arXiv 2105.10919), strength 1e4 on SAC's actor with a head per task; the default
here is for one head, which must still be able to learn the next task.

What f is, by the kind of head:

    Gaussian policy      ||mu||^2 + ||log sigma||^2, before any squashing
    categorical policy   ||z - mean(z)||^2 of the logits z, each choice of a multi-discrete space by
                         itself: a level common to all logits decides nothing, and centring is what
                         makes it count for nothing
    Bernoulli policy     ||z||^2
    values               ||Q||^2, of DQN as what acts, of critics and of PPO's value function as
                         what judges; their level is learned from, so it counts

Each parameter is judged by the heads of its own role. Neither rewards nor labels of actions enter,
only the states that the task ended with.

    accumulate: sum       I <- I + I_new
    accumulate: average   I <- share I + (1 - share) I_new where there was any, I_new elsewhere

Units: I is squared output per parameter and state; the penalty is in units of the loss. With values
as outputs I grows with their square, so DQN wants another strength than a policy. PPO and DQN clip
the penalty together with their gradient.

Cost: 0.15 ms per gradient step on one core for a network of 64x64, 0.25 ms for 256x256; 3 P; at the
end of a task one forward and backward pass per state.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
from pydantic import Field
from torch.func import grad, vmap

from l2rl.component import ComponentConfig
from l2rl.views import Head, HeadFunction, PhaseView, Role

from .per_state import CHUNK_NUMBERS, mean_over_states
from .state_importance import StateImportancePenalty
from .trigger import Trigger, trigger_field


class MemoryAwareSynapses(StateImportancePenalty):
    """Ties parameters to their values at the end of the last task, by what outputs depend on."""

    cost = "0.15-0.25 ms per gradient step, 3 P, one pass over `importance_samples` states per task"

    class Config(ComponentConfig):
        """Settings of `consolidation.mas`."""

        strength: float = Field(
            100.0, ge=0, description="weight of the penalty on parameters that decide actions"
        )
        critic_strength: float = Field(
            0.0, ge=0, description="the same for parameters that only judge actions; 0: left free"
        )
        accumulate: Literal["sum", "average"] = Field(
            "sum", description="importance of all tasks added up, or a running average"
        )
        average_share: float = Field(
            0.5, ge=0, le=1, description="average: share of the old importance kept at each end"
        )
        importance_samples: int = Field(
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
        trigger: Trigger = trigger_field()

    def _sample_size(self) -> int:
        return int(self.config.importance_samples)

    def _renew(self, phase: str) -> None:
        anchor, importance = self._anchors[phase], self._importance(phase)
        if self.config.accumulate == "average":
            old, share = anchor.importance, self.config.average_share
            mixed = share * old + (1.0 - share) * importance
            importance = torch.where(old > 0, mixed, importance)
            anchor.replace(importance, decay=0.0)
        else:
            anchor.replace(importance, decay=1.0)

    def _measured(
        self,
        view: PhaseView,
        names: list[str],
        role: Role,
        observations: torch.Tensor,
        actions: torch.Tensor | None,
    ) -> Mapping[str, torch.Tensor]:
        return sensitivity(view.heads, view.parameters, names, role, observations, actions)


def sensitivity(
    heads: HeadFunction,
    parameters: Mapping[str, torch.Tensor],
    names: list[str],
    role: Role,
    observations: torch.Tensor,
    actions: torch.Tensor | None = None,
    *,
    chunk_numbers: int = CHUNK_NUMBERS,
) -> dict[str, torch.Tensor]:
    """E_s |d ||f(s)||^2 / d theta| of all heads of `role`, for the parameters `names`.

    Arguments as of `fisher.diagonal_fisher`.
    """
    fixed = {name: value.detach() for name, value in parameters.items()}
    chosen = {name: fixed[name] for name in names}

    def squared_norm(
        values: Mapping[str, torch.Tensor], state: torch.Tensor, action: torch.Tensor | None
    ) -> torch.Tensor:
        given = heads({**fixed, **values}, state[None], None if action is None else action[None])
        return torch.stack([norm_of(h) for h in given.values() if h.role == role]).sum()

    per_state = vmap(grad(squared_norm), in_dims=(None, 0, None if actions is None else 0))
    return mean_over_states(
        [lambda states, taken: per_state(chosen, states, taken)],
        chosen,
        observations,
        actions,
        torch.abs,
        chunk_numbers=chunk_numbers,
    )


def norm_of(head: Head) -> torch.Tensor:
    """||f||^2 of a head, summed over its rows; see the top of the file. Scalar."""
    if head.kind in ("categorical", "multi_categorical"):
        sizes = list(head.sizes) or [head.values.shape[1]]
        parts = torch.split(head.values, sizes, dim=1)
        centred = [part - part.mean(dim=1, keepdim=True) for part in parts]
        return torch.cat(centred, dim=1).square().sum()
    squared = head.values.square().sum()
    return squared if head.scale is None else squared + head.scale.log().square().sum()
