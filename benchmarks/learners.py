"""Our learners without components beside stock Stable-Baselines3, on the same work.

Both train in turn, pair by pair, in one process with one thread; the figure is the ratio of the
process CPU time of each pair (above 1: ours is faster), as median and range. The parameters at
the end are compared too: identical work is what makes the ratio mean something.

    python benchmarks/learners.py [pairs]
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import torch
from stable_baselines3 import DQN, PPO, SAC
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.env_util import make_vec_env

from l2rl.agents.dqn import LifelongDQN
from l2rl.agents.ppo import LifelongPPO
from l2rl.agents.sac import LifelongSAC

Case = tuple[str, type[Any], type[Any], Callable[[], Any], int, dict[str, Any]]


def minigames(n_envs: int) -> Any:
    from l2rl.envs.minigames import SUITE

    return SUITE.make("MoveToBeacon", parameters={}, n_envs=n_envs, seed=0)


CASES: list[Case] = [
    ("PPO, SB3's defaults, 8 CartPoles", LifelongPPO, PPO, lambda: make_vec_env("CartPole-v1", 8),
     8 * 512, {"n_steps": 256}),
    ("PPO, 64 minigames, batch 256, 4 epochs", LifelongPPO, PPO, lambda: minigames(64),
     64 * 64 * 4, {"n_steps": 64, "batch_size": 256, "n_epochs": 4}),
    ("DQN, 16 minigames, batch 64", LifelongDQN, DQN, lambda: minigames(16),
     8000, {"batch_size": 64, "gradient_steps": 4, "buffer_size": 20_000}),
    ("SAC, Pendulum, batch 64", LifelongSAC, SAC, lambda: make_vec_env("Pendulum-v1", 1),
     600, {"batch_size": 64, "policy_kwargs": {"net_arch": [64, 64]}}),
]  # fmt: skip


def trained(algorithm: type[Any], case: Case) -> tuple[float, BaseAlgorithm]:
    """(CPU seconds of learning, the model)."""
    _, _, _, make_env, env_steps, settings = case
    model = algorithm("MlpPolicy", make_env(), seed=0, device="cpu", **settings)
    before = time.process_time()
    model.learn(env_steps)
    return time.process_time() - before, model


def identical(one: BaseAlgorithm, other: BaseAlgorithm) -> bool:
    """Whether all parameters are equal, bit for bit."""
    theirs = other.policy.state_dict()
    return all(torch.equal(v, theirs[k]) for k, v in one.policy.state_dict().items())


def main() -> None:
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    torch.set_num_threads(1)
    print(f"{'case':42s} {'stock s':>8s} {'ours s':>8s}  ratio median (min-max)  identical")
    for case in CASES:
        trained(case[1], case)
        ours, stock, ratios, same = [], [], [], True
        for _ in range(pairs):
            ours_s, our_model = trained(case[1], case)
            stock_s, their_model = trained(case[2], case)
            ours.append(ours_s)
            stock.append(stock_s)
            ratios.append(stock_s / ours_s)
            same &= identical(our_model, their_model)
        print(
            f"{case[0]:42s} {statistics.median(stock):8.2f} {statistics.median(ours):8.2f}  "
            f"{statistics.median(ratios):.3f} ({min(ratios):.3f}-{max(ratios):.3f})"
            f"      {same}"
        )


if __name__ == "__main__":
    main()
