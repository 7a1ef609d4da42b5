"""Env steps a second through the real client library, against the loopback stand-in.

It says what client, supervisor and mirror cost, and the stand-in, which is on the same machine; it
says nothing of how fast the real game is.

    python benchmarks/starcraft2.py
"""

from __future__ import annotations

import os
import resource
import tempfile
import time
from pathlib import Path

import numpy as np

from l2rl.envs.starcraft2.loopback.install import install

STEPS = 200
CASES = [
    ("MoveToBeacon", {}, 1),
    ("MoveToBeacon", {}, 4),
    ("DefeatRoaches", {}, 1),
    ("CollectMineralsAndGas", {}, 1),
    ("MoveToBeacon", {"actions": "functions", "observation": "features", "screen_size": 64}, 1),
]


def main() -> None:
    """Print a table."""
    os.environ["SC2PATH"] = str(install(Path(tempfile.mkdtemp(prefix="l2rl-sc2-"))))
    from l2rl.envs.starcraft2.vec_env import StarCraftVecEnv

    print("| task | actions | games | start s | env steps/s | client's CPU ms an env step |")
    print("|---|---|---|---|---|---|")
    for task, parameters, n_envs in CASES:
        env = StarCraftVecEnv(task, {"launch_timeout_s": 600, **parameters}, n_envs=n_envs)
        began = time.perf_counter()
        env.reset()
        started = time.perf_counter() - began
        for step in range(20):
            env.step(_actions(env, step))
        began, cpu = time.perf_counter(), _cpu()
        for step in range(STEPS):
            env.step(_actions(env, step))
        wall, cpu = time.perf_counter() - began, _cpu() - cpu
        env.close()
        n = STEPS * n_envs
        actions = parameters.get("actions", "macro")
        print(
            f"| {task} | {actions} | {n_envs} | {started:.1f} | {n / wall:.0f} "
            f"| {1e3 * cpu / n:.2f} |"
        )


def _actions(env: object, step: int) -> np.ndarray:
    """A walk in a circle, or no call."""
    shape = env.action_space.shape or ()  # type: ignore[attr-defined]
    value = 0 if shape else 1 + step % 8
    return np.full((env.num_envs, *shape), value)  # type: ignore[attr-defined]


def _cpu() -> float:
    """CPU seconds of this process; the games' processes are not its own."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
