"""The spaces that every game and every variant shares.

Sizes are fixed for the whole family of seven games: places that a game does not use hold 0, and
actions that it does not know are never valid. So one network fits all tasks, and nothing in an
observation names the task. docs/minigames.md has the same tables in prose.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces

from .features import features_space
from .functions import function_space

DIRECTIONS = ("E", "NE", "N", "NW", "W", "SW", "S", "SE")
"""Counterclockwise from the east, 45 degrees apart."""

ACTIONS = (
    "no_op",
    *(f"move_{direction}" for direction in DIRECTIONS),
    *(f"attack_{direction}" for direction in DIRECTIONS),
    "retreat",
    "hold",
    "select_all",
    "select_next",
    "select_weakest",
    "gather_minerals",
    "gather_gas",
    "build_supply_depot",
    "build_barracks",
    "build_refinery",
    "train_marine",
    "train_scv",
    "center_camera",
)
N_ACTIONS = len(ACTIONS)
NO_OP, FIRST_MOVE, FIRST_ATTACK, RETREAT, HOLD_POSITION = 0, 1, 9, 17, 18
SELECT_ALL, SELECT_NEXT, SELECT_WEAKEST = 19, 20, 21
GATHER_MINERALS, GATHER_GAS = 22, 23
BUILD_SUPPLY_DEPOT, BUILD_BARRACKS, BUILD_REFINERY = 24, 25, 26
TRAIN_MARINE, TRAIN_SCV, CENTER_CAMERA = 27, 28, 29

BOUND = 2.0
"""Every number of a vector observation is clipped to [-BOUND, BOUND]."""
DISTANCE_SCALE = 16.0
"""Map units to 1 in a vector observation."""

SUMMARY, ECONOMY, SIGHT, FOCUS, COMRADES, TARGETS = 0, 8, 28, 32, 52, 68
"""Where the blocks of a vector observation start."""
COMRADE_FIELDS, N_COMRADES = 4, 4
TARGET_FIELDS, N_TARGETS = 12, 8
VECTOR_SIZE = TARGETS + TARGET_FIELDS * N_TARGETS

PLANES = (
    "own_units",
    "own_selected",
    "own_health",
    "own_ready",
    "hostile_units",
    "hostile_health",
    "resources",
    "gas",
    "beacon",
    "structures",
    "visible",
    "camera",
)
PLANE_SIZES = (16, 32, 64)


OBSERVATIONS = ("vector", "planes", "features")


def observation_space(
    observation: str, plane_size: int, screen_size: int = 64
) -> spaces.Space[Any]:
    """`vector`: (164,) float32 in [-2, 2]. `planes`: (12, size, size) uint8, row 0 the north.
    `features`: pysc2's observation as a Dict of int32 arrays (`features.py`)."""
    if observation == "vector":
        return spaces.Box(-BOUND, BOUND, (VECTOR_SIZE,), np.float32)
    if observation == "features":
        return features_space(screen_size)
    return spaces.Box(0, 255, (len(PLANES), plane_size, plane_size), np.uint8)


def action_space(actions: str = "macro", screen_size: int = 64) -> spaces.Space[Any]:
    """`macro`: one of `ACTIONS`. `functions`: pysc2's function calls (`functions.py`)."""
    if actions == "functions":
        return function_space(screen_size)
    return spaces.Discrete(N_ACTIONS)


def mask_size(space: spaces.Space[Any]) -> int:
    """Length of an action mask: of a MultiDiscrete action one part after the other."""
    if isinstance(space, spaces.MultiDiscrete):
        return int(space.nvec.sum())
    assert isinstance(space, spaces.Discrete)
    return int(space.n)
