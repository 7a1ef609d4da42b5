"""Prioritised replay: what surprised the learner most is replayed most.

    p_i = |error_i| + epsilon,    P(i) = p_i^alpha / sum p^alpha
    w_i = (N P(i))^-beta / max_j (N P(j))^-beta

A new transition has the largest priority stored, so that it is soon looked at; after each gradient
step the transitions of the batch get their TD error as priority (for SAC the mean of both critics'
absolute errors). A minibatch is drawn stratified: one transition from each of B equal parts of the
total mass. The weights w undo in the loss what the drawing did to the distribution, the more the
nearer beta is to 1; their maximum is over all that is stored. Source: arXiv 1511.05952 (the
proportional variant), with its alpha 0.6 and beta from 0.4 to 1.

alpha and beta move linearly over a horizon in env steps or in gradient steps, from the start of the
life on, and stay. The exponent alpha moves in 64 steps, each of which computes all masses anew.

A priority is given to the very transition it was measured on: rows that other components add to a
batch have none, and a transition that was overwritten since it was drawn keeps what its successor
has. The buffer holds the newest `capacity` transitions; priorities by TD error starve earlier tasks
once the present one surprises more, so this is no memory of earlier tasks: put `replay.mixed` in
its place for that, or add `replay.task_balanced`.

Units: transitions, of all environments together. Cost (benchmarks/priorities.py, 256 of 100 000 on
one core): 0.07 ms to draw, 0.04 ms to update, 10 times less than a sum-tree in Python. Memory: 24
bytes per transition beyond `l2rl.engine.packed_ring`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from pydantic import Field, model_validator
from stable_baselines3.common.vec_env import VecNormalize

from l2rl.capabilities import PER_SAMPLE_LOSS, REPLAY, REPLAY_BUFFER, SAMPLE_ERRORS
from l2rl.component import Component, ComponentConfig
from l2rl.engine.packed_ring import PackedReplayBuffer, PackedSamples
from l2rl.errors import UserError
from l2rl.views import BufferView, UpdateView

from .priorities import Priorities

_ALPHA_STEPS = 64


class WeightedSamples(NamedTuple):
    """`PackedSamples`, and what each sample weighs in the loss."""

    observations: torch.Tensor
    actions: torch.Tensor
    next_observations: torch.Tensor
    dones: torch.Tensor
    rewards: torch.Tensor
    discounts: torch.Tensor | None = None
    belief: torch.Tensor | None = None
    index: torch.Tensor | None = None  # type: ignore[assignment]
    next_action_masks: torch.Tensor | None = None
    weights: torch.Tensor | None = None
    """(batch,) float32."""


def weighted(samples: PackedSamples, weights: np.ndarray) -> WeightedSamples:
    """The same samples with weights (batch,) float32."""
    on_device = torch.as_tensor(weights, device=samples.observations.device)
    return WeightedSamples(**samples._asdict(), weights=on_device)


class PrioritisedBuffer(PackedReplayBuffer):
    """A ring of the newest transitions, drawn by priority."""

    def __init__(
        self,
        view: BufferView,
        capacity: int,
        priorities: Priorities,
        exponents: Callable[[], tuple[float, float]],
        generator: np.random.Generator,
    ) -> None:
        """`exponents`: (alpha, beta) of this moment."""
        super().__init__(
            capacity,
            view.observation_space,
            view.action_space,
            n_envs=view.n_envs,
            device=view.device,
            belief=view.belief,
            mask_size=view.mask_size,
        )
        self.priorities = priorities
        self._exponents = exponents
        self._generator = generator
        self._first = 0
        """Running number of the transition that went to slot 0 when the buffer was last empty."""

    def size(self) -> int:
        return self.buffer_size if self.full else self.pos

    def place(self, items: int) -> np.ndarray:
        slots = np.arange(self.pos, self.pos + items) % self.buffer_size
        self.full = self.full or self.pos + items >= self.buffer_size
        self.pos = (self.pos + items) % self.buffer_size
        self.priorities.add(slots)
        return slots

    def draw(self, batch_size: int) -> np.ndarray:
        if self.size() == 0:
            raise ValueError("there is nothing to sample from: the replay buffer is empty")
        self.priorities.anneal(self._exponents()[0])
        return self.priorities.draw(batch_size, self._generator)

    def _get_samples(  # type: ignore[override]
        self, batch_inds: np.ndarray, env: VecNormalize | None = None
    ) -> WeightedSamples:
        samples = super()._get_samples(batch_inds, env)
        return weighted(samples, self.priorities.weights(batch_inds, self._exponents()[1]))

    def note_errors(self, index: np.ndarray, errors: np.ndarray) -> None:
        """TD errors (n,) of the transitions with these running numbers (n,); of those that are not
        stored (any more) nothing is kept."""
        slots = (index - self._first) % self.buffer_size
        known = (index >= self._first) & (slots < self.size())
        known &= self.ring.columns["index"][slots] == index
        self.priorities.update(slots[known], errors[known])

    def reset(self) -> None:
        """Forget everything, as an ordinary buffer does."""
        self.priorities.remove(np.arange(self.buffer_size))
        self.pos, self.full, self._first = 0, False, self.added

    def state_dict(self) -> dict[str, Any]:
        """Counters, priorities and the filled rows, the latter without a copy."""
        self.priorities.settle()
        filled = slice(0, self.size())
        return {
            "pos": self.pos,
            "full": self.full,
            "added": self.added,
            "first": self._first,
            "alpha": self.priorities.alpha,
            "priorities": self.priorities.raw[filled],
            "rows": self.ring.state_dict(filled),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Give back what `state_dict` read."""
        self.pos, self.full = state["pos"], state["full"]
        self.added, self._first = state["added"], state["first"]
        self.priorities.load(state["priorities"], state["alpha"])
        self.ring.load_state_dict(state["rows"], slice(0, self.size()))


