"""Single-task experts: the right run, made once, found by every metric that needs it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from l2rl import expert_runs, running
from l2rl.config import LoadedExperiment, load_experiment, load_text
from l2rl.config.loading import dump
from l2rl.lifetime import Lifetime
from l2rl.lifetime_position import Observer, Silence
from l2rl.metrics.compute import compute_metrics
from l2rl.metrics.run_log import RunLog
from l2rl.runs.expert_store import Expert, ExpertStore, depends_on_budget, experts_of
from l2rl.runs.part_table import parquet_bytes
from l2rl.runs.run_directory import RunDirectory
from l2rl.runs.tidy_log import STORED_SCHEMA, read_log
from tests.support.runs import KilledAfter, assert_same_life, run_whole

YAML = """
experiment: measured
agent:
  learner: ppo
  n_envs: 2
  settings: {n_steps: 16, batch_size: 16, n_epochs: 1}
  components: {consolidation.ewc: {}}
curriculum:
  visibility: boundaries
  tasks: {beacon: minigames/MoveToBeacon, shards: minigames/CollectMineralShards}
  blocks:
    - {learn: beacon, env_steps: 96}
    - {sleep: 3}
    - {learn: shards, env_steps: 64}
    - {learn: beacon, env_steps: 64}
evaluation: {interval_env_steps: 32, episodes: 1, n_envs: 1}
logging: {interval_env_steps: 32}
"""
ENVIRONMENTS = {"minigames": {"version": "1", "reward_versions": {"MoveToBeacon": "1"}}}
PACKAGES = {"torch": "2.0", "numpy": "2.0", "l2rl": "0.1", "stable-baselines3": "2.9"}


@pytest.fixture
def yaml(tmp_path: Path) -> Path:
    path = tmp_path / "measured.yaml"
    path.write_text(YAML)
    return path


@contextmanager
def watching(expert: Expert) -> Iterator[Observer]:
    yield Silence()


def wanted(yaml: Path, *overrides: str, **options: Any) -> list[Expert]:
    return expert_runs.wanted_experts(load_experiment(yaml, overrides), **options)


def obtained(yaml: Path, root: Path, *overrides: str) -> list[expert_runs.Obtained]:
    store = ExpertStore(root / "experts")
    return list(expert_runs.obtain(wanted(yaml, *overrides), store, watching))


def figures(run: RunDirectory) -> dict[str, Any]:
    return dict(compute_metrics(RunLog.open(RunDirectory.open(run.path)))["metrics"])


# ---- which runs ----------------------------------------------------------------------------


def test_an_expert_is_the_bare_learner_on_one_task_for_all_its_steps(yaml: Path) -> None:
    experts = {expert.task: expert for expert in wanted(yaml)}
    assert set(experts) == {"beacon", "shards"}
    loaded = load_text(dump(experts["beacon"].config), file="expert.yaml")
    assert loaded.components == {}
    assert loaded.config.agent.learner == "ppo"
    assert loaded.curriculum.total_env_steps() == 160
    assert set(loaded.curriculum.tasks) == {"beacon"}
    assert loaded.resolved == experts["beacon"].config, "hashed and run must be the same"


def test_with_components_it_has_them(yaml: Path) -> None:
    (expert, _) = wanted(yaml, with_components=True)
    assert set(expert.config["agent"]["components"]) == {"consolidation.ewc"}
    assert expert.group != wanted(yaml)[0].group


def loaded(*overrides: str, learner: str = "ppo") -> LoadedExperiment:
    text = YAML.replace("learner: ppo", f"learner: {learner}")
    if learner != "ppo":
        text = text.replace("settings: {n_steps: 16, batch_size: 16, n_epochs: 1}", "settings: {}")
    return load_text(text, overrides)


FIXED_RATE = "schedules={learning_rate: frozen}"


@pytest.mark.parametrize(
    ("learner", "overrides", "depends"),
    [
        ("ppo", [], False),
        ("ppo", ["agent.settings.learning_rate={schedule: linear, start: 0.1}"], True),
        ("ppo", ["agent.settings.learning_rate={schedule: constant, start: 0.1}"], False),
        ("ppo", ["agent.settings.learning_rate={schedule: linear, start: 0.1}", FIXED_RATE], False),
        ("dqn", [], True),
        ("dqn", ["schedules.exploration=per_task"], True),
        ("dqn", ["schedules={exploration: per_task, period_env_steps: 50}"], False),
        ("dqn", ["at_boundary.exploration=restart", "schedules.period_env_steps=50"], False),
    ],
)
def test_a_shorter_expert_is_needed_where_schedules_run_over_the_budget(
    learner: str, overrides: list[str], depends: bool
) -> None:
    resolved = loaded(*overrides, learner=learner).resolved
    assert depends_on_budget(resolved) == depends
    purposes = [
        (expert.task, expert.purpose)
        for expert in experts_of(resolved, environments=ENVIRONMENTS, packages=PACKAGES)
    ]
    assert (("beacon", "first_phase") in purposes) == depends
    assert ("shards", "first_phase") not in purposes, "its two budgets are the same"


def hashed(
    *overrides: str,
    environments: dict[str, Any] = ENVIRONMENTS,
    packages: dict[str, str] = PACKAGES,
) -> Expert:
    return experts_of(loaded(*overrides).resolved, environments=environments, packages=packages)[0]


@pytest.mark.parametrize(
    "overrides",
    [
        ["experiment=another"],
        ["agent.components={}"],
        ["curriculum.blocks.2.env_steps=999"],
        ["curriculum.tasks.shards.variant=sparse"],
        ["curriculum.visibility=labels"],
        ["checkpoint.interval_s=5", "logging.interval_env_steps=7"],
        ["curriculum.blocks=[{learn: beacon, env_steps: 160}, {learn: shards, env_steps: 5}]"],
    ],
)
def test_what_does_not_concern_the_expert_does_not_change_its_hash(overrides: list[str]) -> None:
    assert hashed(*overrides).key == hashed().key


@pytest.mark.parametrize(
    "override",
    [
        "curriculum.blocks.0.env_steps=97",
        "curriculum.tasks.beacon.variant=wide",
        "curriculum.tasks.beacon.parameters={limit_s: 60}",
        "agent.settings.gamma=0.5",
        "agent.n_envs=4",
        "evaluation.episodes=2",
    ],
)
def test_what_concerns_it_does(override: str) -> None:
    assert hashed(override).group != hashed().group


def test_seed_and_versions_are_part_of_the_hash() -> None:
    assert hashed("seed=3").key != hashed().key
    assert hashed("seed=3").group == hashed().group
    newer = {**ENVIRONMENTS["minigames"], "version": "2"}
    scored = {"version": "1", "reward_versions": {"MoveToBeacon": "2"}}
    for changed in (
        hashed(packages={**PACKAGES, "torch": "3.0"}),
        hashed(environments={"minigames": newer}),
        hashed(environments={"minigames": scored}),
    ):
        assert changed.group != hashed().group
        assert changed.kinship == hashed().kinship


# ---- making and finding them ---------------------------------------------------------------


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run and its experts, as they were made."""
    root = tmp_path_factory.mktemp("lived")
    (root / "measured.yaml").write_text(YAML)
    run_whole(root / "measured.yaml", root)
    assert [one.how for one in obtained(root / "measured.yaml", root)] == ["made", "made"]
    return root


