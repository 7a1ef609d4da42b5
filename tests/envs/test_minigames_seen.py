"""What agents see: one space for all tasks, and shifts that turn it as they say."""

from __future__ import annotations

import numpy as np
import pytest
from minigame_helpers import TASKS, engine, put, random_actions

from l2rl.envs.minigames import SUITE
from l2rl.envs.minigames.catalogue import GAMES
from l2rl.envs.minigames.see_planes import BEACON
from l2rl.envs.minigames.spaces import (
    COMRADE_FIELDS,
    COMRADES,
    FOCUS,
    N_COMRADES,
    N_TARGETS,
    TARGET_FIELDS,
    TARGETS,
)
from l2rl.envs.minigames.state import HOSTILE, OWN

PAIRS = [
    (FOCUS, FOCUS + 1),
    (FOCUS + 8, FOCUS + 9),
    (FOCUS + 10, FOCUS + 11),
    (FOCUS + 15, FOCUS + 16),
    (FOCUS + 17, FOCUS + 18),
    *((COMRADES + COMRADE_FIELDS * k + 1, COMRADES + COMRADE_FIELDS * k + 2) for k in range(4)),
    *((TARGETS + TARGET_FIELDS * k + 1, TARGETS + TARGET_FIELDS * k + 2) for k in range(8)),
    *((TARGETS + TARGET_FIELDS * k + 3, TARGETS + TARGET_FIELDS * k + 4) for k in range(8)),
]


def target(seen: np.ndarray, k: int) -> np.ndarray:
    """The k-th target's fields."""
    start = TARGETS + TARGET_FIELDS * k
    return seen[start : start + TARGET_FIELDS]


def turned(seen: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """A plain vector observation with every direction turned by hand, (N, 164)."""
    result = seen.copy()
    for x, y in PAIRS:
        result[:, [x, y]] = seen[:, [x, y]] @ matrix.T
    return result


@pytest.mark.parametrize("observation", ["vector", "planes"])
def test_all_games_and_variants_share_their_spaces(observation: str) -> None:
    envs = [
        SUITE.make(task, parameters={**given, "observation": observation}, n_envs=1, seed=0)
        for task, game in GAMES.items()
        for given in game.variants.values()
    ]
    assert all(env.observation_space == envs[0].observation_space for env in envs)
    assert all(env.action_space == envs[0].action_space for env in envs)


@pytest.mark.parametrize("observation", ["vector", "planes"])
@pytest.mark.parametrize("task", TASKS)
def test_observations_stay_in_their_space(task: str, observation: str) -> None:
    games = engine(task, range(8), observation=observation, rectangle=[0, 0, 64, 64])
    for a in random_actions(100, 8):
        seen = games.step(a)[0]
        assert all(row in games.observation_space for row in seen)


def test_the_beacon_is_where_the_vector_says() -> None:
    games = engine("MoveToBeacon")
    game = games.games[0]
    put(game, OWN, 0, 30.0, 26.0)
    game["item_x"][0], game["item_y"][0] = 33.0, 22.0
    seen = games.observe()[0]
    wanted = [1, 3 / 16, -4 / 16, 0.6, -0.8, 5 / 16, 0, 1, 0, 0, 0, 0]
    assert np.allclose(target(seen, 0), wanted)
    assert np.all(target(seen, 1) == 0)
    assert np.allclose(seen[FOCUS : FOCUS + 3], [-3 / 11, -2 / 8, 1])


def test_targets_come_nearest_first() -> None:
    seen = engine("CollectMineralShards", range(20)).observe()
    distances = seen[:, TARGETS + 5 :: TARGET_FIELDS][:, :N_TARGETS]
    assert np.all(np.diff(distances, axis=1) >= 0)


def test_health_and_counts_of_both_sides_are_seen() -> None:
    games = engine("DefeatRoaches")
    game = games.games[0]
    game["health"][OWN, :9] = [0, 9, *[45] * 7]
    game["health"][HOSTILE, :4] = [0, 145, 29, 145]
    seen = games.observe()[0]
    assert seen[1] == 8 / 16
    assert seen[2] == pytest.approx((9 + 7 * 45) / (8 * 45))
    assert seen[5] == 3 / 16
    assert seen[6] == pytest.approx((145 + 29 + 145) / (3 * 145))
    assert seen[FOCUS + 2] == pytest.approx(9 / 45)
    healths = sorted(target(seen, k)[7] for k in range(3))
    assert np.allclose(healths, [0.2, 1, 1])
    assert [target(seen, k)[6] for k in range(4)] == [1, 1, 1, 0]
    assert seen[COMRADES::COMRADE_FIELDS][:N_COMRADES].sum() == 4


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_rotated_vector_is_a_rotation(task: str, degrees: int) -> None:
    plain, shifted = engine(task, range(6)), engine(task, range(6), observation_rotation=degrees)
    angle = np.deg2rad(degrees)
    matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    for a in random_actions(30, 6):
        first, second = plain.step(a)[0], shifted.step(a)[0]
        assert np.allclose(second, turned(first, matrix), atol=1e-6)
    assert not np.allclose(first, second)


@pytest.mark.parametrize("size", [16, 32])
@pytest.mark.parametrize("task", TASKS)
def test_rotated_and_mirrored_planes_are_the_planes_turned(task: str, size: int) -> None:
    common = {"observation": "planes", "plane_size": size}
    plain = engine(task, range(4), **common)
    rotated = engine(task, range(4), observation_rotation=90, **common)
    mirrored = engine(task, range(4), observation_mirror=True, **common)
    for a in random_actions(30, 4):
        first = plain.step(a)[0]
        assert np.array_equal(rotated.step(a)[0], np.rot90(first, axes=(2, 3)))
        assert np.array_equal(mirrored.step(a)[0], first[:, :, :, ::-1])
    assert not np.array_equal(first, first[:, :, :, ::-1])


def test_planes_show_units_where_they_stand_north_up() -> None:
    games = engine("MoveToBeacon", observation="planes", plane_size=16)
    game = games.games[0]
    put(game, OWN, 0, 22.2, 35.8)
    game["item_x"][0], game["item_y"][0] = 42.5, 21.5
    planes = games.observe()[0]
    assert planes[0, 0, 0] == 255
    assert planes[0].sum() == 255
    assert planes[BEACON, 14, 14] == 255
    assert planes[BEACON, :8].sum() == 0


def test_a_remapped_direction_moves_elsewhere_and_the_map_is_a_permutation() -> None:
    permutation = [2, 3, 4, 5, 6, 7, 0, 1]
    games = engine("MoveToBeacon", action_remap=permutation)
    put(games.games[0], OWN, 0, 33.0, 24.0)
    games.step(np.array([1]))
    assert games.games["y"][0, OWN, 0] > 25
    assert games.games["x"][0, OWN, 0] == pytest.approx(33.0)
    seeded = engine("MoveToBeacon", action_remap=1).rules["direction"][0]
    assert sorted(seeded) == list(range(8))
    assert list(seeded) != list(range(8))
    assert np.array_equal(seeded, engine("MoveToBeacon", action_remap=1).rules["direction"][0])
