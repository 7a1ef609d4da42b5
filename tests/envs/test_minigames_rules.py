"""The rules of the three games, checked against the maps' table."""

from __future__ import annotations

import numpy as np
import pytest
from minigame_helpers import TASKS, engine, put

from l2rl.envs.minigames import SUITE
from l2rl.envs.minigames.catalogue import GAMES
from l2rl.envs.minigames.scripted import POLICIES
from l2rl.envs.minigames.spaces import FIRST_ATTACK, HOLD_POSITION, NO_OP
from l2rl.envs.minigames.state import HOSTILE, OWN
from l2rl.envs.minigames.units import MARINE, ROACH, unit_table

BEACON_AREA = (23.5, 21.5, 42.5, 34.5)
EAST = 1


def gap(game: np.void, j: int = 0, k: int = 0) -> float:
    """Distance of marine j from item k."""
    dx = game["x"][OWN, j] - game["item_x"][k]
    return float(np.hypot(dx, game["y"][OWN, j] - game["item_y"][k]))


def inside(x: np.ndarray, y: np.ndarray, area: tuple[float, ...]) -> bool:
    """Whether all points are in (x0, y0, x1, y1)."""
    return bool(np.all((x >= area[0]) & (x <= area[2]) & (y >= area[1]) & (y <= area[3])))


def scripted_scores(task: str, n: int = 32, **parameters: object) -> np.ndarray:
    """First-episode returns of the hand-written policy."""
    env = SUITE.make(task, parameters=parameters, n_envs=n, seed=7)
    seen, returns = env.reset(), np.full(n, np.nan)
    while np.isnan(returns).any():
        seen, _, dones, infos = env.step(POLICIES[task](seen, env.action_masks()))
        for i in np.flatnonzero(dones & np.isnan(returns)):
            returns[i] = infos[i]["episode"]["r"]
    return returns


def test_a_marine_has_the_speed_and_fire_of_the_map() -> None:
    marine, roach = unit_table()[MARINE], unit_table()[ROACH]
    assert marine["speed"] == 2.25 / 16
    assert (marine["health"], marine["range"], marine["type_id"]) == (45, 5, 48)
    assert marine["cooldown"] == pytest.approx(0.61 * 1.4 * 16, rel=0.01)
    assert (roach["health"], roach["armour"], roach["damage"], roach["range"]) == (145, 1, 16, 4)


STEPS = {"FindAndDefeatZerglings": 360, "CollectMineralsAndGas": 840, "BuildMarines": 1800}


@pytest.mark.parametrize("task", TASKS)
def test_a_default_episode_has_the_maps_number_of_steps_of_8_loops(task: str) -> None:
    games = engine(task)
    game, steps = games.games[0], STEPS.get(task, 240)
    for _ in range(steps - 1):
        game["health"][OWN, :3] = 45.0
        *_, dones, truncated, _ = games.step(np.array([NO_OP]))
        assert not dones[0]
    *_, dones, truncated, _ = games.step(np.array([NO_OP]))
    assert dones[0]
    assert truncated[0]
    assert game["last_length"] == steps
    assert game["loop"] == 0


def test_the_limit_counts_game_loops_whatever_the_step() -> None:
    games = engine("MoveToBeacon", limit_s=10, step_mul=7)
    lengths = 0
    dones = np.array([False])
    while not dones[0]:
        *_, dones, _, _ = games.step(np.array([NO_OP]), restart=False)
        lengths += 1
    assert games.games["loop"][0] == 160
    assert lengths == 23


@pytest.mark.parametrize("parameters", [{}, {"limit_s": 7, "step_mul": 5}, {"limit_s": 3.3}])
def test_the_suite_knows_the_longest_episode(parameters: dict[str, float]) -> None:
    limit = SUITE.episode_limit("MoveToBeacon", parameters)
    env = SUITE.make("MoveToBeacon", parameters=parameters, n_envs=1, seed=0)
    env.reset()
    ends = [bool(env.step(np.array([0]))[2][0]) for _ in range(limit)]
    assert ends == [False] * (limit - 1) + [True]


