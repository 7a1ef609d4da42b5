"""Playing one task for people to look at: by chance, by hand-written rules, by hand."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from gymnasium import spaces
from stable_baselines3.common.vec_env import VecEnv

from l2rl.action_masks import mask_parts
from l2rl.curriculum import Task
from l2rl.environments import Controls
from l2rl.errors import UserError
from l2rl.film.camera import Camera
from l2rl.randomness import derive_seed, numpy_generator
from l2rl.task_environments import parameters_of, suite_of

Act = Callable[[np.ndarray, np.ndarray | None], np.ndarray]
"""(observations (1, ...), action masks (1, n) bool or None) -> actions (1, ...)."""

_DIGITS = "0123456789"


@dataclass(frozen=True)
class Moment:
    """What one env step, or the start of an episode, gives to look at."""

    pictures: list[np.ndarray]
    caption: str
    """What the environment says of itself after it."""
    episode: int
    """Running number, from 0."""
    action: Any = None
    """None at the start of an episode."""
    refused: bool = False
    """The action was not valid, by the environment's own mask."""
    total: float = 0.0
    """Return of the episode so far."""
    length: int = 0
    """Env steps of the episode so far."""
    ended: Mapping[str, Any] | None = None
    """`infos["episode"]` of an episode that this step ended."""


def visible_env(task: Task, seed: int, n_envs: int = 1) -> VecEnv:
    """Environments of a task that can be looked at. Raises `UserError` with the way out."""
    suite, name = suite_of(task)
    missing = suite.missing()
    if missing:
        raise UserError(missing)
    try:
        parameters = parameters_of(task)
        return suite.make_visible(name, parameters=parameters, n_envs=n_envs, seed=seed)
    except ValueError as error:
        raise UserError(str(error)) from error


def controls_of(task: Task, env: VecEnv) -> Controls | None:
    """The suite's keys; otherwise digits, where there are ten actions at most. Actions that are
    not numbered have none."""
    if not isinstance(env.action_space, spaces.Discrete):
        return None
    suite, name = suite_of(task)
    controls = suite.controls(name)
    if controls is not None:
        return controls
    count = int(env.action_space.n)
    if count > len(_DIGITS):
        return None
    keys = {digit: action for action, digit in enumerate(_DIGITS[:count])}
    return Controls([f"action {action}" for action in range(count)], keys)


def random_policy(env: VecEnv, seed: int) -> Act:
    """Uniform over all actions; where the environment says which are valid, uniform over the valid
    options of each part of an action."""
    rng = numpy_generator(seed, "play")
    env.action_space.seed(derive_seed(seed, "play") % 2**31)

    def act(observations: np.ndarray, masks: np.ndarray | None) -> np.ndarray:
        if masks is None:
            return np.array([env.action_space.sample()])
        options = _options(masks[0], env.action_space)
        chosen = [rng.choice(np.flatnonzero(valid)) for valid in options]
        return np.reshape(chosen, (1, *(env.action_space.shape or ())))

    return act


def scripted_policy(task: Task, env: VecEnv) -> Act:
    """The suite's own. Raises `UserError` when it has none, or one for another kind of actions."""
    suite, name = suite_of(task)
    policy = suite.scripted_policy(name)
    if policy is None:
        raise UserError(f"{task.env} has no scripted policy; use --policy random")

    def act(observations: np.ndarray, masks: np.ndarray | None) -> np.ndarray:
        try:
            actions = np.asarray(policy(observations, masks))
        except ValueError as error:
            raise UserError(f"{task.env}: the scripted policy cannot play it: {error}") from None
        if not env.action_space.contains(actions[0]):
            raise UserError(
                f"{task.env}: the scripted policy does not act in {env.action_space}\n"
                "  use --policy random"
            )
        return actions

    return act


def keyboard_policy(controls: Controls, pressed: Callable[[], int | None]) -> Act:
    """What a person presses; while nothing is pressed the idle action, or the last one again."""
    last = 0

    def act(observations: np.ndarray, masks: np.ndarray | None) -> np.ndarray:
        nonlocal last
        key = pressed()
        if key is not None:
            last = key
        elif controls.idle is not None:
            last = controls.idle
        return np.array([last])

    return act


def play(
    env: VecEnv, act: Act, camera: Camera, *, episodes: int, steps: int | None = None
) -> Iterator[Moment]:
    """Play environment 0 of a VecEnv with one environment, for so many episodes, and so many env
    steps at most."""
    observations: Any = env.reset()
    left = math.inf if steps is None else steps
    for episode in range(episodes):
        moment = Moment([camera.opening()], camera.caption(), episode)
        yield moment
        while moment.ended is None and left > 0:
            observations, moment = _step(env, act, camera, observations, moment)
            left -= 1
            yield moment
        if moment.ended is None:
            yield replace(moment, pictures=[camera.still()])
            return


def _step(
    env: VecEnv, act: Act, camera: Camera, observations: Any, before: Moment
) -> tuple[Any, Moment]:
    """One env step: what is seen after it, and what there was to look at."""
    masks = masks_of(env)
    action = act(observations, masks)[0]
    pictures = camera.before(action)
    observations, rewards, dones, infos = env.step(np.array([action]))
    done = bool(dones[0])
    return observations, replace(
        before,
        pictures=pictures + camera.after(done, infos[0]),
        # After its last step the environment speaks of the next episode already.
        caption=before.caption if done else camera.caption(),
        action=action,
        refused=masks is not None and _is_refused(action, masks[0], env.action_space),
        total=before.total + float(rewards[0]),
        length=before.length + 1,
        ended=infos[0]["episode"] if done else None,
    )


def masks_of(env: VecEnv) -> np.ndarray | None:
    """Which actions are valid now, (n_envs, n) bool, None where the environments do not say."""
    try:
        given = env.env_method("action_masks")
    except AttributeError:
        return None
    return np.array(given, dtype=bool)


def _options(mask: np.ndarray, space: spaces.Space[Any]) -> list[np.ndarray]:
    """A flat mask, one piece for each part of an action."""
    return np.split(mask, np.cumsum(mask_parts(space))[:-1])


def _is_refused(action: Any, mask: np.ndarray, space: spaces.Space[Any]) -> bool:
    parts = zip(_options(mask, space), np.atleast_1d(action), strict=True)
    return not all(valid[option] for valid, option in parts)
