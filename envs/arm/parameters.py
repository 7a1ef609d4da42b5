"""The parameters of the arm."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..batched.parameters import Parameter, choice, drift_of, integer, number, yes_or_no

_CHECKS: Mapping[str, Callable[[Any], float]] = {
    "action_gain": number(0.1, 2.0),
    "action_rotation": number(-180.0, 180.0),
    "rotation": number(-360.0, 360.0),
    "mass": number(0.0, 20.0),
    "response": number(0.05, 1.0),
}
"""What may drift, and the range of its values."""


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
            None, "what changes as the arm lives: none, or over_env_steps and pairs",
            drift_of(_CHECKS),
        ),
    }  # fmt: skip


_REWARD, _CONTROL = choice("dense", "sparse"), choice("tool", "joints")
_SIDE = choice("any", "left", "right")
