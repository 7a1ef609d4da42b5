"""Any Gymnasium id as a task, restored by playing its episodes again."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest
from stable_baselines3.common.vec_env import VecEnv

from l2rl.environments import StatefulVecEnv, episode_statistics
from l2rl.envs.gymnasium_ids import SUITE


def play(env: VecEnv, actions: list[np.ndarray]) -> list[tuple[Any, ...]]:
    """Observations, rewards, dones and infos of every step."""
    return [env.step(a) for a in actions]


def sampled(task: str, steps: int, n: int) -> list[np.ndarray]:
    """Random actions for n environments."""
    space = gymnasium.make(task).action_space
    space.seed(0)
    return [np.array([space.sample() for _ in range(n)]) for _ in range(steps)]


class Stubborn(gymnasium.Env[np.ndarray, int]):
    """Draws from a generator of its own, which nobody can put back."""

    observation_space = gymnasium.spaces.Box(0, 1, (1,), np.float64)
    action_space = gymnasium.spaces.Discrete(2)

    def __init__(self) -> None:
        self._own = np.random.default_rng(0)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        return self._own.random(1), {}

    def step(self, action: int) -> Any:
        return self._own.random(1), 0.0, False, False, {}


gymnasium.register("l2rl-test/Stubborn-v0", Stubborn)


@pytest.mark.parametrize(("task", "ends"), [("CartPole-v1", 20), ("Pendulum-v1", 3)])
def test_restored_in_mid_episode_everything_goes_on_bit_by_bit(task: str, ends: int) -> None:
    env = SUITE.make(task, parameters={}, n_envs=3, seed=4)
    assert isinstance(env, StatefulVecEnv)
    env.reset()
    actions = sampled(task, 500, 3)
    play(env, actions[:237])
    state = env.state_dict()
    expected = play(env, actions[237:])
    fresh = SUITE.make(task, parameters={}, n_envs=3, seed=99)
    fresh.load_state_dict(state)
    for first, second in zip(play(fresh, actions[237:]), expected, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(first[:3], second[:3], strict=True))
        assert episode_statistics(first[3], first[2]) == episode_statistics(second[3], second[2])
    assert sum(step[2].sum() for step in expected) >= ends


def test_a_state_can_be_given_back_to_the_same_environment_and_saved_again() -> None:
    env = SUITE.make("CartPole-v1", parameters={}, n_envs=2, seed=0)
    env.reset()
    actions = sampled("CartPole-v1", 60, 2)
    play(env, actions[:33])
    state = env.state_dict()
    expected = play(env, actions[33:])
    env.load_state_dict(state)
    assert repr(env.state_dict()) == repr(state)
    again = play(env, actions[33:])
    assert all(np.array_equal(a[0], b[0]) for a, b in zip(again, expected, strict=True))


def test_a_state_from_before_the_first_reset_keeps_the_seeds() -> None:
    env = SUITE.make("CartPole-v1", parameters={}, n_envs=2, seed=3)
    other = SUITE.make("CartPole-v1", parameters={}, n_envs=2, seed=8)
    other.load_state_dict(env.state_dict())
    assert np.array_equal(env.reset(), other.reset())


def test_environments_are_seeded_from_the_seed_and_differ_from_each_other() -> None:
    first, again, other = (
        SUITE.make("CartPole-v1", parameters={}, n_envs=2, seed=s).reset() for s in (1, 1, 2)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert not np.array_equal(first[0], first[1])


def test_the_action_spaces_draws_are_part_of_the_state() -> None:
    env = SUITE.make("CartPole-v1", parameters={}, n_envs=1, seed=0)
    env.reset()
    env.action_space.seed(5)
    state = env.state_dict()
    expected = [env.action_space.sample() for _ in range(50)]
    env.load_state_dict(state)
    assert [env.action_space.sample() for _ in range(50)] == expected


def test_the_last_info_has_return_and_length_without_a_clock() -> None:
    env = SUITE.make("Pendulum-v1", parameters={}, n_envs=1, seed=0)
    env.reset()
    steps = play(env, sampled("Pendulum-v1", 200, 1))
    assert steps[-1][3][0]["episode"].keys() == {"r", "l"}
    assert steps[-1][3][0]["episode"]["l"] == 200
    total = sum(float(step[1][0]) for step in steps)
    assert steps[-1][3][0]["episode"]["r"] == pytest.approx(total, rel=1e-5)
    assert steps[-1][3][0]["TimeLimit.truncated"]


def test_an_environment_with_a_hidden_generator_is_refused_not_continued_wrongly() -> None:
    env = SUITE.make("l2rl-test/Stubborn-v0", parameters={}, n_envs=1, seed=0)
    env.reset()
    play(env, [np.array([0])] * 3)
    with pytest.raises(RuntimeError, match="cannot be restored exactly"):
        env.load_state_dict(env.state_dict())


@pytest.mark.parametrize(
    ("task", "parameters", "limit"),
    [
        ("CartPole-v1", {}, 500),
        ("CartPole-v1", {"max_episode_steps": 7}, 7),
        ("CartPole-v1", {"max_episode_steps": -1}, None),
        ("l2rl-test/Stubborn-v0", {}, None),
        ("nowhere:Nothing-v0", {}, None),
    ],
)
def test_the_longest_episode_is_known_where_gymnasium_limits_it(
    task: str, parameters: dict[str, Any], limit: int | None
) -> None:
    assert SUITE.episode_limit(task, parameters) == limit


def test_parameters_reach_the_environment_and_mark_its_state() -> None:
    env = SUITE.make("Pendulum-v1", parameters={"g": 1.0}, n_envs=1, seed=0)
    assert env.get_attr("unwrapped")[0].g == 1.0
    other = SUITE.make("Pendulum-v1", parameters={}, n_envs=1, seed=0)
    with pytest.raises(ValueError, match="parameters"):
        other.load_state_dict(env.state_dict())


@pytest.mark.parametrize(
    ("task", "parameters", "message"),
    [
        ("CartPol-v1", {}, "near: CartPole-v1"),
        ("CartPole-v7", {}, "near: CartPole-v1"),
        ("CartPole-v1", {"gravty": 1}, "gravty"),
        ("Blackjack-v1", {}, "cannot use the observation space Tuple"),
    ],
)
def test_what_cannot_be_made_is_said_before_anything_starts(
    task: str, parameters: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        SUITE.check(task, parameters)
