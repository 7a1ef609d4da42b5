"""The parameters of a task: meaning, range, default, and errors that say the way out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..minigames.parameters import Parameter, choice, integer, nearest_name, number, yes_or_no
from .state import DRIFTING

__all__ = ["Parameter", "common", "nearest_name", "resolve"]

_CHECKS: Mapping[str, Callable[[Any], float]] = {
    "action_gain": number(0.1, 2.0),
    "action_rotation": number(-180.0, 180.0),
    "rotation": number(-360.0, 360.0),
    "mass": number(0.0, 20.0),
    "response": number(0.05, 1.0),
}
"""What may drift, and the range of its values."""


def drift(value: Any) -> dict[str, Any] | None:
    """Check None or `{over_env_steps: N, quantity: [first, last], ...}`."""
    if value is None:
        return None
    text = f"none, or {{over_env_steps: N, ...}} and at least one of {', '.join(DRIFTING)} as "
    text += "[first, last]"
    if not isinstance(value, Mapping) or set(value) - {"over_env_steps", *DRIFTING}:
        raise ValueError(text)
    if "over_env_steps" not in value or len(value) < 2:
        raise ValueError(text)
    checked: dict[str, Any] = {"over_env_steps": integer(1, 10**12)(value["over_env_steps"])}
    for name in set(value) - {"over_env_steps"}:
        checked[name] = _pair(name, value[name], text)
    return checked


def _pair(name: str, pair: Any, text: str) -> tuple[float, ...]:
    if not isinstance(pair, list | tuple) or len(pair) != 2:
        raise ValueError(f"{text}; {name} is not a pair")
    try:
        return tuple(_CHECKS[name](one) for one in pair)
    except ValueError as error:
        raise ValueError(f"made of values of {name} that are each {error}") from None


def common() -> dict[str, Parameter]:
    """The parameters that every task has."""
    return {
        "reward": Parameter(
            "dense", "reward: dense (0 to 1 a step), sparse (1 in success)", _REWARD
        ),
        "control": Parameter(
            "tool", "actions move: tool (its velocity), joints (their speeds)", _CONTROL
        ),
        "episode_steps": Parameter(
            100, "length of an episode, env steps: 1 to 10000", integer(1, 10_000)
        ),
        "task_one_hot": Parameter(False, "the observation names the task", yes_or_no),
        "spread": Parameter(
            1.0, "share of the region in which things start and goals lie: 0 to 1", number(0, 1)
        ),
        "side": Parameter(
            "any", "half of that region: any, left, right (of the default table)", _SIDE
        ),
        "tolerance": Parameter(
            1.0, "factor on the distance that is success: 0.2 to 4", number(0.2, 4.0)
        ),
        "mirror": Parameter(False, "left and right exchanged: arm, table and goals", yes_or_no),
        "rotation": Parameter(
            0.0, "degrees arm and table are turned by around the base: -360 to 360",
            _CHECKS["rotation"],
        ),
        "action_gain": Parameter(
            1.0, "factor on the speed of the motors: 0.1 to 2", _CHECKS["action_gain"]
        ),
        "action_rotation": Parameter(
            0.0, "degrees the first two actions are turned by: -180 to 180",
            _CHECKS["action_rotation"],
        ),
        "response": Parameter(
            0.7, "share of a wanted speed that motors reach in a step: 0.05 to 1",
            _CHECKS["response"],
        ),
        "mass": Parameter(
            1.0, "weight of what is moved; a mass of 4 halves the speed: 0 to 20", _CHECKS["mass"]
        ),
        "forearm": Parameter(
            0.5, "length of the forearm, of 1 m with the upper link: 0.4 to 0.6", number(0.4, 0.6)
        ),
        "drift": Parameter(
            None, "what changes as the arm lives: none, or over_env_steps and pairs", drift
        ),
    }  # fmt: skip


_REWARD, _CONTROL = choice("dense", "sparse"), choice("tool", "joints")
_SIDE = choice("any", "left", "right")


def resolve(task: str, known: Mapping[str, Parameter], given: Mapping[str, Any]) -> dict[str, Any]:
    """Every parameter of the task with its checked value. Raises `ValueError`."""
    for name in given:
        if name not in known:
            hint = nearest_name(name, known)
            raise ValueError(
                f"arm/{task} has no parameter {name!r}{hint}; it has {', '.join(known)}"
            )
    values = {}
    for name, parameter in known.items():
        value = given.get(name, parameter.default)
        try:
            values[name] = parameter.check(value)
        except ValueError as error:
            raise ValueError(
                f"arm/{task}: {name} = {value!r} is not possible; it must be {error}"
            ) from None
    _check_drift(task, known, values)
    return values


def _check_drift(task: str, known: Mapping[str, Parameter], values: Mapping[str, Any]) -> None:
    for name in set(values["drift"] or ()) - {"over_env_steps"}:
        if values[name] != known[name].default:
            raise ValueError(f"arm/{task}: {name} is set and drifts; leave one of the two out")
