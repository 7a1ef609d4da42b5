"""Rows of earlier tasks: what is kept of each, how it is drawn, and what rows are made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from scipy import stats
from stable_baselines3.common.env_util import make_vec_env

from l2rl.agents.dqn import LifelongDQN
from l2rl.agents.ppo import LifelongPPO
from l2rl.components.replay.clear import Clear
from l2rl.components.replay.learner_rows import (
    FirstEpoch,
    OffPolicyRows,
    off_policy_rows,
    on_policy_rows,
)
from l2rl.components.replay.task_balanced import TaskBalanced
from l2rl.components.replay.task_memory import TaskMemory
from l2rl.components.task_changes import TaskKeys
from l2rl.state_codec import decode, encode
from l2rl.views import ChangeEvent, TaskEvent, TransitionBatch
from tests.components.going_on import alike
from tests.components.small_agents import LABELS, small_agent
from tests.components.test_task_balanced import Looks
from tests.support.masked_env import ShownMasks


def memory_of(capacity: int = 10, seed: int = 0, **offered: int) -> TaskMemory:
    """Rows numbered from 0 in each task."""
    memory = TaskMemory(capacity, np.random.default_rng(seed))
    for task, count in offered.items():
        for start in range(0, count, 7):
            numbers = np.arange(start, min(start + 7, count))
            memory.offer(task, {"x": numbers, "task": np.full(len(numbers), ord(task))})
    return memory


def test_no_task_has_more_rows_than_the_capacity_and_none_loses_rows_before() -> None:
    memory = memory_of(a=4, b=10, c=500)
    assert [memory.size(task) for task in "abcd"] == [4, 10, 10, 0]
    assert sorted(memory.rows("a")["x"]) == list(range(4))
    assert sorted(memory.rows("b")["x"]) == list(range(10))
    assert len(set(memory.rows("c")["x"].tolist())) == 10
    assert memory.tasks() == ["a", "b", "c"]
    assert memory.tasks(without="b") == ["a", "c"]


@pytest.mark.parametrize(("capacity", "offers"), [(10, 50), (4, 60)])
def test_every_row_of_a_task_is_kept_with_the_same_probability(capacity: int, offers: int) -> None:
    counts = np.zeros(offers)
    for seed in range(1500):
        counts[memory_of(capacity, seed, a=offers, b=3).rows("a")["x"]] += 1
    share = capacity / offers
    expected = 1500 * share
    statistic = ((counts - expected) ** 2 / expected).sum() / (1 - share) * (offers - 1) / offers
    assert stats.chi2.sf(statistic, offers - 1) > 0.001


@pytest.mark.parametrize("count", [32, 5, 1])
def test_tasks_are_drawn_equally_often_whatever_they_hold(count: int) -> None:
    memory = memory_of(a=4, b=10, c=500)
    drawn = [memory.draw(count, ["a", "b", "c"]) for _ in range(3000 // count)]
    of_tasks = np.concatenate([rows["task"] for rows in drawn])
    counts = [int((of_tasks == ord(task)).sum()) for task in "abc"]
    assert stats.chisquare(counts).pvalue > 0.001
    assert all(len(rows["x"]) == count for rows in drawn)
    rows_of_a = np.concatenate([rows["x"][rows["task"] == ord("a")] for rows in drawn])
    assert stats.chisquare(np.bincount(rows_of_a)).pvalue > 0.001


def test_the_state_goes_on_bit_for_bit() -> None:
    memory = memory_of(a=30, b=3)
    stored = decode(*encode(memory.state_dict()))
    again = TaskMemory(10, np.random.default_rng(5))
    again.load_state_dict(stored)
    stored = memory.rows("a")["x"].copy()
    assert np.array_equal(stored, again.rows("a")["x"])
    for one in (memory, again):
        one._generator = np.random.default_rng(9)
        one.offer("a", {"x": np.arange(20), "task": np.full(20, ord("a"))})
    assert alike(memory.state_dict(), again.state_dict())
    assert alike(memory.draw(8, ["a", "b"]), again.draw(8, ["a", "b"]))


# ---- rows ------------------------------------------------------------------------------------


def collection(ended: list[list[int]], masks: list[list[int]] | None, **more: Any) -> Any:
    """Steps of two environments, `ended` (steps, 2), masks (steps, 2) as bits of three actions."""
    shape = np.shape(ended)
    numbers = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    bits = None if masks is None else (np.array(masks)[..., None] >> np.arange(3)) & 1 == 1
    return TransitionBatch(
        observations=numbers[..., None],
        actions=np.zeros(shape, np.int64),
        rewards=numbers,
        next_observations=numbers[..., None] + 0.5,
        terminated=np.array(ended) == 1,
        truncated=np.array(ended) == 2,
        belief=3,
        first_index=0,
        env_steps=0,
        action_masks=bits,
        **more,
    )


def as_bits(rows: Mapping[str, np.ndarray]) -> list[int]:
    return (rows["next_action_masks"] @ np.array([1, 2, 4])).tolist()


def test_masks_of_next_states_are_those_of_the_step_that_follows() -> None:
    rows = OffPolicyRows(spaces.Discrete(3))
    first = rows.take(collection([[0, 0], [0, 1], [0, 2]], [[1, 2], [3, 4], [5, 6]]))
    # Step 2 waits for its next masks; behind an end there are none.
    assert as_bits(first) == [3, 4, 5, 7]
    assert first["dones"].ravel().tolist() == [0, 0, 0, 1]
    second = rows.take(collection([[0, 0]], [[2, 3]]))
    assert as_bits(second) == [2, 7], "the second environment was cut"
    assert second["rewards"].ravel().tolist() == [4, 5]
    assert second["dones"].ravel().tolist() == [0, 0]
    assert as_bits(rows.release()) == [7, 7]
    assert rows.release() == {}


def test_continuous_actions_are_scaled_as_the_buffer_scales_them() -> None:
    space = spaces.Box(-1.0, 3.0, (1,), np.float32)
    batch = collection([[0, 0], [0, 0]], None)
    batch = TransitionBatch(
        **{**vars(batch), "actions": np.array([[[-1.0], [1.0]], [[3.0], [2.0]]], np.float32)}
    )
    rows = off_policy_rows(batch, space)
    assert rows["actions"].tolist() == [[-1.0], [0.0], [1.0], [0.5]]
    assert rows["belief"].tolist() == [3] * 4


@pytest.mark.parametrize("kind", ["dqn", "sac"])
def test_rows_of_transitions_are_those_of_the_learners_buffer(kind: str) -> None:
    component = TaskBalanced()
    agent = small_agent(kind, component)
    agent.start_task(0, "a")
    agent.learn(40)
    rows = component.memory.rows("a")
    data = agent.replay_buffer
    for field in ("observations", "next_observations", "actions", "rewards", "dones"):
        stored = getattr(data, field)[: data.pos]
        flat = stored.reshape(-1, *stored.shape[2:])
        assert rows[field].dtype == flat.dtype, field
        expected = flat.reshape(rows[field].shape)
        if field == "dones":
            expected = expected * 0  # the game is only ever cut
        assert np.allclose(rows[field], expected, atol=1e-6), field


def test_ppo_rows_are_taken_once_a_rollout_and_without_those_of_others() -> None:
    batch = {
        "observations": torch.arange(4.0)[:, None],
        "actions": torch.zeros(4),
        "returns": torch.arange(4.0),
        "other/replayed": torch.tensor([0.0, 1.0, 0.0, 0.0]),
    }
    rows = on_policy_rows(batch, belief=2)
    assert rows["returns"].tolist() == [0, 2, 3]
    assert rows["belief"].tolist() == [2, 2, 2]
    epoch = FirstEpoch()
    epoch.rollout_collected(collection([[0, 0], [0, 0]], None))
    seen = [epoch.take(rows)["returns"].tolist() for _ in range(3)]
    assert seen == [[0, 2, 3], [0], []]


# ---- which task it is ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("offered", "trigger", "label", "after_boundary", "after_change"),
    [
        (("TASK_BOUNDARY",), "auto", "games", "games", "games"),
        (("TASK_BOUNDARY",), "auto", None, "4", "4"),
        (("CHANGE_EVENTS",), "auto", None, "0", "1"),
        (("CHANGE_EVENTS", "TASK_BELIEF"), "auto", None, "0", "7"),
        (("TASK_BOUNDARY", "CHANGE_EVENTS", "TASK_BELIEF"), "detected", None, "0", "7"),
    ],
)
def test_tasks_are_named_by_the_best_knowledge_there_is(
    offered: tuple[str, ...], trigger: Any, label: str, after_boundary: str, after_change: str
) -> None:
    class Agent:
        pass

    agent: Any = Agent()
    agent.offered = frozenset(offered)
    keys = TaskKeys(trigger, agent)
    assert keys.current == "0"
    changed = keys.task_starts(TaskEvent(4, 100, label))
    assert keys.current == after_boundary
    assert changed == (after_boundary != "0")
    keys.change_detected(ChangeEvent("d", 0, "new", belief=7, previous_belief=0))
    assert keys.current == after_change


# ---- with action masks -----------------------------------------------------------------------


def test_masks_of_a_running_agent_go_with_their_states() -> None:
    """In this game a state shows which actions are valid: numbers above 0."""
    component = TaskBalanced()
    learner_of_masks(LifelongDQN, component, learning_starts=10, buffer_size=200).learn(120)
    rows = component.memory.rows("0")
    going_on = rows["dones"].ravel() == 0
    shown = rows["next_observations"] > 0
    # Behind a cut episode the masks are not known.
    known = going_on & ~rows["next_action_masks"].all(axis=1)
    assert known.sum() > 60
    assert np.array_equal(rows["next_action_masks"][known], shown[known])
    assert rows["next_action_masks"][~going_on].all()


@pytest.mark.parametrize("make", [TaskBalanced, Clear])
def test_ppo_keeps_and_replays_its_masks(make: Any) -> None:
    looks = Looks()
    agent = learner_of_masks(LifelongPPO, make(), looks, n_steps=32, batch_size=16)
    for task in range(2):
        agent.start_task(task, "ab"[task])
        agent.learn(128, reset_num_timesteps=task == 0)
    last = looks.batches[-1]
    assert len(last["observations"]) == 32
    assert torch.equal(last["action_masks"], last["observations"] > 0)
    taken = last["action_masks"].gather(1, last["actions"][:, None])
    assert taken.all()
    assert torch.isfinite(last["old_log_prob"]).all()


def learner_of_masks(cls: Any, *components: Any, **settings: Any) -> Any:
    return cls(
        "MlpPolicy",
        make_vec_env(ShownMasks, 2, seed=0),
        components=components,
        surroundings=LABELS,
        action_masks=True,
        seed=0,
        device="cpu",
        policy_kwargs={"net_arch": [16]},
        **settings,
    )
