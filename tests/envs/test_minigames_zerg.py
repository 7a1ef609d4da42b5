"""FindAndDefeatZerglings and DefeatZerglingsAndBanelings by the rules, fog, camera, groups."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from minigame_helpers import engine, put

from l2rl.envs.minigames.catalogue import GAMES
from l2rl.envs.minigames.scripted import POLICIES
from l2rl.envs.minigames.spaces import (
    CENTER_CAMERA,
    FIRST_ATTACK,
    FOCUS,
    HOLD_POSITION,
    NO_OP,
    RETREAT,
    SIGHT,
    SUMMARY,
    TARGETS,
)
from l2rl.envs.minigames.state import HOSTILE, OWN
from l2rl.envs.minigames.units import BANELING, MARINE, ROACH, ZERGLING, unit_table

CENTRE = np.array([32.0, 28.0])
NO_FIGHT = {"enemy_speed": 0.1}


def places(game: np.void, side: int) -> np.ndarray:
    """Where the living of a side stand, (n, 2)."""
    n = game["places"][side]
    alive = game["health"][side, :n] > 0
    return np.stack([game["x"][side, :n], game["y"][side, :n]], axis=1)[alive]


def gaps(points: np.ndarray) -> np.ndarray:
    """Distances of all pairs."""
    return np.array([np.hypot(*(a - b)) for a, b in itertools.combinations(points, 2)])


# ---- FindAndDefeatZerglings --------------------------------------------------------------


def test_three_marines_stand_around_the_centre_and_25_zerglings_as_the_map_places_them() -> None:
    for game in engine("FindAndDefeatZerglings", range(30)).games:
        marines, zerglings = places(game, OWN), places(game, HOSTILE)
        assert np.allclose(np.hypot(*(marines - CENTRE).T), 1.0, atol=1e-5)
        assert np.allclose(gaps(marines), np.sqrt(3), atol=1e-5)
        assert len(zerglings) == 25
        radii = np.hypot(*(zerglings - CENTRE).T)
        assert 8 <= radii[0] <= 9
        assert 7.5 <= radii[1] <= 9.5
        assert radii[2:].min() >= 10.5
        assert np.all(zerglings[2:] >= [11, 13])
        assert np.all(zerglings[2:] <= [53, 43])
        assert gaps(zerglings[2:]).min() >= 5.0 - 1e-4


def test_when_all_are_dead_25_come_again_away_from_the_marines() -> None:
    games = engine("FindAndDefeatZerglings", range(20), step_mul=1)
    for game in games.games:
        game["health"][HOSTILE] = 0
        game["health"][HOSTILE, 7] = 1
        put(game, HOSTILE, 7, 34.0, 28.0)
        game["cooldown"][HOSTILE, 7] = 100
    *_, rewards, dones, _, _ = games.step(np.full(20, HOLD_POSITION))
    assert np.all(rewards == 1)
    assert not dones.any()
    for game in games.games:
        assert game["wave"] == 1
        zerglings = places(game, HOSTILE)
        assert len(zerglings) == 25
        assert gaps(zerglings).min() >= 5.0 - 1e-4
        between = zerglings[:, None] - places(game, OWN)[None]
        assert np.hypot(between[..., 0], between[..., 1]).min() >= 9.0 - 1e-4


def test_without_marines_it_ends_and_each_costs_one() -> None:
    games = engine("FindAndDefeatZerglings", step_mul=1)
    game = games.games[0]
    game["health"][OWN, 1:3] = 0
    game["health"][OWN, 0] = 1
    put(game, HOSTILE, 0, game["x"][OWN, 0] + 0.5, game["y"][OWN, 0])
    _, rewards, dones, truncated, _ = games.step(np.array([NO_OP]), restart=False)
    assert rewards[0] == -1
    assert dones[0]
    assert not truncated[0]


def test_a_zergling_waits_until_it_sees_a_marine() -> None:
    games = engine("FindAndDefeatZerglings", step_mul=8, marines=1)
    game = games.games[0]
    put(game, OWN, 0, 32.0, 28.0)
    game["health"][HOSTILE, 2:] = 0
    put(game, HOSTILE, 0, 32.0 + 8.4, 28.0)
    put(game, HOSTILE, 1, 32.0 - 7.6, 28.0)
    games.step(np.array([HOLD_POSITION]))
    assert game["x"][HOSTILE, 0] == np.float32(32.0 + 8.4)
    assert game["x"][HOSTILE, 1] > 32.0 - 7.6


# ---- fog, camera, exploration ------------------------------------------------------------


def dark_pair(distance: float, **parameters: object) -> tuple[object, np.ndarray]:
    """One marine in the centre and one zergling to its east, and what is seen of them."""
    games = engine("FindAndDefeatZerglings", step_mul=1, marines=1, zerglings=1, **parameters)
    game = games.games[0]
    put(game, OWN, 0, 32.0, 28.0)
    put(game, HOSTILE, 0, 32.0 + distance, 28.0)
    return games, games.step(np.array([HOLD_POSITION]))[0][0]


@pytest.mark.parametrize(("distance", "seen"), [(8.9, True), (9.2, False)])
def test_fog_hides_what_is_beyond_the_marines_sight(distance: float, seen: bool) -> None:
    games, vector = dark_pair(distance, **NO_FIGHT)
    assert bool(vector[TARGETS]) is seen
    assert bool(vector[SUMMARY + 5]) is seen
    assert bool(games.masks[0, FIRST_ATTACK]) is seen
    assert bool(games.masks[0, RETREAT]) is seen
    _, without = dark_pair(distance, fog=False, camera=False, **NO_FIGHT)
    assert without[TARGETS] == 1


def test_planes_hide_it_too_and_tell_seen_from_remembered_from_dark() -> None:
    games = engine(
        "FindAndDefeatZerglings", marines=1, zerglings=1, observation="planes", plane_size=32,
        camera=False, own_speed=10, **NO_FIGHT,
    )  # fmt: skip
    game = games.games[0]
    put(game, OWN, 0, 32.0, 28.0)
    put(game, HOSTILE, 0, 45.0, 28.0)
    planes = games.step(np.array([HOLD_POSITION]))[0][0]
    hostile, visible = planes[4], planes[10]
    assert hostile.sum() == 0
    assert visible[16, 16] == 255
    assert visible[16, 31] == 0
    put(game, OWN, 0, 12.0, 28.0)
    planes = games.step(np.array([HOLD_POSITION]))[0][0]
    assert planes[10][16, 16] == 128
    put(game, OWN, 0, 44.0, 26.0)
    assert games.step(np.array([HOLD_POSITION]))[0][0][4].sum() > 0


def test_what_is_off_the_screen_is_hidden_until_the_camera_is_centred() -> None:
    games, vector = dark_pair(5.0, **NO_FIGHT)
    game = games.games[0]
    assert vector[TARGETS] == 1
    for side, x in ((OWN, 46.0), (HOSTILE, 51.0)):
        put(game, side, 0, x, 28.0)
    vector = games.step(np.array([HOLD_POSITION]))[0][0]
    assert vector[TARGETS] == 0
    assert vector[FOCUS + 17] == pytest.approx((32.0 - 46.0) / 16)
    assert games.masks[0, CENTER_CAMERA]
    vector = games.step(np.array([CENTER_CAMERA]))[0][0]
    assert vector[TARGETS] == 1
    assert vector[FOCUS + 17] == 0


def test_a_camera_is_centred_only_where_there_is_one() -> None:
    assert not engine("DefeatRoaches").masks[0, CENTER_CAMERA]


def test_the_vector_says_how_much_is_explored_and_where_the_dark_is_nearest() -> None:
    games = engine("FindAndDefeatZerglings", marines=1)
    put(games.games[0], OWN, 0, 32.0, 28.0)
    vector = games.step(np.array([HOLD_POSITION]))[0][0]
    # A disc of radius 9 in a rectangle of 44 x 32.
    assert vector[SIGHT] == pytest.approx(np.pi * 81 / (44 * 32), abs=0.05)
    way = np.hypot(vector[FOCUS + 15], vector[FOCUS + 16]) * 16
    assert 8.5 <= way <= 11.0
    games.games[0]["explored"][:] = 1
    vector = games.step(np.array([HOLD_POSITION]))[0][0]
    assert vector[SIGHT] == 1
    assert np.all(vector[FOCUS + 15 : FOCUS + 17] == 0)
    games.reset()
    assert games.observe()[0][SIGHT] < 0.3


def test_without_fog_everything_counts_as_explored() -> None:
    assert engine("DefeatRoaches").observe()[0][SIGHT] == 1


# ---- zerglings and banelings -------------------------------------------------------------


def test_banelings_and_zerglings_have_the_table_of_the_game() -> None:
    table = unit_table()
    assert (table["health"][ZERGLING], table["health"][BANELING]) == (35, 30)
    assert table["damage"][BANELING] + table["bonus_light"][BANELING] == 35
    assert table["splash"][BANELING] == 2.2
    assert table["light"][MARINE]
    assert not table["light"][ROACH]
    assert table["speed"][BANELING] * 16 == 2.5
    assert table["speed"][ZERGLING] * 16 == pytest.approx(4.13 / 1.4, abs=0.01)


def burst_scene(by_a_shot: bool) -> tuple[np.void, float]:
    """One baneling among marines at 0.7, 1.9 and 2.6; the game and the step's reward."""
    games = engine("DefeatZerglingsAndBanelings", step_mul=1, marines=3, zerglings=1, banelings=1)
    game = games.games[0]
    put(game, HOSTILE, 1, 30.0, 28.0, health=6.0 if by_a_shot else 30.0)
    put(game, HOSTILE, 0, 44.0, 20.0)
    for j, distance in enumerate((0.7, 1.9, 2.6)):
        put(game, OWN, j, 30.0 + distance, 28.0, health=45.0)
        game["cooldown"][OWN, j] = 0.0 if by_a_shot and j == 2 else 50.0
    if by_a_shot:
        game["cooldown"][HOSTILE, 1] = 50.0
    _, rewards, *_ = games.step(np.array([HOLD_POSITION]))
    return game, float(rewards[0])


