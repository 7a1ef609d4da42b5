"""Batches: reproducible, independent of each other, saved and restored bit by bit."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from minigame_helpers import TASKS, engine, random_actions, same

from l2rl.environments import StatefulVecEnv
from l2rl.envs.minigames import SUITE
from l2rl.envs.minigames.spaces import ACTIONS, N_ACTIONS, SELECT_NEXT
from l2rl.envs.minigames.state import OWN
from l2rl.envs.minigames.vec_env import MinigameVecEnv

STEPS = 300


@pytest.mark.parametrize("task", TASKS)
def test_a_game_alone_plays_as_in_a_batch(task: str) -> None:
    seeds, actions = [11, 5, 8, 99], random_actions(STEPS, 4)
    batch = engine(task, seeds)
    rows = [batch.step(a) for a in actions]
    for i, seed in enumerate(seeds):
        alone = engine(task, [seed])
        for step, a in zip(rows, actions, strict=True):
            one = alone.step(a[i : i + 1])
            assert same(one[:4], tuple(array[i : i + 1] for array in step[:4]))


@pytest.mark.parametrize("task", TASKS)
def test_the_seed_decides_everything(task: str) -> None:
    actions = random_actions(STEPS, 3)
    first, again, other = (
        SUITE.make(task, parameters={}, n_envs=3, seed=seed) for seed in (4, 4, 5)
    )
    results = [[env.step(a)[:3] for a in actions] for env in (first, again, other)]
    assert all(same(a, b) for a, b in zip(results[0], results[1], strict=True))
    assert not all(same(a, b) for a, b in zip(results[0], results[2], strict=True))


@pytest.mark.parametrize("observation", ["vector", "planes"])
@pytest.mark.parametrize("task", TASKS)
def test_a_restored_batch_continues_bit_by_bit(task: str, observation: str) -> None:
    # Shorter than the longest games, so that episodes end on the way.
    parameters = {"observation": observation, "limit_s": 100}
    actions = random_actions(STEPS, 5)
    env = SUITE.make(task, parameters=parameters, n_envs=5, seed=1)
    for a in actions[:137]:
        env.step(a)
    state = env.state_dict()
    expected = [(*env.step(a)[:3], env.action_masks().copy()) for a in actions[137:]]
    fresh = SUITE.make(task, parameters=parameters, n_envs=5, seed=2)
    fresh.load_state_dict(state)
    for a, wanted in zip(actions[137:], expected, strict=True):
        assert same((*fresh.step(a)[:3], fresh.action_masks()), wanted)
    assert any(wanted[2].any() for wanted in expected)


def test_a_saved_state_is_not_changed_by_playing_on() -> None:
    env = MinigameVecEnv("DefeatRoaches", n_envs=2)
    state = env.state_dict()
    x = state["engine"]["games"]["x"].copy()
    for a in random_actions(20, 2):
        env.step(a)
    assert np.array_equal(state["engine"]["games"]["x"], x)


def test_a_state_of_another_task_batch_or_variant_is_refused() -> None:
    state = MinigameVecEnv("MoveToBeacon", n_envs=2).state_dict()
    for other in (
        MinigameVecEnv("DefeatRoaches", n_envs=2),
        MinigameVecEnv("MoveToBeacon", n_envs=3),
        MinigameVecEnv("MoveToBeacon", {"limit_s": 60}, n_envs=2),
    ):
        with pytest.raises(ValueError, match="this state"):
            other.load_state_dict(state)


def test_the_vec_env_keeps_the_contract() -> None:
    env = SUITE.make("MoveToBeacon", parameters={}, n_envs=2, seed=0)
    assert isinstance(env, StatefulVecEnv)
    assert env.env_method("action_masks", indices=[1])[0].shape == (N_ACTIONS,)
    assert env.has_attr("action_masks")
    assert env.render("rgb_array").ndim == 3


def test_an_ended_game_restarts_at_once_and_hands_over_its_last_observation() -> None:
    env = MinigameVecEnv("MoveToBeacon", {"limit_s": 5}, n_envs=2)
    env.reset()
    for _ in range(9):
        _, _, dones, infos = env.step(np.zeros(2, np.int64))
        assert not dones.any()
        assert infos == [{}, {}]
    seen, _, dones, infos = env.step(np.zeros(2, np.int64))
    assert dones.all()
    assert infos[0]["TimeLimit.truncated"] is True
    assert infos[0]["episode"] == {"r": 0.0, "l": 10}
    assert infos[0]["terminal_observation"][0] == 0.0
    assert seen[0, 0] == 1.0


def test_a_defeat_is_not_a_time_limit() -> None:
    env = MinigameVecEnv("DefeatRoaches", {"marines": 1, "roaches": 8})
    env.reset()
    dones = np.array([False])
    while not dones[0]:
        _, _, dones, infos = env.step(np.array([9]))
    assert infos[0]["TimeLimit.truncated"] is False


def test_returned_arrays_are_not_overwritten_by_the_next_step() -> None:
    env = MinigameVecEnv("MoveToBeacon", n_envs=2)
    first = env.step(np.array([1, 5]))
    copies = [array.copy() for array in first[:3]]
    env.step(np.array([2, 6]))
    assert same(first[:3], tuple(copies))


@pytest.mark.parametrize("task", TASKS)
def test_an_invalid_action_does_nothing_and_is_counted(task: str) -> None:
    invalid, no_op = engine(task, [3]), engine(task, [3])
    reserved = ACTIONS.index("train_marine")
    for step in range(10):
        assert not invalid.masks[0, reserved]
        assert same(invalid.step(np.array([reserved]))[:4], no_op.step(np.array([0]))[:4])
        assert invalid.games["invalid_actions"][0] == step + 1
    assert no_op.games["invalid_actions"][0] == 0


def test_the_count_of_invalid_actions_comes_with_the_episode() -> None:
    env = MinigameVecEnv("MoveToBeacon", {"limit_s": 2})
    env.reset()
    for action in (29, 0, 29, 9):
        infos = env.step(np.array([action]))[3]
    assert infos[0]["invalid_actions"] == 3


def test_masks_follow_the_state() -> None:
    beacon, roaches = engine("MoveToBeacon"), engine("DefeatRoaches")
    names = lambda mask: {ACTIONS[i] for i in np.flatnonzero(mask)}  # noqa: E731
    moves = {name for name in ACTIONS if name.startswith("move_")}
    assert names(beacon.masks[0]) == {"no_op", "hold"} | moves
    fight = {name for name in ACTIONS if name.startswith("attack_")}
    fight |= {"retreat", "select_next", "select_weakest"}
    assert names(roaches.masks[0]) == {"no_op", "hold"} | moves | fight
    roaches.step(np.array([SELECT_NEXT]))
    assert "select_all" in names(roaches.masks[0])


def test_selecting_cycles_through_the_living() -> None:
    games = engine("DefeatRoaches", marines=4)
    game = games.games[0]
    game["health"][OWN, 1] = 0.0
    chosen = []
    for _ in range(4):
        games.step(np.array([SELECT_NEXT]))
        chosen.append(int(game["selected"]))
    assert chosen == [0, 2, 3, 0]


def test_only_the_selected_unit_takes_the_order() -> None:
    games = engine("CollectMineralShards")
    game = games.games[0]
    games.step(np.array([SELECT_NEXT]))
    game["x"][OWN, :2], game["y"][OWN, :2] = (26.0, 40.0), (22.0, 34.0)
    games.step(np.array([1]))
    assert game["x"][OWN, 0] > 27
    assert game["x"][OWN, 1] == 40.0


def test_an_action_outside_the_space_is_an_error() -> None:
    games = engine("MoveToBeacon", range(3))
    with pytest.raises(ValueError, match=r"action 30 of game 1 is not in 0\.\.29"):
        games.step(np.array([0, 30, 0]))
    with pytest.raises(ValueError, match=r"shape \(3,\)"):
        games.step(np.array([0]))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"stepmul": 8}, "did you mean 'step_mul'"),
        ({"step_mul": 0}, "a whole number from 1 to 64"),
        ({"step_mul": "fast"}, "a whole number"),
        ({"rectangle": [0, 0, 5, 5]}, "at least 16 wide"),
        ({"rectangle": ["a", 0, 5, 5]}, "at least 16 wide"),
        ({"step_mul": float("nan")}, "a whole number"),
        ({"observation_rotation": 45}, "one of 0, 90, 180, 270"),
        ({"action_remap": [0, 1]}, "permutation"),
        ({"reward_scale": float("nan")}, "a number from"),
        ({"shards": 3}, "no parameter 'shards'"),
    ],
)
def test_bad_parameters_say_what_is_possible(parameters: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SUITE.check("MoveToBeacon", parameters)


def test_an_unknown_task_names_the_nearest() -> None:
    with pytest.raises(ValueError, match="did you mean 'MoveToBeacon'"):
        SUITE.check("MoveToBacon", {})


def test_importing_the_suite_does_not_import_numba() -> None:
    program = "import sys, l2rl.envs.minigames as m; m.SUITE.check('MoveToBeacon', {}); "
    program += "sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
