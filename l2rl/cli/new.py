"""`l2rl new component NAME`: a package to begin with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

new = typer.Typer(help="Write the beginning of something of your own.", no_args_is_help=True)


@new.callback()
def _group() -> None:
    """Keeps `component` a command of its own, with one command as with several."""


@new.command()
def component(
    name: Annotated[str, typer.Argument(help="Lower-case words joined by `_`.")],
    family: Annotated[str, typer.Option(help="First part of its registered name.")] = (
        "consolidation"
    ),
    directory: Annotated[Path, typer.Option(help="Where the package's folder is made.")] = Path(),
) -> None:
    """An outside package with one component: code, test, entry point, example. Passes the kit."""
    from l2rl.authoring.new_component import write_component

    folder = write_component(name, family=family, directory=directory)
    out = Console()
    out.print(f"wrote {folder}", highlight=False, soft_wrap=True)
    out.print(
        f'next: cd {folder}; pip install -e ".[test]"; l2rl check {family}.{name}',
        highlight=False,
        soft_wrap=True,
        markup=False,
    )
