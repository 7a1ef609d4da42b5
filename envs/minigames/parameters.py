"""The parameters of a task: meaning, range, default, and errors that say the way out."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .functions import SCREEN_SIZES
from .spaces import OBSERVATIONS, PLANE_SIZES

MAP_SIZE = 64
SMALLEST_RECTANGLE = (16.0, 12.0)
"""Below this a beacon cannot always be placed far enough away."""


@dataclass(frozen=True)
class Parameter:
    """One parameter: `check` returns the clean value or raises `ValueError` with the range."""

    default: Any
    meaning: str
    check: Callable[[Any], Any]

    @property
    def line(self) -> str:
        """One line for a user: meaning, range, default."""
        return f"{self.meaning}; default {self.default}"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def integer(low: int, high: int) -> Callable[[Any], int]:
    """A check for a whole number in [low, high]."""

    def check(value: Any) -> int:
        if not _is_number(value) or value % 1 != 0 or not low <= value <= high:
            raise ValueError(f"a whole number from {low} to {high}")
        return int(value)

    return check


def number(low: float, high: float) -> Callable[[Any], float]:
    """A check for a number in [low, high]."""

    def check(value: Any) -> float:
        if not _is_number(value) or not low <= value <= high:
            raise ValueError(f"a number from {low:g} to {high:g}")
        return float(value)

    return check


def choice(*options: Any) -> Callable[[Any], Any]:
    """A check for one of the options, of the same type."""

    def check(value: Any) -> Any:
        for option in options:
            if type(value) is type(option) and value == option:
                return option
        raise ValueError("one of " + ", ".join(map(str, options)))

    return check


def rectangle(value: Any) -> tuple[float, float, float, float]:
    """Check (x0, y0, x1, y1) in map units."""
    wide, high = SMALLEST_RECTANGLE
    text = f"[x0, y0, x1, y1] inside 0..{MAP_SIZE}, at least {wide:g} wide and {high:g} high"
    if not isinstance(value, list | tuple) or len(value) != 4 or not all(map(_is_number, value)):
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


def yes_or_no(value: Any) -> bool:
    """Check true or false."""
    return bool(choice(False, True)(value))


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


def drift(value: Any) -> dict[str, Any] | None:
    """Check None or `{over_env_steps: N, quantity: [first, last], ...}`."""
    if value is None:
        return None
    text = (
        "none, or {over_env_steps: N, ...} and at least one of "
        f"{', '.join(DRIFT_CHECKS)} as [first, last]"
    )
    if not isinstance(value, Mapping) or set(value) - {"over_env_steps", *DRIFT_CHECKS}:
        raise ValueError(text)
    moving = {name: pair for name, pair in value.items() if name != "over_env_steps"}
    if not moving or "over_env_steps" not in value:
        raise ValueError(text)
    checked: dict[str, Any] = {"over_env_steps": integer(1, 10**12)(value["over_env_steps"])}
    for name, pair in moving.items():
        if not isinstance(pair, list | tuple) or len(pair) != 2:
            raise ValueError(f"{text}; {name} is not a pair")
        try:
            checked[name] = tuple(DRIFT_CHECKS[name](one) for one in pair)
        except ValueError as error:
            raise ValueError(f"made of values of {name} that are each {error}") from None
    return checked


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
            None, "what changes as the game lives: none, or over_env_steps and pairs", drift
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


def nearest_name(name: str, known: Mapping[str, Any]) -> str:
    """` (did you mean 'x'?)`, or nothing when no name is near."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f" (did you mean {near[0]!r}?)" if near else ""


def resolve(task: str, known: Mapping[str, Parameter], given: Mapping[str, Any]) -> dict[str, Any]:
    """Every parameter of the task with its checked value. Raises `ValueError`."""
    for name in given:
        if name not in known:
            hint = nearest_name(name, known)
            raise ValueError(
                f"minigames/{task} has no parameter {name!r}{hint}; it has {', '.join(known)}"
            )
    values = {}
    for name, parameter in known.items():
        value = given.get(name, parameter.default)
        try:
            values[name] = parameter.check(value)
        except ValueError as error:
            raise ValueError(
                f"minigames/{task}: {name} = {value!r} is not possible; it must be {error}"
            ) from None
    return values
