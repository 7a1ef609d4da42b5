"""Feature layers show the game as pysc2 does: same names, same geometry, same values."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import pytest
from minigame_helpers import call, engine, put
from pysc2_evolved.lib import features as pysc2
from pysc2_evolved.lib import point
from s2clientprotocol import common_pb2

from l2rl.envs.minigames.features import (
    MINIMAP_LAYERS,
    PLAYER,
    SCREEN_LAYERS,
    UNIT_ROW,
    paint_minimap,
    paint_screen,
    player_vector,
)
from l2rl.envs.minigames.functions import SCREEN_SIZES
from l2rl.envs.minigames.screen import screen_to_world, world_to_minimap, world_to_screen
from l2rl.envs.minigames.state import HOSTILE, OWN

pytestmark = pytest.mark.xdist_group("functions")
FEATURES = {"actions": "functions", "observation": "features"}
MARINE, ROACH, BEACON = 48, 110, 317


def layers(task: str = "MoveToBeacon", seed: int = 1, **parameters: Any) -> Any:
    """An engine with one game, seen through features."""
    return engine(task, [seed], **FEATURES, **parameters)


def theirs(size: int, camera: tuple[float, float]) -> pysc2.Features:
    """pysc2's own transforms for a screen of this size over a point."""
    sizes = pysc2.Dimensions(screen=size, minimap=size)
    format_ = pysc2.AgentInterfaceFormat(
        feature_dimensions=sizes, camera_width_world_units=24, use_feature_units=True
    )
    found = pysc2.Features(format_, map_size=common_pb2.Size2DI(x=64, y=64))
    found._update_camera(point.Point(*camera))
    return found


@numba.njit(error_model="numpy")
def pixels(games: Any, rules: Any, x: float, y: float, column: int, row: int) -> Any:
    """The pixels of a map point on screen and minimap, and the map point of a screen's pixel."""
    size = rules[0].screen_size
    across, along = world_to_screen(games[0], x, y, size, 24.0)
    map_across, map_along = world_to_minimap(x, y, size)
    back_x, back_y = screen_to_world(games[0], column, row, rules[0])
    on_screen = int(np.floor(across)), int(np.floor(along))
    return on_screen, (int(map_across), int(map_along)), back_x, back_y


def test_layers_and_rows_are_pysc2s() -> None:
    assert {f.name: f.scale for f in pysc2.SCREEN_FEATURES} == SCREEN_LAYERS
    assert {f.name: f.scale for f in pysc2.MINIMAP_FEATURES} == MINIMAP_LAYERS
    assert list(SCREEN_LAYERS) == list(pysc2.ScreenFeatures._fields)
    assert list(MINIMAP_LAYERS) == list(pysc2.MinimapFeatures._fields)
    assert [field.name for field in pysc2.Player] == list(PLAYER)
    assert [field.name for field in pysc2.UnitLayer] == list(UNIT_ROW)


@pytest.mark.parametrize("size", SCREEN_SIZES)
def test_points_fall_into_the_pixels_that_pysc2_says(size: int) -> None:
    games = layers(screen_size=size)
    game, rng = games.games[0], np.random.default_rng(size)
    for _ in range(200):
        game["camera_x"], game["camera_y"] = rng.uniform(10, 54, 2)
        camera = float(game["camera_x"]), float(game["camera_y"])
        x, y = (float(np.float32(value)) for value in rng.uniform(0, 64, 2))
        wanted = theirs(size, camera)._world_to_feature_screen_px
        pixel = wanted.fwd_pt(point.Point(x, y))
        on_screen, on_minimap, back_x, back_y = pixels(games.games, games.rules, x, y, *pixel)
        assert on_screen == tuple(pixel)
        assert on_minimap == (int(x * size / 64), int((64 - y) * size / 64))
        assert np.allclose((back_x, back_y), tuple(wanted.back_pt(pixel)))


