"""The compiled entry point: one env step of N arms, whatever their task."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from ..batched.drift import drifted, share_of_drift
from .compiling import entry, inner
from .contact import move_gripper, spring_back, touch
from .kinematics import JOINT_STEP, SUBSTEPS, TOOL_STEP, turn_joints, wanted_speeds
from .observing import observe
from .scenes import start
from .scoring import judge, reward_of
from .state import Record

DRAG = 0.25
"""Under load the motors turn at `1 / (1 + DRAG * mass)` of their speed."""


@inner
def follow_drift(arm: Record, rule: Record) -> None:
    """Bring what drifts to where it is after `arm.lived` env steps, on a straight line."""
    share = share_of_drift(arm, rule)
    arm.action_gain = drifted(rule, 0, share)
    arm.action_rotation = drifted(rule, 1, share)
    arm.rotation = drifted(rule, 2, share)
    arm.mass = drifted(rule, 3, share)
    arm.response = drifted(rule, 4, share)
    cosine, sine = math.cos(arm.rotation), math.sin(arm.rotation)
    sense = -1.0 if rule.mirror else 1.0
    arm.turn[0, 0], arm.turn[0, 1] = sense * cosine, -sine
    arm.turn[1, 0], arm.turn[1, 1] = sense * sine, cosine


@inner
def motion_of(arm: Record, rule: Record, action: np.ndarray) -> tuple[float, float]:
    """What the first two actions want: a tool velocity in the arm's frame, at most `TOOL_STEP`, or
    joint speeds, each at most `JOINT_STEP`; per env step, before gain and load."""
    x, y = clipped(action[0]), clipped(action[1])
    cosine, sine = math.cos(arm.action_rotation), math.sin(arm.action_rotation)
    x, y = cosine * x - sine * y, sine * x + cosine * y
    if rule.joints:
        sense = -1.0 if rule.mirror else 1.0
        return sense * JOINT_STEP * x, sense * JOINT_STEP * y
    factor = TOOL_STEP / max(math.hypot(x, y), 1.0)
    return (
        factor * (arm.turn[0, 0] * x + arm.turn[1, 0] * y),
        factor * (arm.turn[0, 1] * x + arm.turn[1, 1] * y),
    )


@inner
def clipped(value: float) -> float:
    """Into [-1, 1], as a float64."""
    return min(max(np.float64(value), -1.0), 1.0)


@inner
def move(arm: Record, rule: Record, action: np.ndarray, substeps: int) -> None:
    """The motion of one env step, or of its first `substeps` of `SUBSTEPS`."""
    x, y = motion_of(arm, rule, action)
    response = 1.0 - (1.0 - arm.response) ** (1.0 / SUBSTEPS)
    before_x, before_y = arm.tool_x, arm.tool_y
    object_x, object_y = arm.object_x, arm.object_y
    for _ in range(substeps):
        joint_1, joint_2 = arm.joint_1, arm.joint_2
        gain = arm.action_gain
        if arm.loaded:
            gain /= 1.0 + DRAG * arm.mass
        first, second = gain * x, gain * y
        if not rule.joints:
            first, second = wanted_speeds(arm, rule, first, second)
        turn_joints(arm, rule, first, second, response)
        move_gripper(arm, rule, clipped(action[2]))
        if rule.has_object:
            spring_back(arm, rule)
            touch(arm, rule, joint_1, joint_2)
    arm.tool_vx, arm.tool_vy = arm.tool_x - before_x, arm.tool_y - before_y
    arm.object_vx, arm.object_vy = arm.object_x - object_x, arm.object_y - object_y


@inner
def close_step(arm: Record, rule: Record) -> float:
    """Book one env step; returns its reward."""
    judge(arm, rule)
    arm.succeeded = arm.succeeded or arm.success
    reward = reward_of(arm, rule)
    arm.episode_return += reward
    arm.step += 1
    arm.lived += 1
    if rule.drift_env_steps > 0.0:
        follow_drift(arm, rule)
    return reward


@inner
def close_episode(arm: Record) -> None:
    """Keep the episode's figures where the start of the next one does not reach them."""
    arm.last_return = arm.episode_return
    arm.last_length = arm.step
    arm.last_succeeded = arm.succeeded


@inner
def first_bad(actions: np.ndarray) -> int:
    """Index of the first action with a number that is not finite, -1 without one."""
    for i in range(actions.shape[0]):
        for k in range(actions.shape[1]):
            if not math.isfinite(actions[i, k]):
                return i
    return -1


@cache
def build() -> Callable[..., int]:
    """The entry point."""

    @entry()
    def play(
        arms: Any,
        substeps: int,
        restart: bool,
        actions: np.ndarray,
        dones: np.ndarray,
        rules: np.ndarray,
        seen: np.ndarray,
        last_seen: np.ndarray,
        rewards: np.ndarray,
        successes: np.ndarray,
    ) -> int:
        """One env step of every arm, or with `substeps` 0 only a new episode in those of `dones`;
        returns how many episodes ended, or -1 - i for a bad action."""
        bad = first_bad(actions)
        if bad >= 0:
            return -1 - bad
        rule = rules[0]
        ended = 0
        for i in range(arms.shape[0]):
            arm = arms[i]
            if substeps > 0:
                move(arm, rule, actions[i], substeps)
                rewards[i] = close_step(arm, rule)
                successes[i] = arm.success
                dones[i] = arm.step >= rule.limit
                if dones[i]:
                    ended += 1
                    close_episode(arm)
                    if restart:
                        observe(arm, rule, last_seen[i])
            if dones[i] and restart:
                follow_drift(arm, rule)
                start(arm, rule)
            observe(arm, rule, seen[i])
        return ended

    return play
