"""How fast the arm steps on one core, how fast it is drawn, and what compiling costs.

    NUMBA_NUM_THREADS=1 OMP_NUM_THREADS=1 python benchmarks/arm.py [--seconds 0.5] [--quick]

Actions are uniform. `step` is `ArmVecEnv.step()`, what an agent gets; `raw` the engine below it.
The rival steps N single environments one after the other, as Stable-Baselines3's DummyVecEnv does.
Each figure is the best of three repetitions, by the process's CPU time.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

import numpy as np

from l2rl.envs.arm.catalogue import TASKS
from l2rl.envs.arm.engine import Engine
from l2rl.envs.arm.single import ArmEnv
from l2rl.envs.arm.vec_env import ArmVecEnv

_FIRST_CALL = """
import time
import numpy as np
from l2rl.envs.arm.engine import Engine
started = time.process_time()
Engine("push", {}, [0]).step(np.zeros((1, 3)))
print(time.process_time() - started)
"""


def rate(step: Callable[[np.ndarray], object], n: int, seconds: float) -> float:
    """Env steps a second, best of three."""
    actions = np.random.default_rng(0).uniform(-1, 1, (64, n, 3)).astype(np.float32)
    for row in actions[:20]:
        step(row)
    return max(_once(step, actions, seconds) for _ in range(3))


def _once(step: Callable[[np.ndarray], object], actions: np.ndarray, seconds: float) -> float:
    started, spent, steps = time.process_time(), 0.0, 0
    while spent < seconds:
        for row in actions:
            step(row)
        steps += len(actions)
        spent = time.process_time() - started
    per_second: float = steps * actions.shape[1] / spent
    return per_second


def dummy_rate(task: str, n: int, seconds: float) -> float:
    """The same of N single environments in a DummyVecEnv."""
    from stable_baselines3.common.vec_env import DummyVecEnv

    env = DummyVecEnv([lambda: ArmEnv(task)] * n)
    env.reset()
    return rate(env.step, n, seconds)


def picture_ms(task: str, size: tuple[int, int] | None, panel: bool) -> float:
    """Milliseconds a picture."""
    env = ArmVecEnv(task)
    env.picture(0, size=size, panel=panel)
    started = time.process_time()
    for _ in range(50):
        env.picture(0, size=size, panel=panel)
    return (time.process_time() - started) / 50 * 1e3


def first_call_s(cache: str) -> float:
    """CPU seconds of a new process's first env step, imports left out."""
    done = subprocess.run(
        [sys.executable, "-c", _FIRST_CALL],
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
    parser.add_argument("--quick", action="store_true", help="256 arms, nothing else")
    options = parser.parse_args()
    print(f"{'task':12}{'arms':>6}{'step/s':>12}{'raw/s':>12}{'DummyVecEnv/s':>15}")
    for task in TASKS:
        for n in (256,) if options.quick else (1, 16, 256, 1024):
            step = rate(ArmVecEnv(task, n_envs=n).step, n, options.seconds)
            raw = rate(Engine(task, {}, range(n)).step, n, options.seconds)
            rival = "" if options.quick or n != 16 else f"{dummy_rate(task, n, 0.3):,.0f}"
            print(f"{task:12}{n:6}{step:12,.0f}{raw:12,.0f}{rival:>15}")
    if options.quick:
        return
    print(f"\n{'task':12}{'520 x 360, ms':>15}{'128 x 128 bare, ms':>20}")
    for task in TASKS:
        bare = picture_ms(task, (128, 128), False)
        print(f"{task:12}{picture_ms(task, None, True):15.1f}{bare:20.1f}")
    with tempfile.TemporaryDirectory() as cache:
        cold, warm = first_call_s(cache), first_call_s(cache)
    print(f"\nfirst env step: {cold:.1f} s with a cold cache, {warm:.2f} s with a warm one")


if __name__ == "__main__":
    main()
