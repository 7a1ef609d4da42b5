"""Metrics of other packages: found, named, shown everywhere, and unable to do harm."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from stored_runs import sweep

from l2rl.metrics.comparison import compare
from l2rl.metrics.compute import compute_metrics
from l2rl.metrics.registry import FAMILIES, is_custom
from l2rl.metrics.run_log import RunLog
from l2rl.metrics.statistics import Bootstrap
from l2rl.report.comparison_text import as_csv, as_latex, as_markdown, as_plain_text
from l2rl.report.page import render_report
from l2rl.report.text_summary import text_summary
from l2rl.runs.collection import collect
from l2rl.runs.run_directory import RunDirectory

GOOD = """
from l2rl.metrics.figures import Figure


def evaluations(run):
    matrix = run.matrix()
    return {
        "count": len(matrix.env_steps),
        "mine/deepest": Figure(float(matrix.performance.min()), unit="return", direction="higher"),
        "nothing": None,
        "endless": float("inf"),
    }
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Makes a distribution with a family of metrics importable."""

    def install(code: str, family: str = "mine", target: str = "evaluations") -> None:
        module = f"somebody_{family}"
        place = tmp_path / f"site-{family}"
        place.mkdir()
        (place / f"{module}.py").write_text(code)
        information = place / f"{module}-1.5.dist-info"
        information.mkdir()
        (information / "METADATA").write_text(f"Name: {module}\nVersion: 1.5\n")
        points = f"[l2rl.metrics]\n{family} = {module}:{target}\n"
        (information / "entry_points.txt").write_text(points)
        monkeypatch.syspath_prepend(str(place))
        monkeypatch.delitem(sys.modules, module, raising=False)

    return install


def test_custom_figures_have_qualified_names_and_stand_beside_ours(
    installed: Callable[..., None], finished_run: RunDirectory
) -> None:
    installed(GOOD)
    figures = compute_metrics(RunLog.open(finished_run))["metrics"]
    assert figures["mine/count"]["value"] == 42
    assert figures["mine/deepest"]["direction"] == "higher"
    assert figures["mine/nothing"]["value"] is None
    assert figures["mine/endless"]["reason"] == "the value is inf"
    assert figures["gap/min_acc"]["value"] is not None
    assert is_custom("mine/count")
    assert not is_custom("gap/min_acc")


def test_custom_figures_are_in_every_report_and_table(
    installed: Callable[..., None], finished_run: RunDirectory, tmp_path: Path
) -> None:
    installed(GOOD)
    assert "mine/count" in text_summary(finished_run)
    assert "mine/count" in render_report(finished_run)
    sweep(tmp_path / "sweep", {"bare": ("{}", 0.5)}, seeds=3)
    found = compare(collect([tmp_path / "sweep"]), bootstrap=Bootstrap(resamples=50))
    for text in (as_plain_text(found), as_markdown(found), as_csv(found)):
        assert "mine/count" in text
    assert "mine/deepest" in as_latex(found)


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("def evaluations(run): raise KeyError('deep')", "KeyError: 'deep'"),
        ("def evaluations(run): return {'count': 'many'}", "ValueError"),
        ("def evaluations(run): return 5", "TypeError"),
        ("import nowhere", "cannot be imported"),
        ("evaluations = 5", "is a int, not a function"),
    ],
)
def test_what_fails_is_named_and_sinks_nobody_else(
    installed: Callable[..., None], finished_run: RunDirectory, code: str, told: str
) -> None:
    installed(GOOD)
    installed(code, family="bad")
    figures = compute_metrics(RunLog.open(finished_run))["metrics"]
    assert told in figures["bad/failed"]["reason"]
    assert "'bad' of somebody_bad 1.5" in figures["bad/failed"]["reason"]
    assert figures["mine/count"]["value"] == 42
    assert figures["gap/min_acc"]["value"] is not None


def test_a_family_of_ours_cannot_be_taken(
    installed: Callable[..., None], finished_run: RunDirectory
) -> None:
    installed(GOOD, family="gap")
    figures = compute_metrics(RunLog.open(finished_run))["metrics"]
    assert "a family of l2rl itself" in figures["gap/custom"]["reason"]
    assert "gap/count" not in figures


def test_every_figure_says_its_unit_and_what_is_better(finished_run: RunDirectory) -> None:
    figures = compute_metrics(RunLog.open(finished_run))["metrics"]
    assert {name.partition("/")[0] for name in figures} == set(FAMILIES)
    for name, figure in figures.items():
        assert figure["unit"], name
        assert figure["direction"] in ("higher", "lower", "neither"), name
        assert (figure["value"] is None) == bool(figure["reason"]), name
