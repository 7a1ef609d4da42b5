"""The experts succeed at every task in every variant; their way up is a rising reward."""

from __future__ import annotations

import numpy as np
import pytest
from arm_helpers import TASKS, live

from l2rl.envs.arm import SUITE
from l2rl.envs.arm.catalogue import VARIANTS
from l2rl.envs.arm.scripted import expert
from l2rl.randomness import numpy_generator


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("task", TASKS)
def test_the_expert_succeeds_in_every_variant(task: str, variant: str) -> None:
    policy = SUITE.scripted_policy(task)
    assert policy is not None
    arms, _ = live(task, policy, SUITE.tasks()[task].variants[variant])
    assert arms.arms["last_succeeded"].mean() >= 0.95


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("task", TASKS)
def test_there_is_an_expert_for_joint_speeds(task: str, mirror: bool) -> None:
    parameters = {"control": "joints", "mirror": mirror, "rotation": 30, "forearm": 0.45}
    arms, _ = live(task, expert(task, control="joints"), parameters)
    assert arms.arms["last_succeeded"].mean() >= 0.95


@pytest.mark.parametrize("task", TASKS)
def test_chance_does_not_succeed(task: str) -> None:
    generator = numpy_generator(0, "arm test")

    def chance(seen: np.ndarray, masks: np.ndarray | None) -> np.ndarray:
        return generator.uniform(-1, 1, (len(seen), 3))

    arms, _ = live(task, chance, {})
    assert arms.arms["last_succeeded"].mean() < 0.25


@pytest.mark.parametrize("task", TASKS)
def test_the_dense_reward_rises_on_the_way_to_success(task: str) -> None:
    policy = expert(task)
    _, steps = live(task, policy, {})
    rewards = np.array([step.rewards for step in steps])
    successes = np.array([step.successes for step in steps])
    assert (rewards >= 0).all()
    assert (rewards <= 1).all()
    assert (rewards[successes] == 1).all()
    assert (rewards[~successes] <= 0.9).all()
    before = ~np.logical_or.accumulate(successes)[1:]
    # Falls are small and rare: closing the gripper takes a moment while the tool settles.
    falls = np.maximum(rewards[:-1] - rewards[1:], 0) * before
    assert falls.max() < 0.15
    assert (falls > 0.01).sum() < 0.05 * before.sum()


@pytest.mark.parametrize("task", TASKS)
def test_the_sparse_reward_is_success(task: str) -> None:
    _, steps = live(task, expert(task), {"reward": "sparse"}, n=20)
    for step in steps:
        assert np.array_equal(step.rewards, step.successes.astype(np.float32))


@pytest.mark.parametrize("task", TASKS)
def test_the_return_range_spans_chance_and_skill(task: str) -> None:
    low, high = SUITE.tasks()[task].return_range or (0.0, 0.0)
    arms, _ = live(task, expert(task), {})
    assert 0.0 <= low < 0.5 * arms.arms["last_return"].mean()
    assert low + 30 < high <= 100
    assert arms.arms["last_return"].mean() <= high + 1


def test_an_expert_refuses_what_it_cannot_read() -> None:
    with pytest.raises(ValueError, match=r"\(N, 31\)"):
        expert("reach")(np.zeros(31, np.float32), None)
    with pytest.raises(ValueError, match="did you mean 'drawer'"):
        expert("drawers")