def test_beacons_start_far_from_the_marine_and_never_in_the_middle() -> None:
    games = engine("MoveToBeacon", range(400)).games
    assert min(gap(game) for game in games) >= 5.0
    x, y = games["item_x"][:, 0], games["item_y"][:, 0]
    assert inside(x, y, BEACON_AREA)
    assert np.hypot(x - 33, y - 28).min() >= 4.0
    assert inside(games["x"][:, OWN, 0], games["y"][:, OWN, 0], (22, 20, 44, 36))


def test_a_reached_beacon_scores_once_and_moves_away() -> None:
    games = engine("MoveToBeacon", range(200), step_mul=1)
    for game in games.games:
        put(game, OWN, 0, game["item_x"][0] + 1.2, game["item_y"][0])
    before = games.games["item_x"][:, 0].copy()
    _, rewards, *_ = games.step(np.full(200, NO_OP))
    assert np.array_equal(rewards, np.ones(200, np.float32))
    assert not np.any(games.games["item_x"][:, 0] == before)
    assert min(gap(game) for game in games.games) >= 5.0
    x, y = games.games["item_x"][:, 0], games.games["item_y"][:, 0]
    assert np.hypot(x - 33, y - 28).min() >= 4.0


def test_a_beacon_just_out_of_reach_does_not_score() -> None:
    games = engine("MoveToBeacon", step_mul=1)
    put(games.games[0], OWN, 0, games.games["item_x"][0, 0] + 1.26, games.games["item_y"][0, 0])
    _, rewards, *_ = games.step(np.array([NO_OP]))
    assert rewards[0] == 0


def test_a_beacon_touched_within_an_env_step_counts() -> None:
    games = engine("MoveToBeacon", step_mul=32)
    game = games.games[0]
    game["item_x"][0], game["item_y"][0] = 33.0, 24.0
    put(game, OWN, 0, 31.0, 24.0)
    _, rewards, *_ = games.step(np.array([EAST]))
    assert rewards[0] == 1
    assert game["x"][OWN, 0] == pytest.approx(35.0)


def test_a_directional_order_moves_2_25_a_second() -> None:
    games = engine("MoveToBeacon")
    put(games.games[0], OWN, 0, 33.0, 21.0)
    games.step(np.array([EAST]))
    assert games.games["x"][0, OWN, 0] == pytest.approx(33 + 8 * 2.25 / 16)
    assert games.games["y"][0, OWN, 0] == 21.0


def test_units_never_leave_the_playable_rectangle() -> None:
    games = engine("MoveToBeacon", rectangle=[10, 10, 30, 30])
    for action in (EAST, 3, 5, 7):
        for _ in range(40):
            games.step(np.array([action]))
            assert inside(
                games.games["x"][0, OWN, 0], games.games["y"][0, OWN, 0], (10, 10, 30, 30)
            )


def test_shards_start_two_away_from_marines_inside_their_area() -> None:
    games = engine("CollectMineralShards", range(100)).games
    assert np.all(games["items"] == 20)
    assert np.all(games["places"][:, OWN] == 2)
    assert inside(games["item_x"][:, :20], games["item_y"][:, :20], (23, 21, 43, 35))
    assert min(gap(g, j, k) for g in games for j in range(2) for k in range(20)) >= 2.0


def test_a_taken_shard_scores_and_the_last_one_brings_twenty_new() -> None:
    games = engine("CollectMineralShards", step_mul=1)
    game = games.games[0]
    for left in range(20, 0, -1):
        assert game["items"] == left
        last = left - 1
        others = np.arange(last)
        game["item_x"][others], game["item_y"][others] = 43.0, 35.0
        game["item_x"][last], game["item_y"][last] = 24.0, 22.0
        put(game, OWN, 0, 24.5, 22.0)
        put(game, OWN, 1, 24.0, 34.0)
        _, rewards, *_ = games.step(np.array([NO_OP]))
        assert rewards[0] == 1
    assert game["items"] == 20
    assert game["wave"] == 1
    assert min(gap(game, j, k) for j in range(2) for k in range(20)) >= 2.0


