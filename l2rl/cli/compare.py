"""`l2rl compare`: variants side by side, over seeds, with honest intervals."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer
from rich.console import Console

if TYPE_CHECKING:
    from l2rl.metrics.comparison import Comparison
    from l2rl.metrics.intervals import Method
    from l2rl.metrics.statistics import Bootstrap


def compare(
    paths: Annotated[
        list[Path], typer.Argument(metavar="RUN|DIR...", help="Runs, or folders of runs.")
    ],
    metrics: Annotated[
        list[str] | None,
        typer.Option("--metric", metavar="NAME", help="Such as gap/min_acc; may be repeated."),
    ] = None,
    baseline: Annotated[
        str, typer.Option(help="Variant to compare with; default: the one without components.")
    ] = "",
    format_: Annotated[
        str, typer.Option("--format", metavar="table|markdown|latex|json|csv|html")
    ] = "table",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write to this file.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write the page for a browser.")
    ] = None,
    incomplete: Annotated[
        bool, typer.Option("--incomplete", help="Also unfinished runs, to their last evaluation.")
    ] = False,
    pool: Annotated[
        bool, typer.Option("--pool", help="One group per variant name, across experiments.")
    ] = False,
    interval: Annotated[
        str, typer.Option(metavar="percentile|t|bca", help="How intervals are made.")
    ] = "percentile",
    confidence: Annotated[float, typer.Option(help="Of the intervals, between 0 and 1.")] = 0.95,
    resamples: Annotated[int, typer.Option(help="Of the bootstrap.")] = 10_000,
    seed: Annotated[int, typer.Option(help="Of the bootstrap.")] = 0,
) -> None:
    """Compare variants: mean, IQM and median over seeds with intervals, paired differences to a
    baseline, the effect of each component, and the L2M criteria."""
    from l2rl.errors import UserError
    from l2rl.metrics.comparison import compare as compared
    from l2rl.runs.collection import collect

    check_choices(format_, interval)
    if not 0 < confidence < 1 or resamples < 1:
        raise UserError("--confidence lies between 0 and 1, and --resamples is at least 1")
    bootstrap = bootstrap_of(seed, confidence, resamples, interval)
    found = compared(
        collect(paths, incomplete=incomplete),
        metrics=metrics or (),
        baseline=baseline,
        pool=pool,
        bootstrap=bootstrap,
    )
    if html is not None:
        write(html, page(found, html, bootstrap))
        Console(stderr=True).print(f"page: {html}", markup=False, highlight=False, soft_wrap=True)
    give_out(found, format_, output, bootstrap)


def give_out(found: Comparison, format_: str, output: Path | None, bootstrap: Bootstrap) -> None:
    """To a file, or to the standard output; there the table has the terminal's width."""
    from l2rl.report.comparison_text import for_terminal

    if format_ == "table" and output is None:
        Console(highlight=False).print(for_terminal(found))
        return
    text = page(found, output, bootstrap) if format_ == "html" else as_text(found, format_)
    if output is None:
        print(text, end="")
    else:
        write(output, text)


def check_choices(format_: str, interval: str) -> None:
    """Raises `UserError` for a format or a kind of interval that there is not."""
    from l2rl.errors import UserError
    from l2rl.metrics.intervals import METHODS
    from l2rl.registry import did_you_mean
    from l2rl.report.comparison_text import FORMATS

    formats = ["table", *FORMATS, "html"]
    if format_ not in formats:
        raise UserError(f"there is no format `{format_}`\n  {did_you_mean(format_, formats)}")
    if interval not in METHODS:
        hint = did_you_mean(interval, METHODS)
        raise UserError(f"there is no interval `{interval}`\n  {hint}")


def bootstrap_of(seed: int, confidence: float, resamples: int, interval: str) -> Bootstrap:
    """How intervals are made; `interval` is one of `METHODS`."""
    from l2rl.metrics.statistics import Bootstrap

    method = cast("Method", interval)
    return Bootstrap(seed=seed, confidence=confidence, resamples=resamples, method=method)


def as_text(found: Comparison, format_: str) -> str:
    """Every format but the page."""
    from l2rl.report.comparison_text import FORMATS, as_plain_text

    return as_plain_text(found) if format_ == "table" else FORMATS[format_](found)


def page(found: Comparison, target: Path | None, bootstrap: Bootstrap) -> str:
    """The page for a browser, to lie at `target` (here, if None)."""
    from l2rl.report.comparison_page import render_comparison

    folder = target.parent if target else Path()
    command = [Path(sys.argv[0]).name, *sys.argv[1:]]
    return render_comparison(found, folder=folder, command=command, bootstrap=bootstrap)


def write(target: Path, text: str) -> None:
    """Atomically, so that a browser never sees half a page."""
    from l2rl.runs.files import write_bytes_atomically

    write_bytes_atomically(target, text.encode())
