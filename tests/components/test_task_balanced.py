"""`replay.task_balanced`: earlier tasks take part in every update, each as much as the others."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats

from l2rl.batches import rows_in
from l2rl.component import Batch, Component
from l2rl.components.replay.prioritised import Prioritised
from l2rl.components.replay.task_balanced import TaskBalanced
from l2rl.views import TransitionBatch, UpdateView
from tests.components.going_on import assert_goes_on
from tests.components.small_agents import parameters_of, same, small_agent

KINDS = ("ppo", "ppo-box", "dqn", "sac")
STEPS = {"ppo": 128, "ppo-box": 128, "dqn": 80, "sac": 56}


def balanced(**settings: Any) -> TaskBalanced:
    return TaskBalanced(TaskBalanced.Config(**{"capacity_per_task": 50, **settings}))


class Looks(Component):
    """Sees every batch after all others."""

    name = "looks"
    order = 100

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[Batch] = []

    def transform_batch(self, batch: Batch, view: UpdateView) -> Batch:
        self.batches.append({name: value.clone() for name, value in batch.items()})
        return batch


def through_tasks(kind: str, *components: Component, tasks: int = 3, **settings: Any) -> Any:
    agent = small_agent(kind, *components, **settings)
    for number in range(tasks):
        agent.start_task(number, "abcd"[number])
        agent.learn(STEPS[kind], reset_num_timesteps=number == 0)
        agent.end_task(number, "abcd"[number])
    return agent


@pytest.mark.parametrize("kind", KINDS)
def test_every_update_joins_as_many_rows_of_each_earlier_task(kind: str) -> None:
    looks, component = Looks(), balanced()
    agent = through_tasks(kind, component, looks)
    assert all(component.memory.size(task) <= 50 for task in "abc")
    sizes = {rows_in(batch) for batch in looks.batches}
    assert sizes == {32, 64}, "alone in the first task, then one half of each"
    last = looks.batches[-1]
    replayed = last["taskbalanced/replayed"]
    assert replayed.tolist() == [0.0] * 32 + [1.0] * 32
    joined = [b["belief"] for b in looks.batches if "belief" in b]
    beliefs = torch.cat([rows[32:] for rows in joined if int(rows.max()) == 2])
    counts = torch.bincount(beliefs, minlength=3)
    assert counts[2] == 0, "the present task is not replayed"
    assert counts.sum() > 100
    assert stats.chisquare(counts[:2].tolist()).pvalue > 0.001
    assert agent.host.metrics()["taskbalanced/tasks"] == 3


@pytest.mark.parametrize("kind", KINDS)
def test_rows_come_from_the_tasks_that_they_say(kind: str) -> None:
    component = balanced()
    through_tasks(kind, component, tasks=2)
    first, second = component.memory.rows("a"), component.memory.rows("b")
    assert set(first["belief"].tolist()) == {0}
    assert set(second["belief"].tolist()) == {1}
    assert set(map(tuple, first["observations"].tolist())).isdisjoint(
        map(tuple, second["observations"].tolist())
    )


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_changes_before_the_first_task_has_ended_or_without_a_share(kind: str) -> None:
    assert same(through_tasks(kind, balanced(), tasks=1), through_tasks(kind, Component(), tasks=1))
    without = through_tasks(kind, balanced(memory_share=0.0), tasks=2)
    assert same(without, through_tasks(kind, Component(), tasks=2))


@pytest.mark.parametrize("kind", KINDS)
def test_earlier_tasks_move_the_parameters(kind: str) -> None:
    one = through_tasks(kind, balanced(), tasks=2)
    other = through_tasks(kind, Component(), tasks=2)
    assert not same(one, other)


def test_what_was_learned_stays_learned() -> None:
    """The sign of the reward turns with the task, and a mark in the state tells which it is."""
    errors = {}
    for name, component in (("with", balanced(capacity_per_task=200)), ("without", Component())):
        agent = small_agent("dqn", component, learning_rate=1e-2, gamma=0.0, buffer_size=60)
        agent._setup_learn(100)
        generator = torch.Generator().manual_seed(0)
        for task in range(2):
            agent.start_task(task, "ab"[task])
            for _ in range(40):
                _experience(agent, task, generator)
            agent.train_on_replay(60)
            agent.end_task(task, "ab"[task])
        states = torch.tensor([[1.0, 0.0, 0.0, 0.0]])
        errors[name] = abs(agent.q_net(states)[0, 0].item() - 1.0)
    assert errors["with"] < 0.5 * errors["without"]


def _experience(agent: Any, task: int, generator: torch.Generator) -> None:
    state = torch.randn(1, 2, 4, generator=generator).numpy() * 0.1
    state[..., 0] = 1.0 - task
    rewards = np.full((1, 2), 1.0 - 4.0 * task, np.float32)
    actions, no = np.zeros((1, 2), np.int64), np.zeros((1, 2), bool)
    agent.replay_buffer.add(state[0], state[0], actions[0][:, None], rewards[0], no[0], [{}, {}])
    batch = TransitionBatch(state, actions, rewards, state, no, no, agent.host.belief, 0, 0)
    for component in agent.host.composition["on_transitions"]:
        component.on_transitions(batch)


def test_a_task_that_returns_is_not_replayed_beside_itself() -> None:
    component, looks = balanced(), Looks()
    agent = through_tasks("dqn", component, looks, tasks=2)
    agent.start_task(2, "a")
    looks.batches.clear()
    agent.learn(40, reset_num_timesteps=False)
    assert component.memory.tasks() == ["a", "b"]
    assert {int(b) for batch in looks.batches for b in batch["belief"][32:]} == {1}


def test_rows_of_other_tasks_are_answered_by_their_own_output_layer() -> None:
    agent = through_tasks("dqn", balanced(), tasks=1, multi_head=True)
    agent.start_task(1, "b")
    before = parameters_of(agent)
    agent.learn(40, reset_num_timesteps=False)
    moved = {n for n, p in parameters_of(agent).items() if not torch.equal(p, before[n])}
    assert {n for n in moved if "heads.0" in n}
    assert {n for n in moved if "heads.1" in n}


def test_it_goes_with_prioritised_replay() -> None:
    looks = Looks()
    through_tasks("dqn", balanced(), Prioritised(), looks, tasks=2)
    last = looks.batches[-1]
    assert last["weights"][32:].tolist() == [1.0] * 32
    assert last["index"][32:].tolist() == [-1] * 32


@pytest.mark.parametrize("kind", KINDS)
def test_the_state_goes_on_bit_for_bit_in_mid_task(kind: str) -> None:
    assert_goes_on(kind, lambda: [balanced()], STEPS[kind])
