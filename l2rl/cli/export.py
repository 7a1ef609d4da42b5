"""`l2rl export`: evaluations, episodes and metrics of runs as tables for other tools."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

if TYPE_CHECKING:
    import pyarrow as pa

    from l2rl.runs.collection import CollectedRun


def export(
    paths: Annotated[
        list[Path], typer.Argument(metavar="RUN|DIR...", help="Runs, or folders of runs.")
    ],
    what: Annotated[str, typer.Option(metavar="matrix|episodes|metrics")] = "matrix",
    format_: Annotated[
        str | None,
        typer.Option(
            "--format", metavar="csv|tsv|parquet", help="Default: as --output ends, else csv."
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="Write to this file; default: the standard output.")
    ] = None,
    tensorboard: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Instead of a table, event files for TensorBoard."),
    ] = None,
    incomplete: Annotated[
        bool, typer.Option("--incomplete", help="Also unfinished runs, to their last evaluation.")
    ] = False,
) -> None:
    """Write one tidy table of all runs (the evaluation matrix, every episode, or every metric), or
    the event files of each for TensorBoard."""
    import pyarrow as pa

    from l2rl.errors import UserError
    from l2rl.registry import did_you_mean
    from l2rl.runs.collection import collect
    from l2rl.runs.files import write_bytes_atomically
    from l2rl.runs.matrix_table import table_bytes

    makers = {"matrix": _matrix, "episodes": _episodes, "metrics": _metrics}
    if what not in makers:
        raise UserError(f"there is no table of `{what}`\n  {did_you_mean(what, makers)}")
    suffix = f".{format_}" if format_ else (output.suffix if output else ".csv")
    found = collect(paths, incomplete=incomplete)
    err = Console(stderr=True, highlight=False)
    for one in found.left_out:
        err.print(f"left out: {one.path}: {one.reason}", markup=False, soft_wrap=True)
    if not found.runs:
        raise UserError("there is no run to export")
    if tensorboard is not None:
        _event_files(found.runs, tensorboard)
        return
    data = table_bytes(pa.concat_tables([makers[what](run) for run in found.runs]), suffix)
    if output is None:
        sys.stdout.buffer.write(data)
    else:
        write_bytes_atomically(output, data)


def _event_files(runs: Sequence[CollectedRun], folder: Path) -> None:
    """`<folder>/<experiment>/<variant>/seed-<n>/`, as TensorBoard names its runs."""
    from l2rl.runs.run_directory import run_path
    from l2rl.runs.tensorboard import export_events

    out = Console(highlight=False)
    for run in runs:
        target = run_path(folder, run.experiment, run.variant, run.seed)
        path = export_events(run.directory, run.read_log(), target)
        out.print(str(path), markup=False, soft_wrap=True)


def _matrix(run: CollectedRun) -> pa.Table:
    from l2rl.runs.matrix_table import matrix_table

    return matrix_table(run.read_log())


def _episodes(run: CollectedRun) -> pa.Table:
    from l2rl.runs.episode_table import episode_table

    return episode_table(run.read_log())


def _metrics(run: CollectedRun) -> pa.Table:
    from l2rl.metrics.registry import all_figures
    from l2rl.metrics.run_log import RunLog
    from l2rl.metrics.scalability import timing_figures
    from l2rl.metrics.tables import metrics_rows
    from l2rl.runs.timing import timing_of

    log = run.read_log()
    figures = all_figures(RunLog.open(run.directory, log))
    figures |= timing_figures(timing_of(run.directory, log))
    return metrics_rows(run.experiment, run.variant, run.seed, figures.items())
