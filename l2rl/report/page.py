"""The report: one HTML page that needs nothing but itself, for finished and unfinished runs."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from l2rl.errors import UserError
from l2rl.metrics.compute import compute_metrics
from l2rl.metrics.run_log import RunLog
from l2rl.metrics.scalability import timing_figures
from l2rl.report.life import Life, read_life
from l2rl.report.run_tables import SHOWN_ROWS, event_table, metric_table, task_table
from l2rl.report.sections import sections
from l2rl.report.style import Dict, count
from l2rl.report.summary import cadence_words, task_lines, tiles
from l2rl.report.verdict import judgements, verdict_words
from l2rl.runs.files import plain, write_bytes_atomically
from l2rl.runs.run_directory import RunDirectory
from l2rl.runs.timing import timing_of

MAIN_PACKAGES = ("l2rl", "torch", "stable-baselines3", "gymnasium", "numpy", "ray")

STATES = {
    "running": "This run is under way. All figures are those of its life so far.",
    "interrupted": "This run was interrupted and can be resumed. "
    "All figures are those of its life until then.",
    "failed": "This run failed. All figures are those of its life until then.",
    "stopped": "This run was stopped before its end. All figures are those of its life until then.",
}
NEEDED: Mapping[str, type | tuple[type, ...]] = {
    "experiment": str,
    "variant": str,
    "seed": int,
    "state": str,
}
"""Fields of a manifest without which there is nothing to report on."""


@dataclass(frozen=True)
class Content:
    """All of the page that is of the run."""

    title: str
    state: str
    body: str
    """HTML of everything inside `main`."""
    figures: Mapping[str, Dict]
    """Plotly figures by name; each has its place in the body."""


def write_report(run: RunDirectory) -> Path:
    """Write the run's report.html and return its path.

    Works in every state of a run. Raises `UserError` if the log or the manifest is damaged.
    """
    write_bytes_atomically(run.report_path, render_report(run).encode())
    return run.report_path


def render_report(run: RunDirectory, *, refresh_s: float = 0.0, version: str = "") -> str:
    """The page as text.

    `refresh_s`: above 0, a page that asks its server for news so often; `version`: what it then
    tells the server that it has.
    """
    content = render_content(run)
    return (
        _templates()
        .get_template("page.html")
        .render(
            title=content.title,
            body=Markup(content.body),
            refresh_s=refresh_s,
            version=version,
            state=content.state,
            figures=script_json(content.figures),
            style=Markup(resource_text("l2rl.report", "page.css")),
            scripts=[Markup(resource_text("l2rl.report", name)) for name in _scripts(refresh_s)],
            plotly=Markup(resource_text("plotly", "package_data", "plotly.min.js")),
        )
    )


def render_content(run: RunDirectory) -> Content:
    """Everything of the page but styles and scripts. Raises as `write_report`."""
    manifest = checked_manifest(run)
    run_log = RunLog.open(run)
    life, metrics = read_life(run_log.table), compute_metrics(run_log)
    timing = timing_of(run, run_log.table)
    shown = sections(run_log, life, timing)
    found = judgements(metrics)
    lines = task_lines(life, metrics)
    seconds = {name: figure.as_json() for name, figure in timing_figures(timing).items()}
    body = (
        _templates()
        .get_template("body.html")
        .render(
            **_header(run, manifest, life),
            verdict=verdict_words(found, run.state == "complete"),
            judgements=found,
            tiles=tiles(metrics),
            task_table=task_table(lines, metrics["tasks"]) if lines else None,
            cadence=cadence_words(metrics["cadence"]),
            sections=shown,
            wall_s=timing["wall_s"],
            events=event_table(life),
            events_left_out=max(0, len(life.events) - SHOWN_ROWS),
            metrics=metric_table({**metrics["metrics"], **seconds}),
        )
    )
    figures = {section.name: section.figure for section in shown if section.figure}
    return Content(_name(manifest), run.state, body, plain(figures))


def checked_manifest(run: RunDirectory) -> dict[str, Any]:
    """The manifest. Raises `UserError` naming the file if it lacks what every run has."""
    manifest = run.manifest
    for name, kind in NEEDED.items():
        if not isinstance(manifest.get(name), kind):
            raise UserError(
                f"{run.manifest_path} is damaged: it does not say the run's {name}. Restore it "
                "from a copy; the log beside it is whole for all that this file can tell."
            )
    return manifest


def script_json(value: Any) -> Markup:
    """JSON that is safe inside a script element: no text of a run can close it."""
    text = json.dumps(plain(value), allow_nan=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def _header(run: RunDirectory, manifest: Mapping[str, Any], life: Life) -> dict[str, Any]:
    """Who this run is and how to make it again."""
    packages = manifest.get("packages", {})
    config = run.config_path
    found = config.is_file()
    return {
        "name": f"{manifest['experiment']} / {manifest['variant']}",
        "seed": manifest["seed"],
        "state": run.state,
        "banner": STATES.get(run.state, ""),
        "reason": manifest.get("reason", ""),
        "env_steps": count(life.env_steps),
        "created": _moment(manifest.get("created_unix_time")),
        "finished": _moment(manifest.get("finished_unix_time")),
        "command": shlex.join(map(str, manifest.get("command_line", []))),
        "config": config.read_text("utf-8", "replace") if found else "config.yaml is missing.",
        "config_sha256": str(manifest.get("config_sha256", "unknown")),
        "python": str(manifest.get("python", "unknown")),
        "main_packages": {name: packages[name] for name in MAIN_PACKAGES if name in packages},
        "packages": packages,
        "environments": json.dumps(manifest.get("environments", {}), indent=2, sort_keys=True),
    }


def _name(manifest: Mapping[str, Any]) -> str:
    return f"{manifest['experiment']} / {manifest['variant']}, seed {manifest['seed']}"


def _moment(unix_time: Any) -> str:
    if not isinstance(unix_time, int | float):
        return "–"
    return datetime.fromtimestamp(unix_time, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _scripts(refresh_s: float) -> list[str]:
    return ["tables.js", "page.js", *(["live.js"] if refresh_s else [])]


def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("l2rl.report", "."), autoescape=True, undefined=StrictUndefined
    )


def resource_text(package: str, *path: str) -> str:
    return files(package).joinpath(*path).read_text(encoding="utf-8")
