"""How fast the minigames step on one core, and what compiling them costs.

    NUMBA_NUM_THREADS=1 OMP_NUM_THREADS=1 python benchmarks/minigames.py [--seconds 0.5] [--quick]

Actions are uniform over all 30, valid or not. `step` is
`MinigameVecEnv.step()`, what an agent gets; `raw` the engine below it. The rivals step N single
environments one after the other: Stable-Baselines3's DummyVecEnv and Gymnasium's SyncVectorEnv.
Each figure is the best of three repetitions, by the process's CPU time: one thread computes, and
other work on the machine is left out.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from l2rl.envs.minigames.catalogue import GAMES
from l2rl.envs.minigames.spaces import N_ACTIONS

TASKS = tuple(GAMES)
KINDS: dict[str, dict[str, Any]] = {
    "vector": {"observation": "vector"},
    "planes16": {"observation": "planes", "plane_size": 16},
    "planes64": {"observation": "planes", "plane_size": 64},
}
_FIRST_CALL = """
import time
import numpy as np
from l2rl.envs.minigames.engine import Engine
started = time.perf_counter()
Engine({task!r}, {{}}, [0]).step(np.array([0]))
print(time.perf_counter() - started)
"""


def rate(step: Callable[[np.ndarray], object], n: int, seconds: float) -> float:
    """Env steps a second, best of three."""
    actions = np.random.default_rng(0).integers(0, N_ACTIONS, (256, n))
    for row in actions[:20]:
        step(row)
    return max(_once(step, actions, seconds) for _ in range(3))


def _once(step: Callable[[np.ndarray], object], actions: np.ndarray, seconds: float) -> float:
    started, spent, steps = time.process_time(), 0.0, 0
    while spent < seconds:
        for row in actions[steps % 256 : steps % 256 + 32]:
            step(row)
        steps += 32
        spent = time.process_time() - started
    per_second: float = steps * actions.shape[1] / spent
    return per_second


def batch_rates(task: str, kind: str, n: int, seconds: float) -> tuple[float, float]:
    """Env steps a second through `MinigameVecEnv.step()` and through the engine alone."""
    from l2rl.envs.minigames import SUITE
    from l2rl.envs.minigames.engine import Engine

    env = SUITE.make(task, parameters=KINDS[kind], n_envs=n, seed=0)
    env.reset()
    raw = Engine(task, KINDS[kind], range(n))
    return rate(env.step, n, seconds), rate(raw.step, n, seconds)


def rival_rates(task: str, n: int, seconds: float) -> tuple[float, float]:
    """The same of N single environments in a DummyVecEnv and in a SyncVectorEnv."""
    from gymnasium.vector import SyncVectorEnv
    from stable_baselines3.common.vec_env import DummyVecEnv

    from l2rl.envs.minigames.single import MinigameEnv

    makers = [lambda: MinigameEnv(task)] * n
    dummy = DummyVecEnv(list(makers))
    sync = SyncVectorEnv(makers)
    dummy.reset()
    sync.reset()
    return rate(dummy.step, n, seconds), rate(sync.step, n, seconds)


def first_call(task: str, cache: str) -> float:
    """Seconds of a new process's first env step, imports left out."""
    done = subprocess.run(
        [sys.executable, "-c", _FIRST_CALL.format(task=task)],
        env={**os.environ, "NUMBA_CACHE_DIR": cache},
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=0.5, help="length of a repetition")
    parser.add_argument("--quick", action="store_true", help="64 games, vectors, nothing else")
    options = parser.parse_args()
    sizes = (64,) if options.quick else (1, 8, 64, 256, 1024)
    kinds = ("vector",) if options.quick else tuple(KINDS)
    print(f"{'task':28}{'observation':>12}{'games':>6}{'step/s':>11}{'raw/s':>11}{'us/step':>9}")
    for task in TASKS:
        for kind in kinds:
            for n in sizes:
                step, raw = batch_rates(task, kind, n, options.seconds)
                print(f"{task:28}{kind:>12}{n:6}{step:11,.0f}{raw:11,.0f}{n / step * 1e6:9.1f}")
    if options.quick:
        return
    print(f"\n{'task, 64 single games':28}{'DummyVecEnv/s':>16}{'SyncVectorEnv/s':>16}")
    for task in TASKS:
        dummy, sync = rival_rates(task, 64, options.seconds)
        print(f"{task:28}{dummy:16,.0f}{sync:16,.0f}")
    print(f"\n{'first env step, s':28}{'cold cache':>16}{'warm cache':>16}")
    for task in TASKS:
        with tempfile.TemporaryDirectory() as cache:
            print(f"{task:28}{first_call(task, cache):16.2f}{first_call(task, cache):16.2f}")


if __name__ == "__main__":
    main()
