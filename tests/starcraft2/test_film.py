"""The real game as the embedded one's equal: its infos, its pace, and a film of `backend: sc2`."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from l2rl.curriculum import Task
from l2rl.envs.minigames.vec_env import MinigameVecEnv
from l2rl.envs.starcraft2.vec_env import StarCraftVecEnv
from l2rl.film.camera import Camera, steps_per_second
from l2rl.film.filmed import Filmed, Scene
from l2rl.task_environments import make_task_env

SHORT = {"limit_s": 2.0, "step_mul": 4}
STEPS = 8


def ended(env: Any) -> dict[str, Any]:
    """The info of an episode's last step."""
    env.reset()
    for _ in range(STEPS):
        _, _, dones, infos = env.step(np.array([3]))
    assert dones.all()
    info: dict[str, Any] = infos[0]
    return info


def test_it_tells_its_pace_and_its_last_mask_as_the_embedded_game_does() -> None:
    real, embedded = StarCraftVecEnv("MoveToBeacon", SHORT), MinigameVecEnv("MoveToBeacon", SHORT)
    try:
        assert steps_per_second(real) == steps_per_second(embedded) == 4.0
        one, other = ended(real), ended(embedded)
    finally:
        real.close()
    assert one.keys() == other.keys()
    assert np.array_equal(one["terminal_action_mask"], other["terminal_action_mask"])
    assert one["terminal_action_mask"].any()


def test_a_film_shows_an_episode_from_its_start_to_its_end() -> None:
    films: list[list[np.ndarray]] = []

    def sink(index: int, pictures: list[np.ndarray], scene: Scene) -> None:
        assert index == 0
        if scene.episode == len(films):
            films.append([])
        films[-1] += pictures

    task = Task("real", "minigames/MoveToBeacon", parameters={**SHORT, "backend": "sc2"})
    env = Filmed(
        make_task_env(task, n_envs=1, seed=3),
        [2],
        lambda venv, index: Camera(venv, index, fps=4, speed=1),
        sink,
    )
    try:
        env.reset()
        for _ in range(2 * STEPS + 3):
            env.step(np.array([3]))
    finally:
        env.close()
    assert [len(film) for film in films] == [STEPS + 1] * 2
    for film in films:
        assert all(picture.shape == film[0].shape for picture in film)
        moved = [bool((a != b).any()) for a, b in itertools.pairwise(film)]
        assert all(moved), "every picture shows another moment"
    assert (films[0][-1] != films[1][0]).any(), "the end is not the next episode's beginning"