@pytest.fixture
def copied(lived: Path, tmp_path: Path) -> RunDirectory:
    """The same run with its experts, to be spoiled."""
    shutil.copytree(lived, tmp_path / "copied")
    return RunDirectory.open(tmp_path / "copied/measured/default/seed-0")


def expert_directories(run: RunDirectory) -> dict[str, RunDirectory]:
    """The experts beside a run, by task."""
    return {described["task"]: found for described, found in ExpertStore.beside(run.path).runs}


def test_what_is_missing_is_named(copied: RunDirectory) -> None:
    shutil.rmtree(ExpertStore.beside(copied.path).path)
    figure = figures(copied)["matrix/intransigence"]
    how = "run `l2rl experts` on this run's directory"
    assert figure["value"] is None
    assert figure["reason"] == f"no expert run for task beacon: {how}"


def test_experts_are_made_once_and_give_the_metrics_their_values(yaml: Path, lived: Path) -> None:
    run = RunDirectory.open(lived / "measured/default/seed-0")
    assert all(one.state == "complete" for one in expert_directories(run).values())
    assert [one.how for one in obtained(yaml, lived)] == ["found", "found"]
    after = figures(run)
    for name in (
        "matrix/intransigence",
        "transfer/jump_start",
        "transfer/area_between_curves",
        "plasticity/terminal_difference",
    ):
        assert after[name]["value"] is not None, name
        assert "expert runs without components, seeds 0" in after[name]["note"]


def test_an_agent_without_components_is_its_own_expert(yaml: Path, tmp_path: Path) -> None:
    alone = ["agent.components={}", "curriculum.blocks=[{learn: beacon, env_steps: 96}]"]
    run = run_whole(yaml, tmp_path, alone)
    obtained(yaml, tmp_path, *alone)
    assert figures(run)["matrix/intransigence"]["value"] == 0.0


