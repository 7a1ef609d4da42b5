"""Pictures for people: what changes in a game changes in its picture, at its place, and nothing
else; and nobody's picture has an effect on the game."""

from __future__ import annotations

import itertools
from typing import Any

import gymnasium
import numpy as np
import pytest
from minigame_helpers import TASKS, engine, put

import l2rl.envs.minigames  # noqa: F401  (registers the ids)
from l2rl.envs.batched import palette
from l2rl.envs.batched.canvas import Canvas
from l2rl.envs.minigames.engine import Engine
from l2rl.envs.minigames.functions import from_function_call, function_ids
from l2rl.envs.minigames.render import DEFAULT_SIZE, Film, picture, words
from l2rl.envs.minigames.render.bodies import BODIES, OWN_PAINT, draw_body
from l2rl.envs.minigames.render.scene import scene_of, twists
from l2rl.envs.minigames.spaces import FIRST_ATTACK, FIRST_MOVE, SELECT_NEXT, TRAIN_SCV
from l2rl.envs.minigames.state import (
    ALL,
    GATHER,
    GEYSER_ITEM,
    HOSTILE,
    MINERAL_ITEM,
    MOVE,
    OWN,
)
from l2rl.envs.minigames.units import BARRACKS, COMMAND_CENTRE, SCV
from l2rl.envs.minigames.vec_env import MinigameVecEnv
from l2rl.envs.minigames.vector import MinigameVectorEnv

ARENA = (528, 384)
"""24 x 16 map units and a margin of one on each side fit: 21.3 pixels a map unit."""


def arena(games: Engine) -> np.ndarray:
    """The world alone."""
    return picture(games, 0, size=ARENA, panel=False)


def place(games: Engine, x: float, y: float) -> tuple[float, float]:
    """(column, row) of a map point in `arena`."""
    rule = games.rules[0]
    middle_x, middle_y = (rule["x0"] + rule["x1"]) / 2, (rule["y0"] + rule["y1"]) / 2
    pixels = min(ARENA[0] / (rule["x1"] - rule["x0"] + 2), ARENA[1] / (rule["y1"] - rule["y0"] + 2))
    return ARENA[0] / 2 + (x - middle_x) * pixels, ARENA[1] / 2 - (y - middle_y) * pixels


def reach_of_change(before: np.ndarray, after: np.ndarray, at: tuple[float, float]) -> float:
    """The farthest pixel that differs from a point, in pixels. Something must differ."""
    rows, columns = np.nonzero((before != after).any(axis=2))
    assert len(rows), "nothing has changed in the picture"
    return float(np.hypot(columns - at[0], rows - at[1]).max())


def around(image: np.ndarray, at: tuple[float, float], half: int = 10) -> np.ndarray:
    """A square part of a picture."""
    column, row = round(at[0]), round(at[1])
    return image[row - half : row + half + 1, column - half : column + half + 1].astype(int)


def roaches(**parameters: Any) -> Engine:
    """A fight in which nobody has an order: marines to the west, roaches to the east."""
    games = engine("DefeatRoaches", marine_side="left", **parameters)
    games.games[0]["order"][HOSTILE] = 0
    return games


@pytest.mark.parametrize("task", TASKS)
def test_the_same_state_is_the_same_picture_and_drawing_has_no_effect(task: str) -> None:
    games, others = engine(task), engine(task)
    before = {k: v.copy() for k, v in games.state_dict()["games"].items()}
    first = picture(games, 0)
    assert first.shape == (DEFAULT_SIZE[1], DEFAULT_SIZE[0], 3)
    assert first.dtype == np.uint8
    assert np.array_equal(first, picture(games, 0))
    assert np.array_equal(first, picture(others, 0))
    after = games.state_dict()["games"]
    assert all(np.array_equal(before[name], after[name]) for name in before)
    assert len(np.unique(first.reshape(-1, 3), axis=0)) > 50


def test_health_lost_shortens_one_bar() -> None:
    games = roaches()
    before = arena(games)
    game = games.games[0]
    game["health"][HOSTILE, 1] *= 0.5
    x, y = game["x"][HOSTILE, 1], game["y"][HOSTILE, 1]
    assert reach_of_change(before, arena(games), place(games, x, y)) < 40


