"""The driver's less travelled ways: sleep, heads per task, restarts at boundaries, schedules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from l2rl import running
from l2rl.component import Component
from l2rl.config import ConfigError, load_experiment
from l2rl.runs.log_views import scalars
from l2rl.runs.tidy_log import read_log
from l2rl.views import SleepView
from tests.support.runs import assert_same_life, final_state, run_killed, run_whole

YAML = """
experiment: travelled
agent:
  learner: dqn
  n_envs: 2
  settings: {learning_starts: 20, buffer_size: 200, batch_size: 16, exploration_fraction: 0.5}
  components: {COMPONENTS}
curriculum:
  visibility: labels
  tasks: {beacon: minigames/MoveToBeacon, shards: minigames/CollectMineralShards}
  blocks:
    - {learn: beacon, env_steps: 200}
    - {sleep: 30}
    - {learn: shards, env_steps: 200}
    - {learn: beacon, env_steps: 100}
evaluation: {interval_env_steps: null, episodes: 1, n_envs: 1}
checkpoint: {interval_env_steps: 50, interval_s: null}
logging: {interval_env_steps: 20}
"""


class PullsToZero(Component):
    """In its sleep it draws every weight towards zero."""

    def sleep_step(self, view: SleepView) -> None:
        parameters = view.phases["q"].parameters.values()
        view.minimise("q", sum((p**2).sum() for p in parameters))  # type: ignore[arg-type]


def written(tmp_path: Path, components: str = "") -> Path:
    yaml = tmp_path / "experiment.yaml"
    yaml.write_text(YAML.replace("COMPONENTS", components))
    return yaml


SLEEPER = "pull: {type: 'tests.test_lifetime:PullsToZero'}"


def weight(run: Path) -> float:
    policy = final_state(run)["agent"]["policy"]
    return float(sum((v**2).sum() for k, v in policy.items() if k.startswith("q_net.")))


def test_sleep_moves_the_network_without_env_steps(tmp_path: Path) -> None:
    only_sleep = ["curriculum.blocks=[{learn: beacon, env_steps: 200}, {sleep: 30}]"]
    awake = run_whole(written(tmp_path), tmp_path / "awake", only_sleep)
    asleep = run_whole(written(tmp_path, SLEEPER), tmp_path / "asleep", only_sleep)
    assert weight(asleep.path) < weight(awake.path)
    assert final_state(asleep.path)["agent"]["counters"]["num_timesteps"] == 200


def test_a_kill_in_mid_sleep_loses_nothing(tmp_path: Path) -> None:
    yaml = written(tmp_path, SLEEPER)
    whole = run_whole(yaml, tmp_path / "whole")
    # about 25 iterations of 4 x 2 env steps and two evaluations come before the sleep
    path = run_killed(yaml, tmp_path / "killed", 45)
    running.resume(path)
    assert_same_life(whole.path, path)


@pytest.mark.parametrize(
    ("components", "boundary"), [("", "{buffer: clear}"), ("replay.reservoir: {}", "{}")]
)
def test_heads_per_task_resume_exactly(components: str, boundary: str, tmp_path: Path) -> None:
    yaml = written(tmp_path, components)
    more = ["agent.heads=per_task", f"at_boundary={boundary}"]
    whole = run_whole(yaml, tmp_path / "whole", more)
    path = run_killed(yaml, tmp_path / "killed", 80, more)
    running.resume(path)
    assert_same_life(whole.path, path)
    policy = final_state(path)["agent"]["policy"]
    heads = [policy[f"q_net.q_net.4.heads.{i}.weight"] for i in range(2)]
    assert not torch.equal(*heads)


def test_heads_per_task_refuse_a_buffer_that_forgets_the_task(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="buffer: clear"):
        run_whole(written(tmp_path), tmp_path, ["agent.heads=per_task"])


def exploration(run: Any) -> dict[int, float]:
    series = scalars(read_log(run.log_path))["rollout/exploration_rate"]
    return dict(zip(series.env_steps.tolist(), series.values.tolist(), strict=True))


def test_exploration_runs_over_the_lifetime_or_begins_anew_with_each_task(tmp_path: Path) -> None:
    yaml = written(tmp_path)
    for_life = exploration(run_whole(yaml, tmp_path / "global"))
    anew = exploration(run_whole(yaml, tmp_path / "per_task", ["schedules.exploration=per_task"]))
    restarted = exploration(
        run_whole(yaml, tmp_path / "restart", ["at_boundary.exploration=restart"])
    )
    values = list(for_life.values())
    assert values == sorted(values, reverse=True)
    assert anew == restarted
    early, late = min(s for s in anew if s > 200), max(s for s in anew if s <= 200)
    assert anew[late] == pytest.approx(0.05)
    assert anew[early] > 0.5


def test_hidden_boundaries_restart_nothing_unless_somebody_detects(tmp_path: Path) -> None:
    more = ["curriculum.visibility=hidden", "schedules.exploration=per_task"]
    with pytest.raises(ConfigError, match="detect"):
        running.check(load_experiment(written(tmp_path), more))
