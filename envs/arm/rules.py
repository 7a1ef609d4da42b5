"""From a task and its checked parameters to the record that compiled code reads."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from .catalogue import ArmTask, Region, find_task
from .state import DRIFTING, RULES

_COPIED = (
    "kind", "measure", "graspable", "fence", "radius", "lever", "both_ways", "spring",
)  # fmt: skip
_ANGLES = ("action_rotation", "rotation")


def rules_of(task: str, values: Mapping[str, Any]) -> np.ndarray:
    """The values of `catalogue.task_values` as one `RULES` record, (1,)."""
    found, rules = find_task(task), np.zeros(1, RULES)
    rules["task"] = found.code
    for name in _COPIED:
        rules[name] = getattr(found, name)
    rules["direction"] = found.direction or 0.0
    rules["any_direction"] = found.direction is None
    rules["way_low"], rules["way_high"] = found.way
    rules["goal_way_low"], rules["goal_way_high"] = found.goal_way
    rules["tolerance"] = found.tolerance * values["tolerance"]
    rules["upper"], rules["forearm"] = 1.0 - values["forearm"], values["forearm"]
    rules["limit"] = values["episode_steps"]
    rules["joints"] = values["control"] == "joints"
    rules["sparse"] = values["reward"] == "sparse"
    rules["one_hot"], rules["mirror"] = values["task_one_hot"], values["mirror"]
    _set_regions(rules, found, values)
    _set_drift(rules, values)
    return rules


def _set_regions(rules: np.ndarray, task: ArmTask, values: Mapping[str, Any]) -> None:
    """Of the object and of the goal; `side` halves the goal's, or the object's where the goal
    follows from it."""
    rules["has_object"] = task.object_region is not None
    goal_drawn = task.goal_region[0][0] < task.goal_region[1][0]
    for name, region in (("object", task.object_region), ("goal", task.goal_region)):
        side = values["side"] if goal_drawn == (name == "goal") else "any"
        low, high = _part(region or ((0.0, 0.0), (0.0, 0.0)), side, values["spread"])
        rules[f"{name}_low"], rules[f"{name}_high"] = low, high


def _part(region: Region, side: str, spread: float) -> tuple[np.ndarray, np.ndarray]:
    """The part of a region that is used: of one half of it a share around its middle."""
    low, high = np.array(region[0]), np.array(region[1])
    middle = (low[0] + high[0]) / 2
    if side == "left":
        high[0] = middle
    elif side == "right":
        low[0] = middle
    centre, half = (low + high) / 2, spread * (high - low) / 2
    return centre - half, centre + half


def _set_drift(rules: np.ndarray, values: Mapping[str, Any]) -> None:
    """Both ends of everything that may drift; equal where it does not."""
    moving = values["drift"] or {}
    rules["drift_env_steps"] = moving.get("over_env_steps", 0)
    for place, name in enumerate(DRIFTING):
        ends = np.array(moving.get(name, (values[name], values[name])))
        if name in _ANGLES:
            ends = ends * (math.pi / 180)
        rules["drift_from"][0, place], rules["drift_to"][0, place] = ends
