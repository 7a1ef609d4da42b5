"""The comparison page: alone, safe, in plain words, with the numbers of the comparison."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "metrics"))

from stored_runs import stored, sweep
from test_page import Page

from l2rl.metrics.comparison import Comparison, compare
from l2rl.metrics.criteria import Verdict
from l2rl.metrics.statistics import Bootstrap
from l2rl.report.comparison_curves import mean_with_band, read_curves, sampled, shared_moments
from l2rl.report.comparison_page import link, render_comparison
from l2rl.report.comparison_words import criteria_words, headline, standing
from l2rl.runs.collection import collect

FEW = Bootstrap(resamples=300)
EWC, MONITOR = "consolidation.ewc: {}", "plasticity.monitor: {}"
FORGETTING = "matrix/forgetting"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = sweep(
        tmp_path_factory.mktemp("sweep"),
        {
            "bare": ("{}", 0.8),
            "ewc": (f"{{{EWC}}}", 0.4),
            "both": (f"{{{EWC}, {MONITOR}}}", 0.4),
        },
    )
    stored(root, "ewc", 9, 0.5, complete=False)
    (root / "exp/bare/seed-0/report.html").write_text("")
    return root


@pytest.fixture(scope="module")
def found(root: Path) -> Comparison:
    return compare(collect([root]), bootstrap=FEW)


@pytest.fixture(scope="module")
def page(root: Path, found: Comparison) -> Page:
    command = ["l2rl", "compare", str(root), "--html", "a b.html"]
    return Page(render_comparison(found, folder=root, command=command, bootstrap=FEW))


def test_the_page_loads_nothing_and_links_only_to_reports_beside_it(page: Page) -> None:
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"link", "iframe", "object", "embed", "img", "base", "form"}
    assert not [a for _, a in page.elements if "src" in a]
    assert [a["href"] for _, a in page.elements if not (a.get("href") or "#").startswith("#")] == [
        "./exp/bare/seed-0/report.html"
    ]
    policy = next(a["content"] for _, a in page.elements if "http-equiv" in a)
    assert policy is not None
    assert policy.startswith("default-src 'none'")


def test_every_figure_is_valid_and_has_its_place(page: Page) -> None:
    assert set(page.figures) == {
        *("curves", "values", "differences", "effects", "improvement", "profiles"),
    }
    places = {attributes.get("id") for _, attributes in page.elements}
    for name, figure in page.figures.items():
        go.Figure(figure)
        assert f"figure-{name}" in places


def test_the_forest_of_differences_has_the_numbers_of_the_comparison(
    page: Page, found: Comparison
) -> None:
    figure = page.figures["differences"]
    titles = [a["text"] for a in figure["layout"]["annotations"]]
    panel = titles.index(f"<b>{FORGETTING}</b>")
    axis = "x" if panel == 0 else f"x{panel + 1}"
    (drawn,) = (t for t in figure["data"] if t["xaxis"] == axis and t["name"] == "ewc")
    summary = found.against["ewc", FORGETTING].difference.summary
    assert summary is not None
    assert drawn["x"] == pytest.approx([summary.mean.value])
    assert summary.mean.low is not None
    assert drawn["error_x"]["arrayminus"] == pytest.approx([summary.mean.value - summary.mean.low])
    lines = [s for s in figure["layout"]["shapes"] if s["xref"] == axis]
    assert [(line["x0"], line["x1"]) for line in lines] == [(0, 0)]


def test_each_variant_has_a_colour_and_a_dash_and_a_symbol_of_its_own(page: Page) -> None:
    curves = [t for t in page.figures["curves"]["data"] if t.get("showlegend", True)]
    styles = {t["name"]: (t["line"]["color"], t["line"]["dash"]) for t in curves}
    assert set(styles) == {"bare", "both", "ewc"}
    for part in zip(*styles.values(), strict=True):
        assert len(set(part)) == 3
    assert len({t["marker"]["symbol"] for t in curves}) == 3


def test_curves_are_the_mean_over_seeds_with_the_interval_of_it(found: Comparison) -> None:
    curves = read_curves(found.groups)
    moments = shared_moments(curves, 2)
    assert moments.tolist() == [0, 10, 20]
    values = sampled(curves.runs["bare"], "a", moments)
    # After learning a: 1; after b: 0.2, 0.3, 0.4, 0.5.
    assert values.tolist() == pytest.approx(
        np.array([[0.0, 1.0, final] for final in (0.2, 0.3, 0.4, 0.5)])
    )
    mean, low, high = mean_with_band(values, "x", FEW)
    assert mean.tolist() == pytest.approx([0.0, 1.0, 0.35])
    assert low is not None
    assert high is not None
    assert low[:2].tolist() == high[:2].tolist() == [0.0, 1.0]
    assert low[2] < 0.35 < high[2]
    by_t = mean_with_band(values, "x", Bootstrap(method="t"))
    assert by_t[1] is not None
    assert by_t[1][2] < low[2]
    assert mean_with_band(values[:2], "x", FEW)[1] is None


def test_a_curve_ends_where_its_run_was_last_evaluated(root: Path) -> None:
    curves = read_curves(compare(collect([root], incomplete=True), bootstrap=FEW).groups)
    values = sampled(curves.runs["ewc"], "b", np.array([0, 10, 20]))
    assert np.isnan(values[-1]).tolist() == [False, False, True]
    assert np.isfinite(values[:-1]).all()


def test_the_words_say_what_is_better_what_is_left_out_and_how_to_make_it_again(
    page: Page, root: Path
) -> None:
    shown = page.shown()
    assert "Against bare, seed by seed: better in" in shown
    assert FORGETTING in shown
    assert "would be called so by chance alone" in shown
    assert "95 % intervals (percentile bootstrap)" in shown
    assert "interrupted; finish it with" in shown
    assert f"l2rl compare {root} --html 'a b.html'" in shown
    for seed in range(4):
        assert str(root / f"exp/both/seed-{seed}") in shown


def test_hostile_names_stay_text(found: Comparison, tmp_path: Path) -> None:
    name = "</script><img src=x onerror=alert(1)>{{ 7*7 }}<b>"
    hostile = replace(found.groups[0], name=name)
    groups = (hostile, *found.groups[1:])
    changed = _renamed(found, found.groups[0].name, name, groups)
    page = Page(render_comparison(changed, folder=tmp_path, bootstrap=FEW))
    assert "img" not in {tag for tag, _ in page.elements}
    assert not [a for _, a in page.elements if "onerror" in a]
    assert name in page.shown()
    # Plotly reads a little HTML itself, so its texts are escaped once more.
    names = json.dumps(page.figures)
    assert "<img" not in names
    assert "&lt;img" in names


def _renamed(found: Comparison, old: str, new: str, groups: Any) -> Comparison:
    def key(pair: tuple[str, str]) -> tuple[str, str]:
        return (new if pair[0] == old else pair[0], pair[1])

    return replace(
        found,
        groups=groups,
        cells={key(k): v for k, v in found.cells.items()},
        against={key(k): v for k, v in found.against.items()},
        baseline=new if found.baseline == old else found.baseline,
        verdicts={new if k == old else k: v for k, v in found.verdicts.items()},
    )


def test_links_cannot_be_taken_for_another_scheme(tmp_path: Path) -> None:
    assert link(tmp_path / "javascript:alert(1)" / "r.html", tmp_path).startswith("./javascript%3A")
    assert link(tmp_path / "a b" / "r.html", tmp_path / "page") == "./../a%20b/r.html"


def test_two_seeds_have_no_interval_and_one_variant_no_baseline(tmp_path: Path) -> None:
    found = compare(collect([sweep(tmp_path, {"bare": ("{}", 0.5)}, seeds=2)]), bootstrap=FEW)
    page = Page(render_comparison(found, folder=tmp_path, bootstrap=FEW))
    assert not any("error_x" in trace for trace in page.figures["values"]["data"])
    assert "differences" not in page.figures
    shown = page.shown()
    assert "There is no baseline: name one with --baseline." in shown
    assert "No two variants differ by one component alone." in shown
    tips = [a["title"] for _, a in page.elements if a.get("title")]
    assert any(tip and "2 seeds: an interval needs at least 3" in tip for tip in tips)


def test_the_verdict_in_words() -> None:
    criterion = "l2m/forward_transfer_ratio > 1"
    met = Verdict(criterion, 1.5, True, 0.99, None)
    missed = Verdict("l2m/performance_maintenance_mrlep >= 0", -0.5, False, 0.1, None)
    unknown = Verdict("l2m/sample_efficiency > 1", None, None, None, "no expert")
    text = criteria_words([met, missed, unknown])
    assert "Meets forward transfer > 1 (1.5, confidence 99%)." in text
    assert "Does not meet performance maintenance ≥ 0 (-0.5, confidence 10%)." in text
    assert "Not judged, for want of values: sample efficiency > 1." in text


def test_the_headline_tells_the_mean_from_what_is_sure(found: Comparison) -> None:
    criterion = "l2m/forward_transfer_ratio > 1"
    verdicts = {
        "bare": (Verdict(criterion, 0.5, False, 0.2, None),),
        "ewc": (Verdict(criterion, 1.5, True, 0.7, None),),
        "both": (Verdict(criterion, 1.5, True, 0.99, None),),
    }
    text = headline(replace(found, verdicts=verdicts))
    assert "meets 1 of them with ewc and both" in text
    assert text.endswith("With at least 95% confidence: both 1, the others none.")
    assert "cannot be judged" in headline(replace(found, verdicts={"bare": ()}))


def test_better_is_what_lies_wholly_on_the_better_side(found: Comparison) -> None:
    by_name = {info.name: info for info in found.metrics}
    difference = found.against["ewc", FORGETTING].difference
    assert standing(by_name[FORGETTING], difference) == "better"
    higher = by_name["matrix/average_performance"]
    assert standing(higher, difference) == "worse"
    assert standing(higher, found.against["ewc", higher.name].difference) == "better"
