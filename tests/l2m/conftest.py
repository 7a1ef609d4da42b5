"""Runs that were never lived: the generator lives in tests/runs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from l2rl.runs.run_directory import RunDirectory

sys.path.insert(0, str(Path(__file__).parents[1] / "runs"))

from synthetic_run import make_run


@pytest.fixture
def run_maker() -> Callable[..., RunDirectory]:
    return make_run
