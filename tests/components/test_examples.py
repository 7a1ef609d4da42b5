"""Every component has an example, and every example runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from l2rl.cli.main import app
from l2rl.registry import COMPONENTS, component_names, distribution_of

FOLDER = Path(__file__).parents[2] / "examples" / "components"
EXAMPLES = sorted(FOLDER.glob("*.yaml"))


def test_every_component_has_an_example() -> None:
    shipped = {n for n in component_names() if distribution_of(COMPONENTS, n).startswith("l2rl ")}
    assert {path.stem for path in EXAMPLES} == shipped


@pytest.mark.slow
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_example_is_accepted(path: Path) -> None:
    result = CliRunner().invoke(app, ["explain", str(path)])
    assert result.exit_code == 0, result.output


@pytest.mark.exhaustive
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_example_runs_and_has_its_component(path: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["run", str(path), "--runs", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert f"{path.stem}:" in path.read_text()
    assert list(tmp_path.rglob("report.html"))