@pytest.mark.parametrize("by_a_shot", [False, True])
def test_a_baneling_bursts_and_hurts_everybody_within_its_splash(by_a_shot: bool) -> None:
    game, reward = burst_scene(by_a_shot)
    assert game["health"][HOSTILE, 1] == 0
    assert list(game["health"][OWN, :3]) == [10.0, 10.0, 45.0]
    assert reward == 5


def test_a_burst_that_kills_costs_the_marines() -> None:
    games = engine("DefeatZerglingsAndBanelings", step_mul=1, marines=3, zerglings=1, banelings=1)
    game = games.games[0]
    put(game, HOSTILE, 1, 30.0, 28.0)
    put(game, HOSTILE, 0, 44.0, 20.0)
    for j in range(3):
        put(game, OWN, j, 30.7, 28.0 + j, health=35.0 if j < 2 else 45.0)
        game["cooldown"][OWN, j] = 50.0
    _, rewards, *_ = games.step(np.array([HOLD_POSITION]))
    assert rewards[0] == 5 - 2


def test_a_cleared_wave_brings_four_marines_and_ten_zergs() -> None:
    games = engine("DefeatZerglingsAndBanelings", range(20), step_mul=1)
    for game in games.games:
        kinds = game["kind"][HOSTILE, : game["places"][HOSTILE]]
        assert sorted(kinds) == [ZERGLING] * 6 + [BANELING] * 4
        spread = places(game, HOSTILE)
        assert np.ptp(spread, axis=0).max() < 4
        game["health"][HOSTILE] = 0
        game["health"][HOSTILE, 0] = 1
        put(game, OWN, 0, 30.0, 28.0)
        put(game, HOSTILE, 0, 33.0, 28.0)
    games.step(np.full(20, HOLD_POSITION))
    assert np.all(games.games["wave"] == 1)
    assert np.all(games.games["places"] == [13, 10])


