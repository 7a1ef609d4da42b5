"""The three faces pass their checkers and are one arm; pictures and films show it."""

from __future__ import annotations

import warnings

import gymnasium
import numpy as np
import pytest
from arm_helpers import TASKS, random_actions, same
from gymnasium.utils.env_checker import check_env as check_gymnasium
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from stable_baselines3 import SAC
from stable_baselines3.common.env_checker import check_env as check_sb3

from l2rl.envs.arm import gymnasium_id
from l2rl.envs.arm.kinematics import SUBSTEPS
from l2rl.envs.arm.scripted import expert
from l2rl.envs.arm.single import ArmEnv
from l2rl.envs.arm.vec_env import ArmVecEnv
from l2rl.envs.arm.vector import ArmVectorEnv


@pytest.mark.parametrize("task", TASKS)
def test_one_arm_passes_both_checkers(task: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        env = gymnasium.make(gymnasium_id(task), render_mode="rgb_array")
        check_gymnasium(env.unwrapped)
        check_sb3(env.unwrapped)
    env.close()


@pytest.mark.parametrize("task", TASKS)
def test_one_arm_is_the_batchs_arm_of_that_seed(task: str) -> None:
    env, batch = ArmEnv(task), ArmVecEnv(task, arm_seeds=[3, 17])
    seen, _ = env.reset(seed=17)
    assert np.array_equal(seen, batch.engine.observe()[1])
    for action in random_actions(100, 2):
        seen, reward, over, cut, info = env.step(action[1])
        _, rewards, dones, infos = batch.step(action)
        assert reward == rewards[1]
        assert info["success"] == infos[1]["success"]
        assert not over
        assert cut == dones[1]
    assert cut
    assert info["is_success"] == infos[1]["is_success"]
    assert np.array_equal(seen, infos[1]["terminal_observation"])


@pytest.mark.parametrize("task", TASKS)
def test_the_vector_env_equals_gymnasiums_own_batch(task: str) -> None:
    ours = gymnasium.make_vec(gymnasium_id(task), num_envs=3, episode_steps=11)
    makers = [lambda: ArmEnv(task, episode_steps=11)] * 3
    theirs = SyncVectorEnv(makers, autoreset_mode=AutoresetMode.SAME_STEP)
    assert isinstance(ours, ArmVectorEnv)
    assert ours.observation_space == theirs.observation_space
    assert ours.action_space == theirs.action_space
    first, second = ours.reset(seed=5), theirs.reset(seed=5)
    assert np.array_equal(first[0], second[0])
    for actions in random_actions(40, 3):
        first, second = ours.step(actions), theirs.step(actions)
        assert same(first[:4], second[:4])
        assert [x.dtype for x in first[:4]] == [x.dtype for x in second[:4]]
        assert first[4].keys() == second[4].keys()
        assert np.array_equal(first[4]["success"], second[4]["success"])
        for i in np.flatnonzero(first[3]):
            assert np.array_equal(first[4]["final_obs"][i], second[4]["final_obs"][i])
            mine, other = first[4]["final_info"], second[4]["final_info"]
            for key in ("success", "is_success"):
                assert mine[key][i] == other[key][i]


def test_only_masked_arms_are_reset() -> None:
    env = ArmVectorEnv("push", num_envs=3)
    env.reset(seed=1)
    before = env.step(random_actions(1, 3)[0])[0]
    after, _ = env.reset(options={"reset_mask": np.array([False, True, False])})
    assert [np.array_equal(before[i], after[i]) for i in range(3)] == [True, False, True]


def test_seeds_reach_the_arms() -> None:
    first, second = (ArmEnv("push").reset()[0] for _ in range(2))
    assert not np.array_equal(first, second)
    env = ArmVecEnv("push", n_envs=2)
    env.seed(40)
    assert np.array_equal(env.reset()[1], ArmEnv("push").reset(seed=41)[0])
    assert not np.array_equal(env.reset()[1], ArmEnv("push").reset(seed=41)[0])


def test_sb3_bootstraps_at_the_time_limit() -> None:
    env = ArmVecEnv("reach", {"episode_steps": 10}, n_envs=4)
    model = SAC("MlpPolicy", env, learning_starts=100, buffer_size=400, device="cpu")
    model.learn(80)
    buffer = model.replay_buffer
    assert buffer is not None
    assert buffer.dones[:20].sum() == 8
    assert (buffer.timeouts == buffer.dones).all()
    ends = np.argwhere(buffer.dones[:20])
    following = [
        np.abs(buffer.next_observations[t, i] - buffer.observations[t, i]) for t, i in ends
    ]
    # The last observation of the episode, not the first of the next.
    assert max(part[6:8].max() for part in following) < 0.08


@pytest.mark.parametrize("task", TASKS)
def test_a_picture_shows_the_state_and_changes_nothing(task: str) -> None:
    env = ArmVecEnv(task, seed=2)
    state, pictures, policy = env.engine.arms.copy(), [env.picture(0)], expert(task)
    assert pictures[0].shape == (360, 520, 3)
    assert np.array_equal(pictures[0], env.picture(0))
    assert np.array_equal(env.engine.arms, state)
    seen, info = env.engine.observe(), {"success": False}
    for _ in range(99):
        if not info["success"]:
            seen, _, _, (info,) = env.step(policy(seen, None))
    assert info["success"]
    pictures.append(env.picture(0))
    assert (pictures[0] != pictures[1]).any(axis=2).mean() > 0.01
    state = env.engine.arms.copy()
    env.engine.arms["success"] = False
    assert not np.array_equal(env.picture(0), pictures[1])
    env.engine.arms[:] = state
    env.engine.arms["goal_x"] += 0.1
    assert not np.array_equal(env.picture(0, panel=False), pictures[1][:, :364])
    assert "success" in env.caption(0)


def test_a_turned_table_is_drawn_turned_and_said_to_be() -> None:
    plain = ArmVecEnv("push").picture(0)
    for parameters in ({"rotation": 90}, {"mirror": True}, {"mass": 3}):
        assert not np.array_equal(ArmVecEnv("push", parameters).picture(0), plain)
    with pytest.raises(ValueError, match="cannot be read"):
        ArmVecEnv("push").picture(0, size=(100, 50))
    assert ArmVecEnv("push").picture(0, size=(64, 64), panel=False).shape == (64, 64, 3)


def test_a_film_ends_where_the_step_does() -> None:
    env = ArmVecEnv("push", {"episode_steps": 2}, seed=2)
    action = np.array([1.0, -1.0, 1.0])
    frames = env.film(0, action, [k / SUBSTEPS for k in range(1, SUBSTEPS + 1)])
    assert len(frames) == SUBSTEPS
    assert len(np.unique([frame.sum() for frame in frames])) == SUBSTEPS
    env.step(action[None])
    assert np.array_equal(env.picture(0), frames[-1])
    assert len(env.film(0, action, [0.25])) == 2
