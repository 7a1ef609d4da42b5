"""`replay.prioritised`: what is drawn how often, what it weighs, and whose priority is whose."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from scipy import stats

from l2rl.batches import joined
from l2rl.component import Batch, Component
from l2rl.components.replay.priorities import Priorities
from l2rl.components.replay.prioritised import Prioritised, PrioritisedBuffer, require_room
from l2rl.components.replay.priority_tree import PriorityTree, stratified
from l2rl.errors import UserError
from l2rl.views import BufferView, UpdateView
from tests.components.going_on import assert_goes_on
from tests.components.small_agents import parameters_of, same, small_agent

LEARNERS = ("dqn", "sac")
STEPS = {"dqn": 200, "sac": 80}


def prioritised(**settings: Any) -> Prioritised:
    return Prioritised(Prioritised.Config(**settings))


def buffer_of(capacity: int = 10, alpha: float = 0.6, mask_size: int = 0) -> PrioritisedBuffer:
    box, discrete = spaces.Box(-1, 1, (2,), np.float32), spaces.Discrete(3)
    view = BufferView(capacity, box, discrete, 1, torch.device("cpu"), lambda: 7, mask_size)
    priorities = Priorities(capacity, alpha, 1e-6)
    generator = np.random.default_rng(0)
    return PrioritisedBuffer(view, capacity, priorities, lambda: (alpha, 0.4), generator)


def fill(buffer: PrioritisedBuffer, steps: int) -> None:
    for _ in range(steps):
        state = np.full((1, 2), buffer.added, np.float32)
        buffer.add(state, state, np.zeros((1, 1)), np.zeros(1), np.zeros(1, bool), [{}])


# ---- the tree --------------------------------------------------------------------------------


@pytest.mark.parametrize("slots", [3, 16, 700, 200_000])
def test_totals_are_those_of_the_leaves_after_random_updates(slots: int) -> None:
    rng = np.random.default_rng(slots)
    tree, expected = PriorityTree(slots), np.zeros(slots)
    for _ in range(30):
        chosen = rng.integers(0, slots, 40)
        masses = rng.random(40) * (rng.random(40) < 0.8)
        tree.set(chosen, masses)
        for slot, mass in zip(chosen.tolist(), masses.tolist(), strict=True):
            expected[slot] = mass
    assert np.array_equal(tree.masses, expected)
    assert tree.total == pytest.approx(expected.sum(), rel=1e-12)
    assert tree.most == expected.max()
    assert tree.least == expected[expected > 0].min()
    again = PriorityTree(slots)
    again.set(np.arange(slots), expected)
    assert again.total == tree.total, "bit for bit what a tree made of the leaves has"


def test_slots_are_found_in_proportion_to_their_mass_and_empty_ones_never() -> None:
    rng = np.random.default_rng(1)
    masses = rng.random(500) ** 3 * (rng.random(500) < 0.5)
    tree = PriorityTree(500)
    tree.set(np.arange(500), masses)
    counts = np.bincount(tree.find(rng.random(200_000)), minlength=500)
    assert counts[masses == 0].sum() == 0
    held = masses > 0
    expected = masses[held] / masses.sum() * counts.sum()
    usual = expected > 5
    p_value = stats.chisquare(
        np.append(counts[held][usual], counts[held][~usual].sum()),
        np.append(expected[usual], expected[~usual].sum()),
    ).pvalue
    assert p_value > 0.001


def test_the_ends_of_the_range_are_found_in_the_first_and_last_slot_with_mass() -> None:
    tree = PriorityTree(200_000)
    tree.set(np.array([5, 17, 199_990]), np.array([0.1, 0.7, 0.3]))
    found = tree.find(np.array([0.0, 0.09, 0.5, 1 - 2**-53]))
    assert found.tolist() == [5, 5, 17, 199_990]
    with pytest.raises(ValueError, match="priority"):
        PriorityTree(3).find(np.array([0.5]))


# ---- probabilities and weights -------------------------------------------------------------


@pytest.mark.parametrize(
    ("priorities", "alpha", "beta", "shares", "weights"),
    [
        ([1, 2, 4], 0.6, 0.4, [0.2078, 0.3149, 0.4773], [1, 0.8467, 0.7170]),
        ([1, 2, 4], 1.0, 1.0, [1 / 7, 2 / 7, 4 / 7], [1, 0.5, 0.25]),
        ([3, 3, 3], 0.6, 0.4, [1 / 3] * 3, [1, 1, 1]),
        ([9, 4, 1], 0.5, 0.5, [3 / 6, 2 / 6, 1 / 6], [3**-0.5, 2**-0.5, 1]),
        ([9, 4, 1], 0.0, 1.0, [1 / 3] * 3, [1, 1, 1]),
    ],
)
def test_probabilities_and_weights_are_the_formulas(
    priorities: list[float], alpha: float, beta: float, shares: list[float], weights: list[float]
) -> None:
    held = Priorities(5, alpha, epsilon=1e-12)
    held.update(np.arange(3), np.array(priorities, np.float64))
    assert (held.masses[:3] / held.total).tolist() == pytest.approx(shares, abs=5e-5)
    assert held.weights(np.arange(3), beta).tolist() == pytest.approx(weights, abs=5e-5)
    drawn = np.bincount(held.draw(30_000, np.random.default_rng(0)), minlength=5)
    assert (drawn / 30_000).tolist() == pytest.approx([*shares, 0, 0], abs=1e-3)


def test_the_exponent_moves_and_masses_with_it() -> None:
    held = Priorities(3, 1.0, epsilon=1e-12)
    held.update(np.arange(3), np.array([1.0, -4.0, 9.0]))
    held.anneal(0.5)
    assert held.masses.tolist() == pytest.approx([1, 2, 3])
    assert held.highest() == pytest.approx(9.0)


# ---- whose priority ---------------------------------------------------------------------------


def test_new_transitions_have_the_largest_priority() -> None:
    buffer = buffer_of()
    fill(buffer, 3)
    assert buffer.priorities.masses[:4].tolist() == [1, 1, 1, 0]
    buffer.note_errors(np.arange(3), np.array([-0.5, 4.0, 2.0]))
    fill(buffer, 1)
    buffer.priorities.settle()
    assert buffer.priorities.raw[:4].tolist() == pytest.approx([0.5, 4.0, 2.0, 4.0], abs=1e-5)
    buffer.note_errors(np.arange(4), np.full(4, 0.25))
    fill(buffer, 1)
    buffer.priorities.settle()
    assert buffer.priorities.raw[4] == pytest.approx(0.25, abs=1e-5)


def test_what_was_overwritten_since_it_was_drawn_leaves_its_priority_to_nobody() -> None:
    buffer = buffer_of(capacity=4)
    fill(buffer, 4)
    buffer.note_errors(np.arange(4), np.full(4, 0.5))
    fill(buffer, 1)  # transition 4 takes the slot of transition 0
    buffer.note_errors(np.array([0, 2, -1, 9]), np.array([7.0, 3.0, 8.0, 9.0]))
    expected = [0.5, 0.5, 3.0, 0.5]
    assert buffer.priorities.raw.tolist() == pytest.approx(expected, abs=1e-5)


def test_after_clearing_nothing_old_is_drawn_or_given_a_priority() -> None:
    buffer = buffer_of(capacity=8)
    fill(buffer, 5)
    buffer.reset()
    with pytest.raises(ValueError, match="empty"):
        buffer.draw(4)
    fill(buffer, 3)
    assert set(buffer.sample(64).index.tolist()) == {5, 6, 7}
    buffer.note_errors(np.array([1, 6]), np.array([9.0, 5.0]))
    assert buffer.priorities.raw[:4].tolist() == pytest.approx([1, 5, 1, 0], abs=1e-5)


def test_masks_and_belief_are_kept() -> None:
    buffer = buffer_of(mask_size=3)
    buffer.note_next_masks(np.array([[True, False, True]]))
    fill(buffer, 1)
    sample = buffer.sample(2)
    assert sample.next_action_masks is not None
    assert sample.belief is not None
    assert sample.next_action_masks.tolist() == [[True, False, True]] * 2
    assert sample.belief.tolist() == [7, 7]
    assert sample.weights is not None
    assert sample.weights.tolist() == [1, 1]


# ---- on an agent --------------------------------------------------------------------------------


class AddsRows(Component):
    """Rows of another source in front and behind: no transition of the buffer's."""

    def transform_batch(self, batch: Batch, view: UpdateView) -> Batch:
        rows = {name: value[:2] for name, value in batch.items() if name not in ("index",)}
        rows["rewards"] = torch.full((2, 1), 1e3)
        return joined(batch, rows, belief=view.belief, gamma=0.99)


