"""`l2rl figures`: the figures of reports and comparisons as PNG, SVG and PDF for papers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console


def figures(
    paths: Annotated[
        list[Path], typer.Argument(metavar="RUN|DIR...", help="Runs, or folders of runs.")
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Folder for the files.")
    ] = Path("figures"),
    formats: Annotated[
        list[str] | None,
        typer.Option("--format", metavar="pdf|png|svg", help="May be repeated; default: pdf."),
    ] = None,
    width_mm: Annotated[
        float, typer.Option(help="Of a figure: 180 for two columns, 89 for one.")
    ] = 180.0,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="NAME", help="Such as evaluation; may be repeated."),
    ] = None,
    baseline: Annotated[
        str, typer.Option(help="Variant to compare with; default: the one without components.")
    ] = "",
    metrics: Annotated[
        list[str] | None,
        typer.Option("--metric", metavar="NAME", help="Of a comparison; may be repeated."),
    ] = None,
    interval: Annotated[
        str, typer.Option(metavar="percentile|t|bca", help="How intervals are made.")
    ] = "percentile",
    confidence: Annotated[float, typer.Option(help="Of the intervals, between 0 and 1.")] = 0.95,
    incomplete: Annotated[
        bool, typer.Option("--incomplete", help="Compare unfinished runs, too.")
    ] = False,
) -> None:
    """Draw the figures of one run's report, or of a comparison if there are several runs."""
    from l2rl.cli.compare import bootstrap_of, check_choices
    from l2rl.metrics.comparison import compare
    from l2rl.report.static_files import comparison_figures, run_figures, write_figures
    from l2rl.runs.collection import collect
    from l2rl.runs.run_directory import RunDirectory

    wanted = formats or ["pdf"]
    _check(wanted, width_mm, confidence)
    check_choices("table", interval)
    if len(paths) == 1 and (paths[0] / "manifest.json").is_file():
        found = run_figures(RunDirectory.open(paths[0]))
    else:
        bootstrap = bootstrap_of(0, confidence, 10_000, interval)
        compared = compare(
            collect(paths, incomplete=incomplete),
            metrics=metrics or (),
            baseline=baseline,
            bootstrap=bootstrap,
        )
        found = comparison_figures(compared, bootstrap)
    out = Console(highlight=False)
    for path in write_figures(found, output, wanted, width_mm, only or ()):
        out.print(str(path), markup=False, soft_wrap=True)


def _check(formats: Sequence[str], width_mm: float, confidence: float) -> None:
    """Raises `UserError` for what cannot be drawn."""
    from l2rl.errors import UserError
    from l2rl.registry import did_you_mean
    from l2rl.report.static_figure import FORMATS, NARROWEST_MM, WIDEST_MM

    for one in formats:
        if one not in FORMATS:
            raise UserError(f"there is no format `{one}`\n  {did_you_mean(one, FORMATS)}")
    if not NARROWEST_MM <= width_mm <= WIDEST_MM:
        raise UserError(f"--width-mm lies between {NARROWEST_MM:g} and {WIDEST_MM:g}")
    if not 0 < confidence < 1:
        raise UserError("--confidence lies between 0 and 1")