# ---- number, kind and placement of enemies -----------------------------------------------


def test_kinds_can_be_mixed_and_are_shared_out_to_groups() -> None:
    games = engine(
        "DefeatRoaches", range(10), roaches=5, zerglings=4, banelings=3, groups=3,
        marine_side="left",
    )  # fmt: skip
    for game in games.games:
        kinds = list(game["kind"][HOSTILE, :12])
        assert [kinds.count(k) for k in (ROACH, ZERGLING, BANELING)] == [5, 4, 3]
        # Group by group: 2 roaches, 2 zerglings, 1 baneling come first.
        assert kinds[:5] == [ROACH, ROACH, ZERGLING, ZERGLING, BANELING]
        ys = [places(game, HOSTILE)[first][1] for first in (0, 5, 9)]
        assert ys[1] - ys[0] > 2
        assert ys[2] - ys[1] > 2


def test_random_groups_keep_their_distance_and_surrounding_ones_surround() -> None:
    scattered = engine("DefeatRoaches", range(20), placement="random", groups=2, marine_side="left")
    spots = np.array([places(game, HOSTILE)[0] for game in scattered.games])
    assert np.ptp(spots[:, 0]) > 5
    for game in scattered.games:
        between = places(game, HOSTILE)[:, None] - places(game, OWN)[None]
        assert np.hypot(between[..., 0], between[..., 1]).min() > 5
    ring = engine("DefeatZerglingsAndBanelings", range(20), placement="surround", groups=4)
    for game in ring.games:
        zergs = places(game, HOSTILE) - [33.0, 28.0]
        assert np.all(np.abs(zergs.mean(axis=0)) < 2.5)
        assert np.hypot(*zergs.T).min() > 4


