"""Replay from two areas: the recent past, and a uniform sample of everything before it.

A first-in-first-out area holds the newest transitions. A transition that leaves it is offered to
the reservoir, once. The t-th of those offered enters with probability min(1, k/t), k the size of
the reservoir, and replaces a uniformly chosen one, so that after any t offers every one of them is
there with probability min(1, k/t) (Vitter's algorithm R, ACM TOMS 11(1), 1985; in lifelong RL:
Isele & Cosgun, arXiv 1802.10269). No transition is in both areas, none is passed over, and until
the capacity is reached nothing is lost, as in an ordinary buffer.

Every minibatch of B takes round(recent_batch_share * B) transitions (half up) uniformly from the
recent area and the rest uniformly from the reservoir, with replacement, the recent ones first in
the batch. Two limits keep a nearly empty area from being drawn to death: an area that holds fewer
transitions than its share gives as many as it holds, and while both together hold no more than B
all of them are equally likely.

Clearing the buffer (`at_boundary: {buffer: clear}`) empties the recent area only: what was in it
is offered to the reservoir first. That memory of earlier tasks is what the component is for.

Units: transitions, of all environments together. Cost (benchmarks/buffers.py): sampling takes a
quarter to a third of the time of SB3's buffer for vectors, under a half for images; adding takes
about 10 microseconds more per step of all environments. Memory: see `l2rl.engine.packed_ring`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from pydantic import Field

from l2rl.capabilities import REPLAY, REPLAY_BUFFER
from l2rl.component import Component, ComponentConfig
from l2rl.engine.packed_ring import PackedReplayBuffer, Slots
from l2rl.errors import UserError
from l2rl.views import BufferView

_OFFERED_AT_ONCE = 1024
"""When the recent area is cleared; bounds the memory of the move."""
_PLANNED_AT_ONCE = 1024
"""One offer at a time would cost more in calls than in arithmetic."""


def reservoir_slots(uniform: np.ndarray, offered_before: int, capacity: int) -> np.ndarray:
    """Slots (n,) int64 for the next n offers, -1 for one that does not enter.

    `uniform`: (n,) float64 in [0, 1), the only randomness. `offered_before`: offers so far.
    Where a slot is named twice the later offer is meant to stay, as it would one by one.
    """
    order = np.arange(offered_before + 1, offered_before + 1 + len(uniform))
    chosen = (uniform * order).astype(np.int64)
    return np.where(order <= capacity, order - 1, np.where(chosen < capacity, chosen, -1))


class ReservoirBuffer(PackedReplayBuffer):
    """Slots [0, recent_capacity) are the recent area, all others the reservoir."""

    def __init__(
        self,
        view: BufferView,
        capacity: int,
        recent_share: float,
        recent_batch_share: float,
        generator: np.random.Generator,
    ) -> None:
        super().__init__(
            capacity,
            view.observation_space,
            view.action_space,
            n_envs=view.n_envs,
            device=view.device,
            belief=view.belief,
            mask_size=view.mask_size,
        )
        self.recent_capacity = int(capacity * recent_share + 0.5)
        self.reservoir_capacity = capacity - self.recent_capacity
        self.recent_batch_share = recent_batch_share
        self.offered = 0
        """Transitions that have had their chance to enter the reservoir."""
        self._planned = np.empty(0, np.int64)
        self._generator = generator

    @property
    def recent_size(self) -> int:
        return self.recent_capacity if self.full else self.pos

    @property
    def reservoir_size(self) -> int:
        return min(self.offered, self.reservoir_capacity)

    @property
    def reservoir(self) -> slice:
        """The slots in use in the reservoir."""
        return slice(self.recent_capacity, self.recent_capacity + self.reservoir_size)

    def size(self) -> int:
        return self.recent_size + self.reservoir_size

    def place(self, items: int) -> Slots:
        if self.recent_capacity == 0:
            return self._offer(items)
        start, stop = self.pos, self.pos + items
        if stop <= self.recent_capacity:
            slots: Slots = slice(start, stop)
            overwritten = np.arange(start, stop) if self.full else None
        else:
            slots = np.arange(start, stop) % self.recent_capacity
            overwritten = slots if self.full else slots[self.recent_capacity - start :]
        if overwritten is not None:
            self._retire(overwritten)
        self.full = self.full or stop >= self.recent_capacity
        self.pos = stop % self.recent_capacity
        return slots

    def _offer(self, items: int) -> np.ndarray:
        """Slots in the ring for the next offers; -1 for one that does not enter."""
        missing = items - len(self._planned)
        if missing > 0:
            self._plan(max(missing, _PLANNED_AT_ONCE))
        slots, self._planned = self._planned[:items], self._planned[items:]
        self.offered += items
        return slots

    def _plan(self, offers: int) -> None:
        """Draw for offers to come: what becomes of them depends on their number alone."""
        uniform = self._generator.random(offers)
        before = self.offered + len(self._planned)
        slots = reservoir_slots(uniform, before, self.reservoir_capacity)
        slots[slots >= 0] += self.recent_capacity
        self._planned = np.concatenate([self._planned, slots])

    def _retire(self, slots: np.ndarray) -> None:
        """Offer what is in these slots of the recent area to the reservoir, in this order."""
        destinations = self._offer(len(slots))
        entering = destinations >= 0
        if entering.any():
            self.ring.move(slots[entering], destinations[entering])

    def draw(self, batch_size: int) -> np.ndarray:
        if self.size() == 0:
            raise ValueError("there is nothing to sample from: the replay buffer is empty")
        recent = self.recent_draws(batch_size)
        uniform = self._generator.random(batch_size)
        uniform[:recent] *= self.recent_size
        uniform[recent:] *= self.reservoir_size
        slots = uniform.astype(np.int64)
        slots[recent:] += self.recent_capacity
        return slots

    def recent_draws(self, batch_size: int) -> int:
        """How many of a minibatch come from the recent area; see the head of the file."""
        if self.size() <= batch_size:
            return int(batch_size * self.recent_size / self.size() + 0.5)
        wanted = int(batch_size * self.recent_batch_share + 0.5)
        return min(max(wanted, batch_size - self.reservoir_size), self.recent_size)

    def reset(self) -> None:
        """Empty the recent area into the reservoir."""
        oldest = self.pos if self.full else 0
        slots = (oldest + np.arange(self.recent_size)) % max(self.recent_capacity, 1)
        for start in range(0, len(slots), _OFFERED_AT_ONCE):
            self._retire(slots[start : start + _OFFERED_AT_ONCE])
        self.pos, self.full = 0, False

    def state_dict(self) -> dict[str, Any]:
        """The counters and the filled rows, the latter without a copy."""
        return {
            "pos": self.pos,
            "full": self.full,
            "added": self.added,
            "offered": self.offered,
            "planned": self._planned,
            "recent": self.ring.state_dict(slice(0, self.recent_size)),
            "reservoir": self.ring.state_dict(self.reservoir),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Give back what `state_dict` read."""
        self.pos, self.full = state["pos"], state["full"]
        self.added, self.offered = state["added"], state["offered"]
        self._planned = np.array(state["planned"])
        self.ring.load_state_dict(state["recent"], slice(0, self.recent_size))
        self.ring.load_state_dict(state["reservoir"], self.reservoir)