@pytest.mark.parametrize("kind", LEARNERS)
def test_priorities_are_the_td_errors_of_the_learner(kind: str) -> None:
    component = prioritised(capacity=100)
    agent = small_agent(kind, component, AddsRows())
    agent.learn(STEPS[kind])
    buffer = component.buffer
    raw = buffer.priorities.raw[: buffer.size()]
    assert len(np.unique(raw)) > 20
    assert raw.max() < 100, "errors of foreign rows are not noted"
    index = np.arange(agent.num_timesteps - 50, agent.num_timesteps)
    assert np.array_equal(np.sort(buffer.ring.columns["index"])[-50:], index)
    if kind == "dqn":
        # The last batch has its errors from just before the last step: near those of now.
        before = raw.copy()
        sample = buffer.sample(64)
        errors = agent._loss({**{k: v for k, v in sample._asdict().items() if v is not None}})
        told = before[(sample.index.numpy()) % 100]
        assert np.corrcoef(told, errors.errors().abs().numpy())[0, 1] > 0.5


@pytest.mark.parametrize("kind", LEARNERS)
def test_weights_reach_the_loss(kind: str) -> None:
    one = small_agent(kind, prioritised(beta=0.0, beta_end=None)).learn(STEPS[kind])
    other = small_agent(kind, prioritised(beta=1.0)).learn(STEPS[kind])
    assert not same(one, other)


