"""The wheel works away from the repository, and so does somebody else's component beside it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import textwrap
from pathlib import Path

import pytest

from tests.packaging.test_layout import ROOT, TREES

pytestmark = [pytest.mark.exhaustive, pytest.mark.xdist_group("wheel")]


def pip(*arguments: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments],
        check=True,
        timeout=200,
    )


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with our wheel; what we depend on is borrowed from this one."""
    root = tmp_path_factory.mktemp("elsewhere")
    # Built from a copy: setuptools leaves a build folder behind, and would ship what is in it.
    source = root / "source"
    for folder in TREES:
        shutil.copytree(ROOT / folder, source / folder, ignore=shutil.ignore_patterns("*.pyc"))
    for file in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / file, source)
    wheels = str(root / "wheels")
    pip("wheel", str(source), "--no-deps", "--no-build-isolation", "-w", wheels)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(root / "venv")], check=True)
    (wheel,) = (root / "wheels").glob("l2rl-*.whl")
    install(root, str(wheel))
    site = next((root / "venv/lib").glob("python*/site-packages"))
    (site / "borrowed.pth").write_text(sysconfig.get_paths()["purelib"])
    return root


def install(root: Path, what: str) -> None:
    python = str(root / "venv/bin/python")
    pip("--python", python, "install", "--no-deps", "--no-index", "--no-build-isolation", what)


def l2rl(root: Path, *arguments: str, code: int = 0) -> str:
    """Run the installed command in a folder of its own; its output."""
    environment = {**os.environ, "PYTHONPATH": "", "COLUMNS": "200"}
    done = subprocess.run(
        [str(root / "venv/bin/l2rl"), *arguments],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_it_is_the_wheel_that_runs(elsewhere: Path) -> None:
    where = subprocess.run(
        [str(elsewhere / "venv/bin/python"), "-c", "import l2rl.envs as e; print(e.__file__)"],
        cwd=elsewhere,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert where.startswith(str(elsewhere))


def test_the_quickstart_runs_by_name(elsewhere: Path) -> None:
    shorter = [f"--set=curriculum.blocks.{i}.env_steps=1500" for i in range(4)]
    shorter.append("--set=evaluation.episodes=2")
    l2rl(elsewhere, "run", "quickstart", "--variant", "short", *shorter)
    run = elsewhere / "runs/quickstart/short/seed-0"
    assert json.loads((run / "manifest.json").read_text())["state"] == "complete"
    assert (run / "report.html").stat().st_size > 100_000


def test_what_ships_is_listed_and_well(elsewhere: Path) -> None:
    assert "quickstart" in l2rl(elsewhere, "list", "experiments")
    assert "minigames/MoveToBeacon" in l2rl(elsewhere, "list", "envs")
    l2rl(elsewhere, "doctor")


COMPONENT = '''
"""Counts gradient steps."""

from l2rl.component import Component, ComponentConfig
from pydantic import Field


class Counting(Component):
    """Counts gradient steps, somewhere else."""

    stateful = ("count",)

    class Config(ComponentConfig):
        start: int = Field(0, ge=0, description="first number")

    def __init__(self, config=None):
        super().__init__(config)
        self.count = self.config.start

    def after_step(self, view):
        self.count += 1

    def metrics(self):
        return {"count": self.count}
'''
PYPROJECT = """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
[project]
name = "somebody-else"
version = "1.0"
[project.entry-points."l2rl.components"]
"counting.steps" = "somebody_else:Counting"
[tool.setuptools]
py-modules = ["somebody_else"]
"""
EXPERIMENT = """
agent: {learner: ppo, settings: {n_steps: 32, batch_size: 32}, components: {steps: {start: 5}}}
curriculum: {tasks: {pole: CartPole-v1}, blocks: [{learn: pole, env_steps: 64}]}
"""


def test_an_outside_package_is_found_through_its_entry_point(elsewhere: Path) -> None:
    package = elsewhere / "package"
    package.mkdir()
    (package / "somebody_else.py").write_text(textwrap.dedent(COMPONENT))
    (package / "pyproject.toml").write_text(PYPROJECT)
    install(elsewhere, str(package))
    assert "counting.steps" in l2rl(elsewhere, "list", "components")
    (elsewhere / "outside.yaml").write_text(EXPERIMENT)
    assert "after_step" in l2rl(elsewhere, "explain", "outside.yaml")
    l2rl(elsewhere, "run", "outside.yaml")
    mistake = "--set=agent.components.steps.strat=1"
    wrong = l2rl(elsewhere, "explain", "outside.yaml", mistake, code=2)
    assert "start" in wrong
    assert "Traceback" not in wrong
