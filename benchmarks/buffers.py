"""How long replay buffers take: SB3's ReplayBuffer against `replay.reservoir`.

    OMP_NUM_THREADS=1 python benchmarks/buffers.py [--capacity 100000]

Microseconds per call, best of several repeats, and the ratio (above 1: ours is faster). Both
buffers are full, both sample the same number of transitions and return the same fields (ours also
belief and index).
"""

from __future__ import annotations

import argparse
import timeit
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.buffers import ReplayBuffer

from l2rl.components.replay.reservoir import ReservoirBuffer
from l2rl.views import BufferView

BATCH_SIZE = 256

CASES: dict[str, tuple[spaces.Box, spaces.Space[Any], int]] = {
    "vector 20, discrete, 1 env": (
        spaces.Box(-1, 1, (20,), np.float32),
        spaces.Discrete(4),
        1,
    ),
    "vector 20, box 6, 16 envs": (
        spaces.Box(-1, 1, (20,), np.float32),
        spaces.Box(-1, 1, (6,), np.float32),
        16,
    ),
    "vector 128, box 6, 16 envs": (
        spaces.Box(-1, 1, (128,), np.float32),
        spaces.Box(-1, 1, (6,), np.float32),
        16,
    ),
    "image 3x64x64 (2000 kept), 1 env": (
        spaces.Box(0, 255, (3, 64, 64), np.uint8),
        spaces.Discrete(4),
        1,
    ),
}


def best(call: Callable[[], object], seconds: float = 0.3, repeats: int = 7) -> float:
    """Microseconds per call."""
    once = timeit.timeit(call, number=5) / 5
    number = max(1, int(seconds / repeats / once))
    return min(timeit.repeat(call, number=number, repeat=repeats)) / number * 1e6


def measured(
    observation_space: spaces.Box, action_space: spaces.Space[Any], n_envs: int, capacity: int
) -> dict[str, tuple[float, float]]:
    """What -> microseconds of (SB3's buffer, ours)."""
    rng = np.random.default_rng(0)
    view = BufferView(
        capacity, observation_space, action_space, n_envs, torch.device("cpu"), lambda: 0
    )
    stock = ReplayBuffer(capacity, observation_space, action_space, "cpu", n_envs=n_envs)
    ours = ReservoirBuffer(view, capacity, 0.5, 0.5, rng)
    observations = np.stack([observation_space.sample() for _ in range(n_envs)])
    actions = np.stack([action_space.sample() for _ in range(n_envs)])
    rewards, done = np.ones(n_envs, np.float32), np.zeros(n_envs, bool)
    infos: list[dict[str, Any]] = [{} for _ in range(n_envs)]
    step = (observations, observations, actions, rewards, done, infos)
    for _ in range(capacity // n_envs + 1):
        stock.add(*step)
        ours.add(*step)
    return {
        "sample": (best(lambda: stock.sample(BATCH_SIZE)), best(lambda: ours.sample(BATCH_SIZE))),
        "add": (best(lambda: stock.add(*step)), best(lambda: ours.add(*step))),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Time replay buffers.")
    parser.add_argument("--capacity", type=int, default=100_000, help="transitions")
    capacity = parser.parse_args().capacity
    torch.set_num_threads(1)
    print(f"{'':36}{'':8}{'SB3':>10}{'ours':>10}{'ratio':>8}")
    for name, (observation_space, action_space, n_envs) in CASES.items():
        held = 2000 if observation_space.dtype == np.uint8 else capacity
        for what, (stock, ours) in measured(observation_space, action_space, n_envs, held).items():
            print(f"{name:36}{what:8}{stock:10.1f}{ours:10.1f}{stock / ours:8.1f}")


if __name__ == "__main__":
    main()
