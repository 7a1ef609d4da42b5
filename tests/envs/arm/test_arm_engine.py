"""Batches: reproducible, independent of each other, saved and restored bit by bit; success told."""

from __future__ import annotations

import numpy as np
import pytest
from arm_helpers import TASKS, engine, random_actions, same

from l2rl.environments import FilmableVecEnv, StatefulVecEnv
from l2rl.envs.arm import SUITE
from l2rl.envs.arm.scripted import expert
from l2rl.envs.arm.spaces import ONE_HOT, action_space, observation_space
from l2rl.envs.arm.vec_env import ArmVecEnv

DRIFT = {"over_env_steps": 200, "action_gain": [1.0, 0.5], "rotation": [0, 90]}


@pytest.mark.parametrize("task", TASKS)
def test_an_arm_alone_lives_as_in_a_batch_of_any_size(task: str) -> None:
    actions = random_actions(120, 4)
    large = SUITE.make(task, parameters={}, n_envs=4, seed=7)
    small = SUITE.make(task, parameters={}, n_envs=2, seed=7)
    for a in actions:
        first, second = large.step(a)[:3], small.step(a[:2])[:3]
        assert same(tuple(array[:2] for array in first), second)


@pytest.mark.parametrize("task", TASKS)
def test_the_seed_decides_everything(task: str) -> None:
    actions = random_actions(120, 3)
    first, again, other = (
        SUITE.make(task, parameters={}, n_envs=3, seed=seed) for seed in (4, 4, 5)
    )
    results = [[env.step(a)[:3] for a in actions] for env in (first, again, other)]
    assert all(same(a, b) for a, b in zip(results[0], results[1], strict=True))
    assert not all(same(a, b) for a, b in zip(results[0], results[2], strict=True))
    seen = first.reset()
    assert len(np.unique(seen, axis=0)) == 3


@pytest.mark.parametrize("parameters", [{}, {"drift": DRIFT}])
@pytest.mark.parametrize("task", TASKS)
def test_a_restored_batch_continues_bit_by_bit(task: str, parameters: dict[str, object]) -> None:
    actions = random_actions(160, 5)
    env = SUITE.make(task, parameters=parameters, n_envs=5, seed=1)
    for a in actions[:57]:
        env.step(a)
    state = env.state_dict()
    tool = state["engine"]["arms"]["tool_x"].copy()
    expected = [env.step(a) for a in actions[57:]]
    assert np.array_equal(state["engine"]["arms"]["tool_x"], tool)
    fresh = SUITE.make(task, parameters=parameters, n_envs=5, seed=2)
    fresh.load_state_dict(state)
    for a, wanted in zip(actions[57:], expected, strict=True):
        found = fresh.step(a)
        assert same(found[:3], wanted[:3])
        assert [i.get("episode") for i in found[3]] == [i.get("episode") for i in wanted[3]]
    assert any(wanted[2].any() for wanted in expected)


def test_a_state_of_another_task_batch_or_variant_is_refused() -> None:
    state = ArmVecEnv("push", n_envs=2).state_dict()
    for other in (
        ArmVecEnv("sweep", n_envs=2),
        ArmVecEnv("push", n_envs=3),
        ArmVecEnv("push", {"mass": 2}, n_envs=2),
    ):
        with pytest.raises(ValueError, match="this state"):
            other.load_state_dict(state)


def test_the_vec_env_keeps_the_contract() -> None:
    env = SUITE.make("push", parameters={}, n_envs=2, seed=0)
    assert isinstance(env, StatefulVecEnv)
    assert isinstance(env, FilmableVecEnv)
    assert SUITE.episode_limit("push", {"episode_steps": 30}) == 30
    assert env.render("rgb_array").ndim == 3


@pytest.mark.parametrize("task", TASKS)
def test_all_tasks_and_variants_share_their_spaces_and_keep_within_them(task: str) -> None:
    for parameters in ({}, {"task_one_hot": True}, {"rotation": 45, "control": "joints"}):
        env = SUITE.make(task, parameters=parameters, n_envs=8, seed=0)
        assert env.observation_space == observation_space()
        assert env.action_space == action_space()
        for actions in random_actions(100, 8):
            seen, rewards, *_ = env.step(actions)
            assert seen.dtype == rewards.dtype == np.float32
            assert all(env.observation_space.contains(row) for row in seen)


def test_the_task_is_named_only_on_demand() -> None:
    named = [engine(task, task_one_hot=True).observe()[0, ONE_HOT:] for task in TASKS]
    assert np.array_equal(np.array(named), np.eye(len(TASKS), dtype=np.float32))
    for task in TASKS:
        arms = engine(task, range(8))
        for actions in random_actions(50, 8):
            assert not arms.step(actions).observations[:, ONE_HOT:].any()


def test_tasks_with_the_same_things_on_the_table_look_the_same() -> None:
    """A push and a sweep whose disc and goal coincide cannot be told apart."""
    push, sweep = engine("push", [3]), engine("sweep", [3])
    for arms in (push, sweep):
        for name, value in (("object_x", 0.05), ("object_y", 0.55), ("goal_x", 0.45)):
            arms.arms[name] = value
        arms.arms["goal_y"] = 0.55
    assert np.array_equal(push.observe(), sweep.observe())