def test_roaches_start_opposite_to_nine_marines_on_either_side() -> None:
    games = engine("DefeatRoaches", range(64)).games
    assert np.all(games["places"] == [9, 4])
    marines, roaches = games["x"][:, OWN, 0], games["x"][:, HOSTILE, 0]
    assert set(np.round(marines.astype(float), 3)) == {25.975, 40.025}
    assert np.all(np.abs(marines - roaches) > 14)
    offsets = games["y"][0, HOSTILE, :4] - games["y"][0, HOSTILE, :4].mean()
    assert np.allclose(offsets, [-1.5, -0.5, 0.5, 1.5])


def test_a_marines_shot_takes_five_and_a_roachs_sixteen() -> None:
    games = engine("DefeatRoaches", step_mul=1, marines=1, roaches=1)
    game = games.games[0]
    put(game, OWN, 0, 30.0, 28.0)
    put(game, HOSTILE, 0, 33.0, 28.0)
    games.step(np.array([HOLD_POSITION]))
    assert game["health"][HOSTILE, 0] == 145 - (6 - 1)
    assert game["health"][OWN, 0] == 45 - 16


def test_the_rate_of_fire_is_the_cooldown_plus_the_mean_random_delay() -> None:
    games = engine("DefeatRoaches", marines=1, roaches=1, limit_s=600, step_mul=1)
    game, shots, loops = games.games[0], 0, 4000
    put(game, OWN, 0, 30.0, 28.0)
    put(game, HOSTILE, 0, 33.0, 28.0)
    for _ in range(loops):
        game["health"][:, 0] = (45.0, 145.0)
        games.step(np.array([HOLD_POSITION]))
        shots += game["health"][HOSTILE, 0] < 145
    assert loops / shots == pytest.approx(0.8608 * 16 + 0.5, rel=0.01)


def test_a_moving_marine_does_not_shoot() -> None:
    games = engine("DefeatRoaches", marines=1, roaches=1)
    game = games.games[0]
    put(game, OWN, 0, 30.0, 28.0)
    put(game, HOSTILE, 0, 33.0, 28.0)
    games.step(np.array([EAST]))
    assert game["health"][HOSTILE, 0] == 145
    assert game["health"][OWN, 0] < 45


def test_out_of_range_nobody_is_hurt() -> None:
    games = engine("DefeatRoaches", marines=1, roaches=1, step_mul=1)
    game = games.games[0]
    put(game, OWN, 0, 30.0, 28.0)
    put(game, HOSTILE, 0, 30.0 + 5.0 + 0.375 + 0.625 + 0.2, 28.0)
    games.step(np.array([HOLD_POSITION]))
    assert game["health"][HOSTILE, 0] == 145
    assert game["health"][OWN, 0] == 45


def test_attacking_north_east_makes_everybody_shoot_at_the_roach_there() -> None:
    games = engine("DefeatRoaches", step_mul=1)
    game = games.games[0]
    for j in range(9):
        put(game, OWN, j, 30.0, 26.0 + 0.4 * j)
    for k, height in enumerate((23.0, 26.0, 29.0, 32.0)):
        put(game, HOSTILE, k, 33.0, height)
    games.step(np.array([FIRST_ATTACK + 1]))
    assert game["health"][HOSTILE, 2] == 145 - 9 * 5
    assert np.all(np.delete(game["health"][HOSTILE, :4], 2) == 145)


def test_an_attack_towards_nobody_walks_that_way_and_fights_what_comes_near() -> None:
    games = engine("DefeatRoaches", marines=1, roaches=1, step_mul=4)
    game = games.games[0]
    put(game, OWN, 0, 26.0, 30.0)
    put(game, HOSTILE, 0, 42.0, 22.0)
    games.step(np.array([FIRST_ATTACK]))
    assert game["x"][OWN, 0] == pytest.approx(26 + 4 * 2.25 / 16)
    put(game, OWN, 0, 30.0, 28.0)
    put(game, HOSTILE, 0, 30.0, 31.0)
    games.step(np.array([FIRST_ATTACK]))
    assert game["x"][OWN, 0] == 30.0
    assert game["health"][HOSTILE, 0] == 140


