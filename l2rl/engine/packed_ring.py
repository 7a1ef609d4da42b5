"""Packed storage of transitions, and the side of a replay buffer that Stable-Baselines3 sees.

One row of bytes holds all fields of a transition, side by side, each in its own dtype: a minibatch
is one `take` of whole rows instead of one per field, and its tensors are views of the rows taken.
Fields come back with SB3's shapes and dtypes, and nothing is rounded: images stay uint8, running
numbers beyond 2**24 and float64 observations survive.

Memory is committed by the operating system as rows are first written, so a large buffer that is
never filled costs little. Bytes per transition: SB3's, plus 16 for belief and index, minus 4 for
the time-out flag, plus one per action where masks are kept, rounded up to a multiple of 8.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.buffers import BaseBuffer, ReplayBuffer
from stable_baselines3.common.preprocessing import get_action_dim, get_obs_shape
from stable_baselines3.common.vec_env import VecNormalize

from l2rl.errors import UserError


class PackedSamples(NamedTuple):
    """SB3's `ReplayBufferSamples`, and where each transition comes from."""

    observations: torch.Tensor
    """(batch, ...) of the space's dtype."""
    actions: torch.Tensor
    """(batch, action_dim); int64 where the space is discrete."""
    next_observations: torch.Tensor
    dones: torch.Tensor
    """(batch, 1) float32; 0 where an episode was only cut by a time limit."""
    rewards: torch.Tensor
    """(batch, 1) float32."""
    discounts: torch.Tensor | None = None
    """Kept for SB3's sake: a one-step buffer has none."""
    belief: torch.Tensor | None = None
    """(batch,) int64: the context believed in when the transition was collected."""
    index: torch.Tensor | None = None  # type: ignore[assignment]
    """(batch,) int64: running number of the transition."""
    next_action_masks: torch.Tensor | None = None
    """(batch, n) bool: actions valid in the next state; None for a ring without masks."""


Slots = slice | np.ndarray
"""Slot numbers: a slice, or (n,) int64."""


class PackedRing:
    """Transitions by slot number in [0, capacity). Which slots are in use is the owner's affair."""

    def __init__(
        self,
        capacity: int,
        observation_space: spaces.Space[Any],
        action_space: spaces.Space[Any],
        device: torch.device | str = "cpu",
        mask_size: int = 0,
    ) -> None:
        """`mask_size`: entries of a next state's action mask; 0: none are kept."""
        self.capacity = capacity
        self.device = torch.device(device)
        self._row = _row_dtype(observation_space, action_space, mask_size)
        # Zeros, not empty: pages of zeros are only committed when they are written.
        rows = np.zeros(capacity, self._row)
        self._bytes = rows.view(np.uint8).reshape(capacity, self._row.itemsize)
        self.columns: Mapping[str, np.ndarray] = {name: rows[name] for name in self._fields}
        """Field -> (capacity, ...), views of the rows."""

    @property
    def _fields(self) -> tuple[str, ...]:
        assert self._row.names is not None
        return self._row.names

    def write(self, slots: Slots, fields: Mapping[str, Any]) -> None:
        """Put n transitions into n slots. `fields`: a value for every name in `columns`, (n, ...)
        or one for all. Where a slot is named twice the later transition stays."""
        for name, column in self.columns.items():
            column[slots] = fields[name]

    def move(self, sources: np.ndarray, destinations: np.ndarray) -> None:
        """Copy transitions from slots (n,) to slots (n,); a later one overwrites an earlier."""
        self._bytes[destinations] = self._bytes.take(sources, axis=0)

    def gather(self, slots: np.ndarray) -> PackedSamples:
        """The transitions in `slots` (batch,) int64, as tensors of their own on the device.

        They are views of one another's rows, so not contiguous.
        """
        # Bytes, because `take` of a structured array costs twice as much.
        rows = self._bytes.take(slots, axis=0).view(self._row)[:, 0]
        fields = {name: torch.from_numpy(rows[name]) for name in self._fields}
        if self.device.type != "cpu":
            fields = {name: tensor.to(self.device) for name, tensor in fields.items()}
        return PackedSamples(**fields)

    @property
    def row_bytes(self) -> int:
        """Bytes of one transition."""
        return self._row.itemsize

    def state_dict(self, slots: slice) -> dict[str, np.ndarray]:
        """The fields of the transitions in `slots`, without a copy."""
        return {name: column[slots] for name, column in self.columns.items()}

    def load_state_dict(self, state: Mapping[str, np.ndarray], slots: slice) -> None:
        """Give back what `state_dict` read."""
        self.write(slots, state)


