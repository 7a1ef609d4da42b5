"""Event files, read back with TensorBoard's own reader, are the numbers of the log."""

from __future__ import annotations

import builtins
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from synthetic_run import make_run
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from l2rl import running
from l2rl.errors import UserError
from l2rl.runs.run_directory import RunDirectory
from l2rl.runs.tensorboard import export_events, require_tensorboard
from l2rl.runs.tidy_log import read_log
from tests.cli.test_commands import l2rl
from tests.support.runs import run_killed, run_whole

LIVE = """
experiment: live
seed: 5
agent:
  learner: ppo
  n_envs: 4
  settings: {n_steps: 16, batch_size: 32, n_epochs: 1}
curriculum:
  tasks: {beacon: minigames/MoveToBeacon, shards: minigames/CollectMineralShards}
  blocks: [{learn: beacon, env_steps: 400}, {learn: shards, env_steps: 300}]
evaluation: {interval_env_steps: 300, episodes: 1, n_envs: 1}
checkpoint: {interval_env_steps: 150, interval_s: null}
logging: {interval_env_steps: 100, tensorboard: true}
"""


def shown(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """Tag -> (step, value) as TensorBoard would draw them."""
    read = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    read.Reload()
    tags = read.Tags()["scalars"]
    return {tag: [(event.step, event.value) for event in read.Scalars(tag)] for tag in tags}


def logged(run: RunDirectory, **equals: Any) -> list[tuple[int, float]]:
    rows = read_log(run.log_path).to_pylist()
    chosen = [row for row in rows if all(row[key] == value for key, value in equals.items())]
    return [(row["env_steps"], float(np.float32(row["value"]))) for row in chosen]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    return make_run(tmp_path_factory.mktemp("runs"))


def test_every_tag_has_the_steps_and_values_of_the_log(run: RunDirectory, tmp_path: Path) -> None:
    path = export_events(run, read_log(run.log_path), tmp_path)
    assert path.name.startswith("events.out.tfevents.")
    found = shown(tmp_path)
    assert found["train/loss"] == logged(run, kind="scalar", metric="train/loss")
    monitor = "plasticity.monitor/critic/fau"
    assert found[monitor] == logged(run, kind="scalar", metric=monitor)
    assert found["evaluation/shards"] == logged(
        run, kind="evaluation", metric="return", evaluated_task="shards"
    )
    training = logged(run, kind="episode", evaluated_task="", trained_task="beacon")
    assert found["episode/beacon"] == training
    changes = logged(run, kind="event", metric="change_detected")
    assert found["event/change_detected"] == changes
    assert [value for _, value in found["curriculum/block"]] == [0, 1, 2, 3, 4]


def test_the_time_of_a_point_is_that_of_its_row(run: RunDirectory, tmp_path: Path) -> None:
    export_events(run, read_log(run.log_path), tmp_path)
    read = EventAccumulator(str(tmp_path), size_guidance={"scalars": 0})
    read.Reload()
    times = [event.wall_time for event in read.Scalars("train/loss")]
    assert times == sorted(times)
    # The synthetic life stamps its clock with 500 env steps a second.
    assert times[-1] - times[0] == pytest.approx((80_000 - 400) / 500, rel=0.05)


def test_a_second_export_takes_the_place_of_the_first_and_nothing_else(
    run: RunDirectory, tmp_path: Path
) -> None:
    (tmp_path / "events.out.tfevents.123.somebody.9").write_bytes(b"")
    log = read_log(run.log_path)
    first = export_events(run, log, tmp_path)
    second = export_events(run, log, tmp_path)
    assert first != second
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        ["events.out.tfevents.123.somebody.9", second.name]
    )


def test_the_command_writes_a_folder_a_run(
    run: RunDirectory, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, text = l2rl(capsys, "export", str(run.path), "--tensorboard", str(tmp_path))
    assert code == 0
    folder = tmp_path / "minigames-3/pool/seed-0"
    assert str(folder) in text.replace("\n", "")
    assert "train/loss" in shown(folder)


def test_a_live_run_and_one_that_was_killed_and_resumed_show_the_same(tmp_path: Path) -> None:
    yaml = tmp_path / "live.yaml"
    yaml.write_text(LIVE)
    whole = run_whole(yaml, tmp_path / "whole")
    expected = shown(whole.tensorboard_path)
    assert expected["evaluation/beacon"] == logged(
        whole, kind="evaluation", metric="return", evaluated_task="beacon"
    )
    assert [value for _, value in expected["curriculum/block"]] == [0.0, 1.0]
    killed = run_killed(yaml, tmp_path / "killed", 8)
    before = [path.name for path in (killed / "tensorboard").iterdir()]
    assert shown(killed / "tensorboard") != expected
    resumed = running.resume(killed)
    after = [path.name for path in resumed.tensorboard_path.iterdir()]
    assert len(before) == len(after) == 1
    assert before != after
    assert shown(resumed.tensorboard_path) == expected


def test_without_the_package_there_is_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *arguments: Any, **more: Any) -> Any:
        if name.startswith("tensorboard"):
            raise ImportError("No module named 'tensorboard'")
        return real(name, *arguments, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UserError, match=r"pip install 'l2rl\[tensorboard\]'"):
        require_tensorboard()


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """The reader talks about every file through absl's logger."""
    import logging

    logger = logging.getLogger("tensorboard")
    level = logger.level
    logger.setLevel(logging.ERROR)
    yield
    logger.setLevel(level)
