"""`l2rl components` and `l2rl reference`: what each component is, on screen and as pages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text


def components(
    name: Annotated[str | None, typer.Argument(help="One component; default: a list.")] = None,
) -> None:
    """List the components, or show one: method, equation, source, settings, needs, cost."""
    from l2rl.cli.listing import components as listed
    from l2rl.registry import full_component_name

    out = Console()
    if name is None:
        out.print(listed())
        return
    for part in shown(full_component_name(name)):
        out.print(part)


def reference(
    directory: Annotated[Path, typer.Option("--output", "-o", help="Folder of the pages.")] = Path(
        "docs/components"
    ),
) -> None:
    """Write a Markdown page for each shipped component."""
    from l2rl.authoring.reference import write_pages

    written = write_pages(directory)
    Console().print(f"wrote {len(written)} pages to {directory}", highlight=False, soft_wrap=True)


def shown(name: str) -> Iterator[RenderableType]:
    """A component in full. Raises `UserError` if there is none."""
    from l2rl.authoring.reference import reference_of

    page = reference_of(name)
    yield Text(page.name, style="bold")
    yield Text(page.text)
    facts = Table(show_header=False, box=None)
    for key, values in (
        ("learners", page.learners),
        ("needs", page.needs),
        ("uses", page.uses),
        ("provides", page.provides),
        ("not with", page.not_with),
        ("source", tuple(f"arXiv {source}" for source in page.sources)),
        ("cost", (page.cost,) if page.cost else ()),
        ("hooks", page.hooks),
    ):
        facts.add_row(key, Text(", ".join(values) or "-"))
    yield facts
    table = Table("setting", "type", "values", "default", "meaning", title="settings")
    for s in page.settings:
        table.add_row(*map(Text, (s.name, s.kind, s.values, s.default, s.meaning)))
    yield table
