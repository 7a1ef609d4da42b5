"""The experiments behind docs/study.md are still what `l2rl run` accepts."""

from __future__ import annotations

from pathlib import Path

import pytest

from l2rl.config import load_experiment
from l2rl.running import check

STUDIES = sorted((Path(__file__).parents[1] / "examples" / "studies").glob("*.yaml"))


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_a_study_is_accepted(path: Path) -> None:
    check(load_experiment(path))


def test_there_are_studies() -> None:
    assert {path.stem for path in STUDIES} == {"forgetting", "detection"}
