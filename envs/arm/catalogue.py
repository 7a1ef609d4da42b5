"""The tasks: what stands on the table, what is wanted, parameters and variants. No numba here.

Lengths are metres in the arm's own frame: base at the origin, table before it, reach 1 m.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..batched.parameters import nearest_name, resolve
from .parameters import common
from .state import FREE, REACH_GOAL, REACH_LINE, REACH_STATION, SLIDE, SWING

Region = tuple[tuple[float, float], tuple[float, float]]
"""Lower left and upper right corner."""


@dataclass(frozen=True)
class ArmTask:
    """One task on the default table."""

    code: int
    """Its place in the one-hot of `task_one_hot`."""
    summary: str
    tolerance: float
    """Distance to go that is success, metres."""
    measure: int = -1
    """How the distance to go is measured, see `state.py`; -1: from object to goal."""
    object_region: Region | None = None
    """Where the object starts, the way of its handle starts, or its pivot is."""
    goal_region: Region = ((0.0, 0.0), (0.0, 0.0))
    kind: int = FREE
    radius: float = 0.0
    """Of the object or handle."""
    graspable: bool = False
    fence: bool = False
    """A low fence on the line x = 0, over which only what is carried gets."""
    lever: float = 0.0
    """Length of the lever of what swings."""
    direction: float | None = None
    """Of a slide, or in which a lever points at the start, radians; None: drawn."""
    way: tuple[float, float] = (0.0, 0.0)
    """Ends of the handle's way, measured from its start."""
    goal_way: tuple[float, float] = (0.0, 0.0)
    """How far along it the goal is, drawn from this range."""
    both_ways: bool = False
    """The goal may be as far in the other direction."""
    spring: float = 0.0
    """Metres an env step at which the handle goes back."""


TASKS: dict[str, ArmTask] = {
    "reach": ArmTask(
        0,
        "The tool goes to a point.",
        tolerance=0.04,
        measure=REACH_GOAL,
        goal_region=((-0.5, 0.35), (0.5, 0.8)),
    ),
    "push": ArmTask(
        1,
        "The closed gripper pushes a disc to a point farther out.",
        tolerance=0.05,
        object_region=((-0.25, 0.5), (0.25, 0.6)),
        goal_region=((-0.3, 0.72), (0.3, 0.8)),
        radius=0.06,
    ),
    "sweep": ArmTask(
        2,
        "The closed gripper sweeps a disc sideways over a line.",
        tolerance=0.05,
        measure=REACH_LINE,
        object_region=((-0.1, 0.5), (0.1, 0.65)),
        goal_region=((0.45, 0.0), (0.45, 0.0)),
        radius=0.06,
    ),
    "pick_place": ArmTask(
        3,
        "A peg is grasped, carried over a fence and held at a point.",
        tolerance=0.05,
        object_region=((-0.45, 0.5), (-0.15, 0.7)),
        goal_region=((0.15, 0.5), (0.45, 0.7)),
        radius=0.035,
        graspable=True,
        fence=True,
    ),
    "button": ArmTask(
        4,
        "The closed gripper presses a button in against its spring.",
        tolerance=0.01,
        measure=REACH_STATION,
        object_region=((-0.45, 0.65), (0.45, 0.72)),
        kind=SLIDE,
        radius=0.05,
        direction=math.pi / 2,
        way=(0.0, 0.08),
        goal_way=(0.08, 0.08),
        spring=0.01,
    ),
    "drawer": ArmTask(
        5,
        "A drawer is pulled open by its handle.",
        tolerance=0.02,
        measure=REACH_STATION,
        object_region=((-0.35, 0.7), (0.35, 0.8)),
        kind=SLIDE,
        radius=0.03,
        graspable=True,
        direction=-math.pi / 2,
        way=(0.0, 0.22),
        goal_way=(0.2, 0.2),
    ),
    "door": ArmTask(
        6,
        "A door is pulled open by its handle, around its hinge.",
        tolerance=0.03,
        measure=REACH_STATION,
        object_region=((0.05, 0.7), (0.35, 0.78)),
        kind=SWING,
        radius=0.03,
        graspable=True,
        lever=0.3,
        direction=math.pi,
        way=(0.0, 0.42),
        goal_way=(0.36, 0.36),
    ),
    "faucet": ArmTask(
        7,
        "A faucet is turned by its handle to a mark, in either direction.",
        tolerance=0.03,
        measure=REACH_STATION,
        object_region=((-0.3, 0.55), (0.3, 0.68)),
        kind=SWING,
        radius=0.03,
        graspable=True,
        lever=0.16,
        way=(-0.4, 0.4),
        goal_way=(0.12, 0.3),
        both_ways=True,
    ),
}

VARIANTS: dict[str, dict[str, Any]] = {
    "default": {},
    "sparse": {"reward": "sparse"},
    "mirrored": {"mirror": True},
    "rotated": {"rotation": 90},
    "twisted": {"action_rotation": 20},
    "slow": {"action_gain": 0.6},
    "sluggish": {"response": 0.25},
    "heavy": {"mass": 5},
    "long_forearm": {"forearm": 0.58},
    "left": {"side": "left"},
    "right": {"side": "right"},
}
"""Every task has them. From `mirrored` on they are lifelong shifts: of the world, of the control,
of the dynamics, of the goals."""

PARAMETERS = common()


def find_task(task: str) -> ArmTask:
    """The task of this name. Raises `ValueError` with the nearest name."""
    if task not in TASKS:
        hint = nearest_name(task, TASKS)
        raise ValueError(f"arm has no task {task!r}{hint}; it has {', '.join(TASKS)}")
    return TASKS[task]


def task_values(task: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Every parameter of the task with its checked value. Raises `ValueError`."""
    find_task(task)
    values = resolve(f"arm/{task}", PARAMETERS, parameters)
    for name in set(values["drift"] or ()) - {"over_env_steps"}:
        if values[name] != PARAMETERS[name].default:
            raise ValueError(f"arm/{task}: {name} is set and drifts; leave one of the two out")
    return values
