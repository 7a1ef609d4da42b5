"""`l2rl`: everything a user can ask for, one command each."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape

from l2rl.cli.check import check
from l2rl.cli.compare import compare
from l2rl.cli.experts import experts
from l2rl.cli.export import export
from l2rl.cli.figures import figures
from l2rl.cli.metrics import metrics
from l2rl.cli.new import new
from l2rl.cli.play import play
from l2rl.cli.reference import components, reference
from l2rl.cli.replay import replay
from l2rl.cli.report import report
from l2rl.errors import UserError

if TYPE_CHECKING:
    from l2rl.runs.run_directory import RunDirectory

app = typer.Typer(
    name="l2rl",
    help="Lifelong reinforcement learning that composes.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(play)
app.command()(replay)
out = Console()
err = Console(stderr=True)

Experiment = Annotated[
    str, typer.Argument(help="A YAML file, or the name of a shipped experiment.")
]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="PATH=VALUE", help="Override a setting; may be repeated."),
]
Root = Annotated[Path, typer.Option("--runs", help="Where run directories are kept.")]

EXIT_USER_ERROR = 2
EXIT_STOPPED = 130


def main() -> None:
    """Entry point: a user's mistake is one message, never a traceback."""
    _one_thread_unless_told()
    # A component in the middle of being written is named by an import string, from here.
    sys.path.insert(0, str(Path.cwd()))
    try:
        app()
    except UserError as error:
        err.print(f"[bold red]error:[/] {escape(str(error))}", highlight=False, soft_wrap=True)
        sys.exit(EXIT_USER_ERROR)
    except OSError as error:
        # A full disk, a folder that may not be written: what was saved before is still good.
        err.print(f"[bold red]error:[/] {escape(str(error))}", highlight=False, soft_wrap=True)
        err.print("a run that had begun goes on from its last checkpoint with `l2rl resume`")
        sys.exit(1)


def _one_thread_unless_told() -> None:
    """Two threads each on two busy cores are slower than one; numba and BLAS read this once."""
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, "1")


@app.command()
def run(
    experiment: Experiment,
    overrides: Overrides = None,
    root: Root = Path("runs"),
    variant: Annotated[
        str | None, typer.Option(help="Name of this variant; default: from the overrides.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Short for --set seed=N.")] = None,
    force: Annotated[bool, typer.Option(help="Move an existing run aside.")] = False,
) -> None:
    """Run an experiment: one agent through one curriculum, to a report."""
    from l2rl import running
    from l2rl.cli.progress import observed
    from l2rl.config import load_experiment
    from l2rl.runs.run_directory import run_path

    wanted = list(overrides or [])
    name = variant or variant_name(wanted)
    if seed is not None:
        wanted.append(f"seed={seed}")
    loaded = load_experiment(experiment, wanted)
    path = run_path(root, loaded.config.experiment, name, loaded.config.seed)
    with _stop_explained(path), observed(err, loaded) as observer:
        done = running.start(loaded, root=root, variant=name, force=force, observer=observer)
    _announce(done)


@app.command()
def resume(
    directory: Annotated[Path, typer.Argument(help="A run directory.")],
) -> None:
    """Go on with a run that was stopped or killed, bit for bit as if nothing had happened."""
    from l2rl import running
    from l2rl.cli.progress import observed

    with _stop_explained(directory), observed(err) as observer:
        done = running.resume(directory, observer=observer)
    _announce(done)


app.command()(report)
app.command()(metrics)


@app.command()
def explain(experiment: Experiment, overrides: Overrides = None) -> None:
    """Print the resolved agent: each hook in its order, what each component needs and gets."""
    from l2rl.cli.explain import explanation
    from l2rl.config import load_experiment

    for part in explanation(load_experiment(experiment, overrides or [])):
        out.print(part)


@app.command("list")
def list_(
    what: Annotated[str, typer.Argument(help="components, envs, curricula, experiments or runs")],
    root: Root = Path("runs"),
) -> None:
    """List what there is."""
    from l2rl.cli.listing import listing

    out.print(listing(what, root))


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="A component, task, curriculum, experiment or run.")],
) -> None:
    """Show one thing in full."""
    from l2rl.cli.show import shown

    for part in shown(name):
        out.print(part)


@app.command()
def doctor() -> None:
    """Versions, optional suites, what is missing and how to get it."""
    from l2rl.cli.doctor import diagnosis

    healthy, table = diagnosis()
    out.print(table)
    if not healthy:
        raise typer.Exit(1)


@app.command()
def schema() -> None:
    """Print the JSON schema of experiment files, for editors."""
    import json

    from l2rl.config import json_schema

    print(json.dumps(json_schema(), indent=2))


app.command()(check)
app.command()(components)
app.command()(reference)
app.add_typer(new, name="new")
app.command()(experts)
app.command()(compare)
app.command()(export)
app.command()(figures)


def variant_name(overrides: list[str]) -> str:
    """A directory name from overrides: the last word of each path and its value."""
    import re

    if not overrides:
        return "default"
    parts = []
    for override in overrides:
        path, _, value = override.partition("=")
        word = re.sub(r"[^0-9a-zA-Z_.=-]+", "-", f"{path.split('.')[-1]}={value}")
        parts.append(word.strip("-"))
    name = "+".join(parts).lstrip("_.+=-") or "default"
    if len(name) <= 80:
        return name
    import hashlib

    return f"{name[:60]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


class _stop_explained:
    """Around a run: when it was asked to stop, say how to go on, and leave with 130."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: object) -> None:
        from l2rl.lifetime_position import Stopped

        if kind is not None and issubclass(kind, Stopped | KeyboardInterrupt):
            again = f"l2rl resume {shlex.quote(str(self.path))}"
            err.print(f"stopped; nothing is lost. Go on with: [bold]{escape(again)}[/]")
            raise typer.Exit(EXIT_STOPPED)


def _announce(run: RunDirectory) -> None:
    from l2rl.report.text_summary import summary

    out.print(summary(run))
    if run.report_path.is_file():
        out.print(f"report: {run.report_path}", highlight=False, soft_wrap=True)
