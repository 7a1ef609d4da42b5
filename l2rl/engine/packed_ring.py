"""Packed storage of transitions, and the side of a replay buffer that Stable-Baselines3 sees.

One matrix per dtype holds every field of that dtype, one row per transition: a minibatch is one
`take` per matrix instead of one per field (for vector observations: a float32 matrix and an int64
one; images stay uint8, in a matrix of their own). Fields come back with SB3's shapes and dtypes.
Nothing is rounded: a field is only ever stored in its own dtype, so running numbers beyond 2**24
and float64 observations survive.

Memory is committed by the operating system as rows are first written, so a large buffer that is
never filled costs nothing. Cost per transition: the fields' own bytes, plus 16 for belief and
index, minus 4 for SB3's separate time-out flag.
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


class _Group:
    """All fields of one dtype: names, shapes, and the matrix (capacity, sum of widths)."""

    def __init__(self, dtype: np.dtype[Any], fields: Mapping[str, tuple[int, ...]], capacity: int):
        self.widths = [int(np.prod(shape)) for shape in fields.values()]
        self.shapes = dict(fields)
        stops = np.cumsum(self.widths).tolist()
        self.columns = {
            name: slice(stop - width, stop)
            for name, width, stop in zip(fields, self.widths, stops, strict=True)
        }
        # Zeros, not empty: pages of zeros are only committed when they are written.
        self.matrix = np.zeros((capacity, stops[-1]), dtype)

    def pack(self, values: Mapping[str, Any], rows: int) -> np.ndarray:
        """(rows, width) from the values of all fields."""
        packed = np.empty((rows, self.matrix.shape[1]), self.matrix.dtype)
        for name, columns in self.columns.items():
            value = values[name]
            packed[:, columns] = value.reshape(rows, -1) if np.ndim(value) else value
        return packed

    def unpack(self, rows: torch.Tensor) -> dict[str, torch.Tensor]:
        """Field name -> (batch, *shape), as views of the rows."""
        parts = zip(self.shapes.items(), torch.split(rows, self.widths, dim=1), strict=True)
        return {
            name: part if len(shape) == 1 else part.view(-1, *shape)
            for (name, shape), part in parts
        }


class PackedRing:
    """Transitions by slot number in [0, capacity). Which slots are in use is the owner's affair."""

    def __init__(
        self,
        capacity: int,
        observation_space: spaces.Space[Any],
        action_space: spaces.Space[Any],
        device: torch.device | str = "cpu",
    ) -> None:
        self.capacity = capacity
        self.device = torch.device(device)
        fields = _fields_by_dtype(observation_space, action_space)
        self._groups = {d.str: _Group(d, group, capacity) for d, group in fields.items()}
        self._belief = self._column("belief")
        self._index = self._column("index")

    def _column(self, name: str) -> np.ndarray:
        group = next(g for g in self._groups.values() if name in g.columns)
        return group.matrix[:, group.columns[name].start]

    def write(
        self,
        slots: np.ndarray,
        *,
        observations: np.ndarray,
        next_observations: np.ndarray,
        actions: np.ndarray,
        rewards: np.ndarray,
        dones: np.ndarray,
        belief: np.ndarray | int,
        index: np.ndarray | int,
    ) -> None:
        """Put n transitions, leading axis n, into `slots` (n,) int64.

        Where a slot is named twice the later transition stays.
        """
        values = {
            "observations": observations,
            "next_observations": next_observations,
            "actions": actions,
            "rewards": rewards,
            "dones": dones,
            "belief": belief,
            "index": index,
        }
        for group in self._groups.values():
            group.matrix[slots] = group.pack(values, len(slots))

    def move(self, sources: np.ndarray, destinations: np.ndarray) -> None:
        """Copy transitions from slots (n,) to slots (n,); a later one overwrites an earlier."""
        for group in self._groups.values():
            group.matrix[destinations] = group.matrix.take(sources, axis=0)

    def gather(self, slots: np.ndarray) -> PackedSamples:
        """The transitions in `slots` (batch,) int64, as tensors of their own on the device."""
        fields: dict[str, torch.Tensor] = {}
        for group in self._groups.values():
            # numpy's `take` copies whole rows, at half the overhead of `index_select`.
            rows = torch.from_numpy(group.matrix.take(slots, axis=0))
            if self.device.type != "cpu":
                rows = rows.to(self.device)
            fields.update(group.unpack(rows))
        return PackedSamples(**fields)

    def beliefs(self, slots: slice | np.ndarray) -> np.ndarray:
        """(n,) int64."""
        return self._belief[slots]

    def indexes(self, slots: slice | np.ndarray) -> np.ndarray:
        """(n,) int64."""
        return self._index[slots]

    @property
    def nbytes(self) -> int:
        """Bytes when every row has been written."""
        return sum(group.matrix.nbytes for group in self._groups.values())

    def state_dict(self, slots: slice) -> dict[str, Any]:
        """The rows in `slots`, by dtype, without a copy."""
        return {dtype: group.matrix[slots] for dtype, group in self._groups.items()}

    def load_state_dict(self, state: Mapping[str, Any], slots: slice) -> None:
        """Give back what `state_dict` read."""
        for dtype, group in self._groups.items():
            group.matrix[slots] = state[dtype]


