"""`l2rl show NAME`: one component, task, curriculum, experiment or run in full."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from l2rl.cli.outline import outline
from l2rl.cli.reference import shown as component
from l2rl.errors import UserError
from l2rl.registry import (
    component_names,
    did_you_mean,
    environment_suite,
    full_component_name,
    shipped_curricula,
    shipped_experiments,
    suite_names,
)


def shown(name: str) -> Iterator[RenderableType]:
    """Whatever bears this name. Raises `UserError` with near names when nothing does."""
    if (Path(name) / "manifest.json").is_file():
        return _run(Path(name))
    if name in shipped_curricula():
        return _curriculum(name)
    if name in shipped_experiments():
        return _experiment(name)
    if name.endswith((".yaml", ".yml")):
        return _file(name)
    prefix, _, task = name.partition("/")
    if prefix in suite_names() and task:
        return _task(prefix, task)
    try:
        return component(full_component_name(name))
    except UserError:
        full = component_names()
        short = [one.rpartition(".")[2] for one in full]
        known = [*full, *short, *shipped_curricula(), *shipped_experiments()]
        raise UserError(f"there is no `{name}`\n  {did_you_mean(name, known)}") from None


def _task(suite_name: str, task: str) -> Iterator[RenderableType]:
    suite = environment_suite(suite_name)
    info = suite.tasks().get(task)
    if info is None:
        raise UserError(f"{suite_name} has no task `{task}`\n  {did_you_mean(task, suite.tasks())}")
    yield Text(f"{suite_name}/{task}", style="bold")
    yield Text(info.summary)
    variants = Table("variant", "parameters", title="variants")
    for name, values in info.variants.items():
        variants.add_row(name, Text(", ".join(f"{k}={v}" for k, v in values.items()) or "-"))
    yield variants
    parameters = Table("parameter", "meaning", title="parameters")
    for name, line in info.parameters.items():
        parameters.add_row(name, Text(line))
    yield parameters


def _curriculum(name: str) -> Iterator[RenderableType]:
    from l2rl.config import load_curriculum

    yield from outline(load_curriculum(name))
    path = shipped_curricula().get(name, Path(name))
    yield Text(path.read_text(encoding="utf-8"))


def _experiment(name: str) -> Iterator[RenderableType]:
    """The file as it is, and the outline of its curriculum."""
    from l2rl.config import load_experiment

    path = shipped_experiments().get(name, Path(name))
    yield Text(path.read_text(encoding="utf-8"))
    yield from outline(load_experiment(name))


def _file(path: str) -> Iterator[RenderableType]:
    from l2rl.config.loading import is_curriculum
    from l2rl.config.sources import read

    document = read(Path(path), path)
    return _curriculum(path) if is_curriculum(document) else _experiment(path)


def _run(path: Path) -> Iterator[RenderableType]:
    from l2rl.report.text_summary import summary
    from l2rl.runs.run_directory import RunDirectory

    yield summary(RunDirectory.open(path))