def test_a_dead_roach_scores_ten_and_a_dead_marine_minus_one() -> None:
    games = engine("DefeatRoaches", step_mul=1)
    game = games.games[0]
    put(game, OWN, 0, 30.0, 28.0)
    put(game, HOSTILE, 0, 33.0, 28.0, health=5.0)
    _, rewards, *_ = games.step(np.array([HOLD_POSITION]))
    first = rewards[0]
    game["cooldown"][:] = 0.0
    put(game, OWN, 1, 30.0, 28.0, health=16.0)
    put(game, HOSTILE, 1, 33.0, 28.0)
    put(game, OWN, 0, 24.0, 34.0)
    _, rewards, *_ = games.step(np.array([HOLD_POSITION]))
    assert first == 10
    assert rewards[0] == -1


def test_a_cleared_wave_brings_five_marines_and_four_roaches_and_keeps_wounds() -> None:
    games = engine("DefeatRoaches", range(40), step_mul=1)
    for game in games.games:
        game["health"][OWN, :9] = [0, 0, 0, 0, 0, 0, 13, 0, 27]
        put(game, OWN, 6, 30.0, 28.0)
        game["health"][HOSTILE, :4] = [0, 0, 0, 5]
        put(game, HOSTILE, 3, 34.0, 28.0)
        game["cooldown"][HOSTILE, 3] = 10.0
    games.step(np.full(40, HOLD_POSITION))
    after = games.games
    assert np.all(after["wave"] == 1)
    assert np.all(after["places"] == [2 + 5, 4])
    assert np.all(after["health"][:, OWN, :7] == [13, 27, 45, 45, 45, 45, 45])
    assert np.all(after["health"][:, HOSTILE, :4] == 145)
    assert set(np.round(after["x"][:, OWN, 0].astype(float), 3)) == {25.975, 40.025}


def test_without_marines_the_episode_ends_and_is_not_truncated() -> None:
    games = engine("DefeatRoaches", marines=1, roaches=16)
    dones = np.array([False])
    while not dones[0]:
        _, rewards, dones, truncated, _ = games.step(np.array([NO_OP]), restart=False)
    assert not truncated[0]
    assert games.games["over"][0]
    assert games.games["last_return"][0] == -1
    assert rewards[0] == -1


def test_the_marines_side_can_be_fixed() -> None:
    left = engine("DefeatRoaches", range(32), marine_side="left").games
    assert np.all(left["x"][:, OWN, 0] < 33)


def test_more_units_than_places_are_never_made() -> None:
    games = engine("DefeatRoaches", marines=32, reinforcements=16, roaches=1)
    game = games.games[0]
    for _ in range(300):
        game["health"][OWN, : game["places"][OWN]] = 45.0
        games.step(np.array([FIRST_ATTACK]))
        assert game["places"][OWN] <= 64
    assert game["places"][OWN] == 64


def test_reward_scale_changes_the_reward_and_nothing_else() -> None:
    plain, scaled = scripted_scores("MoveToBeacon"), scripted_scores("MoveToBeacon", reward_scale=3)
    assert np.allclose(scaled, 3 * plain)


@pytest.mark.parametrize(
    ("task", "low", "high"),
    [("MoveToBeacon", 22, 28), ("CollectMineralShards", 80, 105), ("DefeatRoaches", 35, 60)],
)
def test_scripted_policies_score_near_the_literature(task: str, low: float, high: float) -> None:
    assert low < scripted_scores(task).mean() < high


def test_every_task_of_the_suite_has_three_variants_that_are_accepted() -> None:
    for task, info in SUITE.tasks().items():
        assert len(info.variants) >= 3
        assert set(info.parameters) == {*GAMES[task].parameters, "backend"}
        for parameters in info.variants.values():
            SUITE.check(task, parameters)
