"""The three faces pass their checkers and are one game."""

from __future__ import annotations

import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env as check_gymnasium
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from minigame_helpers import TASKS, random_actions, same
from stable_baselines3 import DQN
from stable_baselines3.common.env_checker import check_env as check_sb3

import l2rl.envs.minigames  # noqa: F401  (registers the ids)
from l2rl.envs.minigames.extractor import PlanesExtractor
from l2rl.envs.minigames.single import MinigameEnv
from l2rl.envs.minigames.vec_env import MinigameVecEnv
from l2rl.envs.minigames.vector import MinigameVectorEnv

SHORT = {"limit_s": 6}


@pytest.mark.parametrize("observation", ["vector", "planes"])
@pytest.mark.parametrize("task", TASKS)
def test_one_game_passes_both_checkers(task: str, observation: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        env = gymnasium.make(f"l2rl/{task}-v0", observation=observation, plane_size=64)
        check_gymnasium(env.unwrapped, skip_render_check=True)
        check_sb3(env.unwrapped, skip_render_check=True)
    env.close()


def test_rendering_passes_gymnasiums_checker_too() -> None:
    env = gymnasium.make("l2rl/DefeatRoaches-v0", render_mode="rgb_array")
    check_gymnasium(env.unwrapped)
    picture = env.unwrapped.render()
    assert picture.shape == (432, 720, 3)
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) >= 4


@pytest.mark.parametrize("task", TASKS)
def test_one_game_is_the_batchs_game_of_that_seed(task: str) -> None:
    env, batch = MinigameEnv(task), MinigameVecEnv(task, game_seeds=[3, 17])
    seen, info = env.reset(seed=17)
    assert np.array_equal(seen, batch.engine.observe()[1])
    for action in random_actions(200, 1)[:, 0]:
        assert np.array_equal(info["action_mask"], batch.action_masks()[1])
        seen, reward, over, cut, info = env.step(action)
        _, rewards, dones, infos = batch.step(np.array([0, action]))
        assert reward == rewards[1]
        assert (over or cut) == dones[1]
        if over or cut:
            assert np.array_equal(seen, infos[1]["terminal_observation"])
            break


@pytest.mark.parametrize("task", TASKS)
def test_the_vector_env_equals_gymnasiums_own_batch(task: str) -> None:
    ours = gymnasium.make_vec(f"l2rl/{task}-v0", num_envs=3, **SHORT)
    makers = [lambda: MinigameEnv(task, **SHORT)] * 3
    theirs = SyncVectorEnv(makers, autoreset_mode=AutoresetMode.SAME_STEP)
    assert isinstance(ours, MinigameVectorEnv)
    assert ours.metadata["autoreset_mode"] == AutoresetMode.SAME_STEP
    assert ours.observation_space == theirs.observation_space
    assert ours.action_space == theirs.action_space
    first, second = ours.reset(seed=5), theirs.reset(seed=5)
    assert np.array_equal(first[0], second[0])
    ends = 0
    for a in random_actions(40, 3):
        first, second = ours.step(a), theirs.step(a)
        assert same(first[:4], second[:4])
        assert [x.dtype for x in first[:4]] == [x.dtype for x in second[:4]]
        for key in ("action_mask", "_action_mask", "_final_obs", "_final_info"):
            assert (key in first[4]) == (key in second[4])
            assert np.array_equal(first[4].get(key), second[4].get(key))
        for i in np.flatnonzero(first[2] | first[3]):
            ends += 1
            assert np.array_equal(first[4]["final_obs"][i], second[4]["final_obs"][i])
            key = "invalid_actions"
            assert first[4]["final_info"][key][i] == second[4]["final_info"][key][i]
    assert ends >= 3


def test_only_masked_games_are_reset() -> None:
    env = MinigameVectorEnv("MoveToBeacon", num_envs=3)
    env.reset(seed=1)
    before = env.step(np.array([1, 1, 1]))[0]
    after, _ = env.reset(options={"reset_mask": np.array([False, True, False])})
    assert [np.array_equal(before[i], after[i]) for i in range(3)] == [True, False, True]


def test_an_unseeded_game_differs_from_run_to_run_and_a_seeded_one_does_not() -> None:
    first, second = (MinigameEnv("MoveToBeacon").reset()[0] for _ in range(2))
    assert not np.array_equal(first, second)
    first, second = (MinigameEnv("MoveToBeacon").reset(seed=2)[0] for _ in range(2))
    assert np.array_equal(first, second)


def test_sb3_seeds_reach_the_games() -> None:
    env = MinigameVecEnv("MoveToBeacon", n_envs=2)
    env.seed(40)
    assert np.array_equal(env.reset()[1], MinigameEnv("MoveToBeacon").reset(seed=41)[0])
    assert not np.array_equal(env.reset()[1], MinigameEnv("MoveToBeacon").reset(seed=41)[0])


@pytest.mark.parametrize("size", [16, 32])
def test_sb3_learns_from_planes_with_the_small_extractor(size: int) -> None:
    env = MinigameVecEnv("DefeatRoaches", {"observation": "planes", "plane_size": size}, n_envs=4)
    model = DQN(
        "CnnPolicy",
        env,
        learning_starts=8,
        batch_size=4,
        buffer_size=100,
        policy_kwargs={"features_extractor_class": PlanesExtractor},
        device="cpu",
    )
    before = model.policy.state_dict()["q_net.q_net.0.weight"].clone()
    model.learn(80)
    assert not before.equal(model.policy.state_dict()["q_net.q_net.0.weight"])
