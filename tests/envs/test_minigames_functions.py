"""Function calls: pysc2's table and layout, and what each does to a game."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from minigame_helpers import available, call, engine, put, same
from pysc2_evolved.agents import scripted_agent
from pysc2_evolved.lib import actions as pysc2
from pysc2_evolved.lib import features as pysc2_features
from s2clientprotocol import common_pb2, sc2api_pb2

from l2rl.envs.minigames import SUITE
from l2rl.envs.minigames.features import paint_screen
from l2rl.envs.minigames.functions import (
    COLUMNS,
    N_COLUMNS,
    N_FUNCTIONS,
    from_function_call,
    function_ids,
    function_space,
    function_table,
    to_function_call,
)
from l2rl.envs.minigames.pysc2_agents import play
from l2rl.envs.minigames.state import ATTACK, ATTACK_MOVE, HOLD, HOSTILE, IDLE, MOVE, OWN

pytestmark = pytest.mark.xdist_group("functions")
TASKS = ("MoveToBeacon", "DefeatRoaches", "CollectMineralsAndGas")
ALWAYS = {"no_op", "move_camera", "select_point", "select_rect", "select_control_group"}
ORDERS = {
    *("Attack_screen", "Attack_minimap", "Move_screen", "Move_minimap", "Patrol_screen"),
    *("Patrol_minimap", "Smart_screen", "Smart_minimap", "Stop_quick", "HoldPosition_quick"),
}


def battle(task: str = "DefeatRoaches", seed: int = 1, **parameters: Any) -> Any:
    """One game with function calls."""
    return engine(task, [seed], actions="functions", **parameters)


def pixel(games: Any, x: float, y: float) -> list[int]:
    """The pixel of a map point on a screen of 64."""
    game = games.games[0]
    across, along = (x - game["camera_x"]) * 64 / 24 + 32, 32 - (y - game["camera_y"]) * 64 / 24
    return [int(across), int(along)]


def chosen(games: Any) -> list[int]:
    """Places of the selected units."""
    return np.flatnonzero(games.games["chosen"][0]).tolist()


# ---- the table and the layout ------------------------------------------------------------------


def test_the_table_is_pysc2s() -> None:
    assert len(function_table()) == len(pysc2.FUNCTIONS) == N_FUNCTIONS
    for i, (ours, theirs) in enumerate(zip(function_table(), pysc2.FUNCTIONS, strict=True)):
        assert ours.id == int(theirs.id) == i
        assert ours.name == theirs.name
        assert ours.arguments == tuple(argument.name for argument in theirs.args)
        assert (ours.ability_id, ours.general_id) == (theirs.ability_id, theirs.general_id)


@pytest.mark.parametrize("size", [16, 84])
def test_the_space_is_pysc2s_action_spec(size: int) -> None:
    sizes = pysc2_features.Dimensions(screen=size, minimap=size)
    spec = pysc2_features._init_valid_functions(sizes)
    wanted = [len(spec.functions), *(n for kind in spec.types for n in kind.sizes)]
    assert function_space(size).nvec.tolist() == wanted
    assert [kind.name for kind in spec.types] == list(COLUMNS)


def test_calls_go_to_pysc2_and_back() -> None:
    space = function_space(64)
    space.seed(0)
    for function in pysc2.FUNCTIONS:
        action = space.sample()
        action[0] = function.id
        function_id, arguments = to_function_call(action)
        theirs = pysc2.FunctionCall.init_with_validation(function_id, arguments)
        assert [len(argument) for argument in arguments] == [len(t.sizes) for t in function.args]
        back = from_function_call(theirs.function, theirs.arguments)
        assert to_function_call(back) == (function_id, arguments)


@pytest.mark.parametrize(
    ("function_id", "arguments", "message"),
    [
        (573, [], "ids are 0 to 572"),
        (331, [[0]], "Move_screen takes .queued, screen.: 2 arguments, not 1"),
        (331, [[0], [3]], "screen is 2 numbers"),
    ],
)
def test_calls_of_another_layout_say_what_is_wanted(
    function_id: int, arguments: list[list[int]], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        from_function_call(function_id, arguments)


def test_an_action_of_another_shape_is_an_error() -> None:
    with pytest.raises(ValueError, match="17 whole numbers"):
        to_function_call(np.zeros(3, np.int64))
    with pytest.raises(ValueError, match=r"shape \(1, 17\)"):
        battle().step(np.zeros(1, np.int64))


# ---- what is available -------------------------------------------------------------------------


def reported(hide: bool) -> set[str]:
    """What pysc2 makes available of the abilities that the real game reports of marines."""
    format_ = pysc2_features.AgentInterfaceFormat(
        feature_dimensions=pysc2_features.Dimensions(screen=64, minimap=64),
        hide_specific_actions=hide,
    )
    features = pysc2_features.Features(format_, map_size=common_pb2.Size2DI(x=64, y=64))
    observation = sc2api_pb2.Observation()
    observation.player_common.army_count = 9
    observation.ui_data.multi.units.add()
    for ability, point in ((1, True), (4, False), (16, True), (17, True), (18, False), (23, True)):
        observation.abilities.add(ability_id=ability, requires_point=point)
    return {pysc2.FUNCTIONS[i].name for i in features.available_actions(observation)}


@pytest.mark.parametrize("hide", [True, False])
def test_available_functions_are_those_that_pysc2_reports(hide: bool) -> None:
    games = battle(hide_specific_actions=hide)
    assert available(games) == ALWAYS | {"select_army"}
    call(games, "select_army", [0])
    assert available(games) == reported(hide)
    assert ("Attack_Attack_screen" in available(games)) == (not hide)


def test_one_selected_is_no_list_and_an_enemy_takes_no_orders() -> None:
    games = battle()
    call(games, "select_army", [0])
    assert available(games) == ALWAYS | ORDERS | {"select_army", "select_unit"}
    call(games, "select_unit", [0], [3])
    assert chosen(games) == [3]
    assert available(games) == ALWAYS | ORDERS | {"select_army"}
    game = games.games[0]
    enemy = pixel(games, game["x"][HOSTILE, 0], game["y"][HOSTILE, 0])
    call(games, "select_point", [0], enemy)
    assert chosen(games) == []
    assert available(games) == ALWAYS | {"select_army"}


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("Move_screen", {}),
        ("Train_Marine_quick", {}),
        ("select_larva", {}),
        ("select_unit", {}),
        ("select_point", {"screen": 64}),
        ("select_point", {"screen": -1}),
        ("select_point", {"select_point_act": 4}),
        ("select_rect", {"screen2": 64}),
        ("move_camera", {"minimap": 64}),
        ("select_control_group", {"control_group_id": 10}),
    ],
)
def test_what_is_not_available_or_malformed_does_nothing_and_is_counted(
    name: str, change: dict[str, int]
) -> None:
    bad, idle = battle(), battle()
    action = np.zeros((1, N_COLUMNS), np.int64)
    action[0, 0] = function_ids()[name]
    for argument, value in change.items():
        action[0, COLUMNS[argument]] = value
    assert same(bad.step(action)[:4], idle.step(np.zeros_like(action))[:4])
    assert (bad.games["invalid_actions"][0], idle.games["invalid_actions"][0]) == (1, 0)
    action[0, 0] = 10**6
    bad.step(action)
    assert bad.games["invalid_actions"][0] == 2


def test_arguments_that_a_function_does_not_take_are_ignored() -> None:
    games = battle()
    action = np.full((1, N_COLUMNS), 10**6)
    action[0, 0] = function_ids()["select_army"]
    action[0, COLUMNS["select_add"]] = 0
    games.step(action)
    assert games.games["invalid_actions"][0] == 0
    assert len(chosen(games)) == 9


# ---- selection ---------------------------------------------------------------------------------


def spread(games: Any) -> None:
    """Four marines far from each other and from the roaches, by place from west to east."""
    game = games.games[0]
    game["health"][OWN, 4:] = 0.0
    for j in range(4):
        put(game, OWN, j, 26.0 + 4.0 * j, 30.0)
        put(game, HOSTILE, j, 22.0, 20.0)
    game["health"][HOSTILE, :] = 0.0


def clicked(games: Any, act: int, j: int) -> list[int]:
    """What is selected after a click on marine j."""
    game = games.games[0]
    call(games, "select_point", [act], pixel(games, game["x"][OWN, j], game["y"][OWN, j]))
    return chosen(games)


def test_clicks_select_toggle_and_take_the_type() -> None:
    games = battle()
    spread(games)
    assert clicked(games, 0, 2) == [2]
    assert clicked(games, 1, 0) == [0, 2]
    assert clicked(games, 1, 2) == [0]
    assert clicked(games, 2, 1) == [0, 1, 2, 3]
    call(games, "select_point", [0], [0, 0])
    assert chosen(games) == [0, 1, 2, 3]
    assert clicked(games, 0, 3) == [3]
    call(games, "move_camera", [26, 34])
    assert clicked(games, 3, 0) == [0, 1, 2, 3]
    call(games, "move_camera", [22, 34])
    assert clicked(games, 2, 0) == [0, 1, 2]


def test_a_rectangle_selects_what_it_touches() -> None:
    games = battle()
    spread(games)
    corners = pixel(games, 28.0, 28.0), pixel(games, 35.0, 33.0)
    call(games, "select_rect", [0], *corners)
    assert chosen(games) == [1, 2]
    call(games, "select_rect", [1], pixel(games, 40.0, 31.0), pixel(games, 37.0, 29.0))
    assert chosen(games) == [1, 2, 3]
    call(games, "select_rect", [0], [0, 0], [3, 3])
    assert chosen(games) == [1, 2, 3]


def test_control_groups_are_set_recalled_added_to_and_stolen() -> None:
    games = battle()
    spread(games)
    recall, set_, append, steal = 0, 1, 2, 3
    for j, act in ((0, set_), (1, append)):
        clicked(games, 0, j)
        call(games, "select_control_group", [act], [7])
    clicked(games, 0, 3)
    call(games, "select_control_group", [recall], [7])
    assert chosen(games) == [0, 1]
    call(games, "select_control_group", [recall], [2])
    assert chosen(games) == [0, 1]
    clicked(games, 0, 1)
    call(games, "select_control_group", [steal], [2])
    call(games, "select_control_group", [recall], [7])
    assert chosen(games) == [0]
    games.games["health"][0, OWN, 1] = 0.0
    call(games, "select_control_group", [recall], [2])
    assert chosen(games) == [0]


def test_the_list_of_the_selection_keeps_and_drops() -> None:
    games = battle()
    spread(games)
    call(games, "select_army", [0])
    call(games, "select_unit", [1], [1])
    assert chosen(games) == [0, 2, 3]
    call(games, "select_unit", [2], [1])
    assert chosen(games) == [0, 2, 3]
    call(games, "select_unit", [0], [3])
    assert games.games["invalid_actions"][0] == 1
    call(games, "select_unit", [3], [0])
    assert chosen(games) == []


def test_those_who_join_are_not_selected_and_survivors_stay_so() -> None:
    games = battle(reinforcements=5)
    game = games.games[0]
    call(games, "select_army", [0])
    call(games, "select_control_group", [1], [1])
    game["health"][OWN, :2] = 0.0
    game["health"][HOSTILE, :4] = (0, 0, 0, 0.5)
    while game["wave"] == 0:
        call(games, "no_op")
    assert game["places"][OWN] == 12
    assert chosen(games) == list(range(7))
    call(games, "select_army", [0])
    assert len(chosen(games)) == 12
    call(games, "select_control_group", [0], [1])
    assert chosen(games) == list(range(7))


# ---- orders ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "order"),
    [("Move_screen", MOVE), ("Smart_screen", MOVE), ("Attack_screen", ATTACK_MOVE)],
)
def test_orders_with_a_point_go_there(name: str, order: int) -> None:
    games = battle()
    game = games.games[0]
    call(games, "select_army", [0])
    call(games, "select_unit", [0], [2])
    call(games, name, [0], [10, 20])
    assert game["order"][OWN, 2] == order
    wanted = 33 + (10.5 - 32) * 24 / 64, 28 + (32 - 20.5) * 24 / 64
    assert np.allclose((game["order_x"][OWN, 2], game["order_y"][OWN, 2]), wanted)
    assert set(game["order"][OWN, [0, 1, *range(3, 9)]]) == {IDLE}
    call(games, name.replace("screen", "minimap"), [0], [30, 30])
    assert np.allclose((game["order_x"][OWN, 2], game["order_y"][OWN, 2]), (30.5, 33.5))


@pytest.mark.parametrize(("name", "order"), [("Attack_screen", ATTACK), ("Smart_screen", ATTACK)])
def test_a_click_on_an_enemy_attacks_it(name: str, order: int) -> None:
    games = battle()
    game = games.games[0]
    call(games, "select_army", [0])
    call(games, name, [0], pixel(games, game["x"][HOSTILE, 3], game["y"][HOSTILE, 3]))
    assert set(game["order"][OWN, :9]) == {order}
    assert set(game["target"][OWN, :9]) == {3}


def test_stop_and_hold() -> None:
    games = battle()
    game = games.games[0]
    call(games, "select_army", [0])
    call(games, "Move_screen", [0], [10, 20])
    call(games, "HoldPosition_quick", [0])
    assert set(game["order"][OWN, :9]) == {HOLD}
    call(games, "Stop_quick", [0])
    assert set(game["order"][OWN, :9]) == {IDLE}


def test_an_attack_where_nobody_is_to_be_fought_is_a_walk() -> None:
    games = battle("MoveToBeacon")
    game = games.games[0]
    put(game, OWN, 0, 33.0, 28.0)
    call(games, "select_army", [0])
    call(games, "Attack_minimap", [0], [40, 35])
    assert game["x"][OWN, 0] > 33.9


def test_queued_orders_wait_for_the_one_before() -> None:
    games = battle("MoveToBeacon", limit_s=100)
    game = games.games[0]
    put(game, OWN, 0, 30.0, 30.0)
    call(games, "select_army", [0])
    corners = np.array([(35, 30), (35, 26), (30, 26)])
    for x, y in corners:
        call(games, "Move_screen", [1], pixel(games, x, y))
    assert game["waiting"][0] == 2
    way = []
    while game["order"][OWN, 0] != IDLE or game["waiting"][0]:
        call(games, "no_op")
        way.append((game["x"][OWN, 0], game["y"][OWN, 0]))
    for corner in corners:
        assert np.linalg.norm(np.array(way) - corner, axis=1).min() < 1.0
    assert np.allclose(way[-1], corners[-1], atol=0.3)
    for _ in range(8):
        call(games, "Move_screen", [1], [0, 0])
    assert game["waiting"][0] == 5
    call(games, "Stop_quick", [0])
    assert (game["waiting"][0], game["order"][OWN, 0]) == (0, IDLE)


def test_a_patrol_goes_to_and_fro() -> None:
    games = battle("MoveToBeacon", limit_s=100)
    game = games.games[0]
    put(game, OWN, 0, 30.0, 30.0)
    call(games, "select_army", [0])
    call(games, "Patrol_screen", [0], pixel(games, 34.0, 30.0))
    xs = []
    for _ in range(60):
        call(games, "no_op")
        xs.append(float(game["x"][OWN, 0]))
    turns = np.count_nonzero(np.diff(np.sign(np.diff(xs))))
    assert turns >= 4
    assert (min(xs), max(xs)) == pytest.approx((30, 34), abs=1.2)


def test_a_remapped_order_goes_elsewhere_and_a_remapped_selection_does_not() -> None:
    games = battle("MoveToBeacon", action_remap=[2, 3, 4, 5, 6, 7, 0, 1])
    game = games.games[0]
    put(game, OWN, 0, 33.0, 24.0)
    call(games, "select_point", [0], pixel(games, 33.0, 24.0))
    assert chosen(games) == [0]
    call(games, "Move_screen", [0], pixel(games, 39.0, 28.0))
    assert np.allclose((game["order_x"][OWN, 0], game["order_y"][OWN, 0]), (33, 34), atol=0.4)


# ---- economy -----------------------------------------------------------------------------------


def base(task: str = "BuildMarines", **parameters: Any) -> Any:
    """An economy game that can pay for everything."""
    return battle(task, start_minerals=2000, **parameters)


def select_kind(games: Any, type_id: int) -> None:
    """Click on one unit or structure of a type."""
    rows, columns = np.nonzero(paint_screen(games, 0, 64)["unit_type"] == type_id)
    middle = np.argmin((rows - rows.mean()) ** 2 + (columns - columns.mean()) ** 2)
    call(games, "select_point", [0], [int(columns[middle]), int(rows[middle])])


def wait(games: Any, steps: int) -> None:
    """Let time pass."""
    for _ in range(steps):
        call(games, "no_op")


def test_what_a_base_can_do_follows_the_selection() -> None:
    games = base()
    assert available(games) == ALWAYS
    select_kind(games, 45)
    assert available(games) == ALWAYS | {"Harvest_Gather_screen", "Build_SupplyDepot_screen"}
    select_kind(games, 18)
    assert available(games) == ALWAYS | {"Train_SCV_quick"}
    call(games, "Train_SCV_quick", [0])
    assert "build_queue" in available(games)
    rich = base("CollectMineralsAndGas")
    assert available(rich) == ALWAYS | {"select_idle_worker"}
    call(rich, "select_idle_worker", [2])
    assert len(chosen(rich)) == 12
    wanted = {"Harvest_Gather_screen", "Build_SupplyDepot_screen", "Build_Refinery_screen"}
    assert available(rich) == ALWAYS | ORDERS | wanted | {"select_idle_worker", "select_unit"}


def test_without_minerals_or_supply_nothing_is_offered() -> None:
    games = battle("BuildMarines")
    select_kind(games, 45)
    games.games["minerals"] = 99
    call(games, "no_op")
    assert "Build_SupplyDepot_screen" not in available(games)
    select_kind(games, 18)
    assert "Train_SCV_quick" in available(games)
    games.games["minerals"] = 1000
    for _ in range(3):
        call(games, "Train_SCV_quick", [0])
    assert games.games["queue"][0, 0] == 3
    wait(games, 110)
    assert "Train_SCV_quick" not in available(games)


def test_barracks_are_built_where_one_points_and_train_marines() -> None:
    games = base()
    game = games.games[0]
    select_kind(games, 45)
    call(games, "Build_SupplyDepot_screen", [0], pixel(games, 38.0, 24.0))
    wait(games, 80)
    assert (game["structure_x"][1], game["structure_y"][1]) == (38.0, 24.0)
    select_kind(games, 45)
    call(games, "Build_Barracks_screen", [0], pixel(games, 38.0, 24.0))
    assert game["invalid_actions"] == 1
    call(games, "Build_Barracks_screen", [0], pixel(games, 38.5, 30.5))
    wait(games, 160)
    assert (game["structure_kind"][2], game["structure_left"][2]) == (7, 0.0)
    select_kind(games, 21)
    assert "Train_Marine_quick" in available(games)
    minerals = int(game["minerals"])
    call(games, "Train_Marine_quick", [0])
    assert game["queue"][2] == 1
    score = float(game["score"])
    wait(games, 60)
    assert game["score"] == score + 1
    assert minerals - 50 <= game["minerals"]


@pytest.mark.parametrize(("x", "y"), [(29.83, 28.0), (22.8, 28.4), (45.9, 20.0)])
def test_nothing_is_built_on_something_or_outside(x: float, y: float) -> None:
    games = base()
    select_kind(games, 45)
    call(games, "Build_SupplyDepot_screen", [0], pixel(games, x, y))
    assert games.games["invalid_actions"][0] == 1
    assert not (games.games["order"][0] == 7).any()


def test_workers_gather_gas_from_a_refinery_and_return_it() -> None:
    games = base("CollectMineralsAndGas")
    game = games.games[0]
    call(games, "select_idle_worker", [0])
    rows, columns = np.nonzero(paint_screen(games, 0, 64)["unit_type"] == 342)
    geyser = [int(columns[0]), int(rows[0])]
    call(games, "Harvest_Gather_screen", [0], geyser)
    assert game["invalid_actions"] == 1
    call(games, "Build_Refinery_screen", [0], geyser)
    wait(games, 90)
    assert (game["structures"], game["structure_left"][1]) == (2, 0.0)
    call(games, "select_idle_worker", [2])
    call(games, "Harvest_Gather_screen", [0], geyser)
    wait(games, 60)
    assert game["vespene"] > 0
    assert available(games) >= {"Harvest_Return_quick"}
    call(games, "Harvest_Return_quick", [0])
    carrying = (game["cargo"] > 0) & (game["chosen"] != 0)
    assert set(game["order"][OWN][carrying]) == {6}


def test_an_order_behind_gathering_begins_when_the_load_is_home() -> None:
    games = base("CollectMineralsAndGas")
    game = games.games[0]
    call(games, "select_idle_worker", [0])
    j = chosen(games)[0]
    field = pixel(games, game["item_x"][0], game["item_y"][0])
    call(games, "Harvest_Gather_screen", [0], field)
    while game["item_worker"][0] != j:
        call(games, "no_op")
    minerals = int(game["minerals"])
    call(games, "Move_screen", [1], pixel(games, 40.0, 28.0))
    wait(games, 60)
    assert game["minerals"] == minerals + 5
    assert game["x"][OWN, j] > 38


def test_a_queue_is_cancelled_for_its_price() -> None:
    games = base("CollectMineralsAndGas")
    game = games.games[0]
    select_kind(games, 18)
    for _ in range(3):
        call(games, "Train_SCV_quick", [0])
    assert (game["queue"][0], game["minerals"]) == (3, 1850)
    left = float(game["queue_left"][0])
    call(games, "Cancel_Last_quick", [0])
    assert (game["queue"][0], game["minerals"]) == (2, 1900)
    assert game["queue_left"][0] == left - 8
    call(games, "build_queue", [0])
    assert (game["queue"][0], game["minerals"]) == (1, 1950)
    assert game["queue_left"][0] > left
    call(games, "build_queue", [4])
    assert game["invalid_actions"] == 1


def test_new_workers_go_where_the_command_centre_sends_them() -> None:
    games = base("CollectMineralsAndGas")
    game = games.games[0]
    select_kind(games, 18)
    call(games, "Rally_Workers_screen", [0], pixel(games, game["item_x"][3], game["item_y"][3]))
    call(games, "Train_SCV_quick", [0])
    wait(games, 40)
    assert game["places"][OWN] == 13
    assert (game["order"][OWN, 12], game["target"][OWN, 12]) in ((5, 3), (6, 3))


# ---- batches -----------------------------------------------------------------------------------


def lively(steps: int, n: int, seed: int = 0) -> np.ndarray:
    """Random calls, most of them of functions that do something, (steps, n, 17)."""
    rng = np.random.default_rng(seed)
    space = function_space(64)
    names = [*sorted(ALWAYS | ORDERS), "select_army", "select_idle_worker", "select_unit"]
    names += ["Harvest_Gather_screen", "Train_SCV_quick", "Build_SupplyDepot_screen"]
    actions = rng.integers(0, space.nvec, (steps, n, N_COLUMNS))
    actions[:, :, 0] = rng.choice([function_ids()[name] for name in names], (steps, n))
    actions[::7, :, 0] = function_ids()["select_army"]
    return actions


@pytest.mark.parametrize("task", TASKS)
def test_a_game_alone_plays_as_in_a_batch(task: str) -> None:
    given = {"actions": "functions", "limit_s": 40}
    batch = engine(task, [11, 5, 8], **given)
    actions = lively(150, 3)
    rows = [batch.step(a) for a in actions]
    alone = engine(task, [5], **given)
    for step, a in zip(rows, actions, strict=True):
        assert same(alone.step(a[1:2])[:4], tuple(array[1:2] for array in step[:4]))
    assert sum(step[4] for step in rows) >= 3


@pytest.mark.parametrize("observation", ["vector", "planes", "features"])
@pytest.mark.parametrize("task", TASKS)
def test_a_restored_batch_continues_bit_by_bit(task: str, observation: str) -> None:
    given = {"actions": "functions", "observation": observation, "screen_size": 16, "limit_s": 40}
    actions = lively(130, 3) % 16
    actions[:, :, 0] = lively(130, 3)[:, :, 0]
    env = SUITE.make(task, parameters=given, n_envs=3, seed=1)
    for a in actions[:57]:
        env.step(a)
    state = env.state_dict()
    expected = [(env.step(a), env.action_masks().copy()) for a in actions[57:]]
    fresh = SUITE.make(task, parameters=given, n_envs=3, seed=2)
    fresh.load_state_dict(state)
    for a, (wanted, masks) in zip(actions[57:], expected, strict=True):
        found = fresh.step(a)
        assert same(found[1:3], wanted[1:3])
        assert np.array_equal(fresh.action_masks(), masks)
        np.testing.assert_equal(found[0], wanted[0])
    assert any(wanted[2].any() for wanted, _ in expected)


# ---- pysc2's own agents ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("task", "agent", "low", "high"),
    [
        ("MoveToBeacon", scripted_agent.MoveToBeacon, 22, 31),
        ("CollectMineralShards", scripted_agent.CollectMineralShards, 70, 120),
        ("DefeatRoaches", scripted_agent.DefeatRoaches, 15, 80),
    ],
)
def test_pysc2s_scripted_agents_play(task: str, agent: Any, low: float, high: float) -> None:
    scores = play(task, agent, n_episodes=3, seed=0)
    assert low <= np.mean(scores) <= high
