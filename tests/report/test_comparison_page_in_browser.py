"""The comparison page in a real browser: drawn, quiet, sorted and downloaded, by mouse and key."""

from __future__ import annotations

import csv
import io
import sys
from pathlib import Path

import pytest
from browser import Browser
from selenium.webdriver import Keys

sys.path.insert(0, str(Path(__file__).parents[1] / "metrics"))

from stored_runs import sweep

from l2rl.metrics.comparison import Comparison, compare
from l2rl.metrics.statistics import Bootstrap
from l2rl.report.comparison_page import render_comparison
from l2rl.runs.collection import collect

pytestmark = pytest.mark.xdist_group("browser")

FEW = Bootstrap(resamples=300)
EWC, MONITOR = "consolidation.ewc: {}", "plasticity.monitor: {}"
FIGURES = ("curves", "values", "differences", "effects", "improvement", "profiles")
FORGETTING = "matrix/forgetting"


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    variants = {
        "bare": ("{}", 0.8),
        "ewc": (f"{{{EWC}}}", 0.4),
        "both": (f"{{{EWC}, {MONITOR}}}", 0.5),
    }
    root = sweep(tmp_path_factory.mktemp("sweep"), variants)
    (root / "exp/ewc/seed-1/report.html").write_text("<title>the report of one run</title>")
    return compare(collect([root]), bootstrap=FEW)


@pytest.fixture(scope="module")
def page_path(found: Comparison, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "a b.html"
    path.write_text(render_comparison(found, folder=path.parent, bootstrap=FEW))
    return path


@pytest.fixture
def page(browser: Browser, page_path: Path) -> Browser:
    if browser.driver.current_url != page_path.as_uri():
        browser.open(page_path)
    return browser


def column(page: Browser, table: str, number: int) -> list[str]:
    return page.texts(f"#table-{table} tbody tr > :nth-child({number})")


def test_every_figure_is_drawn_without_errors_and_without_the_network(page: Browser) -> None:
    assert page.problems() == []
    assert page.requests() == []
    for name in FIGURES:
        assert page.all(f"#figure-{name} .main-svg .trace"), f"{name} is empty"


def test_every_variant_is_in_the_legend_once_and_can_be_hidden(page: Browser) -> None:
    names = page.texts("#figure-curves .legendtext")
    assert sorted(names) == ["bare", "both", "ewc"]


def test_a_table_sorts_by_its_header_with_the_keyboard(page: Browser) -> None:
    details = page.find("[id^='full-metric-matrix-forgetting']")
    page.js("arguments[0].open = true", details)
    name = details.get_attribute("id").removeprefix("full-")
    before = column(page, name, 1)
    button = page.find(f"#table-{name} thead th:nth-child(3) button")
    button.send_keys(Keys.ENTER)
    assert [text.strip() for text in column(page, name, 1)] == ["ewc", "both", "bare"]
    button.send_keys(Keys.ENTER)
    assert [text.strip() for text in column(page, name, 1)] == ["bare", "both", "ewc"]
    button.send_keys(Keys.ENTER)
    assert column(page, name, 1) == before


def test_a_downloaded_table_has_the_exact_values(page: Browser, found: Comparison) -> None:
    page.js("document.querySelector('#table-standings .csv').click()")
    rows = list(csv.DictReader(io.StringIO(page.downloaded("standings.csv"))))
    (row,) = (row for row in rows if row["metric"] == FORGETTING)
    summary = found.against["ewc", FORGETTING].difference.summary
    assert summary is not None
    assert float(row["ewc"]) == summary.mean.value


def test_a_run_leads_to_its_report(browser: Browser, page_path: Path) -> None:
    browser.open(page_path)
    browser.js("document.getElementById('run-rows').open = true")
    browser.find("#table-runs a").click()
    browser.until(lambda: browser.driver.title == "the report of one run")


def test_all_of_it_prints(page: Browser) -> None:
    printed = page.pdf()
    assert printed.startswith(b"%PDF")
    assert page.problems() == []
