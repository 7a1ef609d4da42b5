"""The report: one HTML page that needs nothing but itself, for finished and unfinished runs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from l2rl.metrics.compute import compute_metrics
from l2rl.metrics.run_log import RunLog
from l2rl.report.component_figures import (
    learner_panels,
    other_panels,
    panel_figure,
    plasticity_panels,
    timeline_figure,
)
from l2rl.report.learning_figures import evaluation_figure, training_figure
from l2rl.report.life import Life, read_life
from l2rl.report.matrix_figures import block_rows, heat_figure
from l2rl.report.style import Dict, count, number
from l2rl.report.summary import cadence_words, task_lines, tiles
from l2rl.runs.files import plain, write_bytes_atomically
from l2rl.runs.log_views import Event
from l2rl.runs.run_directory import RunDirectory

SHOWN_EVENTS = 300
"""Rows of the table of events; a detector that fires all the time must not make it endless."""
MAIN_PACKAGES = ("l2rl", "torch", "stable-baselines3", "gymnasium", "numpy", "ray")

STATES = {
    "running": "This run is under way. All figures are those of its life so far.",
    "interrupted": "This run was interrupted and can be resumed. "
    "All figures are those of its life until then.",
    "failed": "This run failed. All figures are those of its life until then.",
    "stopped": "This run was stopped before its end. All figures are those of its life until then.",
}


@dataclass(frozen=True)
class Section:
    """One figure of the page with its heading."""

    name: str
    title: str
    look_for: str
    """One line: what to look for."""
    figure: Dict | None
    missing: str
    """What to say when there is nothing to show; "" leaves the section out."""


def write_report(run: RunDirectory) -> Path:
    """Write the run's report.html and return its path.

    Works in every state of a run. Raises `UserError` if the log or the manifest is damaged.
    """
    write_bytes_atomically(run.report_path, render_report(run).encode())
    return run.report_path


def render_report(run: RunDirectory) -> str:
    """The page as text."""
    run_log = RunLog.open(run)
    life, metrics = read_life(run_log.table), compute_metrics(run_log)
    shown = [s for s in _sections(life) if s.figure or s.missing]
    environment = Environment(
        loader=PackageLoader("l2rl.report", "."), autoescape=True, undefined=StrictUndefined
    )
    return environment.get_template("page.html").render(
        **_header(run, life),
        tiles=tiles(metrics),
        tasks=task_lines(life, metrics),
        cadence=cadence_words(metrics["cadence"]),
        block_rows=block_rows(life),
        matrix_tasks=life.matrix.tasks,
        curves=shown[:2],
        sections=shown[2:],
        events=[_event_row(event) for event in life.events[:SHOWN_EVENTS]],
        events_left_out=max(0, len(life.events) - SHOWN_EVENTS),
        figures=_script_json({s.name: s.figure for s in shown if s.figure}),
        style=Markup(_resource("l2rl.report", "page.css")),
        script=Markup(_resource("l2rl.report", "page.js")),
        plotly=Markup(_resource("plotly", "package_data", "plotly.min.js")),
    )


def _sections(life: Life) -> list[Section]:
    plasticity = panel_figure(life, plasticity_panels(life), 2)
    return [
        Section(
            "evaluation",
            "Every task, measured all along",
            "Look for curves that fall outside their own shaded block: that is forgetting. A dip "
            "right after a change that recovers is the stability gap. The band is one standard "
            "deviation over the episodes.",
            evaluation_figure(life),
            "Nothing has been evaluated yet.",
        ),
        Section(
            "training",
            "Returns while training",
            "Look at how fast each block rises, and whether a task met again starts where it "
            "ended. Dots are episodes, lines their moving mean.",
            training_figure(life),
            "No training episode has ended yet.",
        ),
        Section(
            "heat",
            "Evaluation matrix",
            "Each row is a task on its own scale from its worst to its best. Look for rows that "
            "turn dark after their block. White lines separate the learning blocks.",
            heat_figure(life),
            "",
        ),
        Section(
            "timeline",
            "What the components did",
            "Look for detections right after the true changes (black ticks); a detection without "
            "one above it is a false alarm. Experts and replay ratio should react to them.",
            timeline_figure(life),
            "No component reported detections, experts or a replay ratio.",
        ),
        Section(
            "plasticity",
            "Plasticity",
            "Look for active units and rank that sink, and dormant units and drift that grow, from "
            "block to block: a network that can no longer learn.",
            plasticity,
            "No plasticity monitor was part of this run.",
        ),
        Section(
            "learner",
            "The learner",
            "Look for losses that blow up and coefficients that leave their schedule.",
            panel_figure(life, learner_panels(life), 3),
            "No scalar of the learner was logged.",
        ),
        Section(
            "others",
            "Other numbers of the components",
            "Every further number that a component reports, by its name in the log.",
            panel_figure(life, other_panels(life), 3),
            "",
        ),
    ]


def _header(run: RunDirectory, life: Life) -> dict[str, Any]:
    """Who this run is and how to make it again."""
    manifest = run.manifest
    packages = manifest.get("packages", {})
    config = run.config_path
    return {
        "name": f"{manifest['experiment']} / {manifest['variant']}",
        "manifest": manifest,
        "state": run.state,
        "banner": STATES.get(run.state, ""),
        "env_steps": count(life.env_steps),
        "created": _moment(manifest.get("created_unix_time")),
        "finished": _moment(manifest.get("finished_unix_time")),
        "command": " ".join(manifest.get("command_line", [])),
        "config": config.read_text() if config.is_file() else "config.yaml is missing.",
        "main_packages": {name: packages[name] for name in MAIN_PACKAGES if name in packages},
        "packages": packages,
        "environments": json.dumps(manifest.get("environments", {}), indent=2, sort_keys=True),
    }


def _moment(unix_time: float | None) -> str:
    if unix_time is None:
        return "–"
    return datetime.fromtimestamp(unix_time, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _event_row(event: Event) -> dict[str, str]:
    details = ", ".join(f"{key}: {value}" for key, value in sorted(event.detail.items()))
    return {
        "env_steps": count(event.env_steps),
        "name": event.name.replace("_", " "),
        "value": number(event.value),
        "trained_task": event.trained_task,
        "detail": details,
    }


def _script_json(value: Any) -> Markup:
    """JSON that is safe inside a script element: no text of a run can close it."""
    text = json.dumps(plain(value), allow_nan=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def _resource(package: str, *path: str) -> str:
    return files(package).joinpath(*path).read_text(encoding="utf-8")
