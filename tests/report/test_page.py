"""The page stands alone, survives hostile names and unfinished runs, and draws valid figures."""

from __future__ import annotations

import json
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import pytest

from l2rl.errors import UserError
from l2rl.report.page import render_report, write_report
from l2rl.report.run_tables import SHOWN_ROWS
from l2rl.runs.run_directory import RunDirectory

HOSTILE = "</script><img src=x onerror=alert(1)>"


class Page(HTMLParser):
    """What a browser would see: elements with attributes, texts, and the carried figures."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.figures: dict[str, Any] = {}
        self._inside: dict[str, str | None] = {}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._inside = dict(attrs) if tag == "script" else {}

    def handle_data(self, data: str) -> None:
        if self._inside.get("id") == "figures" and data.strip():
            self.figures = json.loads(data, parse_constant=pytest.fail)
        self.texts.append(data.strip())

    def shown(self) -> str:
        return " ".join(self.texts)


def test_the_page_loads_nothing_from_anywhere(finished_run: RunDirectory) -> None:
    page = Page(write_report(finished_run).read_text())
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"link", "iframe", "object", "embed", "img", "base", "form"}
    loading = [
        attributes[a] for _, attributes in page.elements for a in ("src", "href") if a in attributes
    ]
    assert all(place and place.startswith("#") for place in loading)
    policy = next(a["content"] for _, a in page.elements if "http-equiv" in a)
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    assert "http" not in policy


def test_the_buttons_offer_no_sending_of_data(finished_run: RunDirectory) -> None:
    script = render_report(finished_run).rsplit("<script>", 1)[1]
    assert "displayModeBar: false" in script


def test_every_figure_is_valid_and_has_its_place(finished_run: RunDirectory) -> None:
    page = Page(render_report(finished_run))
    assert set(page.figures) == {
        "evaluation",
        "training",
        "gap",
        "heat",
        "timeline",
        "cost",
        "plasticity",
        "learner",
        "others",
    }
    places = {attributes.get("id") for _, attributes in page.elements}
    for name, figure in page.figures.items():
        go.Figure(figure)
        assert f"figure-{name}" in places


def test_a_hostile_task_name_stays_text(
    tmp_path: Path, run_maker: Callable[..., RunDirectory]
) -> None:
    run = run_maker(tmp_path, tasks=(HOSTILE, "{{ 7*7 }}", "<b>bold</b>"))
    text = render_report(run)
    page = Page(text)
    assert "img" not in {tag for tag, _ in page.elements}
    assert not [a for _, a in page.elements if "onerror" in a]
    assert HOSTILE in page.shown()
    assert "{{ 7*7 }}" in page.shown()
    # Plotly reads a little HTML itself, so its texts are escaped once more.
    names = json.dumps(page.figures)
    assert "<b>bold" not in names
    assert "<img" not in names
    assert "&lt;b&gt;bold" in names


@pytest.mark.parametrize("pieces", [1, 2, 9, 25])
def test_unfinished_runs_have_a_report_that_says_so(
    tmp_path: Path, run_maker: Callable[..., RunDirectory], pieces: int
) -> None:
    page = Page(render_report(run_maker(tmp_path, pieces=pieces)))
    assert "was interrupted and can be resumed" in page.shown()
    for figure in page.figures.values():
        go.Figure(figure)


def test_a_failed_run_shows_its_reason(
    tmp_path: Path, run_maker: Callable[..., RunDirectory]
) -> None:
    run = run_maker(tmp_path, pieces=3)
    run.set_state("failed", "ValueError: loss <nan> in consolidation.ewc")
    page = Page(render_report(run))
    assert "This run failed." in page.shown()
    assert "ValueError: loss <nan> in consolidation.ewc" in page.shown()


def test_one_task_and_no_evaluation(tmp_path: Path, run_maker: Callable[..., RunDirectory]) -> None:
    page = Page(render_report(run_maker(tmp_path / "one", tasks=("only",), pieces=5)))
    assert "fewer than two tasks were learned" in page.shown()
    run = RunDirectory.create(tmp_path / "none", "exp", "base", 0, "")
    assert "Nothing has been evaluated yet." in Page(render_report(run)).shown()
    run.open_log()
    page = Page(render_report(run))
    assert page.figures == {}
    assert "This run is under way." in page.shown()


def test_values_that_are_not_numbers_leave_gaps(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path, "exp", "base", 0, "")
    log = run.open_log()
    nan, infinity = float("nan"), float("inf")
    for number, value in enumerate((nan, 1.0, infinity, nan)):
        log.append(kind="scalar", metric="train/loss", value=value, env_steps=number)
        log.append(kind="event", metric="odd", value=value, env_steps=number)
        log.append_episode(
            phase="train",
            episode=number,
            environment=0,
            episode_return=value,
            length=1,
            env_steps=number,
            trained_task="a",
        )
        for task in ("a", "b"):
            log.append(
                kind="evaluation",
                metric="return",
                value=value,
                env_steps=number,
                evaluation=number,
                trained_task="a",
                evaluated_task=task,
            )
    log.flush()
    page = Page(render_report(run))
    assert page.figures["learner"]["data"][0]["y"] == [1.0]
    assert page.figures["heat"]["data"][0]["customdata"][0] == [None, 1.0, None, None]


def test_long_logs_do_not_make_long_curves(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path, "exp", "base", 0, "")
    log = run.open_log()
    for number in range(20_000):
        log.append(kind="scalar", metric="train/loss", value=number % 977, env_steps=number)
    for number in range(SHOWN_ROWS + 50):
        log.append(kind="event", metric="change_detected", value=1, env_steps=number)
    log.flush()
    page = Page(render_report(run))
    curve = page.figures["learner"]["data"][0]
    assert len(curve["y"]) <= 1000
    assert max(curve["y"]) == 976
    assert "50 later ones are in the log" in page.shown()


def test_a_damaged_log_gives_one_clear_error(finished_run: RunDirectory) -> None:
    path = finished_run.log_path / "log.parquet"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(UserError, match=r"log.parquet is damaged"):
        write_report(finished_run)
    assert not finished_run.report_path.exists()


def test_verdicts_and_cadence_are_on_the_page(finished_run: RunDirectory) -> None:
    shown = Page(render_report(finished_run)).shown()
    assert "every 2\u202f000 env steps, 5 episodes" in shown
    for heading in ("Average performance", "Forgetting", "min-ACC", "WC-ACC"):
        assert heading in shown
    assert finished_run.manifest["config_sha256"] in shown
    assert "l2rl run minigames-3 --variant pool --seed 0" in shown