class Reservoir(Component):
    """Replaces the learner's replay buffer by a `ReservoirBuffer`."""

    needs = (REPLAY,)
    provides = (REPLAY_BUFFER,)
    cost = "sampling 0.25-0.45x of SB3's; no memory beyond the buffer's"

    class Config(ComponentConfig):
        capacity: int | None = Field(
            None, ge=2, description="transitions in both areas; null: the learner's buffer_size"
        )
        recent_share: float = Field(
            0.5,
            ge=0,
            lt=1,
            description="share of the capacity that is the recent area; 0: reservoir only",
        )
        recent_batch_share: float = Field(
            0.5, ge=0, le=1, description="share of every minibatch drawn from the recent area"
        )

    buffer: ReservoirBuffer

    def make_replay_buffer(self, view: BufferView) -> ReservoirBuffer:
        capacity = self.config.capacity or view.capacity
        self.buffer = ReservoirBuffer(
            view,
            capacity,
            self.config.recent_share,
            self.config.recent_batch_share,
            self.rng.numpy,
        )
        self._check_size(view.n_envs)
        return self.buffer

    def _check_size(self, n_envs: int) -> None:
        """A step of every environment must fit into the recent area, if there is one."""
        recent = self.buffer.recent_capacity
        if 0 < recent < n_envs or self.buffer.reservoir_capacity == 0:
            raise UserError(
                f"component {self.name!r}: a capacity of {self.buffer.buffer_size} leaves {recent} "
                f"transitions for the recent area and {self.buffer.reservoir_capacity} for the "
                f"reservoir, too few for {n_envs} environments\n"
                "  raise `capacity` (or the learner's `buffer_size`), or change `recent_share`"
            )

    def metrics(self) -> dict[str, float]:
        """Transitions stored, how full the reservoir is, and whose experience it holds."""
        held = self.buffer.ring.columns["belief"][self.buffer.reservoir]
        beliefs, counts = np.unique(held, return_counts=True)
        return {
            "size": float(self.buffer.size()),
            "reservoir_fill": self.buffer.reservoir_size / self.buffer.reservoir_capacity,
            **{
                f"belief_{belief}_share": count / len(held)
                for belief, count in zip(beliefs.tolist(), counts.tolist(), strict=True)
            },
        }

    def state_dict(self) -> dict[str, Any]:
        return self.buffer.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.buffer.load_state_dict(state)
