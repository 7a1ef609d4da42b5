"""From a task of the curriculum to environments: suite, variant, parameters, checks."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper

from l2rl.curriculum import Curriculum, Task
from l2rl.environments import (
    EnvironmentEvent,
    EnvironmentSuite,
    EventfulVecEnv,
    StatefulVecEnv,
)
from l2rl.errors import UserError
from l2rl.registry import environment_address, environment_suite


def suite_of(task: Task) -> tuple[EnvironmentSuite, str]:
    """(suite, name inside the suite). What bears no suite's prefix is a Gymnasium id.

    Raises `UserError` for a misspelt suite, or one that cannot be imported.
    """
    prefix, name = environment_address(task.env)
    return environment_suite(prefix), name


def parameters_of(task: Task) -> dict[str, Any]:
    """The variant's parameters, overlaid by the task's own.

    Raises `ValueError` for an unknown variant.
    """
    suite, name = suite_of(task)
    info = suite.tasks().get(name)
    variants: Mapping[str, Mapping[str, Any]] = info.variants if info else {"default": {}}
    if task.variant not in variants:
        near = difflib.get_close_matches(task.variant, variants, 1)
        meant = f"did you mean {near[0]!r}? " if near else ""
        raise ValueError(
            f"task {task.env!r} has no variant {task.variant!r}; {meant}"
            f"there are: {', '.join(sorted(variants))}"
        )
    return {**variants[task.variant], **task.parameters}


def make_task_env(task: Task, *, n_envs: int, seed: int) -> VecEnv:
    """The task as a VecEnv. Raises `ValueError` as `EnvironmentSuite.make` does."""
    suite, name = suite_of(task)
    return suite.make(name, parameters=parameters_of(task), n_envs=n_envs, seed=seed)


def check_task(task: Task) -> None:
    """Raise `ValueError` or `UserError` unless the task can be made."""
    suite, name = suite_of(task)
    missing = suite.missing()
    if missing:
        raise UserError(missing)
    suite.check(name, parameters_of(task))


def episode_limit(task: Task) -> int | None:
    """Env steps of the longest episode; None where that is not known.

    Raises `ValueError` and `UserError` as `check_task` does.
    """
    suite, name = suite_of(task)
    return suite.episode_limit(name, parameters_of(task))


def stateful(env: VecEnv) -> StatefulVecEnv:
    """The innermost environment, whose state can be read and given back.

    Raises `UserError` for one that cannot.
    """
    inner: VecEnv = env
    while isinstance(inner, VecEnvWrapper) and not isinstance(inner, StatefulVecEnv):
        inner = inner.venv
    if not isinstance(inner, StatefulVecEnv):
        raise UserError(
            f"{type(inner).__name__} has no state_dict/load_state_dict: a run on it could not be "
            "resumed exactly. Give its VecEnv these two methods (l2rl.environments)."
        )
    return inner


def drain_events(env: VecEnv) -> list[EnvironmentEvent]:
    """What the innermost environment has to tell since the last call."""
    inner: VecEnv = env
    while isinstance(inner, VecEnvWrapper) and not isinstance(inner, EventfulVecEnv):
        inner = inner.venv
    return inner.drain_events() if isinstance(inner, EventfulVecEnv) else []


def environment_versions(curriculum: Curriculum) -> dict[str, Any]:
    """Version of each suite and reward version of each of its tasks, for the manifest."""
    versions: dict[str, Any] = {}
    for task in curriculum.tasks.values():
        suite, name = suite_of(task)
        entry = versions.setdefault(suite.name, {"version": suite.version, "reward_versions": {}})
        info = suite.tasks().get(name)
        entry["reward_versions"][name] = info.reward_version if info else "unknown"
    return versions


def return_ranges(curriculum: Curriculum) -> dict[str, list[float]]:
    """`{task: [low, high]}` of the tasks whose suite knows the range of their returns."""
    ranges = {}
    for name, task in curriculum.tasks.items():
        suite, inside = suite_of(task)
        info = suite.tasks().get(inside)
        unchanged = task.variant == "default" and not task.parameters
        if info is not None and info.return_range is not None and unchanged:
            ranges[name] = [float(bound) for bound in info.return_range]
    return ranges
