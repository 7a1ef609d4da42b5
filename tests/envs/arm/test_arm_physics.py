"""What the simulation promises: nothing penetrates, nothing moves by itself, limits hold."""

from __future__ import annotations

import numpy as np
import pytest
from arm_helpers import TASKS, engine, random_actions

from l2rl.envs.arm.contact import CLOSED, FIST
from l2rl.envs.arm.engine import Engine
from l2rl.envs.arm.kinematics import (
    ELBOW_HIGH,
    ELBOW_LOW,
    FASTEST_JOINT,
    SHOULDER_HIGH,
    SHOULDER_LOW,
    TOOL_STEP,
)

WITH_OBJECTS = tuple(task for task in TASKS if task != "reach")
GRASPABLE = ("pick_place", "drawer", "door", "faucet")


def near_object(task: str, n: int = 64, **parameters: object) -> Engine:
    """Arms that start with the tool close to the object, where most happens."""
    arms = engine(task, range(n), **parameters)
    for _ in range(60):
        way = (
            arms.arms["object_x"] - arms.arms["tool_x"],
            arms.arms["object_y"] - arms.arms["tool_y"],
        )
        away = np.hypot(*way) - 0.1
        actions = np.stack([*(part * np.sign(away) * 10 for part in way), -np.ones(n)], axis=1)
        arms.step(actions)
        arms.arms["step"] = 0
    return arms


def apart(arms: Engine) -> np.ndarray:
    state = arms.arms
    gap: np.ndarray = np.hypot(
        state["object_x"] - state["tool_x"], state["object_y"] - state["tool_y"]
    )
    return gap


@pytest.mark.parametrize("task", WITH_OBJECTS)
def test_a_fist_is_never_inside_an_object_and_pushes_it(task: str) -> None:
    arms = near_object(task)
    radius, moved = float(arms.rules["radius"][0]), 0
    for actions in random_actions(90, 64, seed=3):
        before = arms.arms[["object_x", "object_y"]].copy()
        arms.step(actions, restart=False)
        state = arms.arms
        fist = (state["opening"] < CLOSED) & ~state["holds"]
        assert (apart(arms)[fist] >= FIST + radius - 1e-7).all()
        moved += int((before != state[["object_x", "object_y"]])[fist].sum())
    assert moved > 5


@pytest.mark.parametrize("task", WITH_OBJECTS)
def test_an_object_moves_only_in_touch_grasp_or_by_its_spring(task: str) -> None:
    arms = near_object(task)
    reach = FIST + float(arms.rules["radius"][0])
    for actions in random_actions(90, 64, seed=4):
        before, far = arms.arms.copy(), apart(arms) > reach + 0.12
        arms.step(actions, restart=False)
        moved = np.hypot(
            arms.arms["object_x"] - before["object_x"], arms.arms["object_y"] - before["object_y"]
        )
        # In one env step the tool cannot come that far.
        untouched = far & ~before["holds"]
        if task == "button":
            assert (arms.arms["way"] <= before["way"] + 1e-12)[untouched].all()
        else:
            assert (moved[untouched] == 0).all()


@pytest.mark.parametrize("task", GRASPABLE)
def test_what_is_held_keeps_its_place_in_the_gripper(task: str) -> None:
    arms, held = near_object(task), 0
    for actions in random_actions(90, 64, seed=5):
        actions[:, 2] = 1.0
        state = arms.arms
        if not state["holds"].any():
            way = state["object_x"] - state["tool_x"], state["object_y"] - state["tool_y"]
            actions = np.stack([10 * way[0], 10 * way[1], np.where(apart(arms) < 0.03, 1, -1)], 1)
        arms.step(actions, restart=False)
        state = arms.arms[arms.arms["holds"]]
        held += len(state)
        assert np.allclose(state["object_x"] - state["tool_x"], state["grip_x"], atol=1e-9)
        assert np.allclose(state["object_y"] - state["tool_y"], state["grip_y"], atol=1e-9)
    assert held > 500


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("control", ["tool", "joints"])
def test_joints_stay_within_limits_and_speeds(task: str, control: str) -> None:
    arms = engine(task, range(32), control=control, action_gain=2.0)
    for actions in np.sign(random_actions(99, 32)):
        before = arms.arms.copy()
        arms.step(actions, restart=False)
        state = arms.arms
        assert ((state["joint_1"] >= SHOULDER_LOW) & (state["joint_1"] <= SHOULDER_HIGH)).all()
        assert ((state["joint_2"] >= ELBOW_LOW) & (state["joint_2"] <= ELBOW_HIGH)).all()
        assert (np.abs(state["speed_1"]) <= FASTEST_JOINT + 1e-9).all()
        if task == "reach":
            turned = np.abs(state["joint_1"] - before["joint_1"])
            assert (turned <= FASTEST_JOINT + 1e-9).all()


def test_the_tool_goes_where_it_is_told() -> None:
    arms = engine("reach", range(8), response=1.0)
    before = arms.arms.copy()
    arms.step(np.tile([0.0, 1.0, 0.0], (8, 1)))
    assert np.allclose(arms.arms["tool_y"] - before["tool_y"], TOOL_STEP, rtol=0.05)
    assert np.allclose(arms.arms["tool_x"], before["tool_x"], atol=0.003)


