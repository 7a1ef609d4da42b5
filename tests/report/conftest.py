"""Runs that were never lived, made by tests/runs and tests/metrics, and a browser for them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from l2rl.runs.run_directory import RunDirectory

sys.path.insert(0, str(Path(__file__).parents[1] / "runs"))
sys.path.insert(0, str(Path(__file__).parents[1] / "metrics"))
sys.path.insert(0, str(Path(__file__).parent))

from browser import Browser, missing_packages
from synthetic_run import make_run


@pytest.fixture
def finished_run(tmp_path: Path) -> RunDirectory:
    return make_run(tmp_path / "runs")


@pytest.fixture
def run_maker() -> Callable[..., RunDirectory]:
    return make_run


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Tests that use it belong to the xdist group `browser`, so that there is only one."""
    if missing := missing_packages():
        pytest.skip(f"there is no browser: apt-get install {' '.join(missing)}")
    opened = Browser(tmp_path_factory.mktemp("downloads"))
    yield opened
    opened.close()