def _row_dtype(
    observation_space: spaces.Space[Any], action_space: spaces.Space[Any], mask_size: int
) -> np.dtype[np.void]:
    """One transition: SB3's dtypes and shapes, aligned so that every field can be a tensor."""
    if isinstance(observation_space, spaces.Dict):
        raise UserError(
            "a replay component cannot store dictionary observations\n"
            "  flatten the observation, or remove the replay component"
        )
    observation = (observation_space.dtype, get_obs_shape(observation_space))
    # SB3's rule: actions of a float64 space are kept as float32.
    action = np.float32 if action_space.dtype == np.float64 else action_space.dtype
    masks = [("next_action_masks", np.bool_, (mask_size,))] if mask_size else []
    return np.dtype(
        [
            ("index", np.int64),
            ("belief", np.int64),
            ("rewards", np.float32, (1,)),
            ("dones", np.float32, (1,)),
            ("actions", action, (get_action_dim(action_space),)),
            ("observations", *observation),
            ("next_observations", *observation),
            *masks,
        ],
        align=True,
    )


class PackedReplayBuffer(ReplayBuffer):
    """SB3's replay buffer over a `PackedRing`; a subclass decides about slots and nothing else.

    `buffer_size` and `size()` count transitions, of all environments together.
    """

    def __init__(
        self,
        capacity: int,
        observation_space: spaces.Space[Any],
        action_space: spaces.Space[Any],
        *,
        n_envs: int,
        device: torch.device | str,
        belief: Callable[[], int],
        mask_size: int = 0,
    ) -> None:
        # Not ReplayBuffer's: that would allocate SB3's arrays.
        BaseBuffer.__init__(self, capacity, observation_space, action_space, device, n_envs)
        self.optimize_memory_usage = False
        self.handle_timeout_termination = True
        self.ring = PackedRing(capacity, observation_space, action_space, self.device, mask_size)
        self.added = 0
        """Transitions ever added; the running number of the next one."""
        self._current_belief = belief
        self._next_masks: np.ndarray | None = None

    @abstractmethod
    def place(self, items: int) -> Slots:
        """Slots for the next transitions, -1 for one that is not kept."""

    @abstractmethod
    def draw(self, batch_size: int) -> np.ndarray:
        """Slots (batch_size,) int64 of a minibatch. Raises `ValueError` when nothing is stored."""

    @abstractmethod
    def size(self) -> int:
        """Transitions stored."""

    @abstractmethod
    def reset(self) -> None:
        """Forget; called for `at_boundary: {buffer: clear}`."""

    def note_next_masks(self, masks: np.ndarray) -> None:
        """Masks (n_envs, n) bool of the states that the transitions added next lead to. Called
        before each `add` of a buffer with masks."""
        self._next_masks = masks

    def add(
        self,
        obs: np.ndarray,
        next_obs: np.ndarray,
        action: np.ndarray,
        reward: np.ndarray,
        done: np.ndarray,
        infos: list[dict[str, Any]],
    ) -> None:
        """One step of every environment, leading axis n_envs; as in SB3."""
        items = len(reward)
        fields = {
            "observations": obs.reshape(items, *self.obs_shape),
            "next_observations": next_obs.reshape(items, *self.obs_shape),
            "actions": action.reshape(items, self.action_dim),
            "rewards": reward.reshape(items, 1),
            "dones": _true_ends(done, infos).reshape(items, 1),
            "index": np.arange(self.added, self.added + items),
            "belief": np.full(items, self._current_belief()),
        }
        if self._next_masks is not None:
            fields["next_action_masks"], self._next_masks = self._next_masks, None
        self.added += items
        slots = self.place(items)
        if isinstance(slots, np.ndarray):
            kept = np.flatnonzero(slots >= 0)
            fields = {name: value[kept] for name, value in fields.items()}
            slots = slots[kept]
        self.ring.write(slots, fields)

    def sample(  # type: ignore[override]
        self, batch_size: int, env: VecNormalize | None = None
    ) -> PackedSamples:
        """A minibatch, normalised by `env`'s current statistics if there is one."""
        return self._get_samples(self.draw(batch_size), env)

    def _get_samples(  # type: ignore[override]
        self, batch_inds: np.ndarray, env: VecNormalize | None = None
    ) -> PackedSamples:
        samples = self.ring.gather(batch_inds)
        if env is None:
            return samples
        return samples._replace(
            observations=self._normalised(samples.observations, env),
            next_observations=self._normalised(samples.next_observations, env),
            rewards=self.to_torch(self._normalize_reward(samples.rewards.cpu().numpy(), env)),
        )

    def _normalised(self, observations: torch.Tensor, env: VecNormalize) -> torch.Tensor:
        normalised = self._normalize_obs(observations.cpu().numpy(), env)
        assert isinstance(normalised, np.ndarray)
        return self.to_torch(normalised)


def _true_ends(done: np.ndarray, infos: list[dict[str, Any]]) -> np.ndarray:
    """1.0 where an episode ended in a state without future, not merely by a time limit."""
    ends = np.array(done, dtype=np.float32)
    if ends.any():
        for i in np.flatnonzero(ends):
            if infos[i].get("TimeLimit.truncated", False):
                ends[i] = 0.0
    return ends
