"""Figures for papers: the page's own numbers, on any width, the same bytes every time."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1] / "metrics"))

from stored_runs import sweep

from l2rl.errors import UserError
from l2rl.metrics.comparison import compare
from l2rl.metrics.statistics import Bootstrap
from l2rl.report.static_figure import _composed, drawn
from l2rl.report.static_files import comparison_figures, run_figures, write_figures
from l2rl.report.static_reflow import reflowed
from l2rl.runs.collection import collect
from l2rl.runs.run_directory import RunDirectory

PLAIN: dict[str, Any] = {
    "data": [{"type": "scatter", "x": [0, 1000, 2000], "y": [1.0, None, 3.0], "name": "$a_{1}$"}],
    "layout": {"height": 300, "yaxis": {"title": {"text": "<b>a &lt; b</b>"}}},
}


@pytest.fixture(scope="module")
def of_a_run(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    from synthetic_run import make_run

    return run_figures(make_run(tmp_path_factory.mktemp("one")))


@pytest.fixture(scope="module")
def of_a_comparison(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    variants = {"bare": ("{}", 0.8), "ewc": ("{consolidation.ewc: {}}", 0.4)}
    root = sweep(tmp_path_factory.mktemp("many"), variants)
    few = Bootstrap(resamples=200)
    return comparison_figures(compare(collect([root]), bootstrap=few), few)


@pytest.mark.slow
def test_every_figure_of_a_run_and_of_a_comparison_can_be_drawn(
    of_a_run: dict[str, Any], of_a_comparison: dict[str, Any]
) -> None:
    assert {"evaluation", "training", "heat", "timeline", "plasticity"} <= set(of_a_run)
    assert set(of_a_comparison) == {
        *("curves", "values", "differences", "effects", "improvement", "profiles")
    }
    for figure in (*of_a_run.values(), *of_a_comparison.values()):
        picture = np.asarray(Image.open(io.BytesIO(drawn(figure, "png", 60.0))).convert("L"))
        # More than a blank sheet, and nothing is cut off at an edge but curves and bands.
        assert picture.std() > 5
        assert (picture[:2] == 255).all()
        assert (picture[:, :2] == 255).all()


def test_the_drawn_points_are_those_of_the_page(of_a_run: dict[str, Any]) -> None:
    figure = of_a_run["evaluation"]
    curves = [t for t in figure["data"] if t.get("mode") == "lines+markers"]
    fig = _composed(figure, 500.0)
    lines = [line for axes in fig.axes for line in axes.lines]
    for curve in curves:
        expected = np.array([curve["x"], curve["y"]], dtype=float)
        assert any(
            np.array_equal(np.array(line.get_data(), dtype=float), expected) for line in lines
        )


def test_intervals_are_drawn_from_low_to_high(of_a_comparison: dict[str, Any]) -> None:
    figure = of_a_comparison["differences"]
    trace = next(t for t in figure["data"] if "error_x" in t)
    fig = _composed(figure, 500.0)
    bars = [s for axes in fig.axes for c in axes.collections for s in getattr(c, "_paths", [])]
    ends = [tuple(path.vertices[:, 0]) for path in bars if len(path.vertices) == 2]
    low = trace["x"][0] - trace["error_x"]["arrayminus"][0]
    assert any(
        end == pytest.approx((low, trace["x"][0] + trace["error_x"]["array"][0])) for end in ends
    )


@pytest.mark.parametrize("format_", ["pdf", "png", "svg"])
def test_the_same_figure_gives_the_same_bytes(format_: str) -> None:
    assert drawn(PLAIN, format_) == drawn(PLAIN, format_)


def test_fonts_are_embedded_and_dates_are_not() -> None:
    text = drawn(PLAIN, "pdf")
    assert b"/FontFile2" in text
    assert b"/Type3" not in text
    assert b"CreationDate" not in text
    vector = drawn(PLAIN, "svg").decode()
    assert "<text" not in vector
    assert "<dc:date>" not in vector


@pytest.mark.parametrize("width_mm", [89.0, 180.0])
def test_a_figure_is_as_wide_as_asked_and_its_letters_are_not_scaled(width_mm: float) -> None:
    picture = Image.open(io.BytesIO(drawn(PLAIN, "png", width_mm)))
    assert picture.width == pytest.approx(width_mm / 25.4 * 300, abs=1)
    fig = _composed(PLAIN, width_mm / 25.4 * 72)
    assert fig.axes[-1].yaxis.label.get_fontsize() == pytest.approx(13 * 0.55)


def test_texts_are_neither_formulas_nor_markup() -> None:
    figure = {**PLAIN, "data": [{**PLAIN["data"][0], "showlegend": True}]}
    fig = _composed(figure, 400.0)
    assert fig.axes[-1].yaxis.label.get_text() == "a < b"
    (name,) = fig.legends[0].get_texts()
    assert name.get_text() == "$a_{1}$"
    assert not name.get_parse_math()
    # An unclosed formula would otherwise raise when it is drawn.
    drawn({**figure, "data": [{**figure["data"][0], "name": "$\\frac{"}]}, "png")


def test_a_gap_in_the_data_stays_a_gap() -> None:
    fig = _composed(PLAIN, 400.0)
    (line,) = fig.axes[-1].lines
    assert np.isnan(np.asarray(line.get_ydata(), dtype=float)).tolist() == [False, True, False]


def test_what_cannot_be_drawn_is_refused() -> None:
    bars = {**PLAIN, "data": [{"type": "bar", "x": [0], "y": [1]}]}
    with pytest.raises(ValueError, match="of type 'bar'"):
        drawn(bars, "png")
    circle = {"type": "circle", "x0": 0, "x1": 1, "y0": 0, "y1": 1}
    with pytest.raises(ValueError, match="of type 'circle'"):
        drawn({**PLAIN, "layout": {**PLAIN["layout"], "shapes": [circle]}}, "png")


def test_a_path_is_drawn_stroke_by_stroke_and_nothing_in_it_but_lines() -> None:
    path = {"type": "path", "path": "M 5,0 L 5,1 M 1e3,0 L 1000,1", "yref": "paper", "xref": "x"}
    shaped = {**PLAIN, "layout": {**PLAIN["layout"], "shapes": [path]}}
    strokes = [line for axes in _composed(shaped, 400.0).axes for line in axes.lines]
    ends = [line.get_xdata() for line in strokes if len(line.get_xdata()) == 2]
    assert [tuple(end) for end in ends] == [(5.0, 5.0), (1000.0, 1000.0)]
    shaped["layout"]["shapes"] = [{**path, "path": "M 0,0 C 1,1 2,2 3,3"}]
    with pytest.raises(ValueError, match="of type 'path'"):
        drawn(shaped, "png")


def test_narrow_paper_has_its_panels_below_each_other(of_a_comparison: dict[str, Any]) -> None:
    wide = of_a_comparison["values"]
    assert reflowed(wide, 180.0) is wide
    narrow = reflowed(wide, 89.0)
    domains = sorted(
        narrow["layout"][name]["domain"] for name in narrow["layout"] if name.startswith("yaxis")
    )
    for (_, top), (bottom, _) in pairwise(domains):
        assert bottom > top
    assert {tuple(narrow["layout"][n]["domain"]) for n in narrow["layout"] if n[:5] == "xaxis"} == {
        (0.0, 1.0)
    }
    # A panel is as high as it was, and each heading still stands right above its own.
    for number in range(1, len(domains) + 1):
        heights = []
        for figure in (wide, narrow):
            layout = figure["layout"]
            inside = layout["height"] - layout["margin"]["t"] - layout["margin"]["b"]
            low, high = layout[f"yaxis{number}"]["domain"]
            heights.append((high - low) * inside)
        assert heights[1] == pytest.approx(heights[0], rel=0.02)
        heading = narrow["layout"]["annotations"][number - 1]
        assert heading["y"] == pytest.approx(narrow["layout"][f"yaxis{number}"]["domain"][1])


def test_files_are_named_by_figure_and_only_the_wanted_ones_are_written(
    of_a_run: dict[str, Any], tmp_path: Path
) -> None:
    paths = list(write_figures(of_a_run, tmp_path / "f", ["pdf", "svg"], 89.0, ["heat"]))
    assert [path.name for path in paths] == ["heat.pdf", "heat.svg"]
    assert sorted(path.name for path in (tmp_path / "f").iterdir()) == ["heat.pdf", "heat.svg"]
    with pytest.raises(UserError, match="did you mean `heat`"):
        list(write_figures(of_a_run, tmp_path, ["pdf"], 89.0, ["heta"]))


def test_an_unfinished_run_has_figures_too(
    tmp_path: Path, run_maker: Callable[..., RunDirectory]
) -> None:
    found = run_figures(run_maker(tmp_path, pieces=3))
    for name in ("evaluation", "training"):
        assert drawn(found[name], "svg", 89.0).startswith(b"<?xml")
