"""A report that follows a run under way: a small server on this machine alone.

The page asks `/news?version=...` again and again and gets the body and the figures anew whenever
the log has grown. It is served to 127.0.0.1 only; a request that came by another name (a web page
that had its own name point here) is refused.
"""

from __future__ import annotations

import json
import threading
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from l2rl.errors import UserError
from l2rl.report.page import render_content, render_report
from l2rl.runs.files import plain
from l2rl.runs.run_directory import RunDirectory, lock_path
from l2rl.runs.run_lock import is_locked

ADDRESS = "127.0.0.1"
LAST_WORD_S = 3.0
"""How long the server waits for open pages to fetch the end of a run."""


class LiveReport:
    """The run as it is now; drawn once for each state of its files."""

    def __init__(self, run: RunDirectory, refresh_s: float) -> None:
        """`refresh_s`: how often the page asks."""
        self.run, self.refresh_s = run, refresh_s
        self.told_the_end = threading.Event()
        """Some page has been given a state other than running."""
        self._lock = threading.Lock()
        self._drawn: tuple[str, dict[str, Any]] = ("", {})

    def page(self) -> str:
        """The page with everything in it. Raises `UserError` if the run cannot be read."""
        with self._lock:
            return render_report(self.run, refresh_s=self.refresh_s, version=self.version())

    def news(self, known: str) -> dict[str, Any]:
        """`version` and `state`; `title`, `body` and `figures` too unless `known` is the version.

        Raises `UserError` if the run cannot be read.
        """
        with self._lock:
            version = self.version()
            if version == known:
                return {"version": version, "state": self.run.state}
            if version != self._drawn[0]:
                content = render_content(self.run)
                self._drawn = (version, {"version": version, **plain(vars(content))})
            return self._drawn[1]

    def version(self) -> str:
        """Another text whenever the log, the manifest or the state is another."""
        files = [*self.run.log_path.glob("*"), *self.run.clock_path.glob("*")]
        stamps = [_stamp(path) for path in sorted([*files, self.run.manifest_path])]
        return f"{hash(tuple(stamps)):x}-{self.run.state}"


def serve(report: LiveReport, port: int = 0) -> ThreadingHTTPServer:
    """A server for the report, bound but not yet running; port 0 takes a free one.

    Raises `UserError` if the port is taken.
    """
    try:
        return _Server((ADDRESS, port), report)
    except (OSError, OverflowError) as error:
        raise UserError(
            f"port {port} of this machine cannot be had ({error}); choose another with --port, or "
            "leave it out for a free one"
        ) from None


def wait_for_the_end(report: LiveReport, poll_s: float = 1.0) -> str:
    """Return the run's state when nobody writes it any more, and open pages had time to see it."""
    # A run that is complete still writes its report; it has the lock until all is there.
    while report.run.state == "running" or is_locked(lock_path(report.run.path)):
        time.sleep(poll_s)
    report.told_the_end.wait(max(LAST_WORD_S, 2 * report.refresh_s))
    return report.run.state


def _stamp(path: Any) -> tuple[str, int, int]:
    try:
        found = path.stat()
    except FileNotFoundError:  # merged into another file at this very moment
        return path.name, 0, 0
    return path.name, found.st_size, found.st_mtime_ns


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], report: LiveReport) -> None:
        super().__init__(address, _Handler)
        self.report = report
        names = (ADDRESS, "localhost")
        self.hosts = {f"{name}:{self.server_port}" for name in names}


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        """The page, its news, or a refusal."""
        if self.headers.get("Host") not in self.server.hosts:
            self._send(HTTPStatus.FORBIDDEN, "text/plain", "only for this machine")
            return
        asked = urlsplit(self.path)
        try:
            if asked.path == "/":
                self._send(HTTPStatus.OK, "text/html", self.server.report.page())
            elif asked.path == "/news":
                self._tell(parse_qs(asked.query).get("version", [""])[0])
            else:
                self._send(HTTPStatus.NOT_FOUND, "text/plain", "there is only / here")
        except UserError as error:
            self._refuse(asked.path, str(error))

    def _tell(self, known: str) -> None:
        news = self.server.report.news(known)
        text = json.dumps(news, allow_nan=False, separators=(",", ":"))
        self._send(HTTPStatus.OK, "application/json", text)
        if news["state"] != "running":
            self.server.report.told_the_end.set()

    def _refuse(self, path: str, message: str) -> None:
        """The page asks again; a person who opened it reads the reason."""
        status = HTTPStatus.SERVICE_UNAVAILABLE
        if path == "/news":
            self._send(status, "application/json", json.dumps({"error": message}))
        else:
            self._send(status, "text/plain", message)

    def _send(self, status: HTTPStatus, kind: str, text: str) -> None:
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Requests are not printed: the terminal is the user's."""
