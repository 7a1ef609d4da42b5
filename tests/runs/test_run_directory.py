"""A run's directory describes itself, and one process at a time writes it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from l2rl.curriculum import Task
from l2rl.errors import UserError
from l2rl.runs.run_directory import RunDirectory, config_hash, find_runs


def created(root: Path, seed: int = 0, force: bool = False) -> RunDirectory:
    tasks = {"beacon": Task("beacon", "minigames/MoveToBeacon", "hard", {"speed": 2.0})}
    suites = {"minigames": {"version": "3", "reward_versions": {"MoveToBeacon": "2"}}}
    return RunDirectory.create(
        root, "exp", "base", seed, "a: 1\n", tasks=tasks, environments=suites, force=force
    )


def test_the_manifest_says_what_made_the_run(tmp_path: Path) -> None:
    run = created(tmp_path)
    manifest = run.manifest
    assert run.path == tmp_path / "exp" / "base" / "seed-0"
    assert (run.name, run.seed, run.state) == ("exp/base", 0, "running")
    assert manifest["config_sha256"] == config_hash(run.config_path.read_text())
    assert manifest["packages"]["numpy"]
    assert manifest["environments"]["minigames"]["reward_versions"] == {"MoveToBeacon": "2"}
    assert manifest["tasks"]["beacon"]["parameters"] == {"speed": 2.0}
    assert manifest["finished_unix_time"] is None
    run.set_state("failed", "ValueError: no")
    assert run.manifest["reason"] == "ValueError: no"
    assert run.manifest["finished_unix_time"] > 0
    assert str(tmp_path) not in run.manifest_path.read_text()


def test_an_existing_run_is_not_overwritten(tmp_path: Path) -> None:
    run = created(tmp_path)
    run.set_state("complete")
    run.close()
    with pytest.raises(UserError, match=r"already holds a run \(complete\).*resume.*--force"):
        created(tmp_path)
    again = created(tmp_path, force=True)
    assert again.state == "running"
    aside = tmp_path / "exp" / "base" / "seed-0.replaced-1"
    assert RunDirectory.open(aside).manifest["state"] == "complete"
    assert [found.path for found in find_runs(tmp_path)] == [run.path]


def test_a_run_being_written_refuses_a_second_writer_even_by_force(tmp_path: Path) -> None:
    run = created(tmp_path)
    with pytest.raises(UserError, match=rf"process \(id {os.getpid()}\) is writing"):
        created(tmp_path, force=True)
    with pytest.raises(UserError, match="is writing this run"):
        RunDirectory.open(run.path, writing=True)
    assert RunDirectory.open(run.path).state == "running"


def test_the_lock_of_a_killed_process_is_free_and_its_run_interrupted(tmp_path: Path) -> None:
    program = (
        "import os, signal; from pathlib import Path\n"
        "from l2rl.runs.run_directory import RunDirectory\n"
        f"RunDirectory.create(Path({str(tmp_path)!r}), 'exp', 'base', 0, '')\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=False)
    run = RunDirectory.open(tmp_path / "exp" / "base" / "seed-0")
    assert (run.manifest["state"], run.state) == ("running", "interrupted")
    with pytest.raises(UserError, match=r"already holds a run \(interrupted\)"):
        created(tmp_path)
    resumed = RunDirectory.open(run.path, writing=True)
    assert resumed.state == "running"


@pytest.mark.parametrize("name", ["", "..", "a/b", ".hidden", "ä"])
def test_names_that_are_no_directories_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match="becomes a directory"):
        RunDirectory.create(tmp_path, name, "base", 0, "")


def test_runs_are_found_in_order_of_their_seeds(tmp_path: Path) -> None:
    for seed in (10, 9, 2):
        created(tmp_path, seed).close()
    assert [run.seed for run in find_runs(tmp_path)] == [2, 9, 10]
    assert list(find_runs(tmp_path / "nothing")) == []


def test_what_is_not_a_run_and_a_damaged_manifest_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not a run"):
        RunDirectory.open(tmp_path)
    run = created(tmp_path)
    run.manifest_path.write_text('{"state": ')
    with pytest.raises(UserError, match=r"manifest.json is no valid JSON"):
        _ = run.manifest
