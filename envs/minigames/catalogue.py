"""The games: their parameters and named variants. No numba here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..batched.parameters import Parameter, choice, integer, nearest_name, resolve
from .parameters import common, enemies
from .units import LOOPS_PER_SECOND

(
    MOVE_TO_BEACON,
    COLLECT_MINERAL_SHARDS,
    FIND_AND_DEFEAT_ZERGLINGS,
    DEFEAT_ROACHES,
    DEFEAT_ZERGLINGS_AND_BANELINGS,
    COLLECT_MINERALS_AND_GAS,
    BUILD_MARINES,
) = range(7)
"""Codes of the games, compiled into the engine."""

_ARENA = (22.0, 20.0, 44.0, 36.0)
_BASE = (19.94, 19.0, 45.94, 37.0)
_DARK_MAP = (10.0, 12.0, 54.0, 44.0)
BASE_SIZE = (25.9, 18.0)
"""Least width and height of the rectangle of an economy game, map units."""
SIDES = {"random": -1, "left": 0, "right": 1}
PLACEMENTS = ("opposite", "random", "surround")
"""In the order of their codes in `state.py`."""

_SHIFTS: dict[str, dict[str, Any]] = {
    "remapped": {"action_remap": 1},
    "rotated": {"observation_rotation": 90},
    "mirrored": {"observation_mirror": True},
    "inverted": {"reward_scale": -1},
}
"""Concept shifts that every game offers: the world is the same, its reading, its control or its
reward is not."""


@dataclass(frozen=True)
class Game:
    """What the catalogue knows of one game."""

    code: int
    summary: str
    parameters: Mapping[str, Parameter]
    variants: Mapping[str, Mapping[str, Any]]
    bounty: Mapping[str, float] | None = None
    """Score of a dead enemy by kind; None: there are no enemies."""


def _marines(default: int, most: int = 32) -> Parameter:
    return Parameter(default, f"marines at the start: 1 to {most}", integer(1, most))


def _waves(*, marines: int, reinforcements: int, **kinds: int) -> dict[str, Parameter]:
    """The parameters of the two games of waves."""
    counts = {"roaches": 0, "zerglings": 0, "banelings": 0, **kinds}
    return {
        **common(limit_s=120.0, playable=_ARENA),
        "marines": _marines(marines),
        "reinforcements": Parameter(
            reinforcements, "marines that join for each wave cleared: 0 to 16", integer(0, 16)
        ),
        **enemies(**counts),
        "groups": Parameter(1, "groups in which the enemies come: 1 to 4", integer(1, 4)),
        "placement": Parameter(
            "opposite", f"where groups stand: {', '.join(PLACEMENTS)}", choice(*PLACEMENTS)
        ),
        "marine_side": Parameter(
            "random", "where marines start: random, left, right", choice(*SIDES)
        ),
    }


def _economy(*, limit_s: float, fields: int, most_fields: int) -> dict[str, Parameter]:
    """The parameters of the two economy games."""
    return {
        **common(limit_s=limit_s, playable=_BASE),
        "workers": Parameter(12, "SCVs at the start: 1 to 32", integer(1, 32)),
        "start_minerals": Parameter(50, "minerals at the start: 0 to 5000", integer(0, 5000)),
        "fields": Parameter(fields, f"mineral fields: 1 to {most_fields}", integer(1, most_fields)),
        "field_minerals": Parameter(1800, "minerals in a field: 5 to 10000", integer(5, 10000)),
    }


_WAVE_VARIANTS: dict[str, dict[str, Any]] = {
    "fog": {"fog": True, "camera": True},
    "two_groups": {"groups": 2},
    "three_groups": {"groups": 3},
    "scattered": {"groups": 2, "placement": "random"},
    "surrounded": {"groups": 4, "placement": "surround"},
    "left": {"marine_side": "left"},
    "right": {"marine_side": "right"},
}
"""Fog, number and placement of the enemy groups: what the L2M curricula vary."""

_WAVE_BOUNTY = {"roaches": 10.0, "zerglings": 5.0, "banelings": 5.0}

GAMES: dict[str, Game] = {
    "MoveToBeacon": Game(
        MOVE_TO_BEACON,
        "One marine walks to the beacon, which then moves; +1 each time, 120 s.",
        common(limit_s=120.0, playable=_ARENA),
        {
            "default": {},
            "wide": {"rectangle": [10, 12, 54, 44]},
            "short": {"limit_s": 60},
            "fog": {"fog": True},
            **_SHIFTS,
        },
    ),
    "CollectMineralShards": Game(
        COLLECT_MINERAL_SHARDS,
        "Two marines collect 20 mineral shards, then 20 new ones; +1 each, 120 s.",
        {
            **common(limit_s=120.0, playable=_ARENA),
            "marines": _marines(2, 16),
            "shards": Parameter(20, "shards at a time: 1 to 40", integer(1, 40)),
        },
        {
            "default": {},
            "one_marine": {"marines": 1},
            "sparse": {"shards": 6},
            "wide": {"rectangle": [10, 12, 54, 44]},
            "fog": {"fog": True, "camera": True},
            "wide_fog": {"rectangle": [10, 12, 54, 44], "fog": True, "camera": True},
            **_SHIFTS,
        },
    ),
    "FindAndDefeatZerglings": Game(
        FIND_AND_DEFEAT_ZERGLINGS,
        "Three marines look for 25 zerglings in the dark; +1 a zergling, -1 a marine, 180 s.",
        {
            **common(limit_s=180.0, playable=_DARK_MAP),
            "fog": Parameter(True, "what no own unit sees is hidden", choice(False, True)),
            "camera": Parameter(
                True, "what is not on the screen, 24x24 map units, is hidden", choice(False, True)
            ),
            "marines": _marines(3, 16),
            **enemies(zerglings=25),
        },
        {
            "default": {},
            "no_fog": {"fog": False, "camera": False},
            "no_camera": {"camera": False},
            "few": {"zerglings": 10},
            "strong": {"marines": 6},
            "arena": {"rectangle": list(_ARENA), "zerglings": 8},
            **_SHIFTS,
        },
        {"zerglings": 1.0},
    ),
    "DefeatRoaches": Game(
        DEFEAT_ROACHES,
        "Nine marines against waves of four roaches; +10 a roach, -1 a marine, 120 s.",
        _waves(marines=9, reinforcements=5, roaches=4),
        {
            "default": {},
            "few": {"roaches": 2, "marines": 5, "reinforcements": 2},
            "many": {"roaches": 6, "marines": 14, "reinforcements": 7},
            **_WAVE_VARIANTS,
            **_SHIFTS,
        },
        _WAVE_BOUNTY,
    ),
    "DefeatZerglingsAndBanelings": Game(
        DEFEAT_ZERGLINGS_AND_BANELINGS,
        "Nine marines against waves of 6 zerglings and 4 banelings; +5 each, -1 a marine, 120 s.",
        _waves(marines=9, reinforcements=4, zerglings=6, banelings=4),
        {
            "default": {},
            "few": {"zerglings": 3, "banelings": 2, "marines": 5, "reinforcements": 2},
            "many": {"zerglings": 9, "banelings": 6, "marines": 14, "reinforcements": 6},
            "no_banelings": {"zerglings": 10, "banelings": 0},
            **_WAVE_VARIANTS,
            **_SHIFTS,
        },
        _WAVE_BOUNTY,
    ),
    "CollectMineralsAndGas": Game(
        COLLECT_MINERALS_AND_GAS,
        "Twelve SCVs collect minerals and gas, and make more SCVs; +1 for each unit, 420 s.",
        {
            **_economy(limit_s=420.0, fields=16, most_fields=16),
            "geysers": Parameter(4, "geysers: 0 to 4", integer(0, 4)),
        },
        {
            "default": {},
            "few_workers": {"workers": 4},
            "rich": {"start_minerals": 1000},
            "poor": {"fields": 6},
            "no_gas": {"geysers": 0},
            "one_base": {"fields": 8, "geysers": 2},
            "depleting": {"field_minerals": 250},
            "slow": {"own_speed": 0.5},
            **_SHIFTS,
        },
    ),
    "BuildMarines": Game(
        BUILD_MARINES,
        "Twelve harvesting SCVs; depots, barracks and marines are built; +1 a marine, 900 s.",
        _economy(limit_s=900.0, fields=8, most_fields=8),
        {
            "default": {},
            "few_workers": {"workers": 4},
            "rich": {"start_minerals": 1000},
            "poor": {"fields": 4},
            "depleting": {"field_minerals": 600},
            "short": {"limit_s": 450},
            "long_steps": {"step_mul": 24},
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
    game = find_game(task)
    values = resolve(f"minigames/{task}", game.parameters, parameters)
    _check_together(task, game, values)
    return values


def longest_episode(values: Mapping[str, Any]) -> int:
    """Env steps until the time limit, from the values of `task_values`."""
    loops: int = round(values["limit_s"] * LOOPS_PER_SECOND)
    return -(-loops // int(values["step_mul"]))


def _check_together(task: str, game: Game, values: Mapping[str, Any]) -> None:
    """What no single parameter can know. Raises `ValueError`."""
    if values["observation"] == "features" and values["actions"] != "functions":
        raise ValueError(
            f"minigames/{task}: observation features needs actions functions; "
            "with macro actions choose vector or planes"
        )
    if game.bounty and not any(values.get(kind, 0) for kind in game.bounty):
        raise ValueError(
            f"minigames/{task} needs an enemy: set one of {', '.join(game.bounty)} above 0"
        )
    x0, y0, x1, y1 = values["rectangle"]
    if "fields" in values and (x1 - x0 < BASE_SIZE[0] or y1 - y0 < BASE_SIZE[1]):
        raise ValueError(
            f"minigames/{task} needs a rectangle at least {BASE_SIZE[0]:g} wide and "
            f"{BASE_SIZE[1]:g} high for its base"
        )
    for quantity in set(values["drift"] or ()) - {"over_env_steps"}:
        if quantity not in game.parameters:
            raise ValueError(f"minigames/{task} has no {quantity} that could drift")
        if values[quantity] != game.parameters[quantity].default:
            raise ValueError(
                f"minigames/{task}: {quantity} is set and drifts; leave one of the two out"
            )