def test_factors_on_enemies_are_felt() -> None:
    plain, strong = engine("DefeatRoaches"), engine("DefeatRoaches", enemy_health=2)
    assert strong.games["health"][0, HOSTILE, 0] == 2 * plain.games["health"][0, HOSTILE, 0]
    games = engine("DefeatRoaches", step_mul=1, marines=1, roaches=1, enemy_damage=0.5)
    game = games.games[0]
    put(game, OWN, 0, 30.0, 28.0)
    put(game, HOSTILE, 0, 33.0, 28.0)
    games.step(np.array([NO_OP]))
    assert game["health"][OWN, 0] == 45 - 8
    assert games.observe()[0][TARGETS + 7] <= 1


def test_a_wave_without_enemies_is_refused() -> None:
    with pytest.raises(ValueError, match="needs an enemy: set one of roaches"):
        engine("DefeatRoaches", roaches=0)


@pytest.mark.parametrize(
    ("task", "low", "high"),
    [("FindAndDefeatZerglings", 15, 60), ("DefeatZerglingsAndBanelings", 400, 1100)],
)
def test_scripted_policies_score_near_the_literature(task: str, low: float, high: float) -> None:
    games = engine(task, range(40))
    seen, scores = games.observe(), []
    while len(scores) < 40:
        seen, _, dones, _, _ = games.step(POLICIES[task](seen, games.masks))
        scores.extend(games.games["last_return"][dones])
    assert low < np.mean(scores) < high


def test_every_variant_of_every_game_plays() -> None:
    for task, game in GAMES.items():
        for given in game.variants.values():
            games = engine(task, range(2), **given)
            for action in (0, 3, 12, 17):
                games.step(np.full(2, action))
