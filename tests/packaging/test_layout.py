"""The list of packages in pyproject.toml is complete, and each door leads to something."""

from __future__ import annotations

import tomllib
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
TREES = {
    "l2rl": "l2rl",
    "components": "l2rl.components",
    "envs": "l2rl.envs",
    "curricula": "l2rl.curricula",
    "experiments": "l2rl.experiments",
}
TOP_LEVEL = {
    *TREES,
    *("tests", "docs", "benchmarks", "examples"),
    *("pyproject.toml", "README.md", "Makefile"),
}


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_every_folder_with_code_is_listed_as_a_package() -> None:
    found = set()
    for folder, package in TREES.items():
        for init in (ROOT / folder).rglob("__init__.py"):
            inside = init.parent.relative_to(ROOT / folder).parts
            found.add(".".join([package, *inside]))
    assert found == set(project()["tool"]["setuptools"]["packages"])


def test_every_yaml_is_shipped() -> None:
    for folder in ("curricula", "experiments"):
        assert list((ROOT / folder).glob("*.yaml"))
        assert {p.parent for p in (ROOT / folder).rglob("*.yaml")} == {ROOT / folder}


def test_the_top_level_stays_as_it_was_agreed() -> None:
    import subprocess

    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.split()
    if not listed:
        pytest.fail("not a git checkout")
    top = {name.split("/")[0] for name in listed}
    assert {name for name in top if not name.startswith(".")} <= TOP_LEVEL


def test_the_core_imports_nothing_of_the_rooms_outside_it() -> None:
    outside = ("l2rl.components", "l2rl.envs", "l2rl.curricula", "l2rl.experiments")
    for file in (ROOT / "l2rl").rglob("*.py"):
        for line in file.read_text().splitlines():
            words = line.split()
            if words[:1] in (["import"], ["from"]):
                assert not words[1].startswith(outside), f"{file}: {line}"


@pytest.mark.parametrize("group", ["components", "envs", "curricula", "experiments"])
def test_every_entry_point_can_be_loaded(group: str) -> None:
    points = entry_points(group=f"l2rl.{group}")
    assert points
    for point in points:
        point.load()
