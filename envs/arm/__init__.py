"""The arm: a planar robot arm with a gripper and eight tasks, small enough for tests and tutorials.

`SUITE` is what the core finds. The faces are `vec_env.ArmVecEnv` (Stable-Baselines3),
`single.ArmEnv` (`gymnasium.Env`) and `vector.ArmVectorEnv` (`gymnasium.vector`).
Importing this package does not import numba; making an environment does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium
from stable_baselines3.common.vec_env import VecEnv

from l2rl.environments import EnvironmentSuite, ScriptedPolicy, TaskInfo

from .catalogue import PARAMETERS, TASKS, VARIANTS, find_task, task_values

__all__ = ["SUITE", "ArmSuite", "gymnasium_id"]

_RETURN_RANGES = {
    "reach": (21.5, 95.9),
    "push": (9.0, 92.9),
    "sweep": (7.8, 91.5),
    "pick_place": (4.2, 86.2),
    "button": (7.0, 93.5),
    "drawer": (3.9, 89.4),
    "door": (4.2, 88.5),
    "faucet": (5.3, 88.8),
}
"""Mean return of uniform actions, and of the better of the scripted policy and trained SAC
(mean of two seeds), as docs/arm.md has them."""


class ArmSuite(EnvironmentSuite):
    """All tasks with shared spaces; see docs/arm.md."""

    name = "arm"
    version = "1"

    def tasks(self) -> Mapping[str, TaskInfo]:
        """Every task with its variants and parameters."""
        return {
            name: TaskInfo(
                name=name,
                summary=task.summary,
                variants=VARIANTS,
                parameters={key: value.line for key, value in PARAMETERS.items()},
                reward_version="1",
                return_range=_RETURN_RANGES.get(name),
            )
            for name, task in TASKS.items()
        }

    def make(self, task: str, *, parameters: Mapping[str, Any], n_envs: int, seed: int) -> VecEnv:
        """An `ArmVecEnv`."""
        self.check(task, parameters)
        from .vec_env import ArmVecEnv

        return ArmVecEnv(task, parameters, n_envs=n_envs, seed=seed)

    def episode_limit(self, task: str, parameters: Mapping[str, Any]) -> int | None:
        """Every episode ends there, and nowhere else."""
        return int(task_values(task, parameters)["episode_steps"])

    def check(self, task: str, parameters: Mapping[str, Any]) -> None:
        """Raise `ValueError` for an unknown task, parameter or value; compiles nothing."""
        task_values(task, parameters)

    def scripted_policy(self, task: str) -> ScriptedPolicy | None:
        """The task's expert of `scripted.py`. It moves the tool, as `control: tool` does; for
        joint speeds there is `scripted.expert(task, control="joints")`."""
        from .scripted import expert

        find_task(task)
        return expert(task)


def gymnasium_id(task: str) -> str:
    """`l2rl/ArmPickPlace-v0` of `pick_place`."""
    return f"l2rl/Arm{task.title().replace('_', '')}-v0"


def _register() -> None:
    for name in TASKS:
        gymnasium.register(
            id=gymnasium_id(name),
            entry_point="l2rl.envs.arm.single:ArmEnv",
            vector_entry_point="l2rl.envs.arm.vector:ArmVectorEnv",
            kwargs={"task": name},
        )


SUITE = ArmSuite()
_register()
