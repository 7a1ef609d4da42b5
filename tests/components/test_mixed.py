"""`replay.mixed`: what each part keeps, what of each minibatch is its, and what goes when."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from scipy import stats

from l2rl.components.replay.mixed import Mixed, MixedBuffer
from l2rl.components.replay.parts import BatchShares, RecentPart, TaskBalancedPart
from l2rl.composition import CompositionError
from l2rl.views import BufferView
from tests.components.going_on import assert_goes_on
from tests.components.small_agents import same, small_agent
from tests.components.test_task_balanced import STEPS, Looks

LEARNERS = ("dqn", "sac")


def part(kind: str, capacity: float, batch: float, **more: Any) -> dict[str, Any]:
    return {"kind": kind, "capacity_share": capacity, "batch_share": batch, **more}


def mixed(*parts: dict[str, Any], **settings: Any) -> Mixed:
    given = {"parts": parts} if parts else {}
    return Mixed(Mixed.Config.model_validate({**given, **settings}))


class World:
    """A buffer of one environment, and what context it is in."""

    def __init__(self, *parts: dict[str, Any], capacity: int = 40, mask_size: int = 0) -> None:
        self.belief = 0
        box, discrete = spaces.Box(-1, 1, (2,), np.float32), spaces.Discrete(3)
        view = BufferView(
            capacity, box, discrete, 1, torch.device("cpu"), lambda: self.belief, mask_size
        )
        component = mixed(*parts)
        component.name = "mixed"
        component.rng = type("Rng", (), {"numpy": np.random.default_rng(0)})()  # type: ignore[assignment]
        self.buffer: MixedBuffer = component.make_replay_buffer(view)

    def fill(self, steps: int) -> None:
        for _ in range(steps):
            state = np.full((1, 2), self.buffer.added, np.float32)
            self.buffer.add(state, state, np.zeros((1, 1)), np.zeros(1), np.zeros(1, bool), [{}])

    def kept(self, number: int) -> list[int]:
        rows = self.buffer.ring.columns["index"][self.buffer._filled(number)]
        return sorted(rows.tolist())


# ---- shares ----------------------------------------------------------------------------------


@pytest.mark.parametrize("batch", [1, 7, 32, 100])
@pytest.mark.parametrize("shares", [[0.5, 0.3, 0.2], [0.9, 0.05, 0.05], [1 / 3] * 3])
def test_shares_are_exact_on_average_and_nearly_in_each_minibatch(
    batch: int, shares: list[float]
) -> None:
    counting = BatchShares(shares)
    counts = np.array([counting.counts(batch, np.array([5, 5, 5])) for _ in range(600)])
    assert (counts.sum(axis=1) == batch).all()
    assert (np.abs(counts - batch * np.array(shares)) < 1 + 1e-6).all()
    assert (np.abs(counts.sum(axis=0) - 600 * batch * np.array(shares)) < 1.5).all()
    assert counts.min() >= 0


def test_an_empty_part_gives_its_share_to_the_others() -> None:
    counting = BatchShares([0.5, 0.3, 0.2])
    assert counting.counts(80, np.array([9, 0, 9])).tolist() == [57, 0, 23]
    counts = np.array([counting.counts(80, np.array([9, 0, 9])) for _ in range(700)])
    assert counts.mean(axis=0).tolist() == pytest.approx([80 * 5 / 7, 0, 80 * 2 / 7], abs=0.01)
    assert counting.counts(10, np.array([9, 9, 9])).tolist() == [5, 3, 2]
    assert BatchShares([1.0, 0.0]).counts(10, np.array([0, 9])).tolist() == [0, 10]


# ---- parts -----------------------------------------------------------------------------------


def test_each_part_keeps_its_own() -> None:
    world = World(
        part("recent", 0.25, 0.5), part("reservoir", 0.25, 0.25), part("task_balanced", 0.5, 0.25)
    )
    world.fill(100)
    world.belief = 1
    world.fill(10)
    assert world.kept(0) == list(range(100, 110)), "the newest"
    assert len(set(world.kept(1))) == 10
    assert np.mean(world.kept(1)) < 95
    balanced = world.kept(2)
    assert len(set(balanced)) == 20
    assert sum(index >= 100 for index in balanced) == 10, "half of a context of ten"
    index = world.buffer.sample(40).index
    assert isinstance(index, torch.Tensor)
    assert set(index[:20].tolist()) <= set(world.kept(0))
    assert set(index[20:30].tolist()) <= set(world.kept(1))
    assert int((index[30:] >= 100).sum()) == 5, "each context is drawn equally often"


def test_each_transition_of_a_context_has_the_same_chance_in_a_balanced_part() -> None:
    counts = np.zeros(60)
    for seed in range(1500):
        balanced = TaskBalancedPart(12, np.random.default_rng(seed))
        held = np.full(12, -1)
        for step in range(60):
            slot = int(balanced.place(1, 0 if step < 40 else 1)[0])
            if slot >= 0:
                held[slot] = step
        counts[held] += 1
        assert balanced.held() == {0: 6, 1: 6}
    for share, of_context in ((6 / 40, counts[:40]), (6 / 20, counts[40:])):
        n, expected = len(of_context), 1500 * share
        statistic = ((of_context - expected) ** 2 / expected).sum() / (1 - share) * (n - 1) / n
        assert stats.chi2.sf(statistic, n - 1) > 0.001


@pytest.mark.parametrize("drop", ["oldest", "random", "lowest_error"])
def test_what_goes_when_a_part_is_full(drop: Any) -> None:
    world = World(part("recent", 1.0, 1.0, drop=drop), capacity=20)
    world.fill(20)
    index = world.buffer.sample(400).index
    assert isinstance(index, torch.Tensor)
    errors = np.abs(index.numpy() - 10.0)  # the lowest are in the middle
    world.buffer.note_errors(index.numpy(), errors)
    world.fill(5)
    gone = set(range(25)) - set(world.kept(0))
    if drop == "oldest":
        assert gone == {0, 1, 2, 3, 4}
    elif drop == "lowest_error":
        assert gone == {8, 9, 10, 11, 12}
    else:
        assert len(gone) == 5
        assert gone not in ({0, 1, 2, 3, 4}, {8, 9, 10, 11, 12})


def test_several_at_once_take_different_places() -> None:
    recent = RecentPart(100, np.random.default_rng(0), "lowest_error")
    for _ in range(30):
        slots = recent.place(8, 0)
        assert len(set(slots.tolist())) == 8
        recent.note_errors(np.arange(recent.size), np.random.default_rng(1).random(recent.size))


def test_a_prioritised_part_is_drawn_by_error_and_weighted() -> None:
    world = World(part("recent", 0.5, 0.5), part("prioritised", 0.5, 0.5, alpha=1.0, beta=1.0))
    world.fill(20)
    index = world.buffer.sample(2000).index
    assert isinstance(index, torch.Tensor)
    foreign = np.append(index.numpy(), [-1, 10_000])
    world.buffer.note_errors(foreign, np.where(foreign == 7, 9.0, 1.0))
    sample = world.buffer.sample(560)
    assert isinstance(sample.index, torch.Tensor)
    assert sample.weights is not None
    drawn = sample.index[280:]
    assert int((drawn == 7).sum()) == pytest.approx(280 * 9 / 28, abs=2)
    weights = sample.weights[280:]
    assert sample.weights[:280].tolist() == [1.0] * 280
    assert weights[drawn == 7].tolist() == pytest.approx([1 / 9] * int((drawn == 7).sum()))
    assert weights[drawn != 7].tolist() == pytest.approx([1.0] * int((drawn != 7).sum()))


def test_errors_of_what_was_overwritten_are_passed_over() -> None:
    world = World(part("prioritised", 1.0, 1.0), capacity=4)
    world.fill(4)
    world.buffer.sample(64)
    world.fill(1)
    world.buffer.note_errors(np.arange(4), np.full(4, 5.0))
    raw = world.buffer.parts[0].priorities.raw  # type: ignore[attr-defined]
    assert raw.tolist() == pytest.approx([1.0, 5.0, 5.0, 5.0], abs=1e-4)


def test_clearing_leaves_what_remembers_earlier_tasks() -> None:
    world = World(
        part("recent", 0.25, 0.25),
        part("prioritised", 0.25, 0.25),
        part("reservoir", 0.25, 0.25),
        part("task_balanced", 0.25, 0.25),
        mask_size=3,
    )
    world.buffer.note_next_masks(np.array([[True, False, True]]))
    world.fill(1)
    sample = world.buffer.sample(4)
    assert sample.next_action_masks is not None
    assert sample.next_action_masks.tolist() == [[True, False, True]] * 4
    world.buffer.reset()
    assert [part.size for part in world.buffer.parts] == [0, 0, 1, 1]
    assert world.buffer.sample(6).index.tolist() == [0] * 6  # type: ignore[union-attr]


# ---- on an agent --------------------------------------------------------------------------------

EVERYTHING = (
    part("recent", 0.2, 0.4, drop="lowest_error"),
    part("prioritised", 0.3, 0.3, drop="random"),
    part("reservoir", 0.25, 0.1),
    part("task_balanced", 0.25, 0.2),
)


@pytest.mark.parametrize("kind", LEARNERS)
def test_learners_learn_from_all_parts(kind: str) -> None:
    looks = Looks()
    agent = small_agent(kind, mixed(*EVERYTHING, capacity=100), looks)
    agent.learn(STEPS[kind])
    assert not same(agent, small_agent(kind).learn(STEPS[kind]))
    assert {"belief", "index", "weights"} <= set(looks.batches[-1])
    metrics = agent.host.metrics()
    assert metrics["mixed/0_recent/size"] == 20
    raw = agent.replay_buffer.parts[1].priorities.raw
    assert len(np.unique(raw)) > 5, "the learner's errors arrived"


@pytest.mark.parametrize("kind", LEARNERS)
def test_the_state_goes_on_bit_for_bit_in_mid_task(kind: str) -> None:
    assert_goes_on(kind, lambda: [mixed(*EVERYTHING, capacity=100)], STEPS[kind])


def test_mistakes_are_told() -> None:
    with pytest.raises(ValueError, match=r"add up to 0.7 instead of 1"):
        mixed(part("recent", 1.0, 0.7))
    with pytest.raises(ValueError, match="rule of its own"):
        mixed(part("reservoir", 1.0, 1.0, drop="random"))
    with pytest.raises(CompositionError, match="raise `capacity`"):
        small_agent(
            "dqn", mixed(part("recent", 0.9, 0.5), part("reservoir", 0.1, 0.5), capacity=10)
        )
    assert mixed().requirements()[0] == ("REPLAY",)
    assert "SAMPLE_ERRORS" in mixed(part("recent", 1, 1, drop="lowest_error")).requirements()[0]
