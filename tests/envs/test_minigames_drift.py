"""Drift: what moves, when it stops, and that it is part of the state."""

from __future__ import annotations

import numpy as np
import pytest
from minigame_helpers import engine, put, random_actions, same

from l2rl.envs.minigames.spaces import FIRST_MOVE
from l2rl.envs.minigames.state import OWN


def walked(games: object) -> float:
    """How far one marine gets in one env step to the east, from the same place."""
    put(games.games[0], OWN, 0, 26.0, 24.0)
    games.games["item_x"], games.games["item_y"] = 44.0, 36.0
    games.step(np.array([FIRST_MOVE]))
    return float(games.games["x"][0, OWN, 0]) - 26.0


def test_a_speed_moves_on_a_line_and_then_stays() -> None:
    games = engine("MoveToBeacon", drift={"over_env_steps": 10, "own_speed": [1.0, 0.5]})
    ways = np.array([walked(games) for _ in range(14)])
    wanted = 2.25 / 2 * (1 - 0.5 * np.minimum(np.arange(14) / 10, 1))
    assert np.allclose(ways, wanted, atol=1e-4)


def test_the_clock_goes_on_over_episodes_and_starts_anew_with_a_seed() -> None:
    drift = {"over_env_steps": 40, "reward_scale": [1.0, -1.0]}
    games = engine("MoveToBeacon", drift=drift, limit_s=5)
    for _ in range(40):
        games.step(np.array([0]))
    assert games.games["episode_length"][0] == 0
    assert games.games["reward_scale"][0] == -1
    games.reset()
    assert games.games["reward_scale"][0] == -1
    games.seed([5])
    games.reset()
    assert games.games["reward_scale"][0] == 1


def test_a_restored_drift_continues_bit_by_bit() -> None:
    drift = {"over_env_steps": 60, "observation_angle": [0, 90], "enemy_speed": [1, 2]}
    first, second = (engine("DefeatRoaches", range(4), drift=drift) for _ in range(2))
    actions = random_actions(60, 4)
    for a in actions[:25]:
        first.step(a)
    second.load_state_dict(first.state_dict())
    for a in actions[25:]:
        assert same(first.step(a)[:4], second.step(a)[:4])
    assert first.games["enemy_speed"][0] == 2.0


@pytest.mark.parametrize("observation", ["vector", "planes"])
def test_an_angle_of_ninety_degrees_is_the_rotated_variant(observation: str) -> None:
    # A square, so that planes turned by an angle cover the same cells.
    common = {"rectangle": [20, 16, 44, 40], "observation": observation}
    angle = engine("DefeatRoaches", range(4), observation_angle=90, **common)
    rotated = engine("DefeatRoaches", range(4), observation_rotation=90, **common)
    for a in random_actions(20, 4):
        first, second = angle.step(a)[0], rotated.step(a)[0]
        if observation == "vector":
            assert np.allclose(first, second, atol=1e-5)
        else:
            # A place on the edge of a cell may fall to either side of it.
            assert (first != second).mean() < 0.01
    assert first.any()


def test_without_a_drift_nothing_ever_moves() -> None:
    games = engine("DefeatRoaches")
    before = [games.games[name][0].copy() for name in ("own_speed", "turn", "reward_scale")]
    for _ in range(30):
        games.step(np.array([3]))
    after = [games.games[name][0] for name in ("own_speed", "turn", "reward_scale")]
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))
    assert np.array_equal(before[1], np.eye(2))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"drift": 3}, "over_env_steps"),
        ({"drift": {"own_speed": [1, 2]}}, "over_env_steps"),
        ({"drift": {"over_env_steps": 5}}, "at least one of own_speed"),
        ({"drift": {"over_env_steps": 0, "own_speed": [1, 2]}}, "whole number from 1"),
        ({"drift": {"over_env_steps": 5, "own_speed": 2}}, "own_speed is not a pair"),
        ({"drift": {"over_env_steps": 5, "own_speed": [1, 99]}}, "from 0.1 to 10"),
        ({"drift": {"over_env_steps": 5, "enemy_health": [1, 2]}}, "no enemy_health that could"),
        (
            {"drift": {"over_env_steps": 5, "own_speed": [1, 2]}, "own_speed": 2},
            "own_speed is set and drifts",
        ),
    ],
)
def test_a_wrong_drift_says_what_is_possible(parameters: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        engine("MoveToBeacon", **parameters)
