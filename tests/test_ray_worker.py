"""An agent is built where it runs: only configuration crosses the border to a Ray worker."""

from __future__ import annotations

from pathlib import Path

import pytest
import ray

from tests.support.runs import assert_same_life, run_whole

YAML = """
experiment: remote
agent:
  learner: dqn
  n_envs: 2
  settings: {learning_starts: 50, buffer_size: 200}
  components: [replay.reservoir, replay_ratio.adaptive, plasticity.monitor]
curriculum:
  visibility: hidden
  tasks: {beacon: minigames/MoveToBeacon, roaches: minigames/DefeatRoaches}
  blocks: [{learn: beacon, env_steps: 150}, {learn: roaches, env_steps: 150}]
evaluation: {interval_env_steps: 100, episodes: 1, n_envs: 1}
"""


@pytest.mark.slow
def test_a_run_in_a_worker_is_the_same_life_as_here(tmp_path: Path) -> None:
    yaml = tmp_path / "experiment.yaml"
    yaml.write_text(YAML)
    here = run_whole(yaml, tmp_path / "here")

    @ray.remote(num_cpus=1)
    def live(text: str, root: str) -> str:
        from l2rl import running
        from l2rl.config import load_text

        return str(running.start(load_text(text), root=Path(root)).path)

    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False)
    try:
        there = ray.get(live.remote(here.config_path.read_text(), str(tmp_path / "there")))
    finally:
        ray.shutdown()
    assert_same_life(here.path, Path(there))