def _fields_by_dtype(
    observation_space: spaces.Space[Any], action_space: spaces.Space[Any]
) -> dict[np.dtype[Any], dict[str, tuple[int, ...]]]:
    """dtype -> field -> shape without the batch axis, as SB3's replay buffer has them."""
    if isinstance(observation_space, spaces.Dict):
        raise UserError(
            "a replay component cannot store dictionary observations\n"
            "  flatten the observation, or remove the replay component"
        )
    seen = np.dtype(observation_space.dtype)
    # SB3's rule: actions of a float64 space are kept as float32.
    done = np.dtype(np.float32 if action_space.dtype == np.float64 else action_space.dtype)
    shape = get_obs_shape(observation_space)
    assert isinstance(shape, tuple)
    fields: dict[np.dtype[Any], dict[str, tuple[int, ...]]] = {}
    for name, dtype, field_shape in (
        ("observations", seen, shape),
        ("next_observations", seen, shape),
        ("actions", done, (get_action_dim(action_space),)),
        ("rewards", np.dtype(np.float32), (1,)),
        ("dones", np.dtype(np.float32), (1,)),
        ("belief", np.dtype(np.int64), ()),
        ("index", np.dtype(np.int64), ()),
    ):
        fields.setdefault(dtype, {})[name] = field_shape
    return fields


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
    ) -> None:
        # Not ReplayBuffer's: that would allocate SB3's arrays.
        BaseBuffer.__init__(self, capacity, observation_space, action_space, device, n_envs)
        self.optimize_memory_usage = False
        self.handle_timeout_termination = True
        self.ring = PackedRing(capacity, observation_space, action_space, self.device)
        self.added = 0
        """Transitions ever added; the running number of the next one."""
        self._current_belief = belief

    @abstractmethod
    def place(self, items: int) -> np.ndarray:
        """Slots (items,) int64 for the next transitions; -1 for one that is not kept."""

    @abstractmethod
    def draw(self, batch_size: int) -> np.ndarray:
        """Slots (batch_size,) int64 of a minibatch. Raises `ValueError` when nothing is stored."""

    @abstractmethod
    def size(self) -> int:
        """Transitions stored."""

    @abstractmethod
    def reset(self) -> None:
        """Forget; called for `at_boundary: {buffer: clear}`."""

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
        numbers = np.arange(self.added, self.added + items)
        slots = self.place(items)
        self.added += items
        fields = {
            "observations": obs,
            "next_observations": next_obs,
            "actions": action,
            "rewards": reward,
            "dones": _true_ends(done, infos),
            "index": numbers,
        }
        kept = np.flatnonzero(slots >= 0)
        if len(kept) < items:
            fields = {name: np.asarray(value)[kept] for name, value in fields.items()}
            slots = slots[kept]
        if len(kept):
            self.ring.write(slots, **fields, belief=self._current_belief())

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
    for i in np.flatnonzero(ends):
        if infos[i].get("TimeLimit.truncated", False):
            ends[i] = 0.0
    return ends
