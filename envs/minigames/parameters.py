"""The parameters of the games, and the checks that are theirs alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..batched.parameters import (
    Parameter,
    choice,
    drift_of,
    integer,
    is_number,
    number,
    yes_or_no,
)
from .functions import SCREEN_SIZES
from .spaces import OBSERVATIONS, PLANE_SIZES

MAP_SIZE = 64
SMALLEST_RECTANGLE = (16.0, 12.0)
"""Below this a beacon cannot always be placed far enough away."""


def rectangle(value: Any) -> tuple[float, float, float, float]:
    """Check (x0, y0, x1, y1) in map units."""
    wide, high = SMALLEST_RECTANGLE
    text = f"[x0, y0, x1, y1] inside 0..{MAP_SIZE}, at least {wide:g} wide and {high:g} high"
    if not isinstance(value, list | tuple) or len(value) != 4 or not all(map(is_number, value)):
        raise ValueError(text)
    x0, y0, x1, y1 = map(float, value)
    inside = min(x0, y0) >= 0 and max(x1, y1) <= MAP_SIZE
    if not (inside and x1 - x0 >= wide and y1 - y0 >= high):
        raise ValueError(text)
    return x0, y0, x1, y1


def remap(value: Any) -> int | tuple[int, ...] | None:
    """Check None, the seed of a permutation, or a permutation of 0..7."""
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 0):
        return value
    if isinstance(value, list | tuple) and sorted(value, key=str) == list(range(8)):
        return tuple(map(int, value))
    raise ValueError("none, a seed (a whole number from 0), or a permutation of 0..7")


_FACTOR = number(0.1, 10.0)
DRIFT_CHECKS: Mapping[str, Callable[[Any], float]] = {
    "own_speed": _FACTOR,
    "enemy_speed": _FACTOR,
    "enemy_health": _FACTOR,
    "enemy_damage": _FACTOR,
    "observation_angle": number(-360.0, 360.0),
    "reward_scale": number(-1000.0, 1000.0),
}
"""What may drift, and the range of its values."""


def common(*, limit_s: float, playable: tuple[float, ...]) -> dict[str, Parameter]:
    """The parameters that every game has."""
    sizes, screens = ", ".join(map(str, PLANE_SIZES)), ", ".join(map(str, SCREEN_SIZES))
    return {
        "actions": Parameter(
            "macro", "actions: macro, functions (pysc2's calls)", choice("macro", "functions")
        ),
        "observation": Parameter(
            "vector",
            "kind of observation: vector, planes, features (pysc2's layers; with functions)",
            choice(*OBSERVATIONS),
        ),
        "screen_size": Parameter(
            64, f"functions: pixels of screen and minimap: {screens}", choice(*SCREEN_SIZES)
        ),
        "hide_specific_actions": Parameter(
            True, "functions: only general ones, not Attack_Attack_screen too", yes_or_no
        ),
        "plane_size": Parameter(16, f"height and width of planes: {sizes}", choice(*PLANE_SIZES)),
        "step_mul": Parameter(8, "game loops (1/16 s) an env step: 1 to 64", integer(1, 64)),
        "limit_s": Parameter(
            limit_s, "length of an episode, game seconds: 1 to 3600", number(1, 3600)
        ),
        "rectangle": Parameter(playable, "playable rectangle x0, y0, x1, y1, map units", rectangle),
        "reward_scale": Parameter(
            1.0, "factor on the reward: -1000 to 1000", DRIFT_CHECKS["reward_scale"]
        ),
        "action_remap": Parameter(
            None, "directions permuted: none, a seed, or a permutation of 0..7", remap
        ),
        "observation_rotation": Parameter(
            0, "degrees all that is seen is turned by: 0, 90, 180, 270", choice(0, 90, 180, 270)
        ),
        "observation_angle": Parameter(
            0.0,
            "degrees all that is seen is turned by besides: -360 to 360",
            DRIFT_CHECKS["observation_angle"],
        ),
        "observation_mirror": Parameter(
            False, "east and west exchanged in all that is seen", yes_or_no
        ),
        "own_speed": Parameter(1.0, "factor on the speed of own units: 0.1 to 10", _FACTOR),
        "fog": Parameter(False, "what no own unit sees is hidden", yes_or_no),
        "camera": Parameter(
            False, "what is not on the screen, 24x24 map units, is hidden", yes_or_no
        ),
        "drift": Parameter(
            None,
            "what changes as the game lives: none, or over_env_steps and pairs",
            drift_of(DRIFT_CHECKS),
        ),
    }


def enemies(**counts: int) -> dict[str, Parameter]:
    """The parameters of games with enemies; `counts` are the default numbers by kind."""
    return {
        **{
            kind: Parameter(default, f"{kind} a wave: 0 to 32", integer(0, 32))
            for kind, default in counts.items()
        },
        "enemy_speed": Parameter(1.0, "factor on the speed of enemies: 0.1 to 10", _FACTOR),
        "enemy_health": Parameter(1.0, "factor on the health of enemies: 0.1 to 10", _FACTOR),
        "enemy_damage": Parameter(1.0, "factor on the damage enemies do: 0.1 to 10", _FACTOR),
    }
