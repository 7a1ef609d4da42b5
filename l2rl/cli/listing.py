"""`l2rl list`: components, environments, curricula, experiments, runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from rich.markup import escape
from rich.table import Table

from l2rl.errors import UserError
from l2rl.registry import (
    component_class,
    component_names,
    did_you_mean,
    environment_suite,
    shipped_curricula,
    shipped_experiments,
    suite_names,
)


def listing(what: str, root: Path) -> Table:
    """The table of one kind of thing. Raises `UserError` for an unknown kind."""
    kinds: Mapping[str, Callable[[], Table]] = {
        "components": components,
        "envs": environments,
        "curricula": curricula,
        "experiments": experiments,
        "runs": lambda: runs(root),
    }
    if what not in kinds:
        raise UserError(f"there is no list of `{what}`\n  {did_you_mean(what, kinds)}")
    return kinds[what]()


def components() -> Table:
    """Every registered component with the first line of its docstring."""
    from l2rl.agents.surroundings import learners_for

    table = Table("component", "learners", "what it does", title="components")
    for name in component_names():
        try:
            cls = component_class(name)
        except UserError as error:
            table.add_row(name, "-", escape(f"cannot be imported: {str(error).splitlines()[0]}"))
            continue
        table.add_row(name, ", ".join(learners_for(cls)), first_line(cls.__doc__))
    return table


def environments() -> Table:
    """Every task of every suite."""
    table = Table("task", "variants", "what it is", title="environments")
    for name in suite_names():
        try:
            suite = environment_suite(name)
            missing = suite.missing()
        except UserError as error:
            table.add_row(f"{name}/", "-", escape(str(error).splitlines()[0]))
            continue
        if missing:
            table.add_row(f"{name}/", "-", escape(missing))
            continue
        for task in suite.tasks().values():
            table.add_row(f"{name}/{task.name}", ", ".join(task.variants), task.summary)
    table.add_row("any Gymnasium id", "default", "such as CartPole-v1; parameters go to its maker")
    return table


def curricula() -> Table:
    """Every shipped curriculum with its size."""
    from l2rl.config import load_curriculum

    table = Table("name", "scenario", "tasks", "blocks", "env steps", "summary", title="curricula")
    for name in shipped_curricula():
        try:
            found = load_curriculum(name).curriculum
        except UserError as error:
            table.add_row(name, "-", "-", "-", "-", escape(str(error).splitlines()[0]))
            continue
        total = found.total_env_steps()
        sizes = (str(len(found.tasks)), str(len(found.blocks)), f"{total:,}" if total else "?")
        table.add_row(name, found.scenario or "-", *sizes, escape(found.summary))
    return table


def experiments() -> Table:
    """Every shipped experiment."""
    table = Table("name", "summary", title="experiments")
    for name, path in shipped_experiments().items():
        table.add_row(name, escape(summary_of(path)))
    return table


def summary_of(path: Path) -> str:
    """The `summary:` of a YAML file."""
    from ruamel.yaml import YAML

    content = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    return str(content.get("summary", "")) if isinstance(content, dict) else ""


def runs(root: Path) -> Table:
    """Every run below a folder."""
    from l2rl.runs.run_directory import find_runs

    table = Table("run", "state", "env steps", title=f"runs in {root}")
    for run in find_runs(root):
        table.add_row(str(run.path), run.state, _env_steps(run.timing_path))
    return table


def _env_steps(timing: Path) -> str:
    from l2rl.runs.files import read_json

    return f"{read_json(timing)['env_steps']:,}" if timing.is_file() else "-"


def first_line(doc: str | None) -> str:
    """The first line of a docstring."""
    return (doc or "").strip().split("\n")[0]
