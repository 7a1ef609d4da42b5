"""Ray actors side by side, each with a game of its own."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import ray

from l2rl.envs.starcraft2.loopback.launcher import NURSERY
from l2rl.envs.starcraft2.vec_env import StarCraftVecEnv
from tests.starcraft2.play import gone, stand_ins


@pytest.mark.slow
def test_two_actors_play_side_by_side(stand_in: Path) -> None:
    @ray.remote(num_cpus=1)
    class Player:
        def play(self, seed: int) -> tuple[int, np.ndarray]:
            self.env = StarCraftVecEnv("CollectMineralShards", {"limit_s": 5}, seed=seed)
            self.env.reset()
            seen = [self.env.step(np.array([1 + t % 8]))[0] for t in range(15)]
            return os.getpid(), np.concatenate(seen)

    variables = {name: os.environ[name] for name in ("SC2PATH", NURSERY)}
    ray.init(
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        runtime_env={"env_vars": variables},
    )
    try:
        players = [Player.remote() for _ in range(2)]
        results = ray.get([player.play.remote(7) for player in players])
        other = ray.get(players[0].play.remote(8))
    finally:
        ray.shutdown()
    assert len({pid for pid, _ in results}) == 2
    assert results[0][1].tobytes() == results[1][1].tobytes() != other[1].tobytes()
    assert all(gone(pid) for pid in stand_ins(stand_in))
