"""Runs that were never lived, for the tests of this room."""

from __future__ import annotations

from pathlib import Path

import pytest
from synthetic_run import make_run

from l2rl.runs.run_directory import RunDirectory


@pytest.fixture
def finished_run(tmp_path: Path) -> RunDirectory:
    return make_run(tmp_path / "runs")
