"""The features of pysc2's observation: layers of screen and minimap, and numbers. Compiled.

A unit, structure or item is a disc: it fills the pixels whose middles are within its radius, and
the pixel it stands in. Where two overlap, items lie lowest, then structures, enemies, own units;
only the densities count all. What the fog hides is not drawn. A variant's rotation and mirror turn
the pictures around their middle, as they turn all that is seen, and not where calls aim.

There is neither creep nor power, energy, shields, effects, hallucinations, cloaking nor blips in
these games, so those layers are 0; `unit_type` of the minimap is, as pysc2 shows it only to those
who ask for layers that cheat.
"""

from __future__ import annotations

import math

import numpy as np

from .availability import write_available
from .compiling import inner
from .features import MINIMAP_LAYERS, SCREEN_LAYERS
from .field import full_health
from .screen import MAP, lit, world_to_minimap, world_to_screen
from .see_numbers import type_of_item, write_numbers
from .see_planes import explored
from .selection import FIRST_ENEMY, FIRST_ITEM, item_radius, unit_chosen
from .sight import SCREEN
from .state import GEYSER_ITEM, HOSTILE, MINERAL_ITEM, OWN, Record

_NAMES, _MAP_NAMES = list(SCREEN_LAYERS), list(MINIMAP_LAYERS)
HEIGHT, VISIBILITY = _NAMES.index("height_map"), _NAMES.index("visibility_map")
PLAYER_ID, RELATIVE = _NAMES.index("player_id"), _NAMES.index("player_relative")
TYPE, SELECTED = _NAMES.index("unit_type"), _NAMES.index("selected")
HEALTH, RATIO = _NAMES.index("unit_hit_points"), _NAMES.index("unit_hit_points_ratio")
DENSITY, DENSITY_AA = _NAMES.index("unit_density"), _NAMES.index("unit_density_aa")
BUFFS, ACTIVE = _NAMES.index("buffs"), _NAMES.index("active")
PROGRESS = _NAMES.index("build_progress")
PATHABLE, BUILDABLE = _NAMES.index("pathable"), _NAMES.index("buildable")
MAP_HEIGHT, MAP_VISIBILITY = _MAP_NAMES.index("height_map"), _MAP_NAMES.index("visibility_map")
MAP_CAMERA, MAP_SELECTED = _MAP_NAMES.index("camera"), _MAP_NAMES.index("selected")
MAP_PLAYER_ID, MAP_RELATIVE = _MAP_NAMES.index("player_id"), _MAP_NAMES.index("player_relative")
MAP_PATHABLE, MAP_BUILDABLE = _MAP_NAMES.index("pathable"), _MAP_NAMES.index("buildable")

GROUND_HEIGHT = 127
"""`height_map` all over the map: these maps are flat."""
REMEMBERED, VISIBLE = 1, 2
"""`visibility_map`: seen before, seen now; 0 never."""
SELF, NEUTRAL, ENEMY = 1, 3, 4
"""`player_relative`."""
_OWN_ID, _ENEMY_ID, _NEUTRAL_ID = 1, 2, 16
_CARRIES_MINERALS, _CARRIES_GAS = 271, 273
_FULL = 255
_MOST_DENSE, _FINE = 15, 4
"""Most units a pixel tells; parts of a pixel's side that `unit_density_aa` looks at."""


@inner
def write_features(
    game: Record, rule: Record, units: Record, seen: tuple[np.ndarray, ...], i: int
) -> None:
    """Write one game's features into place i of `features.Seen`."""
    screens, minimaps, numbers, available = seen
    paint(game, screens[i], True, rule, units)
    paint(game, minimaps[i], False, rule, units)
    write_numbers(game, numbers[i], rule, units)
    write_available(game, rule, units, available[i])


