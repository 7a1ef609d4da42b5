"""A report that follows a run: new points come, what the reader chose stays, the end is told."""

from __future__ import annotations

import http.client
import json
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import typer
from browser import Browser
from synthetic_run import SyntheticLifetime

from l2rl.cli.report import report
from l2rl.curriculum import Task
from l2rl.errors import UserError
from l2rl.report.live import LiveReport, serve, wait_for_the_end
from l2rl.runs.run_directory import RunDirectory


class GrowingRun:
    """A run that goes on when it is told to."""

    def __init__(self, root: Path) -> None:
        tasks = {name: Task(name, "minigames/MoveToBeacon") for name in ("beacon", "shards")}
        self.run = RunDirectory.create(root, "exp", "base", 0, "", tasks=tasks)
        self.log, self.clock = self.run.open_log(), self.run.open_clock()
        life = SyntheticLifetime(self.log, self.clock, 20_000, 2000, tasks=tuple(tasks))
        self.pieces = life.steps()

    def grow(self, pieces: int) -> None:
        for _ in range(pieces):
            next(self.pieces)
        self.log.flush()
        self.clock.flush()

    def end(self) -> None:
        self.run.set_state("complete")
        self.run.close()


@pytest.fixture
def growing(tmp_path: Path) -> GrowingRun:
    run = GrowingRun(tmp_path / "runs")
    run.grow(5)
    return run


@contextmanager
def served(live: LiveReport) -> Iterator[int]:
    with serve(live) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def asked(port: int, path: str, host: str = "") -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", path, headers={"Host": host} if host else {})
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


def test_news_have_a_body_only_when_the_log_has_grown(growing: GrowingRun) -> None:
    live = LiveReport(growing.run, 5.0)
    first = live.news("")
    assert len(first["figures"]["evaluation"]["data"][1]["x"]) == 5
    assert live.news(first["version"]) == {"version": first["version"], "state": "running"}
    growing.grow(2)
    second = live.news(first["version"])
    assert len(second["figures"]["evaluation"]["data"][1]["x"]) == 7
    growing.end()
    assert live.news(second["version"])["state"] == "complete"


def test_it_is_served_to_this_machine_alone(growing: GrowingRun) -> None:
    with served(LiveReport(growing.run, 5.0)) as port:
        status, text = asked(port, "/")
        assert (status, "connect-src 'self'" in text) == (200, True)
        assert asked(port, "/etc/passwd")[0] == 404
        assert asked(port, "/news", host="evil.example:80")[0] == 403


def test_a_run_that_cannot_be_read_is_told_and_not_the_end(growing: GrowingRun) -> None:
    with served(LiveReport(growing.run, 5.0)) as port:
        whole = growing.run.manifest_path.read_bytes()
        version = json.loads(asked(port, "/news")[1])["version"]
        growing.run.manifest_path.write_text('{"state": "running"}')
        status, text = asked(port, "/news?version=" + version)
        assert status == 503
        assert "manifest.json is damaged" in json.loads(text)["error"]
        growing.run.manifest_path.write_bytes(whole)
        assert asked(port, "/news")[0] == 200


def test_a_taken_port_is_one_clear_error(growing: GrowingRun) -> None:
    live = LiveReport(growing.run, 5.0)
    with served(live) as port, pytest.raises(UserError, match="--port"):
        serve(live, port)


RANGE = "return document.getElementById('figure-evaluation')._fullLayout.xaxis.range"
POINTS = "return document.getElementById('figure-evaluation').data[1].x.length"


@pytest.mark.xdist_group("browser")
def test_an_open_page_grows_and_keeps_what_the_reader_chose(
    browser: Browser, growing: GrowingRun
) -> None:
    live = LiveReport(growing.run, 0.3)
    with served(live) as port:
        browser.open(f"http://127.0.0.1:{port}/")
        zoom = browser.find("#box-evaluation .figure-tools button")
        zoom.click()
        whole = browser.js(RANGE)
        browser.find("#table-tasks thead th button").click()
        browser.js("document.getElementById('metric-rows').open = true")
        browser.js("document.getElementById('box-evaluation').scrollIntoView()")
        browser.js("arguments[0].focus({preventScroll: true})", zoom)
        scrolled = browser.js("return window.scrollY")
        growing.grow(3)
        browser.until(lambda: browser.js(POINTS) == 8)
        assert browser.js(RANGE) == whole
        assert browser.js("return window.scrollY") == pytest.approx(scrolled, abs=2)
        assert browser.js("return document.activeElement.textContent") == "+"
        assert browser.js("return document.getElementById('metric-rows').open")
        header = browser.find("#table-tasks thead th")
        assert header.get_attribute("aria-sort") == "ascending"
        growing.end()
        browser.until(lambda: "The run is complete" in browser.find("#live").text)
        assert wait_for_the_end(live) == "complete"
        assert browser.problems() == []


def test_the_command_ends_with_the_run_and_leaves_its_report(
    growing: GrowingRun, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("l2rl.report.live.LAST_WORD_S", 0.1)

    def ending(live: LiveReport) -> str:
        growing.end()
        return wait_for_the_end(live, poll_s=0.1)

    monkeypatch.setattr("l2rl.report.live.wait_for_the_end", ending)
    report(growing.run.path, live=True, port=0, refresh_s=0.02)
    told = capsys.readouterr().out
    assert "live report: http://127.0.0.1:" in told
    assert "the run is complete" in told
    assert growing.run.report_path.is_file()


def test_ctrl_c_ends_the_command_and_not_the_run(
    growing: GrowingRun, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def pressing(live: LiveReport) -> str:
        signal.raise_signal(signal.SIGINT)
        return wait_for_the_end(live)

    monkeypatch.setattr("l2rl.report.live.wait_for_the_end", pressing)
    with pytest.raises(typer.Exit) as ended:
        report(growing.run.path, live=True, port=0, refresh_s=5.0)
    assert ended.value.exit_code == 0
    assert "no longer followed" in capsys.readouterr().out
    assert growing.run.state == "running"


def test_there_is_nothing_to_follow_after_the_end(
    growing: GrowingRun, capsys: pytest.CaptureFixture[str]
) -> None:
    growing.end()
    report(growing.run.path, live=True, port=0, refresh_s=5.0)
    assert "nothing to follow: the run is complete" in capsys.readouterr().out
    assert growing.run.report_path.is_file()
