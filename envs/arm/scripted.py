"""An expert for each task, written by hand: an oracle for tests and a teacher for demonstrations.

They read observations as an agent does and know nothing of the variant. They get along with every
named variant, a turned and mirrored world included; the control may be some 20 degrees off.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from l2rl.environments import ScriptedPolicy

from .catalogue import find_task
from .contact import FIST
from .kinematics import JOINT_STEP, TOOL_STEP
from .spaces import ACTION_SIZE, HOLDS, LINKS, OPENING, TO_GOAL, TO_OBJECT, TOOL
from .state import REACH_GOAL

_EAGERNESS = 0.6
"""Share of the way to the target to be covered in one env step."""
_OPEN, _CLOSE = -1.0, 1.0

Moves = tuple[np.ndarray, np.ndarray]
"""How far the tool should go, (N, 2) metres, and the gripper's action, (N,)."""


def expert(task: str, control: str = "tool") -> ScriptedPolicy:
    """The expert of a task, for actions that move the tool or (`control="joints"`) the joints.

    Observations (N, 31) float32 -> actions (N, 3) float32. Raises `ValueError` for an unknown task,
    and when called with observations of another shape.
    """
    found = find_task(task)
    if found.measure == REACH_GOAL:
        plan: Callable[[np.ndarray], Moves] = _reach
    elif found.graspable:
        plan = _grasp_and_move
    else:
        plan = _Pusher(found.radius)

    def act(seen: np.ndarray, masks: np.ndarray | None) -> np.ndarray:
        if seen.ndim != 2:
            raise ValueError(f"it reads observations of shape (N, 31), not {seen.shape}")
        way, grip = plan(np.asarray(seen, np.float64))
        actions = np.empty((len(seen), ACTION_SIZE), np.float32)
        actions[:, :2] = _joint_actions(seen, way) if control == "joints" else _tool_actions(way)
        actions[:, 2] = grip
        return actions

    return act


def _tool_actions(way: np.ndarray) -> np.ndarray:
    wanted = way * (_EAGERNESS / TOOL_STEP)
    norm = np.linalg.norm(wanted, axis=1, keepdims=True)
    shortened: np.ndarray = wanted / np.maximum(norm, 1.0)
    return shortened


def _joint_actions(seen: np.ndarray, way: np.ndarray) -> np.ndarray:
    """Joint speeds that move the tool that way: damped least squares with the arm that is seen."""
    upper, forearm = seen[:, LINKS : LINKS + 2], seen[:, LINKS + 2 : LINKS + 4]
    # tool = a * upper + b * forearm gives the lengths of the links.
    lengths = np.linalg.solve(
        np.stack([upper, forearm], axis=2).astype(np.float64), _at(seen, TOOL)[..., None]
    )[..., 0]
    turned = [np.stack([-link[:, 1], link[:, 0]], axis=1) for link in (upper, forearm)]
    second = lengths[:, 1:] * turned[1]
    jacobian = np.stack([lengths[:, :1] * turned[0] + second, second], axis=2)
    square = jacobian @ jacobian.transpose(0, 2, 1) + 0.05**2 * np.eye(2)
    speeds = (jacobian.transpose(0, 2, 1) @ np.linalg.solve(square, way[..., None]))[..., 0]
    wanted = speeds * (_EAGERNESS / JOINT_STEP)
    fastest = np.abs(wanted).max(axis=1, keepdims=True)
    shortened: np.ndarray = wanted / np.maximum(fastest, 1.0)
    return shortened


def _at(seen: np.ndarray, place: int) -> np.ndarray:
    return np.asarray(seen[:, place : place + 2], np.float64)


def _reach(seen: np.ndarray) -> Moves:
    """Straight to the goal."""
    return _at(seen, TO_GOAL), np.full(len(seen), _OPEN)


def _grasp_and_move(seen: np.ndarray) -> Moves:
    """Over the object, close, and towards the goal; what slides or swings guides the rest."""
    holds = seen[:, HOLDS] > 0.5
    to_object = _at(seen, TO_OBJECT)
    over = np.linalg.norm(to_object, axis=1) < 0.02
    way = np.where(holds[:, None], _at(seen, TO_GOAL), to_object)
    return way, np.where(holds | over, _CLOSE, _OPEN)


class _Pusher:
    """Open to behind the object, seen from the goal; close there; push, keeping behind it."""

    def __init__(self, radius: float) -> None:
        self.reach = FIST + radius

    def __call__(self, seen: np.ndarray) -> Moves:
        to_object, to_goal = _at(seen, TO_OBJECT), _at(seen, TO_GOAL)
        left = np.linalg.norm(to_goal, axis=1, keepdims=True)
        # What is at its goal is kept there.
        heading = np.where(left > 1e-3, to_goal, to_object)
        heading /= np.maximum(np.linalg.norm(heading, axis=1, keepdims=True), 1e-9)
        along = (to_object * heading).sum(axis=1, keepdims=True)
        aside = to_object - along * heading
        behind = to_object - (self.reach + 0.015) * heading
        ready = np.linalg.norm(behind, axis=1) < 0.02
        down = seen[:, OPENING] < 0.5
        aligned = (along[:, 0] > 0) & (np.linalg.norm(aside, axis=1) < 0.5 * self.reach)
        pushes = down & aligned
        gap = np.maximum(along - self.reach, 0.0)
        push = aside + (np.minimum(left, 0.03) + gap) * heading
        way = np.where(pushes[:, None], push, np.where(down[:, None], 0.0, behind))
        return way, np.where(pushes | (ready & ~down), _CLOSE, _OPEN)