@inner
def paint(game: Record, image: np.ndarray, screen: bool, rule: Record, units: Record) -> None:
    """All layers of the screen, or else of the minimap."""
    image[:] = 0
    ground(game, image, screen, rule)
    if rule.fog:
        seen_discs(game, image, screen, rule, units)
    ink = np.empty((12, 2), np.int64)
    for k in range(game.items):
        there = game.item_kind[k] != 0
        if there and lit(game, game.item_x[k], game.item_y[k], rule, units):
            paint_item(game, k, image, screen, ink, rule)
    for s in range(game.structures):
        paint_structure(game, s, image, screen, ink, rule, units)
    for j in range(game.places[HOSTILE]):
        x, y = game.x[HOSTILE, j], game.y[HOSTILE, j]
        if game.health[HOSTILE, j] > 0.0 and lit(game, x, y, rule, units):
            paint_unit(game, HOSTILE, j, image, screen, ink, rule, units)
    for j in range(game.places[OWN]):
        if game.health[OWN, j] > 0.0:
            paint_unit(game, OWN, j, image, screen, ink, rule, units)


@inner
def ground(game: Record, image: np.ndarray, screen: bool, rule: Record) -> None:
    """What the land itself shows: height, visibility without units, where one can walk."""
    size = image.shape[1]
    for row in range(size):
        for column in range(size):
            x, y = place_shown(game, column, row, size, screen)
            if x < 0.0 or x > MAP or y < 0.0 or y > MAP:
                continue
            to_row, to_column = turned_pixel(column, row, size, rule)
            known = VISIBLE
            if rule.fog:
                known = REMEMBERED if explored(game, x, y) else 0
            open_land = rule.x0 <= x <= rule.x1 and rule.y0 <= y <= rule.y1
            if screen:
                image[HEIGHT, to_row, to_column] = GROUND_HEIGHT
                image[VISIBILITY, to_row, to_column] = known
                image[PATHABLE, to_row, to_column] = open_land
                image[BUILDABLE, to_row, to_column] = open_land
            else:
                image[MAP_HEIGHT, to_row, to_column] = GROUND_HEIGHT
                image[MAP_VISIBILITY, to_row, to_column] = known
                image[MAP_PATHABLE, to_row, to_column] = open_land
                image[MAP_BUILDABLE, to_row, to_column] = open_land
                image[MAP_CAMERA, to_row, to_column] = in_camera(game, x, y)


@inner
def in_camera(game: Record, x: float, y: float) -> bool:
    """Whether a pixel of the minimap is the camera's: as many as the screen is wide."""
    dx, dy = x - game.camera_x, game.camera_y - y
    shown: bool = (-SCREEN / 2 <= dx < SCREEN / 2) and (-SCREEN / 2 <= dy < SCREEN / 2)
    return shown


@inner
def place_shown(
    game: Record, column: int, row: int, size: int, screen: bool
) -> tuple[float, float]:
    """The map point in the middle of a pixel, before the variant turns the picture."""
    scale = size / (SCREEN if screen else MAP)
    dx, dy = (column + 0.5 - size / 2) / scale, (size / 2 - row - 0.5) / scale
    if game.angle != 0.0:
        cosine, sine = math.cos(game.angle), math.sin(game.angle)
        dx, dy = cosine * dx + sine * dy, cosine * dy - sine * dx
    if screen:
        return np.float64(game.camera_x) + dx, np.float64(game.camera_y) + dy
    return MAP / 2 + dx, MAP / 2 + dy


@inner
def shown_at(game: Record, x: float, y: float, size: int, screen: bool) -> tuple[float, float]:
    """A map point in pixels, fractions kept: the way back of `place_shown`."""
    if screen:
        across, along = world_to_screen(game, x, y, size, SCREEN)
    else:
        across, along = world_to_minimap(x, y, size)
    if game.angle != 0.0:
        cosine, sine = math.cos(game.angle), math.sin(game.angle)
        dx, dy = across - size / 2, size / 2 - along
        return size / 2 + cosine * dx - sine * dy, size / 2 - sine * dx - cosine * dy
    return across, along


@inner
def turned_pixel(column: int, row: int, size: int, rule: Record) -> tuple[int, int]:
    """(row, column) of a pixel after the variant's quarter turns and mirror."""
    dx, dy = 2 * column + 1 - size, size - 1 - 2 * row
    turn = rule.turn
    to_column = (turn[0, 0] * dx + turn[0, 1] * dy + size - 1) // 2
    to_row = size - 1 - (turn[1, 0] * dx + turn[1, 1] * dy + size - 1) // 2
    return to_row, to_column


