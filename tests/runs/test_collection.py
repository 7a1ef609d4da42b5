"""Runs are found below folders; what cannot be used is left out, and said."""

from __future__ import annotations

from pathlib import Path

import pytest
from synthetic_run import make_run

from l2rl.errors import UserError
from l2rl.runs.collection import check_versions, collect, until_last_evaluation
from l2rl.runs.run_directory import RunDirectory
from l2rl.runs.tidy_log import TidyLog, read_log


def run(root: Path, seed: int, version: str = "1", reward: str = "1") -> RunDirectory:
    suites = {"minigames": {"version": version, "reward_versions": {"MoveToBeacon": reward}}}
    made = RunDirectory.create(root, "exp", "base", seed, "a: 1\n", environments=suites)
    made.open_log().flush()
    made.set_state("complete")
    made.close()
    return made


def test_runs_are_found_by_themselves_and_below_folders(tmp_path: Path) -> None:
    first, second = run(tmp_path, 0), run(tmp_path, 1)
    for paths in (
        [tmp_path],
        [tmp_path / "exp"],
        [first.path, second.path],
        [first.path, tmp_path],
    ):
        assert [found.seed for found in collect(paths).runs] == [0, 1]
    assert [found.seed for found in collect([second.path]).runs] == [1]


def test_what_was_moved_aside_is_no_run_and_checkpoints_are_not_either(tmp_path: Path) -> None:
    made = run(tmp_path, 0)
    made.path.rename(made.path.with_name("seed-0.replaced-1"))
    again = run(tmp_path, 0)
    checkpoint = again.checkpoints_path / "env-steps-000000000001-0000"
    checkpoint.mkdir(parents=True)
    (checkpoint / "manifest.json").write_text("{}")
    found = collect([tmp_path])
    assert [one.path for one in found.runs] == [again.path]
    assert found.left_out == ()


def test_experts_are_left_out_unless_named(tmp_path: Path) -> None:
    run(tmp_path, 0)
    expert = RunDirectory.create(tmp_path, "experts", "x", 0, "", path=tmp_path / "experts" / "x")
    expert.update_manifest(expert={"task": "a"}, state="complete")
    expert.close()
    assert len(collect([tmp_path]).runs) == 1
    assert collect([expert.path]).runs[0].variant == "x"


def test_broken_and_unfinished_runs_are_left_out_with_their_reason(tmp_path: Path) -> None:
    run(tmp_path, 0)
    interrupted, damaged, lacking, begun = (run(tmp_path, seed) for seed in (1, 2, 3, 4))
    interrupted.set_state("running")
    damaged.manifest_path.write_text("{ no json")
    lacking.manifest_path.write_text('{"state": "complete"}')
    begun.manifest_path.unlink()
    found = collect([tmp_path])
    assert [one.seed for one in found.runs] == [0]
    reasons = {one.path.name: one.reason for one in found.left_out}
    assert "interrupted; finish it with `l2rl resume" in reasons["seed-1"]
    assert "no valid JSON" in reasons["seed-2"]
    assert "lacks experiment, variant, seed" in reasons["seed-3"]
    assert "not a run" in reasons["seed-4"]


def test_a_run_under_way_is_said_to_be(tmp_path: Path) -> None:
    run(tmp_path, 0).set_state("running")
    held = RunDirectory.open(tmp_path / "exp/base/seed-0", writing=True)
    assert "still running" in collect([tmp_path]).left_out[0].reason
    held.close()


def test_an_unfinished_run_can_be_had_until_its_last_evaluation(tmp_path: Path) -> None:
    make_run(tmp_path, pieces=5)
    assert not collect([tmp_path]).runs
    (found,) = collect([tmp_path], incomplete=True).runs
    log = found.read_log()
    whole = read_log(found.directory.log_path)
    assert 0 < log.num_rows <= whole.num_rows
    assert log["kind"][-1].as_py() == "evaluation"


def test_an_evaluation_that_was_cut_short_does_not_count(tmp_path: Path) -> None:
    log = TidyLog.open(tmp_path, "exp/base", 0)
    for evaluation, tasks in enumerate(("ab", "ab", "a")):
        for task in tasks:
            log.append(
                kind="evaluation",
                metric="return",
                value=1.0,
                env_steps=10 * evaluation,
                evaluation=evaluation,
                evaluated_task=task,
            )
    log.flush()
    assert until_last_evaluation(read_log(tmp_path))["evaluation"].to_pylist() == [0, 0, 1, 1]


def test_a_run_without_an_evaluation_has_nothing_to_use(tmp_path: Path) -> None:
    made = run(tmp_path, 0)
    made.set_state("stopped")
    (found,) = collect([tmp_path], incomplete=True).runs
    with pytest.raises(UserError, match="before its first evaluation"):
        found.read_log()


def test_a_path_that_is_not_there_and_a_run_twice_are_mistakes(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no directory"):
        collect([tmp_path / "nowhere"])
    run(tmp_path / "one", 0)
    run(tmp_path / "two", 0)
    with pytest.raises(UserError, match="two runs are both exp/base, seed 0"):
        collect([tmp_path])


@pytest.mark.parametrize("other", [{"version": "2"}, {"reward": "2"}])
def test_versions_are_never_mixed(tmp_path: Path, other: dict[str, str]) -> None:
    run(tmp_path, 0)
    run(tmp_path, 1)
    check_versions(collect([tmp_path]).runs)
    run(tmp_path, 2, **other)
    with pytest.raises(UserError, match="environments differ") as error:
        check_versions(collect([tmp_path]).runs)
    message = str(error.value)
    assert "version 1: " in message
    assert "version 2: " in message
    assert str(tmp_path / "exp/base/seed-2") in message
