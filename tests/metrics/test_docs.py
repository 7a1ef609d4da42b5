"""docs/metrics.md lists every figure, with the unit and direction that it has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from synthetic_run import make_run

from l2rl.metrics.compute import compute_metrics
from l2rl.metrics.run_log import RunLog
from l2rl.metrics.scalability import timing_figures
from l2rl.runs.tidy_log import read_log
from l2rl.runs.timing import timing_of

DOCS = (Path(__file__).parents[2] / "docs/metrics.md").read_text()
ROW = re.compile(r"^\| `([a-z0-9_]+/[a-z0-9_]+)` \| .+ \| (.+?) \| (\w+) \| .+ \|$", re.MULTILINE)
LISTED = {name: (unit, better) for name, unit, better in ROW.findall(DOCS)}
ELSEWHERE = ("l2m/",)


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, str]]:
    run = make_run(tmp_path_factory.mktemp("docs"))
    computed = compute_metrics(RunLog.open(run))["metrics"]
    seconds = timing_figures(timing_of(run, read_log(run.log_path)))
    found = {name: (figure["unit"], figure["direction"]) for name, figure in computed.items()}
    return found | {name: (figure.unit, figure.direction) for name, figure in seconds.items()}


def test_every_figure_is_listed_as_it_is(figures: dict[str, tuple[str, str]]) -> None:
    for name, (unit, better) in figures.items():
        if name.startswith(ELSEWHERE):
            continue
        if name in LISTED:
            assert (unit, better) == (LISTED[name][0].replace("measure", "return"), LISTED[name][1])
        else:
            parts = name.removesuffix("/change").split("/")
            last = parts[-1].partition("_0")[0]
            assert len(parts) > 2 or name in DOCS, name
            assert last in DOCS or parts[0] == "scalability", name


def test_every_listed_figure_exists(figures: dict[str, tuple[str, str]]) -> None:
    assert len(LISTED) > 35
    assert set(LISTED) <= set(figures)
