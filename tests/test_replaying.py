"""Replays show what evaluations measure, and leave the run as it was."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from stable_baselines3.common.vec_env import VecEnv
from typer.testing import CliRunner

from l2rl.cli.main import app
from l2rl.cli.replay import file_name
from l2rl.errors import UserError
from l2rl.evaluation import EvaluationResult
from l2rl.film.camera import Camera
from l2rl.film.filmed import Scene
from l2rl.replaying import RestoredAgent, restore, show_task, tasks_to_show
from l2rl.runs.run_directory import RunDirectory
from l2rl.runs.tidy_log import read_log
from tests.cli.test_commands import l2rl
from tests.support.runs import run_whole

TASKS = """
  tasks:
    shards: {env: minigames/CollectMineralShards, parameters: {limit_s: 8}}
    turned: {env: minigames/CollectMineralShards, variant: rotated, parameters: {limit_s: 6}}
  blocks: [{learn: shards, env_steps: 64}, {learn: turned, env_steps: 64}]
"""
HEADS = f"""
experiment: shown
agent:
  learner: ppo
  n_envs: 4
  heads: per_task
  settings: {{n_steps: 8, batch_size: 32, n_epochs: 1}}
curriculum:
  visibility: labels{TASKS}
evaluation: {{interval_env_steps: null, episodes: 5, n_envs: 2, deterministic: false}}
checkpoint: {{interval_s: null, keep_every: 1}}
"""
EXPERTS = f"""
experiment: shown
agent:
  learner: dqn
  n_envs: 4
  settings: {{learning_starts: 16, buffer_size: 200, batch_size: 8, exploration_fraction: 1.0}}
  components: {{experts.pool: {{}}, replay.reservoir: {{}}}}
curriculum:
  visibility: labels{TASKS}
