"""The games: their parameters, named variants, and what the literature reached. No numba here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from l2rl.randomness import numpy_generator

from .parameters import Parameter, choice, common, integer, nearest_name, resolve
from .state import RULES
from .units import LOOPS_PER_SECOND

MOVE_TO_BEACON, COLLECT_MINERAL_SHARDS, DEFEAT_ROACHES = 0, 1, 2
"""Codes of the games, compiled into the engine."""

STRIDE = 4.0
"""How far a directional order goes, map units: 1.8 s of a marine's way."""
_ARENA = (22.0, 20.0, 44.0, 36.0)
_SIDES = {"random": -1, "left": 0, "right": 1}

_SHIFTS: dict[str, dict[str, Any]] = {
    "remapped": {"action_remap": 1},
    "rotated": {"observation_rotation": 90},
    "mirrored": {"observation_mirror": True},
}
"""Concept shifts that every game offers: the world is the same, its reading or control is not."""


@dataclass(frozen=True)
class Game:
    """What the catalogue knows of one game."""

    code: int
    summary: str
    parameters: Mapping[str, Parameter]
    variants: Mapping[str, Mapping[str, Any]]


GAMES: dict[str, Game] = {
    "MoveToBeacon": Game(
        MOVE_TO_BEACON,
        "One marine walks to the beacon, which then moves; +1 each time, 120 s.",
        common(limit_s=120.0, playable=_ARENA),
        {
            "default": {},
            "wide": {"rectangle": [10, 12, 54, 44]},
            "short": {"limit_s": 60},
            **_SHIFTS,
        },
    ),
    "CollectMineralShards": Game(
        COLLECT_MINERAL_SHARDS,
        "Two marines collect 20 mineral shards, then 20 new ones; +1 each, 120 s.",
        {
            **common(limit_s=120.0, playable=_ARENA),
            "marines": Parameter(2, "marines: 1 to 16", integer(1, 16)),
            "shards": Parameter(20, "shards at a time: 1 to 40", integer(1, 40)),
        },
        {
            "default": {},
            "one_marine": {"marines": 1},
            "sparse": {"shards": 6},
            "wide": {"rectangle": [10, 12, 54, 44]},
            **_SHIFTS,
        },
    ),
    "DefeatRoaches": Game(
        DEFEAT_ROACHES,
        "Nine marines against waves of four roaches; +10 a roach, -1 a marine, 120 s.",
        {
            **common(limit_s=120.0, playable=_ARENA),
            "marines": Parameter(9, "marines of the first wave: 1 to 32", integer(1, 32)),
            "reinforcements": Parameter(
                5, "marines that join for each wave cleared: 0 to 16", integer(0, 16)
            ),
            "roaches": Parameter(4, "roaches a wave: 1 to 16", integer(1, 16)),
            "marine_side": Parameter(
                "random", "where marines start: random, left, right", choice(*_SIDES)
            ),
        },
        {
            "default": {},
            "few": {"roaches": 2, "marines": 5, "reinforcements": 2},
            "many": {"roaches": 6, "marines": 14, "reinforcements": 7},
            "left": {"marine_side": "left"},
            "right": {"marine_side": "right"},
            **_SHIFTS,
        },
    ),
}


def find_game(task: str) -> Game:
    """The game of this name. Raises `ValueError` with the nearest name."""
    if task not in GAMES:
        hint = nearest_name(task, GAMES)
        raise ValueError(f"minigames has no task {task!r}{hint}; it has {', '.join(GAMES)}")
    return GAMES[task]


def task_values(task: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Every parameter of the task with its checked value. Raises `ValueError`."""
    return resolve(task, find_game(task).parameters, parameters)


def rules_of(values: Mapping[str, Any]) -> np.ndarray:
    """The values of `task_values` as one `RULES` record, (1,)."""
    rules = np.zeros(1, RULES)
    rules["step_mul"] = values["step_mul"]
    rules["limit"] = round(values["limit_s"] * LOOPS_PER_SECOND)
    rules["x0"], rules["y0"], rules["x1"], rules["y1"] = values["rectangle"]
    rules["reward_scale"] = values["reward_scale"]
    rules["stride"] = STRIDE
    rules["direction"] = _directions(values["action_remap"])
    rules["turn"] = _turn(values["observation_rotation"], values["observation_mirror"])
    for name in ("marines", "reinforcements", "roaches", "shards"):
        rules[name] = values.get(name, 1)
    rules["marine_side"] = _SIDES[values.get("marine_side", "random")]
    return rules


def _directions(action_remap: int | tuple[int, ...] | None) -> np.ndarray:
    if action_remap is None:
        return np.arange(8)
    if isinstance(action_remap, int):
        return numpy_generator(action_remap, "action_remap").permutation(8)
    return np.array(action_remap)


def _turn(degrees: int, mirror: bool) -> np.ndarray:
    """Counterclockwise rotation after an optional east-west mirror, (2, 2) whole numbers."""
    cosine, sine = {0: (1, 0), 90: (0, 1), 180: (-1, 0), 270: (0, -1)}[degrees]
    rotation = np.array([[cosine, -sine], [sine, cosine]])
    return rotation @ np.diag([-1 if mirror else 1, 1])
