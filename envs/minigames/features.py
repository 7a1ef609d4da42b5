"""pysc2's observation as arrays of fixed size: names, sizes and ranges; and single pictures of it.

`paint_screen`, `paint_minimap` and `player_vector` look at one game of any engine. What the arrays
hold is written by `see_features.py`; docs/minigames_functions.md has the tables.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from gymnasium import spaces

from .functions import N_FUNCTIONS
from .units import unit_columns

if TYPE_CHECKING:
    from .engine import Engine

SCREEN_LAYERS = {
    "height_map": 256,
    "visibility_map": 4,
    "creep": 2,
    "power": 2,
    "player_id": 17,
    "player_relative": 5,
    "unit_type": 1962,
    "selected": 2,
    "unit_hit_points": 1600,
    "unit_hit_points_ratio": 256,
    "unit_energy": 1000,
    "unit_energy_ratio": 256,
    "unit_shields": 1000,
    "unit_shields_ratio": 256,
    "unit_density": 16,
    "unit_density_aa": 256,
    "effects": 16,
    "hallucinations": 2,
    "cloaked": 2,
    "blip": 2,
    "buffs": 290,
    "buff_duration": 256,
    "active": 2,
    "build_progress": 256,
    "pathable": 2,
    "buildable": 2,
    "placeholder": 2,
}
"""Layers of the screen with the number of values each has."""
MINIMAP_LAYERS = {
    "height_map": 256,
    "visibility_map": 4,
    "creep": 2,
    "camera": 2,
    "player_id": 17,
    "player_relative": 5,
    "selected": 2,
    "unit_type": 1962,
    "alerts": 2,
    "pathable": 2,
    "buildable": 2,
}
PLAYER = (
    "player_id",
    "minerals",
    "vespene",
    "food_used",
    "food_cap",
    "food_army",
    "food_workers",
    "idle_worker_count",
    "army_count",
    "warp_gate_count",
    "larva_count",
)
"""The numbers of `player`."""
UNIT_ROW = (
    "unit_type",
    "player_relative",
    "health",
    "shields",
    "energy",
    "transport_slots_taken",
    "build_progress",
)
"""The numbers of a unit in the lists of the selection."""
N_LISTED, N_QUEUED, N_CARGO, N_GROUPS = 64, 5, 8, 10
"""Rows of the lists; what is not there is 0."""
NUMBERS = {
    "player": (len(PLAYER),),
    "game_loop": (1,),
    "single_select": (1, len(UNIT_ROW)),
    "multi_select": (N_LISTED, len(UNIT_ROW)),
    "build_queue": (N_QUEUED, len(UNIT_ROW)),
    "production_queue": (N_QUEUED, 2),
    "cargo": (N_CARGO, len(UNIT_ROW)),
    "cargo_slots_available": (1,),
    "control_groups": (N_GROUPS, 2),
}
"""All that is neither a layer nor `available_actions`, with its shape."""


def _places() -> dict[str, slice]:
    places, at = {}, 0
    for name, shape in NUMBERS.items():
        places[name] = slice(at, at + int(np.prod(shape)))
        at = places[name].stop
    return places


PLACES = _places()
"""Where they stand in one row of numbers."""
N_NUMBERS = list(PLACES.values())[-1].stop

Seen = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
"""Screens (N, 27, S, S), minimaps (N, 11, S, S), numbers (N, 589) int32, availability (N, 573)
bool."""


def features_space(size: int) -> spaces.Dict:
    """The space of one game's features on a square screen and minimap of so many pixels."""
    named: dict[str, spaces.Space[np.ndarray]] = {
        "feature_screen": _layers_space(SCREEN_LAYERS, size),
        "feature_minimap": _layers_space(MINIMAP_LAYERS, size),
        "available_actions": spaces.MultiBinary(N_FUNCTIONS),
    }
    most = np.iinfo(np.int32).max
    for name, shape in NUMBERS.items():
        named[name] = spaces.Box(0, most, shape, np.int32)
    return spaces.Dict(named)


def _layers_space(layers: dict[str, int], size: int) -> spaces.Box:
    high = np.array(list(layers.values()), np.int32)[:, None, None] - 1
    return spaces.Box(0, np.broadcast_to(high, (len(layers), size, size)), dtype=np.int32)


def empty_features(n: int, size: int) -> Seen:
    """Arrays for the features of n games, not filled."""
    return (
        np.empty((n, len(SCREEN_LAYERS), size, size), np.int32),
        np.empty((n, len(MINIMAP_LAYERS), size, size), np.int32),
        np.empty((n, N_NUMBERS), np.int32),
        np.empty((n, N_FUNCTIONS), np.bool_),
    )


def named_features(seen: Seen) -> dict[str, np.ndarray]:
    """The arrays under their names, with the games first; views, nothing is copied."""
    screens, minimaps, numbers, available = seen
    named = {
        "feature_screen": screens,
        "feature_minimap": minimaps,
        "available_actions": available.view(np.int8),
    }
    for name, shape in NUMBERS.items():
        named[name] = numbers[:, PLACES[name]].reshape(len(numbers), *shape)
    return named


def paint_screen(engine: Engine, i: int, size: int) -> dict[str, np.ndarray]:
    """The layers of game i's screen, each (size, size) int32."""
    return dict(zip(SCREEN_LAYERS, _look(engine, i, size)[0][0], strict=True))


def paint_minimap(engine: Engine, i: int, size: int) -> dict[str, np.ndarray]:
    """The layers of game i's minimap, each (size, size) int32."""
    return dict(zip(MINIMAP_LAYERS, _look(engine, i, size)[1][0], strict=True))


def player_vector(engine: Engine, i: int) -> np.ndarray:
    """The numbers of `PLAYER` of game i, (11,) int32."""
    return _look(engine, i, 16)[2][0, PLACES["player"]]


def _look(engine: Engine, i: int, size: int) -> Seen:
    from .function_kernel import see_features

    seen = empty_features(1, size)
    see_features(engine.games[i : i + 1], np.ones(1, np.bool_), engine.rules, unit_columns(), seen)
    return seen
