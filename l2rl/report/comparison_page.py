"""The comparison as one HTML page that needs nothing but itself."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from l2rl.metrics.comparison import Comparison
from l2rl.metrics.groups import MeasuredRun
from l2rl.metrics.statistics import Bootstrap
from l2rl.report.comparison_curves import MOST_TASKS, Curves, curves_figure, read_curves
from l2rl.report.comparison_figures import (
    differences_figure,
    effects_figure,
    improvement_figure,
    profiles_figure,
    values_figure,
    variant_style,
)
from l2rl.report.comparison_grids import intervals_words
from l2rl.report.comparison_tables import (
    criteria_table,
    effects_table,
    left_out_table,
    metric_tables,
    standings_table,
    summary_table,
)
from l2rl.report.comparison_words import caveat, headline, variant_words
from l2rl.report.page import resource_text, script_json
from l2rl.report.sections import Section
from l2rl.report.style import count


@dataclass(frozen=True)
class RunLine:
    """One run in the table of runs."""

    variant: str
    experiment: str
    seed: int
    state: str
    config: str
    version: str
    path: str
    report: str
    """Link to its report as seen from the page; "" if it has none."""


def render_comparison(
    comparison: Comparison,
    *,
    folder: Path,
    command: Sequence[str] = (),
    bootstrap: Bootstrap | None = None,
) -> str:
    """The page as text.

    `folder`: where it will lie, for links to the reports of single runs; `command`: what made it.
    Raises `UserError` if a log was damaged since it was measured.
    """
    curves = read_curves(comparison.groups)
    shown = [s for s in sections(comparison, curves, bootstrap) if s.shown]
    environment = Environment(
        loader=PackageLoader("l2rl.report", "."), autoescape=True, undefined=StrictUndefined
    )
    return environment.get_template("comparison.html").render(
        **_overview(comparison),
        sections=shown,
        summary=summary_table(comparison),
        standings=standings_table(comparison),
        metric_tables=list(metric_tables(comparison)),
        left_out=left_out_table(comparison),
        runs=[line for group in comparison.groups for line in _run_lines(group.runs, folder)],
        command=shlex.join(command),
        version=version("l2rl"),
        environments=_environments(comparison),
        figures=script_json({s.name: s.figure for s in shown if s.figure}),
        style=Markup(resource_text("l2rl.report", "page.css")),
        scripts=[Markup(resource_text("l2rl.report", name)) for name in ("tables.js", "page.js")],
        plotly=Markup(resource_text("plotly", "package_data", "plotly.min.js")),
    )


def sections(
    comparison: Comparison, curves: Curves, bootstrap: Bootstrap | None = None
) -> list[Section]:
    """The figures in the order of the page."""
    against = comparison.baseline or "a baseline"
    no_baseline = "There is no baseline: name one with --baseline."
    return [
        Section(
            "curves",
            "Every task, measured all along",
            _curves_words(comparison, curves),
            curves_figure(curves, comparison),
            "Nothing was evaluated.",
        ),
        Section(
            "values",
            "Every variant in every metric",
            "The mean over seeds with its interval; each faint dot is one lifetime. Look for "
            "intervals that lie apart, and for dots that lie far from their mean.",
            values_figure(comparison),
            "No metric has a value.",
        ),
        Section(
            "differences",
            f"Differences to {against}, seed by seed",
            "Each seed's run minus the baseline's run of the same seed, so that the luck both "
            "share cancels out. An interval that leaves out the dotted line is a clear difference.",
            differences_figure(comparison),
            no_baseline if not comparison.baseline else "No seed is common to two variants.",
        ),
        Section(
            "effects",
            "What each component does",
            "Over all pairs of variants that differ by this component alone: with it minus "
            "without it, paired by seed.",
            effects_figure(comparison),
            "No two variants differ by one component alone.",
            table=effects_table(comparison),
        ),
        Section(
            "improvement",
            f"Probability to be better than {against}",
            "How probably a run of the variant is better than one of the baseline, ties counted "
            "half. At the dotted line neither is. Intervals here are always percentile bootstrap.",
            improvement_figure(comparison),
            no_baseline if not comparison.baseline else "",
        ),
        Section(
            "profiles",
            "Performance profiles",
            "Share of the lifetimes above each threshold; of up to four variants with a band point "
            "by point (percentile bootstrap). Where higher is better, a curve that lies above "
            "another everywhere is better at every level; where lower is better, one below.",
            profiles_figure(comparison, bootstrap or Bootstrap(confidence=comparison.confidence)),
            "",
        ),
    ]


def _curves_words(comparison: Comparison, curves: Curves) -> str:
    band = f"the band its pointwise interval ({comparison.confidence * 100:g} %)"
    shading = (
        "Shaded: the blocks in which the task is learned."
        if curves.one_curriculum
        else "Not all runs lived through the same curriculum, so no blocks are shaded."
    )
    more = len(curves.tasks) - MOST_TASKS
    cut = f" The first {MOST_TASKS} tasks; {more} more are in the logs." if more > 0 else ""
    return f"The line is the mean return over seeds, {band}, from three seeds on. {shading}{cut}"


def _overview(comparison: Comparison) -> dict[str, Any]:
    names = list(dict.fromkeys(m.run.experiment for g in comparison.groups for m in g.runs))
    return {
        "title": ", ".join(names),
        "headline": headline(comparison),
        "variants": variant_words(comparison),
        "colours": [variant_style(index)["color"] for index in range(len(comparison.groups))],
        "caveat": caveat(comparison),
        "criteria": criteria_table(comparison),
        "warnings": comparison.warnings,
        "intervals": intervals_words(comparison),
        "baseline": comparison.baseline,
        "lifetimes": count(sum(len(group.runs) for group in comparison.groups)),
    }


def _run_lines(runs: Sequence[MeasuredRun], folder: Path) -> list[RunLine]:
    return [_run_line(one, folder) for one in runs]


def _run_line(one: MeasuredRun, folder: Path) -> RunLine:
    run = one.run
    report = run.directory.report_path
    return RunLine(
        variant=run.variant,
        experiment=run.experiment,
        seed=run.seed,
        state=run.state,
        config=str(run.manifest.get("config_sha256", ""))[:12],
        version=str(run.manifest.get("packages", {}).get("l2rl", "")),
        path=str(run.path),
        report=link(report, folder) if report.is_file() else "",
    )


def link(target: Path, folder: Path) -> str:
    """A relative address of a file as seen from a folder."""
    relative = os.path.relpath(target.resolve(), folder.resolve())
    # "./" so that no name can be taken for a scheme, such as `javascript:`.
    return "./" + quote(Path(relative).as_posix())


def _environments(comparison: Comparison) -> list[str]:
    """Suites with their versions, which are the same in all runs."""
    found = {
        f"{suite} {said.get('version')}"
        for group in comparison.groups
        for one in group.runs
        for suite, said in one.run.manifest.get("environments", {}).items()
    }
    return sorted(found)
