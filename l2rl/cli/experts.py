"""`l2rl experts`: the single-task runs that an experiment is measured against."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

if TYPE_CHECKING:
    from l2rl.expert_runs import Obtained

EXIT_STOPPED = 130


def experts(
    experiment: Annotated[
        str,
        typer.Argument(help="A YAML file, a shipped experiment's name, or a run directory."),
    ],
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="PATH=VALUE", help="As for `run`; may be repeated."),
    ] = None,
    seeds: Annotated[
        str, typer.Option(help="Such as 0-4 or 0,1,7; default: the experiment's own.")
    ] = "",
    with_components: Annotated[
        bool, typer.Option("--with-components", help="The agent with its components, not bare.")
    ] = False,
    root: Annotated[Path, typer.Option("--runs", help="Where run directories are kept.")] = Path(
        "runs"
    ),
) -> None:
    """Run, or find, one expert for each task: the same learner on that task alone.

    Metrics that need them (relative performance, sample efficiency, forward transfer,
    intransigence, learning time) find them by themselves from then on.
    """
    from l2rl import expert_runs
    from l2rl.cli.progress import observed
    from l2rl.config import load_experiment
    from l2rl.lifetime_position import Stopped
    from l2rl.runs.expert_store import STORE, ExpertStore

    out, err = Console(), Console(stderr=True)
    source, store = _source(experiment, root / STORE)
    # Loaded anew for each seed: a scenario may draw its curriculum from it.
    chosen = [[f"seed={seed}"] for seed in parse_seeds(seeds)] or [[]]
    wanted = [
        expert
        for seed in chosen
        for expert in expert_runs.wanted_experts(
            load_experiment(
                source, [*(overrides or []), *seed], check_paths=isinstance(source, str)
            ),
            with_components=with_components,
        )
    ]
    try:
        for done in expert_runs.obtain(wanted, ExpertStore(store), lambda expert: observed(err)):
            out.print(_said(done), highlight=False, markup=False, soft_wrap=True)
    except (Stopped, KeyboardInterrupt):
        err.print("stopped; nothing is lost. Go on with the same command")
        raise typer.Exit(EXIT_STOPPED) from None


def _said(done: Obtained) -> str:
    expert = done.expert
    what = f"{expert.task}, {expert.purpose.replace('_', ' ')}, seed {expert.seed}"
    return f"{done.how}: {what}: {done.path}"


def parse_seeds(text: str) -> tuple[int, ...]:
    """`0-2,7` -> (0, 1, 2, 7). Raises `UserError`."""
    from l2rl.errors import UserError

    seeds: list[int] = []
    for part in filter(None, text.replace(" ", "").split(",")):
        first, dash, last = part.partition("-")
        if not first.isdigit() or (dash and not last.isdigit()):
            raise UserError(f"`{text}` is no list of seeds\n  write such as 0-4 or 0,1,7")
        seeds += range(int(first), int(last or first) + 1)
    return tuple(dict.fromkeys(seeds))


def _source(experiment: str, store: Path) -> tuple[str | Path, Path]:
    """What to load, and the store: of a run directory, its configuration and the store beside."""
    from l2rl.runs.expert_store import ExpertStore
    from l2rl.runs.run_directory import RunDirectory

    if (Path(experiment) / "manifest.json").is_file():
        run = RunDirectory.open(Path(experiment))
        return run.config_path, ExpertStore.beside(run.path).path
    return experiment, store
