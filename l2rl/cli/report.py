"""`l2rl report`: the HTML report of a run; with `--live`, one that follows it."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

if TYPE_CHECKING:
    from l2rl.runs.run_directory import RunDirectory


def report(
    directory: Annotated[Path, typer.Argument(help="A run directory, finished or not.")],
    live: Annotated[
        bool, typer.Option("--live", help="Serve a page on this machine that follows the run.")
    ] = False,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="With --live; 0 takes a free one.")
    ] = 0,
    refresh_s: Annotated[
        float, typer.Option("--refresh", min=0.2, help="With --live: seconds between two looks.")
    ] = 5.0,
) -> None:
    """Write the HTML report of a run, and print its summary; or follow a run with --live."""
    from l2rl.report.text_summary import summary
    from l2rl.runs.run_directory import RunDirectory

    out = Console()
    run = RunDirectory.open(directory)
    if live:
        _follow(run, out, port, refresh_s)
    _write(run)
    out.print(summary(run))
    out.print(f"report: {run.report_path}", highlight=False, soft_wrap=True)


def _write(run: RunDirectory) -> None:
    from l2rl.report.page import write_report

    write_report(run)


def _follow(run: RunDirectory, out: Console, port: int, refresh_s: float) -> None:
    """Serve until the run is over, or Ctrl-C."""
    from l2rl.report.live import ADDRESS, LiveReport, serve, wait_for_the_end
    from l2rl.report.page import checked_manifest

    checked_manifest(run)
    if run.state != "running":
        out.print(f"nothing to follow: the run is {run.state}")
        return
    report = LiveReport(run, refresh_s)
    with serve(report, port) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://{ADDRESS}:{server.server_port}/"
        out.print(f"live report: {address}  (Ctrl-C ends it, not the run)", soft_wrap=True)
        try:
            state = wait_for_the_end(report)
        except KeyboardInterrupt:
            out.print("no longer followed; the run goes on")
            raise typer.Exit() from None
        finally:
            server.shutdown()
    out.print(f"the run is {state}")
