"""A replay buffer of several parts, each with a share of the capacity and of every minibatch.

Every part is offered every transition and keeps what its kind says:

    recent          the newest; drawn uniformly
    prioritised     the newest; drawn by TD error and weighted as in `replay.prioritised`
    reservoir       a uniform sample of the whole life (algorithm R); drawn uniformly
    task_balanced   as many of each context as of any other (class-balanced reservoir sampling,
                    Chrysakis and Moens, ICML 2020); each drawn equally often

`drop` changes what goes when a `recent` or `prioritised` part is full: the oldest, a random one
(ages are then geometric), or that with the lowest absolute TD error when last replayed; one that
was never replayed is not dropped before those that were. The lowest are looked up 1/64 of the part
at a time.

Every minibatch has each part's share to within one transition, and on average exactly. While a part
is empty its share goes to the others. Rows are ordered by part. Transitions in several parts are
stored, and may occur in a minibatch, several times; what is learned about the error of one counts
where it was drawn. Rows of other parts than `prioritised` weigh 1.

A context is what the agent believed to be in: the block of the curriculum or what a detector says.
Clearing the buffer (`at_boundary: {buffer: clear}`) empties `recent` and `prioritised` parts only.

Units: transitions, of all environments together. Cost: with the default parts and a batch of 64 up
to 0.3 ms a gradient step.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import torch
from pydantic import Field, model_validator
from stable_baselines3.common.vec_env import VecNormalize

from l2rl.capabilities import PER_SAMPLE_LOSS, REPLAY, REPLAY_BUFFER, SAMPLE_ERRORS, Need
from l2rl.component import Component, ComponentConfig
from l2rl.engine.packed_ring import PackedReplayBuffer
from l2rl.errors import UserError
from l2rl.views import BufferView, UpdateView

from .parts import (
    BatchShares,
    Drop,
    Part,
    PrioritisedPart,
    RecentPart,
    ReservoirPart,
    TaskBalancedPart,
)
from .prioritised import WeightedSamples, weighted

_FORGETFUL = ("recent", "prioritised")


class PartConfig(ComponentConfig):
    """One part of a mixed buffer."""

    kind: Literal["recent", "prioritised", "reservoir", "task_balanced"]
    capacity_share: float = Field(gt=0, le=1, description="share of the capacity")
    batch_share: float = Field(ge=0, le=1, description="share of every minibatch")
    drop: Drop | None = Field(
        None, description="recent, prioritised: what goes when it is full; null: the oldest"
    )
    alpha: float = Field(0.6, ge=0, description="prioritised: exponent of the priority")
    beta: float = Field(0.4, ge=0, le=1, description="prioritised: exponent of the weights")
    epsilon: float = Field(1e-6, gt=0, description="prioritised: added to absolute TD errors")

    @model_validator(mode="after")
    def _check(self) -> PartConfig:
        if self.drop is not None and self.kind not in _FORGETFUL:
            raise ValueError(f"a {self.kind} part has a rule of its own: leave out drop")
        return self

    def part(self, capacity: int, generator: np.random.Generator) -> Part:
        """An empty part of this kind."""
        if self.kind == "reservoir":
            return ReservoirPart(capacity, generator)
        if self.kind == "task_balanced":
            return TaskBalancedPart(capacity, generator)
        drop = self.drop or "oldest"
        if self.kind == "recent":
            return RecentPart(capacity, generator, drop)
        return PrioritisedPart(capacity, generator, drop, self.alpha, self.beta, self.epsilon)


class MixedBuffer(PackedReplayBuffer):
    """The parts' slots one after the other, and behind them room for one step."""

    def __init__(
        self, view: BufferView, parts: list[Part], shares: list[float], *, is_weighted: bool
    ) -> None:
        capacity = sum(part.capacity for part in parts)
        super().__init__(
            capacity + view.n_envs,
            view.observation_space,
            view.action_space,
            n_envs=view.n_envs,
            device=view.device,
            belief=view.belief,
            mask_size=view.mask_size,
        )
        self.buffer_size = capacity
        self.parts = parts
        self.shares = BatchShares(shares)
        self._starts = np.cumsum([0, *(part.capacity for part in parts)])
        self._is_weighted = is_weighted
        self._drawn = np.empty(0, np.int64)
        """Slots of the last minibatch."""

    def size(self) -> int:
        return sum(part.size for part in self.parts)

    def place(self, items: int) -> np.ndarray:
        """Room behind the parts, from where each takes its copy."""
        return self.buffer_size + np.arange(items)

    def add(self, *args: Any, **kwargs: Any) -> None:
        before = self.added
        super().add(*args, **kwargs)
        room = self.place(self.added - before)
        belief = self._current_belief()
        for start, part in zip(self._starts.tolist(), self.parts, strict=False):
            slots = part.place(len(room), belief)
            kept = slots >= 0
            if kept.any():
                self.ring.move(room[kept], start + slots[kept])

    def draw(self, batch_size: int) -> np.ndarray:
        sizes = np.array([part.size for part in self.parts])
        if not sizes.any():
            raise ValueError("there is nothing to sample from: the replay buffer is empty")
        counts = self.shares.counts(batch_size, sizes).tolist()
        self._drawn = np.concatenate(
            [
                start + part.draw(count) if count else np.empty(0, np.int64)
                for start, part, count in zip(self._starts, self.parts, counts, strict=False)
            ]
        )
        return self._drawn

    def _get_samples(  # type: ignore[override]
        self, batch_inds: np.ndarray, env: VecNormalize | None = None
    ) -> WeightedSamples:
        samples = super()._get_samples(batch_inds, env)
        if not self._is_weighted:
            return WeightedSamples(**samples._asdict())
        weights = np.ones(len(batch_inds), np.float32)
        for part, rows, slots in self._by_part(batch_inds):
            weights[rows] = part.weights(slots)
        return weighted(samples, weights)

    def _by_part(self, slots: np.ndarray) -> list[tuple[Part, np.ndarray, np.ndarray]]:
        """(part, rows, slots within the part) of the slots (n,) of a minibatch."""
        owner = np.searchsorted(self._starts, slots, side="right") - 1
        result = []
        for number, part in enumerate(self.parts):
            rows = np.flatnonzero(owner == number)
            if len(rows):
                result.append((part, rows, slots[rows] - self._starts[number]))
        return result

    def note_errors(self, index: np.ndarray, errors: np.ndarray) -> None:
        """TD errors (n,) of the last minibatch's transitions, by running number (n,); rows that it
        did not have, and transitions that were overwritten since, are passed over."""
        order = np.argsort(index, kind="stable")
        stored = self.ring.columns["index"][self._drawn]
        found = np.minimum(np.searchsorted(index[order], stored), len(index) - 1)
        known = index[order][found] == stored
        told = errors[order][found]
        for part, rows, slots in self._by_part(self._drawn):
            part.note_errors(slots[known[rows]], told[rows][known[rows]])

    def reset(self) -> None:
        """Forget what is no memory of earlier tasks."""
        for part in self.parts:
            part.clear()

    def _filled(self, number: int) -> slice:
        start = int(self._starts[number])
        return slice(start, start + self.parts[number].size)

    def state_dict(self) -> dict[str, Any]:
        """Counters, and of each part its own state and its filled rows, the latter not copied."""
        return {
            "added": self.added,
            "behind": self.shares.behind,
            "parts": [part.state_dict() for part in self.parts],
            "rows": [self.ring.state_dict(self._filled(n)) for n in range(len(self.parts))],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Give back what `state_dict` read."""
        self.added = state["added"]
        self.shares.behind = np.array(state["behind"])
        for number, part in enumerate(self.parts):
            part.load_state_dict(state["parts"][number])
            self.ring.load_state_dict(state["rows"][number], self._filled(number))


class Mixed(Component):
    """Replaces the learner's replay buffer by a `MixedBuffer`."""

    needs = (REPLAY,)
    provides = (REPLAY_BUFFER,)
    cost = "up to 0.3 ms per gradient step at a batch of 64"

    class Config(ComponentConfig):
        capacity: int | None = Field(
            None, ge=2, description="transitions in all parts; null: the learner's buffer_size"
        )
        parts: tuple[PartConfig, ...] = Field(
            tuple(
                PartConfig.model_validate({"kind": kind, "capacity_share": 0.5, "batch_share": 0.5})
                for kind in ("recent", "task_balanced")
            ),
            min_length=1,
            description="the parts; both kinds of shares add up to 1",
        )

        @model_validator(mode="after")
        def _check(self) -> Mixed.Config:
            for name in ("capacity_share", "batch_share"):
                total = sum(getattr(part, name) for part in self.parts)
                if abs(total - 1) > 1e-6:
                    raise ValueError(f"the parts' {name}s add up to {total:g} instead of 1")
            return self

    buffer: MixedBuffer

    def requirements(self) -> tuple[tuple[Need, ...], tuple[str, ...]]:
        needs: tuple[Need, ...] = self.needs
        if any(part.drop == "lowest_error" for part in self.config.parts) or self._is_weighted:
            needs = (*needs, SAMPLE_ERRORS)
        if self._is_weighted:
            needs = (*needs, PER_SAMPLE_LOSS)
        return needs, self.provides

    @property
    def _is_weighted(self) -> bool:
        return any(part.kind == "prioritised" for part in self.config.parts)

    def make_replay_buffer(self, view: BufferView) -> MixedBuffer:
        total = self.config.capacity or view.capacity
        parts = []
        for config in self.config.parts:
            capacity = int(total * config.capacity_share + 0.5)
            self._require_room(config.kind, capacity, view.n_envs)
            parts.append(config.part(capacity, self.rng.numpy))
        shares = [config.batch_share for config in self.config.parts]
        self.buffer = MixedBuffer(view, parts, shares, is_weighted=self._is_weighted)
        return self.buffer

    def _require_room(self, kind: str, capacity: int, n_envs: int) -> None:
        """A step of every environment must fit into each part."""
        if capacity < n_envs:
            raise UserError(
                f"component {self.name!r}: its {kind} part has room for {capacity} transitions, "
                f"too few for {n_envs} environments\n"
                "  raise `capacity` (or the learner's `buffer_size`), or its `capacity_share`"
            )

    def after_step(self, view: UpdateView) -> None:
        index: torch.Tensor | None = view.batch.get("index")
        if view.errors is not None and index is not None:
            self.buffer.note_errors(index.cpu().numpy(), view.errors.cpu().numpy())

    def metrics(self) -> Mapping[str, float]:
        """Transitions in each part, and of each context in those balanced over tasks."""
        result = {"size": float(self.buffer.size())}
        for number, part in enumerate(self.buffer.parts):
            name = f"{number}_{self.config.parts[number].kind}"
            result[f"{name}/size"] = float(part.size)
            if isinstance(part, TaskBalancedPart):
                held = part.held().items()
                result |= {f"{name}/belief_{belief}": float(n) for belief, n in held}
        return result

    def state_dict(self) -> dict[str, Any]:
        return self.buffer.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.buffer.load_state_dict(state)
