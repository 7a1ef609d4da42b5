"""The command line: what it prints, how it refuses, how it stops and goes on."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path

import pytest
from rich.console import Console

from l2rl.cli import main
from l2rl.cli.main import variant_name
from tests.support.runs import assert_same_life, run_whole

YAML = """
experiment: told
agent:
  learner: dqn
  n_envs: 2
  settings: {learning_starts: 50, buffer_size: 300}
  components: {consolidation.ewc: {}, plasticity.monitor: {}}
curriculum:
  visibility: boundaries
  tasks: {beacon: minigames/MoveToBeacon, roaches: minigames/DefeatRoaches}
  blocks: [{learn: beacon, env_steps: 100}, {learn: roaches, env_steps: 100}]
evaluation: {interval_env_steps: null, episodes: 1, n_envs: 1}
"""


@pytest.fixture
def yaml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    path = tmp_path / "told.yaml"
    path.write_text(YAML)
    return path


def l2rl(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """(exit code, everything printed)."""
    before, sys.argv = sys.argv, ["l2rl", *arguments]
    try:
        main()
        code = 0
    except SystemExit as end:
        code = int(end.code or 0)
    finally:
        sys.argv = before
    shown = capsys.readouterr()
    return code, shown.out + shown.err


def test_run_then_report_list_and_show(yaml: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, text = l2rl(capsys, "run", "told.yaml")
    assert code == 0
    assert "report: runs/told/default/seed-0/report.html" in text
    run = "runs/told/default/seed-0"
    assert l2rl(capsys, "report", run)[0] == 0
    assert "complete" in l2rl(capsys, "list", "runs")[1]
    assert "beacon" in l2rl(capsys, "show", run)[1]
    code, text = l2rl(capsys, "run", "told.yaml")
    assert code == 2
    assert "--force" in text
    assert l2rl(capsys, "run", "told.yaml", "--force")[0] == 0
    assert (Path(run).parent / "seed-0.replaced-1").is_dir()


def test_explain_shows_components_hooks_needs_and_the_resolved_text(
    yaml: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, text = l2rl(capsys, "explain", "told.yaml", "--set", "agent.components.ewc.strength=7")
    assert code == 0
    for expected in ("consolidation.ewc", "TASK_BOUNDARY", "the run", "loss_terms", "strength: 7"):
        assert expected in text, expected
    assert not Path("runs").exists()


BROKEN = {
    "unknown key": ("agent.setings.gamma=1", "settings"),
    "wrong type": ("agent.settings.batch_size=many", "batch_size"),
    "unknown component": ("agent.components.ewk={}", "consolidation.ewc"),
    "unknown setting of a component": ("agent.components.ewc.strenght=1", "strength"),
    "missing need": ("curriculum.visibility=hidden", "TASK_BOUNDARY"),
    "wrong learner": ("agent.learner=ppo", "settings"),
    "unknown task": ("curriculum.blocks.0.learn=becon", "beacon"),
    "unknown environment": ("curriculum.tasks.beacon.env=minigames/MoveToBecon", "MoveToBeacon"),
    "unknown variant": ("curriculum.tasks.beacon.variant=bigg", "variant"),
    "unknown parameter": ("curriculum.tasks.beacon.parameters.step_mull=2", "step_mul"),
    "endless repetition": ("curriculum.repeat=3930289138", "lower `repeat`"),
    "no memory for it": ("agent.settings.buffer_size=1000000000000000", "buffer_size"),
    "other spaces": ("curriculum.tasks.beacon.env=CartPole-v1", "share their spaces"),
    "unknown gymnasium id": ("curriculum.tasks.beacon.env=CartPol-v1", "CartPole"),
}


@pytest.mark.parametrize("mistake", BROKEN)
def test_a_mistake_is_one_message_with_its_place(
    mistake: str, yaml: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    override, told = BROKEN[mistake]
    code, text = l2rl(capsys, "run", "told.yaml", f"--set={override}")
    assert code == 2, text
    assert "Traceback" not in text
    assert told in text
    assert re.search(r"told\.yaml:\d+:\d+|--set ", text), text
    assert not Path("runs").exists()


def test_a_mistake_in_the_file_is_told_with_line_and_column(
    yaml: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    yaml.write_text(YAML.replace("consolidation.ewc: {}", "replay.reservoir: {}, reservoir: {}"))
    code, text = l2rl(capsys, "explain", "told.yaml")
    assert code == 2
    assert re.search(r"told\.yaml:7:\d+", text), text
    assert "own REPLAY_BUFFER" in text


@pytest.mark.parametrize("what", ["components", "envs", "curricula", "experiments"])
def test_list_knows_what_ships(what: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, text = l2rl(capsys, "list", what)
    assert code == 0
    assert {
        "components": "plasticity.monitor",
        "envs": "minigames/DefeatRoaches",
        "curricula": "three_games",
        "experiments": "quickstart",
    }[what] in text


@pytest.mark.parametrize(
    "name", ["consolidation.ewc", "minigames/MoveToBeacon", "three_games", "quickstart"]
)
def test_show_knows_what_ships(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert l2rl(capsys, "show", name)[0] == 0


def test_show_outlines_a_curriculum_by_name_by_path_and_inside_an_experiment(
    yaml: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, text = l2rl(capsys, "show", "dispersed")
    assert code == 0
    for expected in ("dispersed: tasks: all", "720,000", "roaches_scattered", "~3,000", "36: 36 l"):
        assert expected in text, expected
    Path("mine.yaml").write_text(
        "tasks: {a: {env: CartPole-v1, parameters: {max_episode_steps: 50}}}\n"
        "scenario: {kind: condensed, episodes: 8, evaluate: all}\n"
    )
    code, text = l2rl(capsys, "show", "mine.yaml")
    assert code == 0
    for expected in ("max_episode_steps: 50", "~400", "learn 8 episodes", "evaluate all tasks"):
        assert expected in text, expected
    code, text = l2rl(capsys, "show", "told.yaml")
    assert code == 0
    assert "learner: dqn" in text
    assert "learn 100 env steps" in text


def test_a_hundred_blocks_are_shown_on_one_screen(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Not by COLUMNS: that is read when the console is made, maybe by another test.
    monkeypatch.setattr(import_module("l2rl.cli.main"), "out", Console(width=100))
    code, text = l2rl(capsys, "show", "hundred_blocks")
    assert code == 0
    assert "0-99" in text
    assert len(text.splitlines()) < 120
    strips = [
        line.split() for line in text.splitlines() if re.fullmatch(r" \w+ +[.+#-]{50} ", line)
    ]
    assert len(strips) >= 20
    for column in zip(*(signs for _, signs in strips), strict=True):
        shares = {"#": 1.0, "+": 0.5, "-": 0.0, ".": 0.0}
        assert sum(shares[sign] for sign in column) == 1.0


def test_a_mistake_in_a_shown_file_has_its_place(
    yaml: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("mine.yaml").write_text(
        "tasks:\n  a: {env: minigames/MoveToBeacon, variant: wid}\n"
        "blocks: [{learn: a, env_steps: 9}]\n"
    )
    for command in (("show", "mine.yaml"), ("show", "nowhere.yaml")):
        code, text = l2rl(capsys, *command)
        assert code == 2
        assert "Traceback" not in text
    assert "mine.yaml:2:3" in l2rl(capsys, "show", "mine.yaml")[1]


def test_list_curricula_says_kind_and_size(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    _, text = l2rl(capsys, "list", "curricula")
    line = next(line for line in text.splitlines() if "alternating" in line)
    assert [cell.strip() for cell in line.split("│")[1:6]] == [
        "alternating", "alternating", "2", "6", "360,000",
    ]  # fmt: skip


def test_unknown_names_are_met_with_near_ones(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (("show", "ewk"), ("list", "component"), ("run", "quikstart")):
        code, text = l2rl(capsys, *arguments)
        assert code == 2
        assert "Traceback" not in text
        assert "did you mean" in text


def test_doctor_and_schema(capsys: pytest.CaptureFixture[str]) -> None:
    code, text = l2rl(capsys, "doctor")
    assert code == 0
    assert "l2rl[metaworld]" in text
    code, text = l2rl(capsys, "schema")
    assert json.loads(text)["type"] == "object"


def test_variants_are_named_after_their_overrides() -> None:
    assert variant_name([]) == "default"
    assert variant_name(["agent.components.ewc.strength=100", "seed=1"]) == "strength=100+seed=1"
    assert re.fullmatch(r"[0-9a-zA-Z][0-9a-zA-Z_.+=-]*", variant_name(["a.b={x: [1, 2]}"]))
    assert len(variant_name([f"a.b{i}=1" for i in range(50)])) <= 80


@pytest.mark.slow
def test_ctrl_c_saves_and_says_how_to_go_on(yaml: Path) -> None:
    longer = ["--set=curriculum.blocks.0.env_steps=3000"]
    program = "from l2rl.cli import main; main()"
    command = [sys.executable, "-c", program, "run", "told.yaml", *longer]
    process = subprocess.Popen(
        [*command, "--variant=default"], stderr=subprocess.PIPE, text=True, env=dict(os.environ)
    )
    run = Path("runs/told/default/seed-0")
    deadline = time.monotonic() + 100
    while not list(run.glob("checkpoints/env-steps-*")) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, text = process.communicate(timeout=100)
    assert process.returncode == 130, text
    assert f"l2rl resume {run}" in text
    assert json.loads((run / "manifest.json").read_text())["state"] == "stopped"
    from l2rl import running

    running.resume(run)
    whole = run_whole(yaml, Path("whole"), [o.removeprefix("--set=") for o in longer])
    assert_same_life(whole.path, run)