@inner
def seen_discs(game: Record, image: np.ndarray, screen: bool, rule: Record, units: Record) -> None:
    """Visibility around own units and structures."""
    ink = np.empty((1, 2), np.int64)
    ink[0, 0] = VISIBILITY if screen else MAP_VISIBILITY
    ink[0, 1] = VISIBLE
    for j in range(game.places[OWN]):
        if game.health[OWN, j] > 0.0:
            sight = units.sight[game.kind[OWN, j]]
            disc(game, image, game.x[OWN, j], game.y[OWN, j], sight, screen, ink, rule)
    for s in range(game.structures):
        sight = units.sight[game.structure_kind[s]]
        disc(game, image, game.structure_x[s], game.structure_y[s], sight, screen, ink, rule)


@inner
def owner_ink(
    ink: np.ndarray, screen: bool, player: int, relative: int, type_id: int, selected: bool
) -> int:
    """What every unit, structure and item shows; returns how many rows of `ink` are filled."""
    put(ink, 0, PLAYER_ID if screen else MAP_PLAYER_ID, player)
    put(ink, 1, RELATIVE if screen else MAP_RELATIVE, relative)
    put(ink, 2, SELECTED if screen else MAP_SELECTED, selected)
    if not screen:
        return 3
    put(ink, 3, TYPE, type_id)
    put(ink, 4, HEALTH, 0)
    put(ink, 5, RATIO, 0)
    put(ink, 6, BUFFS, 0)
    put(ink, 7, ACTIVE, 0)
    put(ink, 8, PROGRESS, 0)
    return 9


@inner
def put(ink: np.ndarray, row: int, layer: int, value: int) -> None:
    """One layer's value for a disc to come."""
    ink[row, 0] = layer
    ink[row, 1] = value


@inner
def health_ink(ink: np.ndarray, health: float, full: float) -> None:
    """The two layers of health, which `owner_ink` has left 0."""
    put(ink, 4, HEALTH, int(health))
    put(ink, 5, RATIO, int(health / full * _FULL))


@inner
def paint_item(
    game: Record, k: int, image: np.ndarray, screen: bool, ink: np.ndarray, rule: Record
) -> None:
    """A beacon, shard, mineral field or geyser."""
    kind = game.item_kind[k]
    selected = game.inspected == FIRST_ITEM + k
    filled = owner_ink(ink, screen, _NEUTRAL_ID, NEUTRAL, type_of_item(kind), selected)
    if kind in (MINERAL_ITEM, GEYSER_ITEM):
        filled = block(ink, filled, screen)
    x, y, radius = game.item_x[k], game.item_y[k], item_radius(kind)
    body(game, image, x, y, radius, screen, ink[:filled], rule)


@inner
def block(ink: np.ndarray, filled: int, screen: bool) -> int:
    """Neither to be walked over nor built on; returns how many rows of `ink` are filled then."""
    put(ink, filled, PATHABLE if screen else MAP_PATHABLE, 0)
    put(ink, filled + 1, BUILDABLE if screen else MAP_BUILDABLE, 0)
    return filled + 2


@inner
def paint_structure(
    game: Record,
    s: int,
    image: np.ndarray,
    screen: bool,
    ink: np.ndarray,
    rule: Record,
    units: Record,
) -> None:
    """An own structure, finished or not."""
    kind = game.structure_kind[s]
    selected = game.structure_chosen[s] != 0
    filled = owner_ink(ink, screen, _OWN_ID, SELF, units.type_id[kind], selected)
    if screen:
        progress = 1.0 - game.structure_left[s] / max(units.build_loops[kind], 1.0)
        health_ink(ink, units.health[kind] * progress, units.health[kind])
        put(ink, 7, ACTIVE, game.queue[s] > 0)
        put(ink, 8, PROGRESS, int(_FULL * progress) if game.structure_left[s] > 0.0 else 0)
    filled = block(ink, filled, screen)
    x, y = game.structure_x[s], game.structure_y[s]
    body(game, image, x, y, units.radius[kind], screen, ink[:filled], rule)


