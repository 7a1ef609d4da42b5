"""Reference pages say what the docstrings say, and the ones in docs/ are not stale."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from l2rl.authoring.reference import markdown, reference_of, shipped_names, written_pages
from l2rl.cli.main import app

PAGES = Path(__file__).parents[2] / "docs/components"


def test_the_pages_are_those_of_the_docstrings() -> None:
    written = {path.name: path.read_text(encoding="utf-8") for path in PAGES.glob("*.md")}
    wanted = written_pages()
    stale = [n for n in {**wanted, **written} if wanted.get(n) != written.get(n)]
    assert not stale, f"write them anew with `l2rl reference`: {stale}"


def test_a_page_has_equation_source_settings_with_units_and_company() -> None:
    page = reference_of("consolidation.ewc")
    assert "penalty = 1/2 * strength" in page.equations[0]
    assert page.sources == ("1612.00796", "1805.06370")
    assert page.needs == ("TASK_BOUNDARY or CHANGE_EVENTS",)
    settings = {s.name: s for s in page.settings}
    assert (settings["decay"].values, settings["decay"].default) == ("≥ 0, ≤ 1", "0.95")
    assert settings["mode"].values == "`online`, `per_task`"
    assert settings["memory_env_steps"].unit == "env steps"
    text = markdown(page)
    assert "https://arxiv.org/abs/1612.00796" in text
    assert "| `strength` | float | ≥ 0" in text


def test_owners_of_one_thing_are_told_of_each_other() -> None:
    for name in shipped_names():
        for told in reference_of(name).not_with:
            other = told.partition(":")[0]
            if other in shipped_names():
                assert any(t.startswith(name) for t in reference_of(other).not_with)


@pytest.mark.parametrize("command", [["components", "ewc"], ["show", "ewc"]])
def test_on_screen_it_is_the_same(command: list[str]) -> None:
    shown = CliRunner().invoke(app, command, env={"COLUMNS": "200"}).output
    for word in ("1612.00796", "TASK_BOUNDARY or CHANGE_EVENTS", "fisher_samples", "≥ 1"):
        assert word in shown
    assert "consolidation.ewc" in CliRunner().invoke(app, ["components"]).output