def test_a_bar_is_as_long_as_the_health() -> None:
    lengths = []
    for share in (1.0, 0.75, 0.5):
        games = roaches(roaches=1, marines=1)
        games.games[0]["health"][HOSTILE, 0] *= share
        bar = (arena(games) == palette.HEALTH).all(axis=2)
        # The marine's own bar, all the time full, lies to the west.
        lengths.append(bar[:, ARENA[0] // 2 :].any(axis=0).sum())
    assert lengths[1] == pytest.approx(0.75 * lengths[0], abs=2)
    assert lengths[2] == pytest.approx(0.5 * lengths[0], abs=2)


def test_selection_is_a_ring_around_the_selected_alone() -> None:
    games = roaches()
    game = games.games[0]
    assert game["selected"] == ALL
    everybody = arena(games)
    game["selected"] = 4
    one = arena(games)
    game["selected"] = 5
    other = arena(games)
    ring = np.array(palette.SELECTED) * 0.75
    count = [int((image > ring).all(axis=2).sum()) for image in (everybody, one, other)]
    assert count[0] > 2 * count[1] > 0
    middle = (game["x"][OWN, 4:6].mean(), game["y"][OWN, 4:6].mean())
    assert reach_of_change(one, other, place(games, *middle)) < 40


def test_an_order_is_a_line_to_where_it_leads() -> None:
    games = roaches(marines=1)
    before = arena(games)
    game = games.games[0]
    x, y = float(game["x"][OWN, 0]), float(game["y"][OWN, 0])
    game["order"][OWN, 0], game["order_x"][OWN, 0], game["order_y"][OWN, 0] = MOVE, x + 6, y
    changed = (before != arena(games)).any(axis=2)
    for along in (2.0, 4.0, 5.5):
        column, row = place(games, x + along, y)
        assert changed[round(row) - 2 : round(row) + 3, round(column)].any()
    beyond = round(place(games, x + 6.5, y)[0])
    assert not changed[:, beyond:].any()


def test_a_shot_is_a_line_from_the_one_to_the_other_for_a_moment() -> None:
    games = roaches(marines=1, roaches=1)
    game = games.games[0]
    put(game, OWN, 0, 30.0, 28.0)
    put(game, HOSTILE, 0, 34.0, 28.0)
    game["target"][OWN, 0] = 0
    before = arena(games)
    full = games.units["cooldown"][game["kind"][OWN, 0]]
    game["cooldown"][OWN, 0] = full
    column, row = place(games, 32.0, 28.0)
    shot = arena(games)
    assert (around(shot, (column, row), 3) != around(before, (column, row), 3)).any()
    game["cooldown"][OWN, 0] = full - 8
    assert np.array_equal(arena(games), before)


def test_fog_hides_the_ground_and_leaves_an_outline_of_the_enemy() -> None:
    seen, hidden = roaches(roaches=1), roaches(roaches=1, fog=True)
    assert not hidden.games["visible"][0, 0]
    game = seen.games[0]
    roach = place(seen, float(game["x"][HOSTILE, 0]), float(game["y"][HOSTILE, 0]))
    marine = place(seen, float(game["x"][OWN, 4]), float(game["y"][OWN, 4]))
    bright, dark = arena(seen), arena(hidden)
    # Its middle shows the dark ground instead of its body.
    assert around(dark, roach, 2).mean() < 0.3 * around(bright, roach, 2).mean()
    assert around(dark, roach, 16).max() > 100, "there is an outline"
    assert np.array_equal(around(dark, marine), around(bright, marine))
    hidden.games[0]["visible"][0] = 1
    assert around(arena(hidden), roach, 2).mean() > 0.7 * around(bright, roach, 2).mean()


def test_ground_seen_before_is_lighter_than_ground_never_seen() -> None:
    games = roaches(fog=True)
    far = (41.0, 34.0)
    dark = around(arena(games), place(games, *far), 4).mean()
    games.games[0]["explored"][:] = 1
    remembered = around(arena(games), place(games, *far), 4).mean()
    put(games.games[0], OWN, 0, *far)
    assert dark < 0.7 * remembered
    free = around(arena(games), place(games, 40.0, 30.5), 4).mean()
    assert remembered < 0.7 * free


def test_the_camera_is_a_rectangle_on_the_map_and_the_minimap() -> None:
    games = engine("FindAndDefeatZerglings")
    before, world = picture(games, 0), arena(games)
    games.games[0]["camera_x"] += 5
    after = picture(games, 0)
    side = before.shape[1] - round(0.245 * before.shape[1])
    assert (before[:, side:] != after[:, side:]).any(), "the minimap"
    edge = place(games, float(games.games[0]["camera_x"]) + 12, 28.0)
    change = around(arena(games), edge, 2) - around(world, edge, 2)
    assert change.max() > 60


def economy() -> Engine:
    """Not a game of its own: what such a game may contain, put into a record."""
    games = engine("MoveToBeacon")
    game = games.games[0]
    for k, kind in enumerate((MINERAL_ITEM, GEYSER_ITEM)):
        game["item_kind"][k], game["item_left"][k] = kind, 900
        game["item_x"][k], game["item_y"][k] = 25, 24 + 8 * k
    game["items"] = 2
    game["kind"][OWN, 0] = SCV
    put(game, OWN, 0, 28.0, 28.0, 45.0)
    for j, kind in enumerate((COMMAND_CENTRE, BARRACKS)):
        game["structure_kind"][j] = kind
        game["structure_x"][j], game["structure_y"][j] = 33 + 6 * j, 28
    game["structures"] = 2
    return games


@pytest.mark.parametrize(
    ("field", "value", "near", "reach"),
    [
        (("structure_left", 1), 400, (39.0, 28.0), 75),
        (("queue", 0), 3, (33.0, 28.0), 100),
        (("cargo", 0), 5, (28.0, 28.0), 20),
        (("item_kind", 0), GEYSER_ITEM, (25.0, 24.0), 40),
    ],
)
def test_the_economy_is_drawn_where_it_is(
    field: tuple[str, int], value: int, near: tuple[float, float], reach: float
) -> None:
    games = economy()
    before = arena(games)
    games.games[0][field[0]][field[1]] = value
    assert reach_of_change(before, arena(games), place(games, *near)) < reach


def test_a_worker_at_work_points_to_its_field() -> None:
    games = economy()
    before = arena(games)
    game = games.games[0]
    game["order"][OWN, 0], game["target"][OWN, 0] = GATHER, 0
    changed = (before != arena(games)).any(axis=2)
    column, row = place(games, 26.5, 26.0)
    assert changed[round(row) - 3 : round(row) + 4, round(column) - 3 : round(column) + 4].any()


def test_the_panel_tells_the_economy() -> None:
    games = economy()
    game = games.games[0]
    said = words(games, 0, TRAIN_SCV)
    assert "minerals 0 · gas 0 · supply 1 / 15 · SCV 1 100%" in said
    assert "mineral field 1 900" in said
    assert said.endswith("train scv")
    before = picture(games, 0)
    game["minerals"] = 350
    rows, columns = np.nonzero((before != picture(games, 0)).any(axis=2))
    assert columns.min() > 0.75 * DEFAULT_SIZE[0]
    assert np.ptp(rows) < 20, "one line of the panel"


def test_every_kind_has_a_shape_of_its_own() -> None:
    shapes = {}
    for kind in BODIES:
        canvas = Canvas((40, 40), (0.0, 0.0), 12.0, palette.GROUND)
        draw_body(canvas, kind, 0.0, 0.0, 1.0, 0.0, OWN_PAINT)
        shapes[kind] = (np.asarray(canvas.finished()) != palette.GROUND).any(axis=2)
    for one, other in itertools.combinations(shapes, 2):
        apart = (shapes[one] ^ shapes[other]).sum() / shapes[one].sum()
        assert apart > 0.05, (one, other)


# Vienot, Brettel, Mollon, "Digital video colourmaps for checking the legibility of displays by
# dichromats" (1999), on linear RGB: what people without red and green receptors tell apart.
_PROTANOPE = np.array([[0.11238, 0.88762, 0], [0.11238, 0.88762, 0], [0.00401, -0.00401, 1]])
_DEUTERANOPE = np.array([[0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1]])


@pytest.mark.parametrize("eye", [np.eye(3), _PROTANOPE, _DEUTERANOPE])
def test_the_sides_and_the_goals_are_told_apart_without_red_or_green(eye: np.ndarray) -> None:
    told = ("GROUND", "OWN", "HOSTILE", "BEACON")
    linear = {name: eye @ (np.array(getattr(palette, name)) / 255) ** 2.2 for name in told}
    for one, other in itertools.combinations(told, 2):
        shown = [np.clip(linear[name], 0, 1) ** (1 / 2.2) * 255 for name in (one, other)]
        assert np.abs(shown[0] - shown[1]).max() > 50, (one, other)


def test_a_variants_twist_is_told_in_words() -> None:
    def told(**parameters: Any) -> list[str]:
        return twists(scene_of(engine("MoveToBeacon", **parameters), 0))

    assert told() == []
    assert told(observation_rotation=90) == ["seen turned by 90°"]
    assert told(observation_mirror=True) == ["seen mirrored"]
    both = told(observation_mirror=True, observation_rotation=270)
    assert both == ["seen mirrored", "seen turned by 270°"]
    assert told(observation_angle=30.0) == ["seen turned by 30°"]
    assert told(reward_scale=-1) == ["reward × -1"]
    assert told(action_remap=[1, 0, 2, 3, 4, 5, 6, 7]) == ["directions remapped"]
    swapped = engine("MoveToBeacon", action_remap=[1, 0, 2, 3, 4, 5, 6, 7])
    assert words(swapped, 0, FIRST_MOVE).endswith("move E (goes NE)")


def test_sizes_are_kept_and_unreadable_ones_refused() -> None:
    games = engine("MoveToBeacon")
    assert picture(games, 0, size=(900, 501)).shape == (501, 900, 3)
    assert picture(games, 0, size=(60, 40), panel=False).shape == (40, 60, 3)
    with pytest.raises(ValueError, match="320 x 200"):
        picture(games, 0, size=(60, 40))


def test_all_three_faces_take_a_size_and_name_the_last_action() -> None:
    env = gymnasium.make(
        "l2rl/DefeatRoaches-v0", render_mode="rgb_array", render_size=(480, 300)
    ).unwrapped
    env.reset(seed=3)
    begun = env.render()
    assert begun.shape == (300, 480, 3)
    env.step(SELECT_NEXT)
    vec = MinigameVecEnv("DefeatRoaches", game_seeds=[3, 4])
    vec.render_size = (480, 300)
    assert np.array_equal(vec.get_images()[0], begun)
    vec.step(np.array([SELECT_NEXT, 0]))
    assert np.array_equal(vec.get_images()[0], env.render())
    batch = MinigameVectorEnv(
        "DefeatRoaches", num_envs=2, render_mode="rgb_array", render_size=(480, 300)
    )
    batch.reset(seed=3)
    assert np.array_equal(batch.render()[0], begun)


FILMED = [(task, {}) for task in TASKS]
FILMED += [
    ("DefeatRoaches", {"fog": True, "camera": True}),
    ("CollectMineralShards", {"fog": True}),
]


@pytest.mark.parametrize(("task", "parameters"), FILMED)
def test_a_film_foresees_the_step_and_does_not_take_it(
    task: str, parameters: dict[str, Any]
) -> None:
    filmed, plain = (engine(task, [1, 2], limit_s=60, **parameters) for _ in range(2))
    film = Film(filmed)
    rng = np.random.default_rng(0)
    for _ in range(25):
        actions = np.array([rng.choice(np.flatnonzero(mask)) for mask in filmed.masks])
        shown = list(film.scenes(1, int(actions[1]), [1.0]))
        foreseen = shown[-1].game.copy()
        same = [filmed.step(actions), plain.step(actions)]
        assert all(np.array_equal(a, b) for a, b in zip(*same, strict=True))
        ended = same[0][2][1]
        assert foreseen["over"] == ended
        for name in () if ended else ("x", "y", "health", "explored", "visible", "generator"):
            assert np.array_equal(foreseen[name], filmed.games[1][name]), name
    # The shadow's picture is the real one's, but for what has died just now.
    last = film.frames(1, 0, [1.0], size=(400, 250))[-1]
    filmed.step(np.zeros(2, int))
    difference = np.abs(last.astype(int) - picture(filmed, 1, size=(400, 250), action=0))
    assert (difference.max(axis=2) > 0).mean() < 0.03


def test_a_film_has_the_pictures_asked_for_and_moves() -> None:
    games = engine("MoveToBeacon")
    frames = Film(games).frames(0, FIRST_MOVE, [0.25, 0.5, 1.0])
    assert len(frames) == 3
    assert all((one != other).any() for one, other in itertools.pairwise(frames))


def test_a_film_shows_the_end_of_an_episode_and_the_dead() -> None:
    games = engine("DefeatRoaches", marines=1)
    game = games.games[0]
    put(game, OWN, 0, 30.0, 28.0, 1.0)
    put(game, HOSTILE, 0, 31.5, 28.0)
    game["target"][HOSTILE, 0] = 0
    scenes = Film(games).scenes(0, 0, [])
    scene = next(scenes)
    assert scene.game["over"]
    assert [fallen.side for fallen in scene.fallen] == [OWN]
    assert next(scenes, None) is None


def test_a_refused_action_stands_out_in_the_panel() -> None:
    games = engine("MoveToBeacon")
    assert not games.masks[0, FIRST_ATTACK]
    (shown,) = Film(games).frames(0, FIRST_ATTACK, [1.0])
    assert (shown == palette.WARNING).all(axis=2).sum() > 500
    (shown,) = Film(games).frames(0, FIRST_MOVE, [1.0])
    assert (shown == palette.WARNING).all(axis=2).sum() < 50


@pytest.mark.xdist_group("functions")
def test_function_calls_are_told_with_their_points_and_filmed() -> None:
    games = engine("MoveToBeacon", actions="functions", observation="vector")
    chosen = from_function_call(function_ids()["select_army"], [[0]])
    games.step(chosen[None])
    call = from_function_call(function_ids()["Move_screen"], [[0], [5, 40]])
    (scene,) = Film(games).scenes(0, call, [1.0])
    assert (scene.told, scene.refused) == ("Move screen (5, 40)", False)
    foreseen = scene.position(OWN, 0)
    begun = scene_of(games, 0).position(OWN, 0)
    games.step(call[None])
    assert scene_of(games, 0).position(OWN, 0) == foreseen != begun
    unknown = from_function_call(function_ids()["Train_Marine_quick"], [[0]])
    assert next(Film(games).scenes(0, unknown, [1.0])).refused


def test_orders_that_wait_go_on_from_the_end_of_the_first() -> None:
    games = roaches(marines=1)
    game = games.games[0]
    x, y = float(game["x"][OWN, 0]), float(game["y"][OWN, 0])
    game["order"][OWN, 0], game["order_x"][OWN, 0], game["order_y"][OWN, 0] = MOVE, x + 4, y
    before = arena(games)
    game["waiting"][0], game["waiting_order"][0, 0] = 1, MOVE
    game["waiting_x"][0, 0], game["waiting_y"][0, 0] = x + 4, y + 4
    changed = (before != arena(games)).any(axis=2)
    column, row = place(games, x + 4, y + 2)
    assert changed[round(row), round(column) - 2 : round(column) + 3].any()
    assert not changed[:, : round(place(games, x + 3, y)[0])].any()


def test_a_chosen_structure_has_a_ring_and_a_used_up_field_is_gone() -> None:
    games = economy()
    game = games.games[0]
    before = arena(games)
    game["structure_chosen"][1] = 1
    ring = arena(games)
    assert reach_of_change(before, ring, place(games, 39.0, 28.0)) < 60
    game["item_kind"][0] = 0
    assert reach_of_change(ring, arena(games), place(games, 25.0, 24.0)) < 40
    assert "mineral field" not in words(games, 0)