@pytest.mark.parametrize(
    ("parameter", "value"), [("action_gain", 0.5), ("response", 0.2), ("mass", 10.0)]
)
def test_dynamics_parameters_slow_the_motion_they_name(parameter: str, value: float) -> None:
    """The first two in free motion, the mass only under load."""
    speeds = {}
    for given in ({}, {parameter: value}):
        arms, free = engine("pick_place", range(8), **given), []
        for k in range(40):
            state = arms.arms
            way = np.stack(
                [state["object_x"] - state["tool_x"], state["object_y"] - state["tool_y"]], axis=1
            )
            grip = np.where(np.hypot(*way.T) < 0.03, 1.0, -1.0)
            actions = np.column_stack([10 * way, np.where(state["holds"], 1.0, grip)])
            actions[state["holds"], :2] = [0.0, -0.5]
            arms.step(actions)
            if k == 1:
                free = np.hypot(state["tool_vx"], state["tool_vy"]).mean()
        loaded = np.hypot(arms.arms["tool_vx"], arms.arms["tool_vy"])[arms.arms["holds"]]
        speeds[bool(given)] = free, loaded.mean() if len(loaded) else 0.0
    (free, _), (slow_free, slow_loaded) = speeds[False], speeds[True]
    if parameter == "mass":
        assert free == slow_free
        assert 0.0 < slow_loaded < 0.012
    else:
        assert slow_free < 0.7 * free


def test_only_what_is_carried_gets_over_the_fence() -> None:
    arms = near_object("pick_place", n=32)
    # All fists west of the peg push east.
    for _ in range(95):
        state = arms.arms
        behind = state["object_x"] - 0.085, state["object_y"]
        gap = np.hypot(behind[0] - state["tool_x"], behind[1] - state["tool_y"])
        pushes = (state["opening"] < CLOSED) | (gap < 0.01)
        east = np.where(state["opening"] < CLOSED, 1.0, 0.0)
        way = np.stack([behind[0] - state["tool_x"], behind[1] - state["tool_y"]], axis=1)
        actions = np.where(pushes[:, None], np.stack([east, 0 * east], axis=1), 10 * way)
        arms.step(np.column_stack([actions, np.where(pushes, 1.0, -1.0)]), restart=False)
        assert (arms.arms["object_x"] <= -arms.rules["radius"] + 1e-12).all()
    assert (arms.arms["object_x"] > -0.05).any()


def test_a_closing_gripper_rests_on_what_it_cannot_grasp() -> None:
    arms = engine("push", [1])
    arms.arms["object_x"], arms.arms["object_y"] = arms.arms["tool_x"], arms.arms["tool_y"]
    before = arms.arms.copy()
    for _ in range(5):
        arms.step(np.array([[0.0, 0.0, 1.0]]))
    assert arms.arms["opening"][0] == CLOSED
    assert arms.arms["object_x"] == before["object_x"]
    assert np.allclose(arms.arms["tool_x"], before["tool_x"], atol=1e-12)


def test_a_button_springs_back_and_other_things_stay() -> None:
    for task, back in (("button", True), ("drawer", False)):
        arms = engine(task, [1])
        arms.arms["way"] = 0.05
        arms.step(np.array([[0.0, 0.0, -1.0]]))
        assert (arms.arms["way"][0] < 0.045) == back


@pytest.mark.parametrize("task", TASKS)
def test_the_mirrored_variant_is_the_mirror_image(task: str) -> None:
    plain, mirrored = engine(task, range(16)), engine(task, range(16), mirror=True)
    flip = np.array([-1.0, 1.0, 1.0], np.float32)
    pairs = [0, 2, 6, 8, 12, 14, 16, 19, 21]
    signs = np.ones(31, np.float32)
    signs[[*pairs, 4, 5]] = -1.0
    assert np.array_equal(plain.observe() * signs, mirrored.observe())
    for actions in random_actions(99, 16):
        first, second = plain.step(actions), mirrored.step(actions * flip)
        assert np.array_equal(first.observations * signs, second.observations)
        assert np.array_equal(first.rewards, second.rewards)


@pytest.mark.parametrize("task", TASKS)
def test_a_turned_table_is_the_same_table_seen_turned(task: str) -> None:
    plain, turned = engine(task, range(16)), engine(task, range(16), rotation=90)
    for actions in random_actions(30, 16):
        a, b, grip = actions.T
        first, second = plain.step(actions), turned.step(np.stack([-b, a, grip], axis=1))
        assert np.allclose(first.rewards, second.rewards, atol=1e-6)
    tool, there = first.observations[:, 6:8], second.observations[:, 6:8]
    assert np.allclose(np.stack([-tool[:, 1], tool[:, 0]], axis=1), there, atol=1e-5)


def test_a_turned_control_moves_the_tool_elsewhere() -> None:
    plain, twisted = engine("reach", [1]), engine("reach", [1], action_rotation=90)
    plain.step(np.array([[0.0, 1.0, 0.0]]))
    twisted.step(np.array([[1.0, 0.0, 0.0]]))
    assert np.allclose(plain.observe(), twisted.observe(), atol=1e-6)


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("task", TASKS)
def test_the_side_halves_the_region_and_the_spread_shrinks_it(task: str, side: str) -> None:
    halved, shrunk = engine(task, range(200), side=side), engine(task, range(200), spread=0.0)
    place = "goal" if task in ("reach", "push", "pick_place") else "base"
    everywhere = engine(task, range(200)).arms[f"{place}_x"]
    middle = (everywhere.min() + everywhere.max()) / 2
    found = halved.arms[f"{place}_x"]
    assert (found < middle + 0.02).all() if side == "left" else (found > middle - 0.02).all()
    assert np.ptp(shrunk.arms[f"{place}_x"]) == 0
