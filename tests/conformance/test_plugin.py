"""The kit in a test file, on the command line, and in nobody's way."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from l2rl.cli.main import app
from l2rl.errors import UserError
from l2rl.testing import Conformance, check_component, conformance_tests
from l2rl.testing.runner import chosen
from tests.conformance import wrong_components as wrong

ROOT = Path(__file__).parents[2]
WRONG = "tests.conformance.wrong_components"

test_conformance = conformance_tests(wrong.Right, learners=["dqn"], checks=["null", "masks"])


def test_a_test_file_of_three_lines_has_an_item_a_check(tmp_path: Path) -> None:
    file = tmp_path / "test_mine.py"
    file.write_text(
        f"from {WRONG} import Misspelt\n"
        "from l2rl.testing import conformance_tests\n"
        "test_conformance = conformance_tests(Misspelt, learners=['dqn'])\n"
    )
    options = ["-v", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), "--strict-markers"]
    options += ["-k", "declaration or labels or masks"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", str(file), *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "test_conformance[declaration] FAILED" in done.stdout, done.stdout + done.stderr
    assert "2 passed" in done.stdout
    assert "did you mean `on_task_" in done.stdout
    assert "mend:" in done.stdout
    assert "runner.py" not in done.stdout


def test_unrelated_test_runs_import_nothing_heavy(tmp_path: Path) -> None:
    (tmp_path / "test_other.py").write_text(
        "import sys\n\ndef test_light():\n    assert 'torch' not in sys.modules\n"
        "    assert 'l2rl.testing.runner' not in sys.modules\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", str(tmp_path)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "1 passed" in done.stdout, done.stdout + done.stderr


def test_the_page_explains_every_check() -> None:
    page = (ROOT / "docs/conformance.md").read_text(encoding="utf-8")
    for check in chosen():
        assert f"| `{check.name}`" in page


def test_check_on_the_command_line() -> None:
    few = ["--learner", "dqn", "--check", "declaration"]
    fine = CliRunner().invoke(app, ["check", f"{WRONG}:Right", *few])
    assert (fine.exit_code, "conforms" in fine.output) == (0, True)
    failed = CliRunner().invoke(app, ["check", f"{WRONG}:HiddenNeed", *few])
    assert failed.exit_code == 1
    assert "never called" in failed.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere:Class"], "cannot be imported"),
        ([f"{WRONG}:Batch"], "not a class"),
        ([f"{WRONG}:ComponentConfig"], "not a component"),
        (["consolidation.ewcc"], "did you mean `consolidation.ewc`"),
        (["ewc", "--learner", "a2c"], "no learner `a2c`"),
        (["reservoir", "--learner", "ppo"], "does not work with learner ppo"),
        (["ewc", "--check", "labls"], "did you mean `labels`"),
        (["ewc", "--set", "strenth=1"], "did you mean `strength`"),
        (["ewc", "--set", "strength=-1"], "greater than or equal to 0"),
        (["ewc", "--set", "strength"], "key=value"),
    ],
)
def test_a_slip_is_one_clear_message(arguments: list[str], message: str) -> None:
    result = CliRunner().invoke(app, ["check", *arguments])
    assert isinstance(result.exception, UserError)
    assert message in str(result.exception)
    assert "\n" in str(result.exception) or "not a class" in message


def test_hints_may_be_given_with_the_test() -> None:
    told = Conformance(null={"strength": 3.0})
    report = check_component(wrong.Right, learners=["dqn"], checks=["null"], conformance=told)
    assert report["null"].status == "failed"
    assert "3.0" in str(report)
