"""What authors are given is true: the tutorial's code works, and the generated package passes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import types
from pathlib import Path

import pytest
from typer.testing import CliRunner

from l2rl.authoring.new_component import rendered, template_names, write_component
from l2rl.cli.main import app
from l2rl.config import load_text
from l2rl.errors import UserError
from l2rl.testing import check_component

ROOT = Path(__file__).parents[2]
TUTORIAL = (ROOT / "docs/authoring.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", TUTORIAL, re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def tutorial() -> types.ModuleType:
    """A module of the tutorial's blocks of Python."""
    module = types.ModuleType("tutorial")
    sys.modules["tutorial"] = module
    exec(compile("\n\n".join(blocks("python")), "docs/authoring.md", "exec"), vars(module))
    return module


def test_the_tutorials_method_is_short_and_conforms(tutorial: types.ModuleType) -> None:
    code = blocks("python")[0].split('"""', 2)[2]
    assert len([line for line in code.splitlines() if line.strip()]) < 60
    report = check_component(tutorial.ComplexSynapses, learners=["dqn", "ppo"], fast=True)
    assert report.passed, str(report)
    assert report["effect"].status == report["null"].status == "passed"


def test_the_tutorials_own_test_passes_and_can_fail(tutorial: types.ModuleType) -> None:
    tutorial.test_what_flows_is_not_lost()
    cls = tutorial.ComplexSynapses
    original = cls.after_step
    cls.after_step = lambda self, view: None
    try:
        with pytest.raises(AssertionError):
            tutorial.test_what_flows_is_not_lost()
    finally:
        cls.after_step = original


def test_the_tutorials_experiment_is_right(tutorial: types.ModuleType) -> None:
    (yaml,) = blocks("yaml")
    named = yaml.replace(
        "complex_synapses: {", "complex_synapses: {type: 'tutorial:ComplexSynapses', "
    )
    from l2rl.assembly import check_composition

    composition = check_composition(load_text(named))
    assert [c.name for c in composition["after_step"]] == ["complex_synapses"]


def test_every_template_is_used_and_the_code_is_code() -> None:
    written = rendered("two_words", "plasticity")
    assert len(written) == len(template_names())
    for path, text in written.items():
        assert "{{" not in text
        if path.endswith(".py"):
            compile(text, path, "exec")
    assert "class TwoWords(Component)" in written["src/l2rl_two_words/two_words.py"]
    assert '"plasticity.two_words"' in written["pyproject.toml"]


@pytest.mark.parametrize(
    ("name", "family", "message"),
    [
        ("Ewc", "consolidation", "lower-case"),
        ("class", "consolidation", "lower-case"),
        ("../up", "consolidation", "lower-case"),
        ("fine", "no-family", "family"),
        ("ewc", "consolidation", "already"),
    ],
)
def test_names_that_cannot_be(name: str, family: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        write_component(name, family=family, directory=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    arguments = ["new", "component", "mine", "--directory", str(tmp_path)]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    written = tmp_path / "l2rl-mine/src/l2rl_mine/mine.py"
    written.write_text("kept")
    again = CliRunner().invoke(app, arguments)
    assert isinstance(again.exception, UserError)
    assert written.read_text() == "kept"


@pytest.mark.slow
def test_the_generated_package_passes_its_tests_and_runs(tmp_path: Path) -> None:
    folder = write_component("slow_tie", directory=tmp_path)
    lint = ["-m", "ruff", "check", "--isolated", "--select", "E,F,UP,B", "--line-length", "100"]
    _python([*lint, str(folder)], folder)
    site = tmp_path / "site"
    pip = ["-m", "pip", "-q", "--disable-pip-version-check", "install", "--no-deps", "--no-index"]
    _python([*pip, "--no-build-isolation", "--target", str(site), str(folder)], folder)
    path = str(site)
    told = _python(["-m", "pytest", "-q", "-m", "not slow", "-p", "no:cacheprovider"], folder, path)
    assert re.search(r"\b19 passed", told), told
    main = ["-c", "from l2rl.cli import main; main()"]
    assert "slow_tie" in _python([*main, "list", "components"], folder, path)
    _python([*main, "run", "examples/slow_tie.yaml"], folder, path)
    assert (folder / "runs/slow_tie/default/seed-0/report.html").is_file()


def _python(arguments: list[str], folder: Path, path: str = "") -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path, "COLUMNS": "200", "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
