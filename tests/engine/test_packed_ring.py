"""The packed ring gives back what SB3's buffer would, bit for bit and dtype for dtype."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from stable_baselines3.common.buffers import ReplayBuffer

from l2rl.engine.packed_ring import PackedReplayBuffer, PackedRing, Slots
from l2rl.errors import UserError

VECTOR = spaces.Box(-1, 1, (5,), np.float32)
DISCRETE = spaces.Discrete(4)
SPACES: dict[str, tuple[spaces.Space[Any], spaces.Space[Any]]] = {
    "vector-discrete": (VECTOR, DISCRETE),
    "vector-box": (VECTOR, spaces.Box(-1, 1, (3,), np.float32)),
    "matrix-float64": (spaces.Box(-1, 1, (2, 3), np.float64), spaces.Box(-1, 1, (3,), np.float64)),
    "image": (spaces.Box(0, 255, (3, 7, 5), np.uint8), DISCRETE),
    "number": (spaces.Discrete(9), DISCRETE),
    "numbers": (spaces.MultiDiscrete([3, 4]), spaces.MultiDiscrete([2, 3])),
    "bits": (spaces.MultiBinary(6), spaces.MultiBinary(2)),
}


class FirstInFirstOut(PackedReplayBuffer):
    """The simplest subclass: a plain ring."""

    def place(self, items: int) -> Slots:
        slots = (self.pos + np.arange(items)) % self.buffer_size
        self.full = self.full or self.pos + items >= self.buffer_size
        self.pos = (self.pos + items) % self.buffer_size
        return slots

    def draw(self, batch_size: int) -> np.ndarray:
        return np.arange(batch_size) % self.size()

    def size(self) -> int:
        return self.buffer_size if self.full else self.pos

    def reset(self) -> None:
        self.pos, self.full = 0, False


def filled(name: str, n_envs: int = 1, steps: int = 12) -> tuple[FirstInFirstOut, ReplayBuffer]:
    """Ours and SB3's, after the same steps; every third ends, half of those by a time limit."""
    seen, acted = SPACES[name]
    ours = FirstInFirstOut(40, seen, acted, n_envs=n_envs, device="cpu", belief=lambda: 3)
    stock = ReplayBuffer(40, seen, acted, "cpu", n_envs=n_envs)
    seen.seed(0)
    acted.seed(0)
    for step in range(steps):
        values = [np.stack([s.sample() for _ in range(n_envs)]) for s in (seen, seen, acted)]
        rewards = np.random.default_rng(step).standard_normal(n_envs)
        done = np.full(n_envs, step % 3 == 0)
        infos: list[dict[str, Any]] = [
            {"TimeLimit.truncated": bool(step % 2) and bool(done[0])} for _ in range(n_envs)
        ]
        for buffer in (ours, stock):
            buffer.add(values[0], values[1], values[2], rewards, done, infos)
    return ours, stock


@pytest.mark.parametrize("name", SPACES)
def test_fields_are_those_of_sb3(name: str) -> None:
    ours, stock = filled(name)
    slots = np.array([3, 0, 11, 3, 9])
    samples, expected = ours._get_samples(slots), stock._get_samples(slots)
    for field in ("observations", "actions", "next_observations", "dones", "rewards"):
        mine, theirs = getattr(samples, field), getattr(expected, field)
        assert mine.dtype == theirs.dtype, field
        assert mine.shape == theirs.shape, field
        assert torch.equal(mine, theirs), field
    assert samples.discounts is None
    assert isinstance(samples.index, torch.Tensor)
    assert samples.index.tolist() == slots.tolist()
    assert samples.belief is not None
    assert samples.belief.tolist() == [3] * 5


def test_an_episode_cut_by_a_time_limit_is_not_done() -> None:
    ours, _ = filled("vector-discrete")
    dones = ours._get_samples(np.arange(12)).dones.flatten().tolist()
    assert dones == [1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0]


def test_several_environments_are_transitions_of_their_own() -> None:
    ours, stock = filled("vector-box", n_envs=4, steps=5)
    assert ours.size() == 20
    assert ours.added == 20
    samples = ours._get_samples(np.arange(20))
    np.testing.assert_array_equal(
        samples.observations.numpy(), stock.observations[:5].reshape(20, 5)
    )
    np.testing.assert_array_equal(samples.rewards.numpy()[:, 0], stock.rewards[:5].reshape(20))


def test_large_running_numbers_keep_every_digit() -> None:
    ours, _ = filled("vector-discrete", steps=1)
    ours.added = 2**53 + 1
    seen = np.ones((1, 5), np.float32)
    ours.add(seen, seen, np.array([1]), np.ones(1, np.float32), np.zeros(1, bool), [{}])
    index = ours._get_samples(np.array([1])).index
    assert isinstance(index, torch.Tensor)
    assert index.dtype == torch.int64
    assert index.item() == 2**53 + 1


def test_what_was_gathered_survives_overwriting() -> None:
    ours, _ = filled("vector-discrete")
    before = ours._get_samples(np.arange(12))
    kept = before.observations.clone()
    ours.ring.move(np.zeros(11, np.int64), np.arange(1, 12))
    assert torch.equal(before.observations, kept)
    after = ours._get_samples(np.arange(12)).observations
    assert torch.equal(after, kept[:1].expand(12, -1))


def test_the_later_of_two_in_one_slot_stays() -> None:
    ours, _ = filled("vector-discrete")
    ours.ring.move(np.array([5, 7, 6]), np.array([0, 0, 0]))
    assert ours.ring.columns["index"][0] == 6


def test_state_holds_the_filled_rows_and_nothing_else() -> None:
    ours, _ = filled("image")
    state = ours.ring.state_dict(slice(0, ours.size()))
    assert {len(column) for column in state.values()} == {12}
    empty = PackedRing(40, *SPACES["image"])
    empty.load_state_dict(state, slice(0, 12))
    loaded, expected = empty.gather(np.arange(12)), ours.sample(12)
    for field in state:
        assert torch.equal(getattr(loaded, field), getattr(expected, field)), field
    ours.ring.columns["observations"][:] = 0
    assert empty.columns["observations"][:12].any()


def test_images_stay_bytes() -> None:
    ring = PackedRing(10, *SPACES["image"])
    numbers = 8 + 8 + 4 + 4 + 8  # index, belief, reward, done, action
    assert ring.row_bytes == -(-(2 * 3 * 7 * 5 + numbers) // 8) * 8


def test_dictionary_observations_are_refused() -> None:
    with pytest.raises(UserError, match="dictionary observations"):
        PackedRing(10, spaces.Dict({"a": VECTOR}), DISCRETE)