@inner
def paint_unit(
    game: Record,
    side: int,
    j: int,
    image: np.ndarray,
    screen: bool,
    ink: np.ndarray,
    rule: Record,
    units: Record,
) -> None:
    """A unit of either side."""
    kind = game.kind[side, j]
    if side == OWN:
        filled = owner_ink(ink, screen, _OWN_ID, SELF, units.type_id[kind], unit_chosen(game, j))
        if screen and game.cargo[j] > 0:
            gas = game.cargo_kind[j] == GEYSER_ITEM
            put(ink, 6, BUFFS, _CARRIES_GAS if gas else _CARRIES_MINERALS)
    else:
        selected = game.inspected == FIRST_ENEMY + j
        filled = owner_ink(ink, screen, _ENEMY_ID, ENEMY, units.type_id[kind], selected)
    if screen:
        health_ink(ink, game.health[side, j], full_health(game, side, kind, units))
    x, y = game.x[side, j], game.y[side, j]
    body(game, image, x, y, units.radius[kind], screen, ink[:filled], rule)


@inner
def body(
    game: Record,
    image: np.ndarray,
    x: float,
    y: float,
    radius: float,
    screen: bool,
    ink: np.ndarray,
    rule: Record,
) -> None:
    """The disc of something that stands on the map, counted in the densities."""
    disc(game, image, x, y, radius, screen, ink, rule)
    if screen:
        add_density(game, image, x, y, radius, rule)


@inner
def reach(middle: float, radius: float, size: int) -> tuple[int, int]:
    """The first pixel that a disc may touch along one axis, and the first after it."""
    first = max(math.floor(middle - radius), 0)
    return first, min(math.floor(middle + radius) + 1, size)


@inner
def disc(
    game: Record,
    image: np.ndarray,
    x: float,
    y: float,
    radius: float,
    screen: bool,
    ink: np.ndarray,
    rule: Record,
) -> None:
    """Write values, rows (layer, value) of `ink`, into the pixels of a disc on the map."""
    size = image.shape[1]
    across, along = shown_at(game, x, y, size, screen)
    radius *= size / (SCREEN if screen else MAP)
    first, last = reach(across, radius, size)
    for row in range(*reach(along, radius, size)):
        for column in range(first, last):
            dx, dy = column + 0.5 - across, row + 0.5 - along
            stands = math.floor(across) == column and math.floor(along) == row
            if stands or dx * dx + dy * dy <= radius * radius:
                to_row, to_column = turned_pixel(column, row, size, rule)
                for k in range(ink.shape[0]):
                    image[ink[k, 0], to_row, to_column] = ink[k, 1]


@inner
def add_density(
    game: Record, image: np.ndarray, x: float, y: float, radius: float, rule: Record
) -> None:
    """Count a disc in `unit_density`, and by the part of the pixel it covers in the other."""
    size = image.shape[1]
    across, along = shown_at(game, x, y, size, True)
    radius *= size / SCREEN
    first, last = reach(across, radius, size)
    for row in range(*reach(along, radius, size)):
        for column in range(first, last):
            parts = covered_parts(across - column, along - row, radius)
            dx, dy = column + 0.5 - across, row + 0.5 - along
            stands = math.floor(across) == column and math.floor(along) == row
            to_row, to_column = turned_pixel(column, row, size, rule)
            aa = image[DENSITY_AA, to_row, to_column] + parts
            image[DENSITY_AA, to_row, to_column] = min(aa, _FULL)
            if stands or dx * dx + dy * dy <= radius * radius:
                count = image[DENSITY, to_row, to_column] + 1
                image[DENSITY, to_row, to_column] = min(count, _MOST_DENSE)


@inner
def covered_parts(across: float, along: float, radius: float) -> int:
    """Of a pixel's 16 parts those inside a disc; its middle is given from the pixel's corner."""
    far = max(abs(across), abs(1.0 - across)), max(abs(along), abs(1.0 - along))
    if far[0] * far[0] + far[1] * far[1] <= radius * radius:
        return _FINE * _FINE
    parts = 0
    for row in range(_FINE):
        for column in range(_FINE):
            dx, dy = (column + 0.5) / _FINE - across, (row + 0.5) / _FINE - along
            parts += dx * dx + dy * dy <= radius * radius
    return parts