evaluation: {{interval_env_steps: null, episodes: 3, n_envs: 3, deterministic: false}}
checkpoint: {{interval_s: null, keep_every: 1}}
"""


@pytest.fixture(scope="module", params=[HEADS, EXPERTS], ids=["heads", "experts"])
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """A finished run; nobody may change it."""
    folder = tmp_path_factory.mktemp("replayed")
    yaml = folder / "experiment.yaml"
    yaml.write_text(request.param)
    return run_whole(yaml, folder / "runs")


def logged(run: RunDirectory, evaluation: int, task: str) -> list[float]:
    """The returns of one evaluation of a task, as the run wrote them down."""
    rows = read_log(run.log_path).to_pylist()
    return [
        row["value"]
        for row in rows
        if row["kind"] == "episode"
        and row["evaluation"] == evaluation
        and row["evaluated_task"] == task
    ]


class Counted:
    """A sink that counts pictures and keeps the returns shown."""

    def __init__(self) -> None:
        self.pictures = 0
        self.returns: dict[int, list[float]] = {}

    def __call__(self, index: int, pictures: list[np.ndarray], scene: Scene) -> None:
        self.pictures += len(pictures)
        if scene.ended:
            self.returns.setdefault(index, []).append(scene.total)


def small_camera(env: VecEnv, index: int) -> Camera:
    return Camera(env, index, fps=10, speed=5, size=(60, 40), panel=False)


def shown(restored: RestoredAgent, task: str, episodes: int) -> tuple[EvaluationResult, Counted]:
    counted = Counted()
    (wanted,) = tasks_to_show(restored.loaded, [task])
    result = show_task(restored, wanted, small_camera, counted, episodes=episodes)
    return result, counted


def test_what_is_shown_is_what_the_last_evaluation_measured(run: RunDirectory) -> None:
    restored = restore(run.path)
    episodes = restored.loaded.config.evaluation.episodes
    everything = set()
    for task in ("shards", "turned"):
        measured = logged(run, restored.evaluation, task)
        result, counted = shown(restored, task, episodes)
        assert result.returns.tolist() == measured
        assert [total for i in sorted(counted.returns) for total in counted.returns[i]] == measured
        everything.update(measured)
    assert len(everything) > 1, "returns that could be told apart"


def test_a_single_episode_is_one_of_those_measured(run: RunDirectory) -> None:
    restored = restore(run.path)
    result, counted = shown(restored, "shards", 1)
    assert result.returns.tolist() == logged(run, restored.evaluation, "shards")[:1]
    assert list(counted.returns) == [0]
    # 16 steps, one picture each, and the start.
    assert counted.pictures == 17


def test_an_earlier_checkpoint_is_the_earlier_agent(run: RunDirectory) -> None:
    restored = restore(run.path, 1)
    assert restored.checkpoint.env_steps == 64
    assert restored.evaluation == 1
    episodes = restored.loaded.config.evaluation.episodes
    assert shown(restored, "turned", episodes)[0].returns.tolist() == logged(run, 1, "turned")
    with pytest.raises(UserError, match=r"keeps no checkpoint 99\n.*0 \(at 0 env steps\), 1 \(at"):
        restore(run.path, 99)


def test_restoring_draws_nothing_from_the_callers_generators(run: RunDirectory) -> None:
    np.random.seed(5)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    shown(restore(run.path), "shards", 1)
    assert np.array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def contents(folder: Path) -> dict[str, str]:
    """Digest of every file below a folder, its lock beside it included."""
    files = [p for p in folder.rglob("*") if p.is_file()] + list(folder.parent.glob(".*"))
    return {str(p): hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(files)}


@pytest.fixture
def copied(run: RunDirectory, tmp_path: Path) -> Path:
    """The same run in a folder of its own."""
    path = tmp_path / "shown" / "default" / "seed-0"
    shutil.copytree(run.path, path)
    return path


def test_films_and_a_page_are_written_and_nothing_else(copied: Path) -> None:
    before = contents(copied)
    result = CliRunner().invoke(app, ["replay", str(copied), "--episodes", "2", "--speed", "16"])
    assert result.exit_code == 0, result.output + repr(result.exception)
    films = copied / "replay"
    assert {p.name for p in films.iterdir()} == {"shards.gif", "turned.gif", "index.html"}
    after = contents(copied)
    assert {k: v for k, v in after.items() if "/replay/" not in k} == before
    with Image.open(films / "shards.gif") as film:
        # Two episodes of 8 s, 16 times as fast, 10 pictures a second: 5 each, and both starts; an
        # end that is held is one picture.
        assert film.n_frames == 12
    page = (films / "index.html").read_text()
    assert page.count("data:image/gif;base64,") == 2
    assert "128 env steps" in page
    assert "http" not in page.replace("http-equiv", "")
    assert "shards: return" in result.output


def test_a_run_under_way_is_shown_without_its_lock(copied: Path, tmp_path: Path) -> None:
    writer = RunDirectory.open(copied, writing=True)
    writer.set_state("running")
    try:
        arguments = ["--task", "turned", "--gif-dir", str(tmp_path / "films"), "--stochastic"]
        result = CliRunner().invoke(app, ["replay", str(copied), *arguments])
    finally:
        writer.close()
    assert result.exit_code == 0, result.output + repr(result.exception)
    assert (tmp_path / "films" / "turned.gif").is_file()
    assert not (copied / "replay").exists()


def test_a_film_as_mp4(copied: Path) -> None:
    pytest.importorskip("imageio_ffmpeg")
    result = CliRunner().invoke(
        app, ["replay", str(copied), "--mp4", "--task", "shards", "--speed", "20"]
    )
    assert result.exit_code == 0, result.output + repr(result.exception)
    assert (copied / "replay" / "shards.mp4").stat().st_size > 1000
    assert "data:video/mp4;base64," in (copied / "replay" / "index.html").read_text()


def test_a_checkpoint_that_goes_away_is_passed_over_for_the_one_before(copied: Path) -> None:
    *_, last = sorted((copied / "checkpoints").iterdir())
    os.remove(last / "tensors.pt")
    assert restore(copied).checkpoint.path != last


def test_mistakes_are_one_message(
    copied: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bare = tmp_path / "bare"
    shutil.copytree(copied, bare)
    shutil.rmtree(bare / "checkpoints")
    for arguments, told in (
        ([str(tmp_path / "nowhere")], "is not a run"),
        ([str(bare)], "has no checkpoint yet"),
        ([str(copied), "--task", "shard"], "did you mean `shards`?"),
        ([str(copied), "--checkpoint", "latest"], "neither `last` nor a number"),
        ([str(copied), "--checkpoint", "99"], "keeps no checkpoint 99"),
        ([str(copied), "--live"], "needs a terminal"),
        ([str(copied), "--live", "--mp4"], "writes nothing"),
        ([str(copied), "--fps", "99"], "--fps 99"),
    ):
        code, said = l2rl(capsys, "replay", *arguments)
        assert code == 2, said
        assert told in said, said
        assert "Traceback" not in said
    assert not (copied / "replay").exists()


def test_names_of_tasks_become_names_of_files() -> None:
    assert file_name("beacon", []) == "beacon"
    assert file_name("a/b c", []) == "a-b-c"
    assert file_name("a b", ["a-b"]) == "a-b-2"
    assert file_name("/", []) == "task"