def test_a_killed_expert_is_finished_bit_for_bit(yaml: Path, lived: Path, tmp_path: Path) -> None:
    whole = expert_directories(RunDirectory.open(lived / "measured/default/seed-0"))["beacon"]
    expert = wanted(yaml)[0]
    store = ExpertStore(tmp_path / "killed" / "experts")

    @contextmanager
    def killing(expert: Expert) -> Iterator[Observer]:
        yield KilledAfter(3)

    child = os.fork()
    if child == 0:
        try:
            list(expert_runs.obtain([expert], store, killing))
        finally:
            os._exit(1)
    os.waitpid(child, 0)
    assert not expert_runs.is_complete(store.path_of(expert))
    (done,) = expert_runs.obtain([expert], store, watching)
    assert done.how == "finished"
    assert_same_life(whole.path, done.path)


def test_what_a_kill_left_without_a_manifest_does_not_stand_in_the_way(
    yaml: Path, tmp_path: Path
) -> None:
    expert = wanted(yaml)[1]
    store = ExpertStore(tmp_path / "experts")
    store.path_of(expert).mkdir(parents=True)
    (store.path_of(expert) / "config.yaml").write_text("")
    (done,) = expert_runs.obtain([expert], store, watching)
    assert done.how == "made"


def test_two_processes_that_want_the_same_expert_make_it_once(yaml: Path, tmp_path: Path) -> None:
    expert = wanted(yaml)[1]
    store = ExpertStore(tmp_path / "experts")
    reading, writing = os.pipe()
    release_reading, release_writing = os.pipe()

    class Held:
        """Stands still in the middle of its run until it is released."""

        def on_progress(self, lifetime: Lifetime) -> None:
            nonlocal held
            if not held:
                held = True
                os.write(writing, b"x")
                os.read(release_reading, 1)

        def on_message(self, text: str) -> None:
            pass

    held = False

    @contextmanager
    def holding(expert: Expert) -> Iterator[Observer]:
        yield Held()

    child = os.fork()
    if child == 0:
        try:
            list(expert_runs.obtain([expert], store, holding))
        finally:
            os._exit(0)
    os.read(reading, 1)
    try:
        assert expert_runs._obtain(expert, store.path_of(expert), watching) is None
    finally:
        os.write(release_writing, b"x")
    (done,) = expert_runs.obtain([expert], store, watching)
    os.waitpid(child, 0)
    assert done.how in ("made by another process", "found")
    assert json.loads((done.path / "timing.json").read_text())["processes"] == 1


def test_an_expert_of_other_versions_is_not_taken_and_that_is_said(copied: RunDirectory) -> None:
    copied.update_manifest(packages={**copied.manifest["packages"], "torch": "0.1"})
    reason = figures(copied)["matrix/intransigence"]["reason"]
    assert "was made with other versions (torch " in reason
    assert "this run 0.1" in reason


def test_an_expert_under_way_is_named_as_such(copied: RunDirectory) -> None:
    expert_directories(copied)["beacon"].update_manifest(state="stopped")
    reason = figures(copied)["matrix/intransigence"]["reason"]
    assert reason.startswith("the expert run for task beacon is stopped")


def test_several_seeds_are_averaged(copied: RunDirectory) -> None:
    alone = figures(copied)["matrix/intransigence"]["value"]
    better = {"beacon": 3.0, "shards": 5.0}
    for task, expert in expert_directories(copied).items():
        other = expert.path.with_name(f"another-{task}")
        shutil.copytree(expert.path, other)
        RunDirectory.open(other).update_manifest(seed=1)
        table = read_log(other / "log")
        raised = pc.add(table["value"], 2 * better[task])
        write_table(table.set_column(table.schema.get_field_index("value"), "value", raised), other)
    figure = figures(copied)["matrix/intransigence"]
    assert "seeds 0, 1" in figure["note"]
    assert figure["value"] == pytest.approx(alone + sum(better.values()) / 2)


def write_table(table: pa.Table, run: Path) -> None:
    (run / "log/log.parquet").write_bytes(parquet_bytes(table.cast(STORED_SCHEMA)))


def test_an_expert_has_no_expert_of_its_own(copied: RunDirectory) -> None:
    expert = expert_directories(copied)["beacon"]
    reason = figures(expert)["matrix/intransigence"]["reason"]
    assert reason == "no expert run for task beacon: this is one"
    assert running.resume(expert.path).state == "complete"
