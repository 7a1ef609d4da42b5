"""The economy games against their rules and the unit table."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from minigame_helpers import engine, same

from l2rl.envs.minigames import SUITE
from l2rl.envs.minigames.engine import Engine
from l2rl.envs.minigames.scripted import POLICIES
from l2rl.envs.minigames.spaces import (
    ACTIONS,
    BUILD_BARRACKS,
    BUILD_REFINERY,
    BUILD_SUPPLY_DEPOT,
    ECONOMY,
    FIRST_MOVE,
    GATHER_GAS,
    GATHER_MINERALS,
    HOLD_POSITION,
    N_ACTIONS,
    NO_OP,
    PLANES,
    SELECT_ALL,
    SELECT_NEXT,
    SELECT_WEAKEST,
    TRAIN_MARINE,
    TRAIN_SCV,
)
from l2rl.envs.minigames.state import (
    BUILD,
    GATHER,
    GEYSER_ITEM,
    HOLD,
    IDLE,
    MINERAL_ITEM,
    OWN,
    RETURN,
)
from l2rl.envs.minigames.units import (
    BARRACKS,
    MARINE,
    MINING_LOOPS,
    REFINERY,
    SCV,
    SUPPLY_DEPOT,
    unit_table,
)

GAS, ARMY = "CollectMineralsAndGas", "BuildMarines"
UNITS = unit_table()
SELECTIONS = (SELECT_ALL, SELECT_NEXT, SELECT_WEAKEST)
MINUTE = 120
"""Env steps of a normal minute; the income known from the game is per 'faster' minute, / 1.4."""


def do(games: Engine, *actions: int) -> None:
    """Give valid orders to the first game, one env step each."""
    for action in actions:
        assert games.masks[0, action], ACTIONS[action]
        games.step(np.array([action]), restart=False)


def wait(games: Engine, steps: int) -> None:
    """Let time pass."""
    for _ in range(steps):
        games.step(np.zeros(games.n_games, np.int64), restart=False)


def wait_for(games: Engine, action: int, most: int = 1000) -> int:
    """Env steps until the action becomes valid."""
    for steps in range(most):
        if games.masks[0, action]:
            return steps
        wait(games, 1)
    raise AssertionError(f"{ACTIONS[action]} never became valid")


def income(workers: int, fields: int) -> float:
    """Minerals a normal minute, measured over four of them after a start of one."""
    games = engine(GAS, workers=workers, fields=fields, start_minerals=0)
    do(games, *([SELECT_ALL] if workers > 1 else []), GATHER_MINERALS)
    wait(games, MINUTE)
    before = games.games["score"][0]
    wait(games, 4 * MINUTE)
    return float(games.games["score"][0] - before) / 4


def orders(game: np.void) -> Counter[int]:
    """How many workers have each order."""
    return Counter(int(order) for order in game["order"][OWN, : game["places"][OWN]])


def with_depot(games: Engine) -> Engine:
    """Build a depot and send its worker back."""
    do(games, SELECT_ALL, BUILD_SUPPLY_DEPOT)
    while not (games.games["structure_kind"][0, 1] == SUPPLY_DEPOT and stands(games.games[0], 1)):
        wait(games, 1)
    return games


def stands(game: np.void, s: int) -> bool:
    """Whether structure s is finished."""
    return bool(game["structures"] > s and game["structure_left"][s] == 0)


def with_refinery() -> Engine:
    """CollectMineralsAndGas with a refinery that has just been finished."""
    games = engine(GAS, start_minerals=75)
    do(games, SELECT_ALL, BUILD_REFINERY)
    while not stands(games.games[0], 1):
        wait(games, 1)
    return games


def test_the_base_is_the_maps() -> None:
    gas, army = engine(GAS).games[0], engine(ARMY).games[0]
    for game, fields, geysers in ((gas, 16, 4), (army, 8, 0)):
        assert game["structure_x"][0] == pytest.approx(29.83)
        assert game["structure_y"][0] == pytest.approx(28.01)
        assert game["places"][OWN] == 12
        assert game["minerals"] == 50
        kinds = Counter(game["item_kind"][: game["items"]].tolist())
        assert (kinds[MINERAL_ITEM], kinds[GEYSER_ITEM]) == (fields, geysers)
    assert orders(gas) == {IDLE: 12}
    assert orders(army) == {GATHER: 12}


def test_fields_and_geysers_lie_apart_inside_the_rectangle() -> None:
    game = engine(GAS).games[0]
    x, y = game["item_x"][:20], game["item_y"][:20]
    assert x.min() > 19.94 + 1
    assert x.max() < 45.94 - 1
    assert y.min() > 19 + 1
    assert y.max() < 37 - 1
    gaps = np.hypot(x[:, None] - x, y[:, None] - y) + 10 * np.eye(20)
    assert gaps.min() > 1.4
    centre = np.hypot(x - game["structure_x"][0], y - game["structure_y"][0])
    assert centre.min() > 6.9
    assert centre.max() < 8.1


def test_one_worker_brings_the_known_income() -> None:
    assert 55 < 1.4 * income(1, 1) < 63
    assert 55 < 1.4 * income(12, 16) / 12 < 61


def test_two_workers_a_field_bring_double_and_a_third_only_the_rest() -> None:
    one, two, three, five = (income(workers, 1) for workers in (1, 2, 3, 5))
    most = 5 * 960 / MINING_LOOPS
    assert two == pytest.approx(2 * one, rel=0.03)
    assert three < 2.6 * one
    assert three == pytest.approx(most, rel=0.05)
    assert five <= most + 5


def test_workers_share_fields_evenly() -> None:
    games = engine(GAS, workers=20, fields=8)
    do(games, SELECT_ALL, GATHER_MINERALS)
    crowd = Counter(games.games["target"][0, OWN, :20].tolist())
    assert sorted(crowd.values()) == [2] * 4 + [3] * 4
    alone = Counter(engine(ARMY, workers=8).games["target"][0, OWN, :8].tolist())
    assert set(alone.values()) == {1}


def test_who_comes_home_from_a_crowded_field_goes_to_an_emptier_one() -> None:
    games = engine(GAS, workers=4, fields=2, geysers=0)
    game = games.games[0]
    do(games, SELECT_ALL, GATHER_MINERALS)
    game["target"][OWN, :4] = 0
    wait(games, 60)
    assert Counter(game["target"][OWN, :4].tolist()) == {0: 2, 1: 2}


def test_a_trip_brings_five_minerals_or_four_gas() -> None:
    games = with_refinery()
    game, minerals = games.games[0], set()
    do(games, GATHER_MINERALS)
    for _ in range(600):
        before = game["minerals"], game["vespene"]
        wait(games, 1)
        minerals.add(int(game["minerals"] - before[0]))
        assert (game["vespene"] - before[1]) in (0, 4)
    assert {amount % 5 for amount in minerals} == {0}
    assert game["score"] == game["minerals"] + game["vespene"]
    assert game["vespene"] > 0


def test_gas_needs_a_finished_refinery_and_takes_three_workers() -> None:
    games = engine(GAS, start_minerals=75)
    assert not games.masks[0, GATHER_GAS]
    games = with_refinery()
    game = games.games[0]
    on_gas = lambda: int(np.sum(game["item_kind"][game["target"][OWN, :12]] == GEYSER_ITEM))  # noqa: E731
    assert orders(game) == {IDLE: 11, GATHER: 1}
    assert on_gas() == 1
    do(games, GATHER_GAS, GATHER_GAS)
    assert not games.masks[0, GATHER_GAS]
    wait(games, MINUTE)
    before = game["vespene"]
    wait(games, 2 * MINUTE)
    assert 150 < 1.4 * (game["vespene"] - before) / 2 < 175
    do(games, GATHER_MINERALS)
    assert np.sum(game["item_kind"][game["target"][OWN, :12]] == GEYSER_ITEM) == 3


def test_the_price_is_taken_once_when_building_begins() -> None:
    games = engine(GAS, start_minerals=130, step_mul=1)
    game = games.games[0]
    do(games, SELECT_ALL, BUILD_SUPPLY_DEPOT)
    assert game["minerals"] == 130
    assert not games.masks[0, TRAIN_SCV]
    while game["structures"] == 1:
        assert game["minerals"] == 130
        wait(games, 1)
    assert game["minerals"] == 30
    wait(games, 600)
    assert game["minerals"] == 30


@pytest.mark.parametrize(
    ("action", "kind", "seconds"),
    [(BUILD_SUPPLY_DEPOT, SUPPLY_DEPOT, 30), (BUILD_REFINERY, REFINERY, 30)],
)
def test_a_worker_stays_at_its_structure_for_the_building_time(
    action: int, kind: int, seconds: int
) -> None:
    games = engine(GAS, start_minerals=100, step_mul=1)
    game = games.games[0]
    do(games, SELECT_ALL, action)
    while game["structures"] == 1:
        wait(games, 1)
    builder = int(game["structure_builder"][1])
    place = game["x"][OWN, builder], game["y"][OWN, builder]
    assert game["structure_kind"][1] == kind
    for loop in range(seconds * 16):
        assert not stands(game, 1), loop
        assert game["order"][OWN, builder] == BUILD
        do(games, FIRST_MOVE if loop % 2 else HOLD_POSITION)
    assert stands(game, 1)
    assert (game["x"][OWN, builder], game["y"][OWN, builder]) == place
    assert game["order"][OWN, builder] == (GATHER if kind == REFINERY else IDLE)


def test_a_worker_without_the_money_gives_up() -> None:
    games = engine(GAS, start_minerals=100)
    do(games, SELECT_ALL, BUILD_SUPPLY_DEPOT)
    games.games["minerals"][0] = 99
    wait(games, 60)
    assert games.games["structures"][0] == 1
    assert orders(games.games[0]) == {IDLE: 12}


def test_a_depot_raises_supply_by_eight() -> None:
    games = engine(GAS, start_minerals=1000)
    supply = lambda: games.observe()[0, ECONOMY + 2 : ECONOMY + 4] * [100, 16]  # noqa: E731
    assert np.allclose(supply(), [12, 3])
    assert np.allclose((with_depot(games), supply())[1], [12, 11])


def test_a_queue_holds_five_paid_at_once_and_supply_stops_it() -> None:
    games = engine(GAS, start_minerals=1000)
    game = games.games[0]
    do(games, *[TRAIN_SCV] * 5)
    assert not games.masks[0, TRAIN_SCV]
    assert game["minerals"] == 750
    assert game["queue"][0] == 5
    wait(games, 3 * 34)
    assert game["places"][OWN] == 15
    assert game["queue"][0] == 2
    assert not games.masks[0, TRAIN_SCV]
    wait(games, 100)
    assert game["places"][OWN] == 15
    with_depot(games)
    wait(games, 2 * 34)
    assert game["places"][OWN] == 17


def test_an_scv_takes_17_seconds_and_appears_idle_at_the_centre() -> None:
    games = engine(GAS, step_mul=1)
    game = games.games[0]
    do(games, TRAIN_SCV)
    wait(games, 17 * 16 - 1)
    assert game["places"][OWN] == 12
    wait(games, 1)
    assert game["places"][OWN] == 13
    assert game["order"][OWN, 12] == IDLE
    gap = np.hypot(game["x"][OWN, 12] - 29.83, game["y"][OWN, 12] - 28.01)
    assert gap == pytest.approx(2.75 + 0.375, abs=1e-3)


def test_barracks_need_a_depot_and_marines_need_barracks() -> None:
    games = engine(ARMY, start_minerals=2000)
    assert not games.masks[0, [BUILD_BARRACKS, TRAIN_MARINE]].any()
    with_depot(games)
    do(games, BUILD_BARRACKS)
    assert not games.masks[0, TRAIN_MARINE]
    walk_and_build = wait_for(games, TRAIN_MARINE)
    assert 65 * 2 < walk_and_build < 65 * 2 + 20


def test_a_marine_scores_when_it_is_finished_and_leaves_the_field() -> None:
    games = with_depot(engine(ARMY, start_minerals=2000, workers=2))
    game = games.games[0]
    do(games, BUILD_BARRACKS)
    wait_for(games, TRAIN_MARINE)
    minerals = game["minerals"]
    do(games, TRAIN_MARINE)
    assert game["minerals"] == minerals - UNITS[MARINE]["minerals"]
    rewards = [float(games.step(np.array([NO_OP]))[1][0]) for _ in range(60)]
    assert rewards.index(1.0) == 25 * 2 - 1
    assert sum(rewards) == 1
    assert game["marines_built"] == 1
    assert game["places"][OWN] == 2
    assert games.observe()[0, ECONOMY + 2] * 100 == pytest.approx(3)


def test_marines_are_ordered_where_the_queue_is_shortest() -> None:
    games = with_depot(engine(ARMY, start_minerals=5000))
    do(games, BUILD_BARRACKS, BUILD_BARRACKS)
    wait(games, 200)
    do(games, *[TRAIN_MARINE] * 3)
    assert sorted(games.games["queue"][0, 2:4].tolist()) == [1, 2]


def test_structures_never_overlap_and_end_with_the_places() -> None:
    games = engine(ARMY, start_minerals=5000, limit_s=3600)
    game = games.games[0]
    do(games, SELECT_ALL)
    for step in range(4000):
        game["minerals"] = 5000
        wanted = (BUILD_SUPPLY_DEPOT, BUILD_BARRACKS, GATHER_MINERALS)[step % 3]
        games.step(np.array([wanted]), restart=False)
    kinds = Counter(game["structure_kind"][: game["structures"]].tolist())
    assert (kinds[SUPPLY_DEPOT], kinds[BARRACKS]) == (27, 12)
    assert not games.masks[0, [BUILD_SUPPLY_DEPOT, BUILD_BARRACKS]].any()
    x, y = game["structure_x"][1:40], game["structure_y"][1:40]
    half = np.where(game["structure_kind"][1:40] == BARRACKS, 1.5, 1.0)
    across = np.abs(x[:, None] - x) - half[:, None] - half
    along = np.abs(y[:, None] - y) - half[:, None] - half
    assert (np.maximum(across, along) + 10 * np.eye(39)).min() > -0.03
    assert (x + half).max() < 45.94 + 0.01
    assert (np.abs(y - 28) + half).max() < 9.01
    assert games.observe()[0, ECONOMY + 2] * 100 <= 200


def test_all_selected_sends_the_free_ones_and_one_selected_obeys_always() -> None:
    games = engine(GAS)
    game = games.games[0]
    do(games, GATHER_MINERALS)
    assert orders(game) == {IDLE: 11, GATHER: 1}
    assert not games.masks[0, GATHER_MINERALS]
    do(games, SELECT_NEXT, HOLD_POSITION, SELECT_ALL, GATHER_MINERALS)
    assert orders(game) == {GATHER: 12}
    assert not games.masks[0, GATHER_MINERALS]
    do(games, SELECT_NEXT, HOLD_POSITION)
    assert orders(game) == {GATHER: 11, HOLD: 1}


def test_a_load_is_brought_home_before_the_next_trip() -> None:
    games = engine(GAS, workers=1)
    game = games.games[0]
    do(games, GATHER_MINERALS)
    while game["cargo"][0] == 0:
        wait(games, 1)
    do(games, FIRST_MOVE, FIRST_MOVE + 4)
    assert game["cargo"][0] == 5
    do(games, GATHER_MINERALS)
    assert game["order"][OWN, 0] == RETURN
    wait(games, 8)
    assert game["score"] == 5


def test_an_interrupted_worker_frees_its_field() -> None:
    games = engine(GAS, workers=2, fields=1)
    game = games.games[0]
    do(games, SELECT_ALL, GATHER_MINERALS)
    while game["item_worker"][0] < 0:
        wait(games, 1)
    digger = int(game["item_worker"][0])
    game["selected"] = digger
    do(games, FIRST_MOVE + 4)
    wait(games, 2)
    assert game["item_worker"][0] == 1 - digger


def test_a_used_up_field_disappears_and_its_workers_go_elsewhere() -> None:
    games = engine(GAS, workers=6, fields=3, geysers=0, field_minerals=52)
    game = games.games[0]
    do(games, SELECT_ALL, GATHER_MINERALS)
    wait(games, 400)
    assert game["score"] == 3 * 52
    assert orders(game) == {IDLE: 6}
    assert not games.masks[0, GATHER_MINERALS]
    assert games.observe()[0, 7] == 0


def test_each_game_allows_what_its_map_allows() -> None:
    never = {
        GAS: (BUILD_BARRACKS, TRAIN_MARINE),
        ARMY: (HOLD_POSITION, *range(FIRST_MOVE, FIRST_MOVE + 8), GATHER_GAS, BUILD_REFINERY),
    }
    for task, actions in never.items():
        games = engine(task, start_minerals=5000)
        ever = np.zeros(N_ACTIONS, np.bool_)
        for seen_masks in random_masks(games, 600):
            ever |= seen_masks
        assert not ever[list(actions)].any()
        assert ever[TRAIN_SCV]
        assert ever[BUILD_SUPPLY_DEPOT]


def random_masks(games: Engine, steps: int) -> list[np.ndarray]:
    """Masks met when valid actions are drawn."""
    rng, met = np.random.default_rng(0), []
    for _ in range(steps):
        met.append(games.masks[0].copy())
        games.step(rng.choice(np.flatnonzero(games.masks[0]), 1), restart=False)
    return met


@pytest.mark.parametrize("task", [GAS, ARMY])
@pytest.mark.parametrize("remap", [None, 1])
def test_the_mask_is_what_works(task: str, remap: int | None) -> None:
    """In states of random play: a valid action changes the game, an invalid one does not."""
    source = engine(task, start_minerals=400, action_remap=remap)
    copies = engine(task, range(N_ACTIONS), start_minerals=400, action_remap=remap, step_mul=1)
    rng, met = np.random.default_rng(3), np.zeros(N_ACTIONS, np.int64)
    for step in range(900 if task == ARMY else 700):
        if step % 10 == 0:
            copies.games[:] = source.games[0]
            copies.observe()
            copies.step(np.arange(N_ACTIONS))
            still = copies.games[NO_OP]
            for action in range(1, N_ACTIONS):
                game, valid = copies.games[action], source.masks[0, action]
                assert game["invalid_actions"] - still["invalid_actions"] == (not valid)
                game["invalid_actions"] = still["invalid_actions"]
                changed = game.tobytes() != still.tobytes()
                # Walking against the edge and holding twice are allowed, and change nothing.
                walking = action < GATHER_MINERALS and action not in SELECTIONS
                assert changed == valid or (valid and walking), (step, ACTIONS[action])
                met[action] += valid
        source.step(rng.choice(np.flatnonzero(source.masks[0]), 1), restart=False)
    assert np.count_nonzero(met) >= 8


@pytest.mark.parametrize(("task", "most"), [(GAS, 320), (ARMY, 0)])
def test_no_action_repeated_plays_the_game(task: str, most: float) -> None:
    games = engine(task, range(N_ACTIONS))
    for _ in range(games.rules["limit"][0] // 8):
        games.step(np.arange(N_ACTIONS), restart=False)
    assert games.games["score"].max() <= most


def scripted(task: str, n: int = 16) -> np.ndarray:
    """Scores of the hand-written policy."""
    games = engine(task, range(n))
    seen, dones = games.observe(), np.zeros(n, np.bool_)
    while not dones.all():
        seen, _, dones, _, _ = games.step(POLICIES[task](seen, games.masks), restart=False)
    scores: np.ndarray = games.games["score"]
    return scores


@pytest.mark.parametrize(("task", "low", "high"), [(GAS, 6000, 7000), (ARMY, 125, 145)])
def test_a_scripted_policy_scores_near_the_literatures_humans(
    task: str, low: float, high: float
) -> None:
    assert low < scripted(task).mean() < high


@pytest.mark.parametrize("task", [GAS, ARMY])
def test_a_game_restored_in_the_middle_of_construction_continues(task: str) -> None:
    first = SUITE.make(task, parameters={}, n_envs=3, seed=1)
    seen = first.reset()
    for _ in range(500):
        seen = first.step(POLICIES[task](seen, first.action_masks()))[0]
    state = first.state_dict()
    games = state["engine"]["games"]
    assert (games["structure_left"] > 0).any() or (games["queue_left"] > 0).any()
    second = SUITE.make(task, parameters={}, n_envs=3, seed=2)
    second.load_state_dict(state)
    for _ in range(300):
        actions = POLICIES[task](seen, first.action_masks())
        one, other = first.step(actions)[:3], second.step(actions)[:3]
        assert same(one, other)
        seen = one[0]


def test_the_vector_says_what_is_owned_and_done() -> None:
    games = engine(GAS, start_minerals=175)
    do(games, SELECT_ALL, BUILD_REFINERY)
    block = games.observe()[0, ECONOMY : ECONOMY + 20]
    wanted = [175**0.5 / 20, 0, 0.12, 3 / 16, 12 / 32, 11 / 8, 0, 0, 1 / 4, 0, 0, 0, 0, 0, 0, 1 / 4]
    assert np.allclose(block[:16], wanted)
    do(games, GATHER_MINERALS, TRAIN_SCV)
    while not stands(games.games[0], 1):
        wait(games, 1)
    block = games.observe()[0, ECONOMY : ECONOMY + 20]
    assert np.allclose(block[[5, 6, 7, 8, 9]], [1 / 8, 11 / 32, 1 / 16, 0, 2 / 12])
    assert np.allclose(block[[14, 15]], [1 / 4, 0])
    game = games.games[0]
    for j, order, item in ((0, GATHER, 0), (1, RETURN, 16), (2, BUILD, SUPPLY_DEPOT), (3, IDLE, 0)):
        game["selected"], game["order"][OWN, j], game["target"][OWN, j] = j, order, item
        assert games.observe()[0, ECONOMY + 19] == [1, -1, 0.5, 0][j]


def test_planes_show_structures_and_gas() -> None:
    games = engine(GAS, observation="planes", plane_size=32, start_minerals=100)
    structures, gas = PLANES.index("structures"), PLANES.index("gas")
    before = games.observe()[0]
    assert before[structures].max() == 255
    assert before[gas].max() == 255
    do(games, SELECT_ALL, BUILD_SUPPLY_DEPOT)
    wait(games, 20)
    after = games.observe()[0]
    assert np.count_nonzero(after[structures] == 128) >= 4
    assert np.count_nonzero(before[structures] == 128) == 0


def test_a_remap_permutes_the_eight_economy_actions() -> None:
    games = engine(GAS, start_minerals=1000, action_remap=[7, 6, 5, 4, 3, 2, 1, 0])
    do(games, SELECT_ALL)
    games.step(np.array([TRAIN_SCV + 1]))
    assert orders(games.games[0]) == {GATHER: 12}
    games.step(np.array([GATHER_MINERALS + 1]))
    assert games.games["queue"][0, 0] == 1


def test_a_rectangle_too_small_for_the_base_is_refused() -> None:
    with pytest.raises(ValueError, match=r"at least 25\.9 wide and 18 high"):
        SUITE.check(GAS, {"rectangle": [0, 0, 20, 20]})
    with pytest.raises(ValueError, match="no parameter 'geysers'"):
        SUITE.check(ARMY, {"geysers": 1})


def test_the_unit_table_has_the_games_prices_and_times() -> None:
    rows = {
        SCV: (50, 1, 17, 45),
        MARINE: (50, 1, 25, 48),
        SUPPLY_DEPOT: (100, -8, 30, 19),
        BARRACKS: (150, 0, 65, 21),
        REFINERY: (75, 0, 30, 20),
    }
    for kind, row in rows.items():
        unit = UNITS[kind]
        found = unit["minerals"], unit["supply"], unit["build_loops"] / 16, unit["type_id"]
        assert found == row
