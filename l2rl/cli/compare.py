"""`l2rl compare`: variants side by side, over seeds, with honest intervals."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console


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
        str, typer.Option("--format", metavar="table|markdown|latex|json|csv")
    ] = "table",
    output: Annotated[Path | None, typer.Option(help="Write to this file.")] = None,
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
    from l2rl.metrics.statistics import Bootstrap
    from l2rl.registry import did_you_mean
    from l2rl.report.comparison_text import FORMATS, as_plain_text, for_terminal
    from l2rl.runs.collection import collect
    from l2rl.runs.files import write_bytes_atomically

    if format_ != "table" and format_ not in FORMATS:
        hint = did_you_mean(format_, ["table", *FORMATS])
        raise UserError(f"there is no format `{format_}`\n  {hint}")
    if not 0 < confidence < 1 or resamples < 1:
        raise UserError("--confidence lies between 0 and 1, and --resamples is at least 1")
    found = compared(
        collect(paths, incomplete=incomplete),
        metrics=metrics or (),
        baseline=baseline,
        pool=pool,
        bootstrap=Bootstrap(seed=seed, confidence=confidence, resamples=resamples),
    )
    if format_ == "table" and output is None:
        Console(highlight=False).print(for_terminal(found))
        return
    text = as_plain_text(found) if format_ == "table" else FORMATS[format_](found)
    if output is None:
        print(text, end="")
    else:
        write_bytes_atomically(output, text.encode())
