"""The page in a real browser: drawn, quiet, sorted, searched, zoomed, printed, by mouse and key."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from browser import Browser
from selenium.webdriver import ActionChains, Keys
from synthetic_run import make_run

from l2rl.report.page import write_report
from l2rl.runs.run_directory import RunDirectory

pytestmark = pytest.mark.xdist_group("browser")

FIGURES = ("evaluation", "training", "gap", "heat", "timeline", "cost", "plasticity", "learner")
HOSTILE = "</script><img src=x onerror=\"document.title='taken'\">"


@pytest.fixture(scope="module")
def page_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(make_run(tmp_path_factory.mktemp("runs")))


@pytest.fixture
def page(browser: Browser, page_path: Path) -> Browser:
    """The page, opened once for all tests that leave it as they found it."""
    if browser.driver.current_url != page_path.as_uri():
        browser.open(page_path)
    return browser


def test_it_is_drawn_without_errors_and_without_the_network(page: Browser) -> None:
    assert page.problems() == []
    assert page.requests() == []
    for name in FIGURES:
        marks = page.all(f"#figure-{name} .main-svg .trace, #figure-{name} .hm image")
        assert marks, f"{name} is empty"
    assert [h for h in page.texts("h2") if "gap" in h] == ["The stability gap near by"]


def test_the_first_key_leads_past_the_navigation(page: Browser) -> None:
    page.find("body").send_keys(Keys.TAB)
    link = page.driver.switch_to.active_element
    assert link.text == "Skip to the report"
    link.send_keys(Keys.ENTER)
    assert page.js("return document.activeElement.id") == "main"


def test_it_prints_whole(page: Browser) -> None:
    printed = page.pdf()
    pages = len(re.findall(rb"/Type\s*/Page\b", printed))
    assert printed.startswith(b"%PDF")
    assert 4 < pages < 40
    page.cdp("Emulation.setEmulatedMedia", media="print")
    page.js("window.dispatchEvent(new Event('beforeprint'))")
    try:
        right = "return Math.max(...[...document.querySelectorAll('.figure .main-svg')]"
        left = "document.getElementById('main').getBoundingClientRect().left"
        width = page.js(right + f".map(e => e.getBoundingClientRect().right)) - {left}")
        assert 600 < width < 710, "a figure is as wide as the paper between its margins"
        assert page.js("return document.querySelectorAll('details:not([open])').length") == 1
    finally:
        page.js("window.dispatchEvent(new Event('afterprint'))")
        page.cdp("Emulation.setEmulatedMedia", media="")


def test_nothing_is_wider_than_a_narrow_window(browser: Browser, page_path: Path) -> None:
    narrow = {"width": 400, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    browser.cdp("Emulation.setDeviceMetricsOverride", **narrow)
    try:
        browser.open(page_path)
        assert browser.js("return document.documentElement.scrollWidth") <= 400
    finally:
        browser.cdp("Emulation.clearDeviceMetricsOverride")
    size = "const {offsetWidth: w, offsetHeight: h} = document.getElementById('figure-cost'); "
    browser.until(lambda: browser.js(size + "return w > 1000 && h > 300"))


def column(page: Browser, table: str, number: int) -> list[str]:
    return page.texts(f"#table-{table} tbody tr > :nth-child({number})")


def test_tables_sort_by_mouse(page: Browser) -> None:
    header = page.find("#table-tasks thead th:nth-child(2)")
    before = column(page, "tasks", 1)
    header.find_element("css selector", "button").click()
    values = [float(text) for text in column(page, "tasks", 2)]
    assert values == sorted(values)
    assert header.get_attribute("aria-sort") == "ascending"
    header.find_element("css selector", "button").click()
    assert [float(text) for text in column(page, "tasks", 2)] == values[::-1]
    assert header.get_attribute("aria-sort") == "descending"
    header.find_element("css selector", "button").click()
    assert column(page, "tasks", 1) == before
    assert header.get_attribute("aria-sort") is None


def test_tables_sort_by_keyboard_and_keep_what_is_missing_last(page: Browser) -> None:
    page.js("document.getElementById('metric-rows').open = true")
    button = page.find("#table-metrics thead th:nth-child(3) button")
    page.js("arguments[0].focus()", button)
    for key in (Keys.ENTER, Keys.SPACE):
        page.driver.switch_to.active_element.send_keys(key)
        script = "return [...document.querySelectorAll('#table-metrics tbody tr')].map("
        values = page.js(script + "r => r.cells[2].dataset.value)")
        present = [float(value) for value in values if value]
        assert present == sorted(present, reverse=key == Keys.SPACE)
        assert values.index("") == len(present), "rows without a value come last"
    assert page.js("return document.activeElement === arguments[0]", button)


def test_a_table_leaves_as_csv_with_exact_numbers(page: Browser) -> None:
    page.find("#table-tasks thead th:nth-child(1) button").click()
    page.find("#table-tasks .csv").click()
    rows = list(csv.reader(io.StringIO(page.downloaded("tasks.csv"))))
    assert rows[0][:4] == ["task", "latest", "best", "forgetting"]
    assert [row[0] for row in rows[1:]] == sorted(["beacon", "shards", "roaches"])
    shown = [float(text) for text in column(page, "tasks", 2)]
    exact = [float(row[1]) for row in rows[1:]]
    assert exact == pytest.approx(shown, rel=1e-3)
    assert max(len(row[1]) for row in rows[1:]) > 10, "not the rounded number"


def test_the_metrics_can_be_searched(page: Browser) -> None:
    page.js("document.getElementById('metric-rows').open = true")
    page.find("#table-metrics .filter").send_keys("detection/")
    shown = page.texts("#table-metrics tbody tr:not([hidden]) th")
    assert shown
    assert all(name.startswith("detection/") for name in shown)
    page.find("#table-metrics .csv").click()
    assert page.downloaded("metrics.csv").count("\r\n") == 1 + len(shown)
    page.find("#table-metrics .filter").clear()


RANGE = "return document.getElementById('figure-evaluation')._fullLayout.xaxis.range"


def test_figures_zoom_by_buttons(page: Browser) -> None:
    whole = page.js(RANGE)
    tools = page.all("#box-evaluation .figure-tools button")
    assert tools[0].accessible_name == "Zoom in"
    page.js("arguments[0].focus()", tools[0])
    tools[0].send_keys(Keys.ENTER)
    span = whole[1] - whole[0]
    page.until(lambda: page.js(RANGE) == [whole[0] + span / 4, whole[1] - span / 4])
    tools[3].click()
    page.until(lambda: page.js(RANGE)[0] == pytest.approx(whole[0] + 3 * span / 8))
    tools[4].click()
    page.until(lambda: page.js(RANGE) == whole)


POINT = """
const figure = document.getElementById("figure-" + arguments[0]);
figure.scrollIntoView({block: "center"});
const curve = figure._fullData.find(
  t => (t.mode ?? "").includes("markers") && t.hoverinfo != "skip");