def test_a_beacon_and_a_marine_are_drawn_as_discs_where_they_stand() -> None:
    games = layers()
    game = games.games[0]
    put(game, OWN, 0, 30.0, 26.0, health=30.0)
    game["item_x"][0], game["item_y"][0] = 38.0, 32.0
    screen = paint_screen(games, 0, 64)
    scale = 64 / 24
    for relative, type_id, x, y, radius in ((1, MARINE, 30, 26, 0.375), (3, BEACON, 38, 32, 1.25)):
        rows, columns = np.nonzero(screen["player_relative"] == relative)
        middle = (columns.mean() + 0.5) / scale + 21, 40 - (rows.mean() + 0.5) / scale
        assert np.allclose(middle, (x, y), atol=0.25)
        assert len(rows) == pytest.approx(np.pi * (radius * scale) ** 2, rel=0.35)
        assert set(screen["unit_type"][rows, columns]) == {type_id}
        assert np.array_equal(screen["unit_type"] == type_id, screen["player_relative"] == relative)
        parts = screen["unit_density_aa"][screen["player_relative"] == relative].sum() / 16
        assert parts == pytest.approx(np.pi * (radius * scale) ** 2, rel=0.35)
    own = screen["player_relative"] == 1
    assert set(screen["unit_hit_points"][own]) == {30}
    assert set(screen["unit_hit_points_ratio"][own]) == {int(30 / 45 * 255)}
    assert set(screen["player_id"].ravel()) == {0, 1, 16}
    assert screen["unit_density"].max() == 1
    assert screen["unit_density_aa"].sum() / 16 == pytest.approx(
        np.pi * (0.375**2 + 1.25**2) * scale**2, rel=0.03
    )


def test_units_at_one_place_are_counted_by_the_density_layers() -> None:
    games = layers("DefeatRoaches")
    game = games.games[0]
    for j in range(9):
        put(game, OWN, j, 33.1875, 28.1875)
    screen = paint_screen(games, 0, 64)
    assert screen["unit_density"].max() == 9
    assert screen["unit_density_aa"].max() == 9 * 16


def test_the_ground_is_the_playable_rectangle_and_the_map_ends() -> None:
    games = layers(rectangle=[0, 0, 40, 40])
    games.games["camera_x"], games.games["camera_y"] = 0.0, 40.0
    screen = paint_screen(games, 0, 32)
    assert not screen["height_map"][:, :16].any()
    assert screen["height_map"][:, 16:].all()
    assert screen["pathable"][16:, 16:].all()
    assert screen["pathable"].sum() == 16 * 16
    assert (screen["visibility_map"] == 2).sum() == 16 * 32
    minimap = paint_minimap(games, 0, 64)
    assert minimap["pathable"].sum() == 40 * 40
    assert minimap["pathable"][24:, :40].all()


def test_the_minimap_shows_the_camera_and_everybody() -> None:
    games = layers()
    game = games.games[0]
    put(game, OWN, 0, 44.0, 36.0)
    call(games, "move_camera", [24, 36])
    minimap = paint_minimap(games, 0, 64)
    rows, columns = np.nonzero(minimap["camera"])
    assert (columns.min(), columns.max()) == (12, 35)
    assert (rows.min(), rows.max()) == (24, 47)
    assert minimap["player_relative"][28, 44] == 1
    assert (minimap["player_relative"] == 3).sum() >= 4
    assert not minimap["unit_type"].any()
    assert not (paint_screen(games, 0, 64)["player_relative"] == 1).any()


def test_fog_hides_and_remembers() -> None:
    games = layers("FindAndDefeatZerglings")
    game = games.games[0]
    game["health"][HOSTILE, 1:] = 0.0
    put(game, HOSTILE, 0, 33.0, 30.0)
    assert (paint_screen(games, 0, 64)["player_relative"] == 4).any()
    for j in range(3):
        put(game, OWN, j, 44.0, 18.0)
    call(games, "no_op")
    put(game, HOSTILE, 0, 33.0, 30.0)
    screen, minimap = paint_screen(games, 0, 64), paint_minimap(games, 0, 64)
    assert not (screen["player_relative"] == 4).any()
    seen = minimap["visibility_map"]
    assert (seen[46, 44], seen[34, 33], seen[20, 12]) == (2, 1, 0)
    assert (seen == 2).sum() == pytest.approx(np.pi * 81, rel=0.15)


def test_selected_and_inspected_are_marked() -> None:
    games = layers("DefeatRoaches")
    game = games.games[0]
    call(games, "select_army", [0])
    screen = paint_screen(games, 0, 84)
    assert np.array_equal(screen["selected"] == 1, screen["player_relative"] == 1)
    assert paint_minimap(games, 0, 84)["selected"].any()
    assert game["inspected"] == -1
    games = layers("DefeatRoaches", screen_size=84)
    rows, columns = np.nonzero(paint_screen(games, 0, 84)["player_relative"] == 4)
    call(games, "select_point", [0], [int(columns[0]), int(rows[0])])
    seen = games.observe()
    assert seen["single_select"][0, 0].tolist() == [ROACH, 4, 145, 0, 0, 0, 0]
    marked = seen["feature_screen"][0, list(SCREEN_LAYERS).index("selected")] == 1
    assert marked.any()
    assert set(seen["feature_screen"][0, 5][marked]) == {4}


