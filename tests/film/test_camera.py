"""Cameras on environments that only draw themselves when asked, and on such as never do."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from stable_baselines3.common.vec_env import DummyVecEnv

from l2rl.curriculum import Task
from l2rl.errors import UserError
from l2rl.film.camera import Camera, live_speed, natural_fps, natural_speed
from l2rl.film.filmed import Filmed, Scene
from l2rl.playing import play, visible_env


class Counting(gymnasium.Env[np.ndarray, int]):
    """An episode of five steps, whose picture is as bright as the number of the step."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 5}  # noqa: RUF012
    observation_space = spaces.Box(0, 9, (1,), np.float32)
    action_space = spaces.Discrete(2)

    def __init__(self, render_mode: str | None = None) -> None:
        self.render_mode, self.steps = render_mode, 0

    def reset(self, **_: Any) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=_.get("seed"))
        self.steps = 0
        return np.zeros(1, np.float32), {}

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        self.steps += 1
        return np.full(1, self.steps, np.float32), 1.0, self.steps == 5, False, {}

    def render(self) -> np.ndarray:
        return np.full((4, 6, 3), self.steps, np.uint8)


gymnasium.register("CountingForCameras-v0", Counting)
TASK = Task("counted", "CountingForCameras-v0")


def act(observations: np.ndarray, masks: np.ndarray | None) -> np.ndarray:
    return np.array([1])


def brightness(pictures: list[np.ndarray]) -> list[int]:
    return [int(picture[0, 0, 0]) for picture in pictures]


@pytest.mark.parametrize(
    ("fps", "speed", "expected"),
    [
        (5, 1, [0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5]),
        # Half of the steps; but every end, which the VecEnv itself has left by then.
        (5, 2, [0, 2, 4, 5, 0, 2, 4, 5]),
        # A world in slow motion: its pictures stay.
        (10, 1, [0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5]),
    ],
)
def test_pictures_come_at_their_pace_and_the_end_is_the_end(
    fps: float, speed: float, expected: list[int]
) -> None:
    env = visible_env(TASK, 0)
    camera = Camera(env, fps=fps, speed=speed)
    moments = list(play(env, act, camera, episodes=2))
    assert brightness([p for moment in moments for p in moment.pictures]) == expected
    assert [m.ended for m in moments if m.ended] == [{"r": 5.0, "l": 5}] * 2


def test_when_it_is_stopped_the_last_picture_is_of_now() -> None:
    env = visible_env(TASK, 0)
    moments = list(play(env, act, Camera(env, fps=5, speed=50), episodes=1, steps=3))
    assert brightness(moments[-1].pictures) == [3]
    assert (moments[-1].length, moments[-1].total, moments[-1].ended) == (3, 3.0, None)


def test_each_environment_of_a_batch_is_filmed_for_its_own_episodes() -> None:
    seen: dict[int, list[int]] = {0: [], 1: [], 2: []}

    def sink(index: int, pictures: list[np.ndarray], scene: Scene) -> None:
        seen[index] += brightness(pictures)

    def camera(env: Any, index: int) -> Camera:
        return Camera(env, index, fps=5, speed=1)

    env = Filmed(visible_env(TASK, 0, 3), [2, 1, 0], camera, sink)
    env.reset()
    for _ in range(12):
        env.step(np.ones(3, int))
    assert seen == {0: [0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5], 1: [0, 1, 2, 3, 4, 5], 2: []}


def test_worlds_of_long_steps_are_shown_faster() -> None:
    counted, game = visible_env(TASK, 0), visible_env(Task("g", "minigames/MoveToBeacon"), 0)
    assert [natural_speed(env) for env in (counted, game)] == [1, 4]
    assert [live_speed(env) for env in (counted, game)] == [1, 2]
    assert [natural_fps(env) for env in (counted, game)] == [10, 10]


def test_an_environment_without_pictures_is_one_message() -> None:
    camera = Camera(DummyVecEnv([Counting]), fps=5, speed=1)
    camera._env.envs[0].render = lambda: None  # type: ignore[attr-defined]
    with pytest.raises(UserError, match="DummyVecEnv offers no pictures"):
        camera.opening()