const axis = id => figure._fullLayout[id.replace(/^([xy])/, "$1axis")];
const at = Math.floor(curve.x.length / 2), place = figure.getBoundingClientRect();
const [x, y] = [axis(curve.xaxis), axis(curve.yaxis)];
return [place.left + x._offset + x.d2p(curve.x[at]), place.top + y._offset + y.d2p(curve.y[at])];
"""


def test_a_figure_is_saved_as_svg(page: Browser) -> None:
    page.find("#box-heat .figure-tools button[aria-label$=SVG]").click()
    assert page.downloaded("heat.svg").startswith("<svg")


@pytest.mark.parametrize("name", ["evaluation", "gap", "cost", "timeline"])
def test_hovering_over_a_point_tells_its_value(page: Browser, name: str) -> None:
    def pointed() -> list[str]:
        x, y = page.js(POINT, name)
        chain = ActionChains(page.driver, duration=50)
        for away in (4, 0):
            chain.w3c_actions.pointer_action.move_to_location(int(x) - away, int(y))
        chain.perform()
        return page.texts(f"#figure-{name} .hovertext")

    told = page.until(pointed)
    assert re.search(r"env steps|block \d", told[0])


def test_every_control_and_figure_has_a_name(page: Browser) -> None:
    page.js("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    named = [e.accessible_name for e in page.all("main button, main input, main nav a")[::7]]
    assert all(named)
    for box in page.all(".figure-box"):
        assert box.accessible_name.startswith("Figure: ")
        words = page.js(
            "return document.getElementById(arguments[0])?.textContent ?? ''",
            box.get_attribute("aria-describedby"),
        )
        assert words
    outline = page.js("return [...document.querySelectorAll('h1,h2,h3')].map(h => +h.tagName[1])")
    assert outline[0] == 1
    assert all(b - a <= 1 for a, b in pairwise(outline))


def test_the_command_is_copied(page: Browser) -> None:
    button = page.find("button[data-copy=command]")
    page.js("arguments[0].scrollIntoView({block: 'center'})", button)
    button.click()
    page.until(lambda: button.text == "Copied")


def test_hostile_names_do_nothing(
    browser: Browser, tmp_path: Path, run_maker: Callable[..., RunDirectory]
) -> None:
    tasks = (HOSTILE, "<b>bold</b>", "=1+1,\"'")
    browser.open(write_report(run_maker(tmp_path, tasks=tasks)))
    assert browser.problems() == []
    assert browser.driver.title == "minigames-3 / pool, seed 0"
    assert browser.all("main img, main b b, svg img, #figure-evaluation b") == []
    assert column(browser, "tasks", 1) == list(tasks)
    browser.find("#table-tasks .csv").click()
    rows = list(csv.reader(io.StringIO(browser.downloaded("tasks.csv"))))
    assert [row[0] for row in rows[1:]] == list(tasks)


def nothing(root: Path) -> RunDirectory:
    run = RunDirectory.create(root, "exp", "base", 0, "")
    run.set_state("failed", "RuntimeError: before anything began")
    return run


def not_numbers(root: Path) -> RunDirectory:
    run = RunDirectory.create(root, "exp", "base", 0, "")
    log = run.open_log()
    for number, value in enumerate((float("nan"), float("inf"), float("nan"))):
        log.append(kind="scalar", metric="train/loss", value=value, env_steps=number)
        log.append(kind="scalar", metric="plasticity", value=value, env_steps=number)
        log.append(kind="event", metric="change_detected", value=value, env_steps=number)
        log.append(
            kind="evaluation",
            metric="return",
            value=value,
            env_steps=number,
            evaluation=number,
            trained_task="a",
            evaluated_task="a",
        )
    log.flush()
    return run


BROKEN: dict[str, Callable[[Path], RunDirectory]] = {
    "failed before anything": nothing,
    "not a number": not_numbers,
    "killed early": lambda root: make_run(root, pieces=1),
    "killed": lambda root: make_run(root, pieces=13),
    "one task": lambda root: make_run(root, tasks=("only",), pieces=7),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_broken_runs_are_shown_without_errors(browser: Browser, tmp_path: Path, kind: str) -> None:
    browser.open(write_report(BROKEN[kind](tmp_path)))
    assert browser.problems() == []
    assert len(browser.all(".judged")) == 5
    assert len(browser.all(".figure .main-svg")) >= len(browser.all(".figure"))


@pytest.mark.slow
def test_many_tasks_have_a_panel_each(browser: Browser, tmp_path: Path) -> None:
    tasks = tuple(f"task{number:03}" for number in range(50))
    run = make_run(tmp_path, tasks=tasks, block_env_steps=400, interval_env_steps=400)
    browser.open(write_report(run))
    assert browser.problems() == []
    assert len(browser.all("#figure-evaluation .ytitle, #figure-evaluation [class$='title']")) > 49
