"""The three faces with function calls: checkers, spaces, infos, masks, and PPO."""

from __future__ import annotations

import warnings
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env as check_gymnasium
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from minigame_helpers import same
from stable_baselines3 import PPO
from stable_baselines3.common.env_checker import check_env as check_sb3

from l2rl.envs.minigames import SUITE
from l2rl.envs.minigames.catalogue import GAMES
from l2rl.envs.minigames.extractor import FeaturesExtractor
from l2rl.envs.minigames.functions import N_FUNCTIONS, function_ids, function_space
from l2rl.envs.minigames.single import MinigameEnv
from l2rl.envs.minigames.spaces import action_space, observation_space
from l2rl.envs.minigames.vec_env import MinigameVecEnv

pytestmark = pytest.mark.xdist_group("functions")
TASK = "MoveToBeacon"
FEATURES = {"actions": "functions", "observation": "features", "screen_size": 16}


@pytest.mark.parametrize("observation", ["vector", "features"])
def test_one_game_passes_both_checkers(observation: str) -> None:
    given = {"actions": "functions", "observation": observation, "screen_size": 16}
    env = gymnasium.make(f"l2rl/{TASK}-v0", **given).unwrapped
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_gymnasium(env, skip_render_check=True)
        if observation == "features":
            # SB3 takes the layers for pictures, which are not int32 and not this small.
            warnings.simplefilter("ignore", UserWarning)
        check_sb3(env, skip_render_check=True)


def test_the_info_says_which_functions_are_available() -> None:
    env = MinigameEnv(TASK, **FEATURES)
    _, info = env.reset(seed=1)
    assert info["action_mask"].shape == (N_FUNCTIONS,)
    assert np.array_equal(info["action_mask"], info["available_actions"])
    assert not info["action_mask"][function_ids()["Move_screen"]]
    action = env.action_space.sample() * 0
    action[0] = function_ids()["select_army"]
    seen, _, _, _, info = env.step(action)
    assert info["action_mask"][function_ids()["Move_screen"]]
    assert np.array_equal(seen["available_actions"], info["available_actions"])


def test_masks_have_a_part_for_every_part_of_the_action() -> None:
    env = MinigameVecEnv(TASK, FEATURES, n_envs=2)
    masks = env.action_masks()
    assert masks.shape == (2, env.action_space.nvec.sum())
    assert masks[:, N_FUNCTIONS:].all()
    assert masks[0, :N_FUNCTIONS].sum() == 6
    assert MinigameEnv(TASK, **FEATURES).action_masks().shape == masks[0].shape


def test_all_games_and_variants_share_their_spaces() -> None:
    for task, game in GAMES.items():
        for given in game.variants.values():
            SUITE.check(task, {**given, **FEATURES})
    assert action_space("functions", 32) == function_space(32)
    space = observation_space("features", 16, 32)
    assert space["feature_screen"].shape == (27, 32, 32)
    assert space["feature_minimap"].shape == (11, 32, 32)
    assert space["player"].shape == (11,)


def test_features_need_function_calls() -> None:
    with pytest.raises(ValueError, match="features needs actions functions"):
        SUITE.check(TASK, {"observation": "features"})
    with pytest.raises(ValueError, match="one of 16, 32, 64, 84"):
        SUITE.check(TASK, {"screen_size": 48})


@pytest.mark.parametrize("observation", ["vector", "features"])
def test_the_vector_env_equals_gymnasiums_own_batch(observation: str) -> None:
    given: dict[str, Any] = {**FEATURES, "observation": observation, "limit_s": 4}
    ours = gymnasium.make_vec(f"l2rl/{TASK}-v0", num_envs=3, **given)
    makers = [lambda: MinigameEnv(TASK, **given)] * 3
    theirs = SyncVectorEnv(makers, autoreset_mode=AutoresetMode.SAME_STEP)
    assert ours.observation_space == theirs.observation_space
    assert ours.action_space == theirs.action_space
    np.testing.assert_equal(ours.reset(seed=5)[0], theirs.reset(seed=5)[0])
    ours.action_space.seed(0)
    ends = 0
    for _ in range(20):
        actions = ours.action_space.sample()
        first, second = ours.step(actions), theirs.step(actions)
        np.testing.assert_equal(first[0], second[0])
        assert same(first[1:4], second[1:4])
        for key in ("action_mask", "_action_mask", "available_actions"):
            assert np.array_equal(first[4][key], second[4][key])
        for i in np.flatnonzero(first[2] | first[3]):
            ends += 1
            np.testing.assert_equal(first[4]["final_obs"][i], second[4]["final_obs"][i])
    assert ends == 6


def test_the_last_features_are_those_of_the_ended_episode() -> None:
    env = MinigameVecEnv(TASK, {**FEATURES, "limit_s": 1}, n_envs=2)
    env.reset()
    env.step(np.zeros((2, 17), np.int64))
    seen, _, dones, infos = env.step(np.zeros((2, 17), np.int64))
    assert dones.all()
    assert infos[0]["terminal_observation"]["game_loop"] == 16
    assert seen["game_loop"][0] == 0


def test_ppo_learns_from_features() -> None:
    env = MinigameVecEnv(TASK, FEATURES, n_envs=2)
    kwargs = {"features_extractor_class": FeaturesExtractor}
    model = PPO("MultiInputPolicy", env, n_steps=16, batch_size=16, policy_kwargs=kwargs)
    before = model.policy.action_net.weight.clone()
    model.learn(64)
    assert not before.equal(model.policy.action_net.weight)
    assert np.isfinite(model.policy.action_net.weight.detach().numpy()).all()
