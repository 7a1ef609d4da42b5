"""A run through a generated curriculum resumes from its plain blocks, bit for bit."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from l2rl import running
from l2rl.config import load_experiment
from l2rl.runs.tidy_log import read_log
from tests.support.runs import assert_same_life, resume_killed, run_killed, run_whole

YAML = """
experiment: scenario
agent:
  learner: ppo
  n_envs: 4
  settings: {n_steps: 16, batch_size: 32, n_epochs: 2}
curriculum:
  visibility: boundaries
  tasks:
    shards:
      env: minigames/CollectMineralShards
      variants: [default, sparse, one_marine]
      parameters: {limit_s: 10}
  scenario: {kind: dispersed, superblocks: 2, env_steps: 120, sleep: 2, seed: experiment}
evaluation: {interval_env_steps: 300, episodes: 2, n_envs: 2, tasks: shards}
checkpoint: {interval_env_steps: 150, interval_s: null}
logging: {interval_env_steps: 100}
"""
SEED = ["seed=11"]
DRIFT = [
    "curriculum.scenario={kind: drift, task: shards, continuous: true, env_steps: 900, "
    "parameters: {own_speed: [1.0, 0.3], observation_angle: [0, 90]}}",
    "curriculum.tasks.shards={env: minigames/CollectMineralShards, parameters: {limit_s: 10}}",
    "evaluation.interval_env_steps=200",
]


def learned(run: Path) -> list[str]:
    rows = read_log(run / "log").to_pylist()
    starts = [row for row in rows if row["kind"] == "block" and row["metric"] == "start"]
    return [row["trained_task"] for row in starts if json.loads(row["detail"])["kind"] == "learn"]


def test_killed_resumed_and_whole_are_one_life(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    yaml = tmp_path / "experiment.yaml"
    yaml.write_text(YAML)
    planned = load_experiment(yaml, SEED).curriculum
    whole = run_whole(yaml, tmp_path / "whole", SEED)
    assert learned(whole.path) == [block.task for _, block in planned.learning_blocks()]
    path = run_killed(yaml, tmp_path / "killed", 9, SEED)
    # A newer version may draw otherwise: the run goes on with the blocks that it began with.
    monkeypatch.setattr("l2rl.scenarios.dispersed", lambda tasks, *_: iter(tasks))
    resume_killed(path, 6)
    running.resume(path)
    assert_same_life(whole.path, path)


def test_a_drift_goes_on_from_where_it_was(tmp_path: Path) -> None:
    yaml = tmp_path / "experiment.yaml"
    yaml.write_text(YAML)
    whole = run_whole(yaml, tmp_path / "whole", DRIFT)
    assert learned(whole.path) == ["shards_drifting"]
    path = run_killed(yaml, tmp_path / "killed", 9, DRIFT)
    running.resume(path)
    assert_same_life(whole.path, path)


def test_the_export_names_the_scenario(tmp_path: Path) -> None:
    yaml = tmp_path / "experiment.yaml"
    yaml.write_text(YAML)
    run = run_whole(yaml, tmp_path, ["curriculum.scenario.env_steps=64"])
    (information,) = run.l2logger_path.rglob("scenario_info.json")
    assert json.loads(information.read_text())["scenario_type"] == "dispersed"
    names = {
        line.split("\t")[5]
        for log in run.l2logger_path.rglob("data-log.tsv")
        for line in log.read_text().splitlines()[1:]
    }
    assert names == {"shards_default", "shards_sparse", "shards_onemarine"}