@pytest.mark.parametrize("kind", LEARNERS)
def test_the_state_goes_on_bit_for_bit_in_mid_task(kind: str) -> None:
    settings = {"capacity": 90, "horizon_updates": 100, "alpha_end": 0.9}
    assert_goes_on(kind, lambda: [prioritised(**settings)], STEPS[kind] // 2)


def test_exponents_move_over_their_horizon() -> None:
    component = prioritised(horizon_env_steps=400, alpha_end=1.0)
    agent = small_agent("dqn", component)
    assert component.exponents() == (0.6, 0.4)
    agent.learn(200)
    steps = agent.num_timesteps / 400
    assert component.exponents() == pytest.approx((0.6 + 0.4 * steps, 0.4 + 0.6 * steps), abs=0.01)
    agent.learn(400, reset_num_timesteps=False)
    assert component.exponents() == pytest.approx((1.0, 1.0))
    by_updates = prioritised(horizon_updates=10)
    small_agent("dqn", by_updates).learn(200)
    assert by_updates.exponents() == pytest.approx((0.6, 1.0))


def test_what_is_drawn_more_often_is_learned_better() -> None:
    """One transition in a hundred has a reward to predict; with priorities it is found."""
    errors = []
    for alpha in (0.0, 1.0):
        component = prioritised(alpha=alpha, beta=0.0, beta_end=None)
        agent = small_agent("dqn", component, gamma=0.0, learning_rate=1e-2)
        agent._setup_learn(100)
        buffer = component.buffer
        rng = np.random.default_rng(0)
        for step in range(200):
            state = rng.standard_normal((2, 4)).astype(np.float32)
            state[:, 0] = 3.0 if step % 100 == 0 else 0.0
            reward = np.full(2, 2.0 if step % 100 == 0 else 0.0)
            infos: list[dict[str, Any]] = [{}, {}]
            buffer.add(state, state, np.zeros((2, 1)), reward, np.zeros(2, bool), infos)
        agent.train_on_replay(60)
        rare = torch.zeros(1, 4)
        rare[0, 0] = 3.0
        errors.append(abs(agent.q_net(rare)[0, 0].item() - 2.0))
    assert errors[1] < 0.5 * errors[0]


def test_uniform_without_weights_draws_as_many_of_each() -> None:
    buffer = buffer_of(capacity=50, alpha=0.0)
    fill(buffer, 50)
    drawn = np.bincount(np.concatenate([buffer.draw(32) for _ in range(500)]), minlength=50)
    assert stats.chisquare(drawn).pvalue > 0.001
    assert np.ptp(stratified(np.random.default_rng(0), 4)) > 0.5


def test_mistakes_are_told() -> None:
    with pytest.raises(ValueError, match="not both"):
        prioritised(horizon_env_steps=5, horizon_updates=5)
    with pytest.raises(UserError, match="raise `capacity`"):
        require_room("replay.prioritised", 2, 8)


@pytest.mark.parametrize("kind", LEARNERS)
def test_it_changes_what_is_learned(kind: str) -> None:
    before = parameters_of(small_agent(kind))
    agent = small_agent(kind, prioritised())
    agent.learn(STEPS[kind])
    assert any(not torch.equal(before[n], p) for n, p in parameters_of(agent).items())
    assert not same(agent, small_agent(kind).learn(STEPS[kind]))