class Prioritised(Component):
    """Replaces the learner's replay buffer by a `PrioritisedBuffer`."""

    needs = (REPLAY, SAMPLE_ERRORS, PER_SAMPLE_LOSS)
    provides = (REPLAY_BUFFER,)
    stateful = ("_updates",)
    cost = "0.2-0.3 ms per gradient step; 24 bytes per transition"

    class Config(ComponentConfig):
        capacity: int | None = Field(
            None, ge=2, description="transitions stored; null: the learner's buffer_size"
        )
        alpha: float = Field(0.6, ge=0, description="exponent of the priority; 0: drawn uniformly")
        alpha_end: float | None = Field(
            None, ge=0, description="exponent at the end of the horizon; null: stays"
        )
        beta: float = Field(
            0.4, ge=0, le=1, description="share of the bias of drawing that weights undo at first"
        )
        beta_end: float | None = Field(
            1.0, ge=0, le=1, description="share at the end of the horizon; null: stays"
        )
        horizon_env_steps: int | None = Field(
            None, ge=1, description="env steps over which both move; 1 000 000 if none is given"
        )
        horizon_updates: int | None = Field(
            None, ge=1, description="gradient steps over which both move, instead of env steps"
        )
        epsilon: float = Field(
            1e-6, gt=0, description="added to every absolute TD error, so that none is never drawn"
        )

        @model_validator(mode="after")
        def _check(self) -> Prioritised.Config:
            if self.horizon_env_steps and self.horizon_updates:
                raise ValueError("give horizon_env_steps or horizon_updates, not both")
            return self

    buffer: PrioritisedBuffer
    _updates = 0

    def make_replay_buffer(self, view: BufferView) -> PrioritisedBuffer:
        capacity = self.config.capacity or view.capacity
        require_room(self.name, capacity, view.n_envs)
        priorities = Priorities(capacity, self.config.alpha, self.config.epsilon)
        self.buffer = PrioritisedBuffer(view, capacity, priorities, self.exponents, self.rng.numpy)
        return self.buffer

    def exponents(self) -> tuple[float, float]:
        """(alpha, beta) of this moment."""
        config = self.config
        if config.horizon_updates:
            share = self._updates / config.horizon_updates
        else:
            share = self.agent.env_steps() / (config.horizon_env_steps or 1_000_000)
        share = min(share, 1.0)
        stepped = int(share * _ALPHA_STEPS) / _ALPHA_STEPS
        return (
            annealed(config.alpha, config.alpha_end, stepped),
            annealed(config.beta, config.beta_end, share),
        )

    def after_step(self, view: UpdateView) -> None:
        if view.errors is None:
            return
        self._updates += 1
        index: torch.Tensor | None = view.batch.get("index")
        if index is not None:
            self.buffer.note_errors(index.cpu().numpy(), view.errors.cpu().numpy())

    def metrics(self) -> Mapping[str, float]:
        """Transitions stored, both exponents, and how uneven priorities are: `effective_share` is
        the effective sample size by masses over the transitions stored, 1 where all are equal."""
        alpha, beta = self.exponents()
        masses = self.buffer.priorities.masses[: self.buffer.size()]
        squares = float((masses**2).sum())
        varied = float(masses.sum()) ** 2 / squares / len(masses) if squares else 1.0
        highest = self.buffer.priorities.highest()
        return {
            "size": float(self.buffer.size()),
            "alpha": alpha,
            "beta": beta,
            "priority_max": highest,
            "effective_share": varied,
        }

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "buffer": self.buffer.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        super().load_state_dict(state)
        self.buffer.load_state_dict(state["buffer"])


def annealed(start: float, end: float | None, share: float) -> float:
    """`share` in [0, 1] of the way from `start` to `end`; `start` if there is no end."""
    return start if end is None else start + share * (end - start)


def require_room(name: str, capacity: int, n_envs: int) -> None:
    """Raises `UserError` unless one step of every environment fits."""
    if capacity < n_envs:
        raise UserError(
            f"component {name!r}: a capacity of {capacity} transitions is too small for "
            f"{n_envs} environments\n  raise `capacity` (or the learner's `buffer_size`)"
        )
