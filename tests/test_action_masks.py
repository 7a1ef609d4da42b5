"""Masks as environments offer them: every face, every wrapper, every mistake."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.vec_env import (
    DummyVecEnv,
    VecEnv,
    VecFrameStack,
    VecMonitor,
    VecNormalize,
)

from l2rl.action_masks import MaskReader, NoValidAction, mask_parts
from l2rl.envs.gymnasium_ids import SUITE as GYMNASIUM
from l2rl.envs.minigames import SUITE as MINIGAMES
from l2rl.envs.minigames.vec_env import MinigameVecEnv
from l2rl.errors import UserError
from tests.support.masked_env import ShownMasks, shown_masks

WRAPPERS: dict[str, Callable[[VecEnv], VecEnv]] = {
    "none": lambda env: env,
    "normalised": VecNormalize,
    "monitored": VecMonitor,
    "stacked": lambda env: VecFrameStack(env, 2),
    "all": lambda env: VecNormalize(VecFrameStack(VecMonitor(env), 2)),
}


def shown(offers: str, n_envs: int = 3) -> VecEnv:
    name = f"l2rl-test/ShownMasks-{offers}-v0"
    return GYMNASIUM.make(name, parameters={}, n_envs=n_envs, seed=2)


def random_actions(env: VecEnv, masks: np.ndarray) -> np.ndarray:
    return np.array([env.action_space.sample(mask) for mask in masks.astype(np.int8)])


@pytest.mark.parametrize("offers", ["method", "info"])
def test_gymnasium_masks_are_those_of_the_present_and_of_the_last_state(offers: str) -> None:
    env = shown(offers)
    reader, seen, cut = MaskReader(env), env.reset(), 0
    for _ in range(60):
        masks = reader.read("now")
        assert np.array_equal(masks, shown_masks(seen))
        seen, _, dones, infos = env.step(random_actions(env, masks))
        following = reader.following(dones, infos, "now")
        for i, info in enumerate(infos):
            expected = shown_masks(seen[i])
            if dones[i]:
                timed_out = info["TimeLimit.truncated"]
                cut += timed_out
                expected = shown_masks(info["terminal_observation"]) if timed_out else np.ones(5)
            assert np.array_equal(following[i], expected)
    assert cut > 3


@pytest.mark.parametrize("offers", ["method", "info"])
def test_restored_in_mid_episode_masks_are_as_they_were(offers: str) -> None:
    env = shown(offers)
    env.reset()
    for _ in range(14):
        env.step(random_actions(env, MaskReader(env).read("now")))
    state, masks = env.state_dict(), MaskReader(env).read("now")
    fresh = shown(offers)
    fresh.load_state_dict(state)
    assert np.array_equal(MaskReader(fresh).read("now"), masks)


def test_stock_vec_envs_of_sb3_tell_masks_too() -> None:
    env = make_vec_env(lambda: ShownMasks(), 2, seed=0)
    seen = env.reset()
    assert np.array_equal(MaskReader(env).read("now"), shown_masks(seen))
    # What a time-out leads to is not known there: every action may be bootstrapped from.
    infos = [{"TimeLimit.truncated": True}, {}]
    following = MaskReader(env).following(np.array([True, False]), infos, "now")
    assert following[0].all()
    assert not following[1].all()


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_wrappers_let_masks_through(wrapper: str) -> None:
    for inner in (MINIGAMES.make("DefeatRoaches", parameters={}, n_envs=2, seed=0), shown("info")):
        env = WRAPPERS[wrapper](inner)
        env.reset()
        assert np.array_equal(MaskReader(env).read("now"), MaskReader(inner).read("now"))


def test_what_was_read_is_a_copy() -> None:
    env = MINIGAMES.make("MoveToBeacon", parameters={}, n_envs=2, seed=0)
    masks = MaskReader(env).read("now")
    masks[:] = False
    assert env.engine.masks.any()


def test_minigames_tell_the_mask_of_an_episodes_last_state() -> None:
    """Which is what the Gymnasium face shows at the end of the same game."""
    parameters = {"limit_s": 8}
    env = MinigameVecEnv("DefeatRoaches", parameters)
    alone = gymnasium.make("l2rl/DefeatRoaches-v0", **parameters)
    chance, differed = np.random.default_rng(0), 0
    env.seed(7)
    env.reset()
    _, told = alone.reset(seed=7)
    for _ in range(200):
        action = chance.choice(np.flatnonzero(told["action_mask"]))
        _, _, dones, infos = env.step(np.array([action]))
        _, _, over, cut, told = alone.step(action)
        assert dones[0] == (over or cut)
        if dones[0]:
            assert np.array_equal(infos[0]["terminal_action_mask"], told["action_mask"])
            differed += not np.array_equal(told["action_mask"], env.action_masks()[0])
            _, told = alone.reset()
    assert differed > 0, "the test must see a last mask that is not the next episode's first"


# ---- mistakes ------------------------------------------------------------------------------


def test_which_actions_can_be_masked() -> None:
    assert mask_parts(spaces.Discrete(4)) == (4,)
    assert mask_parts(spaces.MultiDiscrete([2, 3])) == (2, 3)
    for space in (spaces.Box(-1, 1, (2,)), spaces.MultiBinary(3)):
        with pytest.raises(UserError, match="cannot be masked"):
            mask_parts(space)


def test_an_environment_without_masks_is_told() -> None:
    env = shown("nothing")
    env.reset()
    with pytest.raises(UserError, match=r"ShownMasks-nothing-v0 offers no action masks"):
        MaskReader(env).read("now")


@pytest.mark.parametrize("space", [spaces.Discrete(5), spaces.MultiDiscrete([2, 3])])
def test_a_mask_without_a_valid_action_names_environment_and_step(space: Any) -> None:
    full, empty = ShownMasks(space), ShownMasks(space)
    env = DummyVecEnv([lambda: full, lambda: empty])
    env.reset()
    empty.action_masks = lambda: np.array([True, True, False, False, False])
    if isinstance(space, spaces.Discrete):
        MaskReader(env).read("env step 12")
        empty.action_masks = lambda: np.zeros(5, bool)
    message = r"environment 1 \(DummyVecEnv\) has no valid action at env step 12"
    with pytest.raises(NoValidAction, match=message):
        MaskReader(env).read("env step 12")


def test_a_time_out_without_a_valid_action_is_told_too() -> None:
    env = shown("method")
    env.reset()
    info = {"TimeLimit.truncated": True, "terminal_action_mask": np.zeros(5, bool)}
    ended = np.array([False, True, False])
    with pytest.raises(NoValidAction, match=r"environment 1 .* end of an episode, env step 3"):
        MaskReader(env).following(ended, [{}, info, {}], "env step 3")


@pytest.mark.parametrize("wrong", [np.ones(4, bool), [np.ones(2, bool), np.ones(3, bool)]])
def test_masks_of_another_shape_are_told(wrong: Any) -> None:
    one = ShownMasks()
    env = DummyVecEnv([lambda: one])
    env.reset()
    one.action_masks = lambda: wrong
    with pytest.raises(UserError, match=r"action masks of shape .*, not \(1, 5\)"):
        MaskReader(env).read("now")
