"""Environments that are filmed while somebody else steps them, without being changed by it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper

from l2rl.film.camera import Camera

Sink = Callable[[int, list[np.ndarray], "Scene"], None]
"""(environment, pictures, what they show) takes pictures as they are made."""


class Scene:
    """What an environment's pictures show."""

    def __init__(self) -> None:
        self.episode = 0
        """Running number in this environment, from 0."""
        self.total = 0.0
        """Return of the episode so far."""
        self.caption = ""
        """What the environment says of itself."""
        self.ended = False
        """The pictures are the last ones of their episode."""


class Filmed(VecEnvWrapper):
    """A VecEnv of which the first so many episodes of each environment are filmed."""

    def __init__(
        self,
        venv: VecEnv,
        quota: Sequence[int],
        make_camera: Callable[[VecEnv, int], Camera],
        sink: Sink,
    ) -> None:
        """`quota`: episodes to film of each environment."""
        super().__init__(venv)
        self._quota, self._sink = quota, sink
        filmed = [i for i, episodes in enumerate(quota) if episodes > 0]
        self._cameras = {i: make_camera(venv, i) for i in filmed}
        self._scenes: dict[int, Scene] = {}

    def reset(self) -> Any:
        """The films begin."""
        observations = self.venv.reset()
        self._scenes = {i: Scene() for i in self._cameras}
        for i in self._cameras:
            self._open(i)
        return observations

    def step_async(self, actions: np.ndarray) -> None:
        """Pictures of what is to come, where the environments can foresee it; then the step."""
        for i in self._cameras:
            if self._running(i):
                self._sink(i, self._cameras[i].before(actions[i]), self._scenes[i])
        self.venv.step_async(actions)

    def step_wait(self) -> tuple[Any, np.ndarray, np.ndarray, list[dict[str, Any]]]:
        """The step's end, and pictures of what has come."""
        observations, rewards, dones, infos = self.venv.step_wait()
        for i in self._cameras:
            if self._running(i):
                self._follow(i, float(rewards[i]), bool(dones[i]), infos[i])
        return observations, rewards, dones, infos

    def _running(self, i: int) -> bool:
        return self._scenes[i].episode < self._quota[i]

    def _open(self, i: int) -> None:
        scene, camera = self._scenes[i], self._cameras[i]
        scene.total, scene.ended, scene.caption = 0.0, False, camera.caption()
        self._sink(i, [camera.opening()], scene)

    def _follow(self, i: int, reward: float, done: bool, info: Mapping[str, Any]) -> None:
        scene, camera = self._scenes[i], self._cameras[i]
        scene.total += reward
        scene.ended = done
        if not done:
            scene.caption = camera.caption()
        pictures = camera.after(done, info)
        if pictures or done:
            self._sink(i, pictures, scene)
        if done:
            scene.episode += 1
            if self._running(i):
                self._open(i)
