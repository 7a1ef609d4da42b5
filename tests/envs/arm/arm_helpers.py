"""Shared by the arm's tests: living whole episodes in batches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from l2rl.environments import ScriptedPolicy
from l2rl.envs.arm.catalogue import TASKS as CATALOGUE
from l2rl.envs.arm.engine import Engine, Step

TASKS = tuple(CATALOGUE)


def random_actions(steps: int, n: int, seed: int = 0) -> np.ndarray:
    """(steps, n, 3) float32. Each is held for a while, so that the arm gets about."""
    drawn = np.random.default_rng(seed).uniform(-1, 1, (-(-steps // 6), n, 3))
    return np.repeat(drawn, 6, axis=0)[:steps].astype(np.float32)


def engine(task: str, seeds: Any = (1,), **parameters: Any) -> Engine:
    """An engine with one arm a seed."""
    return Engine(task, parameters, list(seeds))


def same(first: tuple[Any, ...], second: tuple[Any, ...]) -> bool:
    """Whether two results of a step hold the same bits."""
    return all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def live(
    task: str, policy: ScriptedPolicy, parameters: Mapping[str, Any], n: int = 200
) -> tuple[Engine, list[Step]]:
    """One episode of n arms."""
    arms = Engine(task, parameters, range(n))
    seen, steps = arms.observe(), []
    while not steps or not steps[-1].ended:
        steps.append(arms.step(policy(seen, None)))
        seen = steps[-1].observations
    return arms, steps
