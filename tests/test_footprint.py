"""How large the agent is stands in the log; how long it took stands beside it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from l2rl import running
from l2rl.footprint import state_bytes
from l2rl.metrics.run_log import RunLog
from l2rl.runs.clock import read_clock
from l2rl.runs.log_views import block_spans
from l2rl.runs.run_directory import RunDirectory
from l2rl.runs.tidy_log import read_log
from tests.support.runs import final_state, run_killed, run_whole

YAML = """
experiment: weighed
agent:
  learner: dqn
  n_envs: 2
  settings: {learning_starts: 20, buffer_size: 200, batch_size: 16}
  components: {consolidation.ewc: {fisher_samples: 16}, experts.pool: {}}
curriculum:
  visibility: labels
  tasks: {beacon: minigames/MoveToBeacon, shards: minigames/CollectMineralShards}
  blocks: [{learn: beacon, env_steps: 100}, {sleep: 2}, {learn: shards, env_steps: 100}]
evaluation: {interval_env_steps: null, episodes: 1, n_envs: 1}
checkpoint: {interval_env_steps: 40, interval_s: null}
"""


@pytest.fixture
def yaml(tmp_path: Path) -> Path:
    path = tmp_path / "weighed.yaml"
    path.write_text(YAML)
    return path


def test_bytes_are_those_of_what_is_kept() -> None:
    state = {
        "a": torch.zeros(3, 2),
        "b": [np.zeros(5, dtype=np.int64), "four", b"123", None],
        "c": (1, 2.0, True),
    }
    assert state_bytes(state) == 24 + 40 + 4 + 3 + 3 * 8


def test_every_block_says_how_large_the_agent_was(yaml: Path, tmp_path: Path) -> None:
    run = run_whole(yaml, tmp_path)
    first, sleep, last = block_spans(read_log(run.log_path))
    agent = final_state(run.path)["agent"]
    assert last.footprint["state_bytes"]["policy"] == state_bytes(agent["policy"])
    assert last.footprint["gradient_steps"] == {"q": agent["host"]["phase_updates"]["q"]}
    components = agent["host"]["components"]
    assert last.footprint["component_bytes"] == {n: state_bytes(s) for n, s in components.items()}
    assert sleep.footprint["gradient_steps"] == first.footprint["gradient_steps"]
    # The first expert came to rest, and the first task was consolidated.
    for name in ("experts.pool", "consolidation.ewc"):
        before, after = (span.footprint["component_bytes"][name] for span in (first, last))
        assert after > before, name
    online = [v for k, v in agent["policy"].items() if k.startswith("q_net.")]
    assert last.footprint["parameters"] == sum(value.numel() for value in online)


def test_seconds_are_of_every_process_that_left_a_checkpoint(yaml: Path, tmp_path: Path) -> None:
    path = run_killed(yaml, tmp_path, after=12)
    assert not (path / "timing.json").exists()
    running.resume(path)
    timing = json.loads((path / "timing.json").read_text())
    assert timing["processes"] == 2
    clock = read_clock(path / "clock")
    # What a block cost is known exactly, since both its marks are stamped.
    marks = {(s.start_row, s.end_row) for s in block_spans(read_log(path / "log"))}
    assert {row for mark in marks for row in mark} <= set(clock["row"].to_pylist())
    rows = clock.to_pylist()
    ends = [max(r["cpu_s"] for r in rows if r["process"] == p) for p in (0, 1)]
    assert timing["cpu_s"] == pytest.approx(sum(ends))
    assert [block["kind"] for block in timing["blocks"]] == ["learn", "sleep", "learn"]
    assert 0 < sum(block["wall_s"] for block in timing["blocks"]) <= timing["wall_s"]
    assert timing["env_steps"] >= 200


def test_the_manifest_names_the_components_and_what_they_provide(
    yaml: Path, tmp_path: Path
) -> None:
    run = run_whole(yaml, tmp_path)
    components = RunDirectory.open(run.path).manifest["components"]
    assert components["experts.pool"] == {"type": "experts.pool", "provides": ["EXPERTS"]}
    assert RunLog.open(run).manifest["components"] == components