@pytest.mark.parametrize("size", [16, 64])
def test_turned_variants_show_turned_pictures(size: int) -> None:
    task, common = "DefeatRoaches", {"screen_size": size}
    plain = layers(task, **common).observe()
    for name in ("feature_screen", "feature_minimap"):
        rotated = layers(task, observation_rotation=90, **common).observe()[name]
        assert np.array_equal(rotated, np.rot90(plain[name], axes=(2, 3)))
        mirrored = layers(task, observation_mirror=True, **common).observe()[name]
        assert np.array_equal(mirrored, plain[name][:, :, :, ::-1])
        assert not np.array_equal(mirrored, plain[name])


def test_an_angle_turns_what_is_drawn_around_the_middle() -> None:
    games = layers(observation_angle=90)
    plain, turned = layers(), paint_screen(games, 0, 64)["player_relative"]
    wanted = np.rot90(paint_screen(plain, 0, 64)["player_relative"])
    for relative in (1, 3):
        middles = [np.argwhere(shown == relative).mean(axis=0) for shown in (wanted, turned)]
        assert np.allclose(*middles, atol=1.0)


def test_what_is_clicked_on_is_what_is_drawn() -> None:
    games = layers("DefeatRoaches", screen_size=32)
    shown = paint_screen(games, 0, 32)["player_relative"]
    for row in range(32):
        for column in range(32):
            game = games.games[0]
            game["chosen"][:], game["inspected"] = 0, -1
            before = game.copy()
            call(games, "select_point", [0], [column, row])
            found = 1 if game["chosen"].any() else 4 if game["inspected"] >= 0 else 0
            assert found == shown[row, column]
            games.games[0] = before


def test_the_numbers_of_the_player_and_the_selection() -> None:
    games = layers("DefeatRoaches")
    assert player_vector(games, 0).tolist() == [1, 0, 0, 9, 0, 9, 0, 0, 9, 0, 0]
    seen = games.observe()
    assert not seen["single_select"].any()
    assert not seen["multi_select"].any()
    call(games, "select_army", [0])
    call(games, "select_control_group", [1], [4])
    seen = games.observe()
    assert np.all(seen["multi_select"][0, :9] == [MARINE, 1, 45, 0, 0, 0, 0])
    assert not seen["multi_select"][0, 9:].any()
    assert seen["control_groups"][0, 4].tolist() == [MARINE, 9]
    assert seen["control_groups"].sum() == MARINE + 9
    call(games, "select_unit", [0], [0])
    seen = games.observe()
    assert seen["single_select"][0, 0, :2].tolist() == [MARINE, 1]
    assert not seen["multi_select"].any()
    assert seen["game_loop"][0, 0] == 24
    assert np.array_equal(seen["available_actions"][0], games.masks[0, :573])


def test_a_base_is_drawn_with_fields_structures_and_what_it_makes() -> None:
    games = layers("CollectMineralsAndGas")
    screen = paint_screen(games, 0, 64)
    assert {0, 18, 45, 341, 342} == set(screen["unit_type"].ravel())
    assert not screen["pathable"][screen["unit_type"] == 341].any()
    assert not screen["active"].any()
    centre = np.argwhere(screen["unit_type"] == 18).mean(axis=0).round().astype(int)
    call(games, "select_point", [0], centre[::-1].tolist())
    call(games, "Train_SCV_quick", [0])
    screen = paint_screen(games, 0, 64)
    assert set(screen["active"][screen["unit_type"] == 18]) == {1}
    seen = games.observe()
    assert seen["single_select"][0, 0].tolist() == [18, 1, 1500, 0, 0, 0, 0]
    assert seen["build_queue"][0, 0, 0] == 45
    assert seen["production_queue"][0, 0].tolist() == [524, seen["build_queue"][0, 0, 6]]
    assert player_vector(games, 0)[:7].tolist() == [1, 0, 0, 13, 15, 0, 12]


def test_what_workers_carry_is_a_buff() -> None:
    games = layers("CollectMineralsAndGas")
    game = games.games[0]
    game["cargo"][0], game["cargo_kind"][0] = 5, 3
    game["cargo"][1], game["cargo_kind"][1] = 4, 4
    assert {0, 271, 273} >= set(paint_screen(games, 0, 84)["buffs"].ravel())
    assert paint_screen(games, 0, 84)["buffs"].any()


@pytest.mark.parametrize("task", ["MoveToBeacon", "DefeatRoaches", "CollectMineralsAndGas"])
def test_features_stay_in_their_space(task: str) -> None:
    games = engine(task, range(2), screen_size=16, **FEATURES)
    games.action_space.seed(0)
    for _ in range(60):
        seen = games.step(np.array([games.action_space.sample() for _ in range(2)]))[0]
        for i in range(2):
            assert {name: array[i] for name, array in seen.items()} in games.observation_space