def test_an_episode_ends_at_its_limit_and_hands_over_its_last_observation() -> None:
    env = ArmVecEnv("push", {"episode_steps": 7}, n_envs=2, seed=3)
    alone = ArmVecEnv("push", {"episode_steps": 70}, n_envs=2, seed=3)
    total = np.zeros(2)
    for step, actions in enumerate(random_actions(7, 2)):
        seen, rewards, dones, infos = env.step(actions)
        total += rewards
        expected = alone.step(actions)[0]
        assert dones.all() == dones.any() == (step == 6)
    assert np.array_equal([info["terminal_observation"] for info in infos], expected)
    assert not np.array_equal(seen, expected)
    assert np.array_equal(seen, env.engine.observe())
    for i, info in enumerate(infos):
        assert info["TimeLimit.truncated"] is True
        assert info["episode"]["l"] == 7
        assert info["episode"]["r"] == pytest.approx(total[i], rel=1e-5)


def test_the_success_of_an_episode_is_whether_any_step_was_one() -> None:
    env = ArmVecEnv("reach", n_envs=50, seed=1)
    seen, policy, ever = env.reset(), expert("reach"), np.zeros(50, bool)
    for step in range(100):
        actions = policy(seen, None)
        if step > 40:
            actions[:, :2] = [0.0, -1.0]
        actions[25:] = 0.0
        seen, _, _, infos = env.step(actions)
        ever |= [info["success"] for info in infos]
    assert not all(info["success"] for info in infos[:25])
    assert [info["episode"]["success"] for info in infos] == ever.tolist()
    assert [info["is_success"] for info in infos] == ever.tolist()
    assert ever[:25].all()
    assert not ever[25:].all()


@pytest.mark.parametrize("task", TASKS)
def test_success_is_a_distance_to_go_within_the_tolerance(task: str) -> None:
    arms = engine(task, range(16), tolerance=1.5)
    seen, policy = arms.observe(), expert(task)
    met = 0
    for _ in range(99):
        step = arms.step(policy(seen, None))
        seen, state = step.observations, arms.arms
        if task == "reach":
            away = np.hypot(state["goal_x"] - state["tool_x"], state["goal_y"] - state["tool_y"])
        elif task == "sweep":
            away = np.maximum(state["goal_x"] - state["object_x"], 0)
        elif task in ("push", "pick_place"):
            away = np.hypot(
                state["goal_x"] - state["object_x"], state["goal_y"] - state["object_y"]
            )
        else:
            away = np.abs(state["goal_way"] - state["way"])
        assert np.array_equal(step.successes, away <= arms.rules["tolerance"])
        met += int(step.successes.sum())
    assert met > 100


def test_returned_arrays_are_not_overwritten_by_the_next_step() -> None:
    env = ArmVecEnv("push", n_envs=2)
    actions = random_actions(2, 2)
    first = env.step(actions[0])
    copies = [array.copy() for array in first[:3]]
    env.step(-actions[0])
    assert same(first[:3], tuple(copies))


def test_bad_actions_are_refused() -> None:
    arms = engine("push", range(2))
    with pytest.raises(ValueError, match="not made of finite numbers"):
        arms.step(np.array([[0, 0, 0], [0, np.nan, 0]]))
    with pytest.raises(ValueError, match="2 arms need actions of shape"):
        arms.step(np.zeros((2, 4)))
    wild, tame = engine("push", [1]), engine("push", [1])
    assert same(
        wild.step(np.array([[0.0, 9.0, -9.0]]))[:2], tame.step(np.array([[0.0, 1.0, -1.0]]))[:2]
    )


def test_a_drift_moves_with_the_env_steps_and_starts_anew_with_a_seed() -> None:
    arms = engine("push", range(2), drift=DRIFT)
    for actions in random_actions(100, 2):
        arms.step(actions)
    assert np.allclose(arms.arms["action_gain"], 0.75)
    assert np.allclose(arms.arms["rotation"], np.pi / 4)
    for actions in random_actions(250, 2):
        arms.step(actions)
    assert np.allclose(arms.arms["action_gain"], 0.5)
    arms.seed([5, None])
    arms.reset()
    assert np.allclose(arms.arms["action_gain"], [1.0, 0.5])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"mas": 2}, "no parameter 'mas' .did you mean 'mass'"),
        ({"mass": -1}, "mass = -1 is not possible; it must be a number from 0 to 20"),
        ({"side": "up"}, "one of any, left, right"),
        ({"drift": {"mass": [1, 2]}}, "over_env_steps"),
        ({"drift": {"over_env_steps": 5, "mass": [1, 99]}}, "each a number from 0 to 20"),
        ({"drift": {"over_env_steps": 5, "mass": [1, 2]}, "mass": 3}, "leave one of the two out"),
    ],
)
def test_wrong_parameters_are_told_with_the_way_out(
    parameters: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        SUITE.check("push", parameters)


def test_an_unknown_task_is_told_with_the_nearest() -> None:
    with pytest.raises(ValueError, match=r"arm has no task 'pusch' .did you mean 'push'"):
        SUITE.make("pusch", parameters={}, n_envs=1, seed=0)
