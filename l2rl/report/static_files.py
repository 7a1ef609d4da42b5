"""The figures of runs and of comparisons as files for papers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from l2rl.errors import UserError
from l2rl.metrics.comparison import Comparison
from l2rl.metrics.statistics import Bootstrap
from l2rl.registry import did_you_mean
from l2rl.report.comparison_curves import read_curves
from l2rl.report.comparison_page import sections
from l2rl.report.page import render_content
from l2rl.report.style import Dict
from l2rl.runs.files import write_bytes_atomically
from l2rl.runs.run_directory import RunDirectory


def run_figures(run: RunDirectory) -> dict[str, Dict]:
    """The figures of a run's report by name. Raises `UserError` if the run is damaged."""
    return dict(render_content(run).figures)


def comparison_figures(
    comparison: Comparison, bootstrap: Bootstrap | None = None
) -> dict[str, Dict]:
    """The figures of a comparison by name."""
    found = sections(comparison, read_curves(comparison.groups), bootstrap)
    return {section.name: section.figure for section in found if section.figure}


def write_figures(
    figures: Mapping[str, Dict],
    folder: Path,
    formats: Sequence[str],
    width_mm: float,
    only: Sequence[str] = (),
) -> Iterator[Path]:
    """Write `<folder>/<name>.<format>` for every figure, and yield each path.

    `only`: names of the figures that are wanted, default all. Raises `UserError` for a name that
    there is not.
    """
    from l2rl.report.static_figure import drawn

    for name in only:
        if name not in figures:
            raise UserError(f"there is no figure `{name}`\n  {did_you_mean(name, figures)}")
    folder.mkdir(parents=True, exist_ok=True)
    for name in only or figures:
        for format_ in formats:
            path = folder / f"{name}.{format_}"
            write_bytes_atomically(path, drawn(figures[name], format_, width_mm))
            yield path
