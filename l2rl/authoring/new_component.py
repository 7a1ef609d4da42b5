"""A package of one's own with one component in it, which passes the conformance kit as it is."""

from __future__ import annotations

import importlib.resources
import keyword
import re
from importlib.metadata import version
from pathlib import Path
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from l2rl.errors import UserError
from l2rl.registry import component_names

_NAME: Final = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_FILES: Final = {
    "pyproject.toml.j2": "pyproject.toml",
    "README.md.j2": "README.md",
    "component.py.j2": "src/{package}/{name}.py",
    "package.py.j2": "src/{package}/__init__.py",
    "test.py.j2": "tests/test_{name}.py",
    "example.yaml.j2": "examples/{name}.yaml",
}


def write_component(name: str, *, family: str = "consolidation", directory: Path) -> Path:
    """Write the package `l2rl-NAME` into `directory`; returns its folder.

    Raises `UserError` for a name that cannot be one, a name that is taken, or a folder that is
    not empty.
    """
    _check_name("name", name)
    _check_name("family", family)
    if f"{family}.{name}" in component_names():
        raise UserError(
            f"there is a component `{family}.{name}` already\n  choose another name or family"
        )
    folder = directory / f"l2rl-{name.replace('_', '-')}"
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder} exists already\n  choose another name, or move it away")
    for template, text in rendered(name, family).items():
        path = folder / template
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def rendered(name: str, family: str) -> dict[str, str]:
    """Path inside the package -> content."""
    environment = Environment(
        loader=PackageLoader("l2rl.authoring", "templates"),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,
    )
    words = {
        "name": name,
        "family": family,
        "package": f"l2rl_{name}",
        "distribution": f"l2rl-{name.replace('_', '-')}",
        "class_name": "".join(word.capitalize() for word in name.split("_")),
        "l2rl_version": version("l2rl"),
    }
    return {
        path.format(**words): environment.get_template(template).render(words)
        for template, path in _FILES.items()
    }


def _check_name(what: str, name: str) -> None:
    if not _NAME.fullmatch(name) or keyword.iskeyword(name):
        raise UserError(
            f"`{name}` cannot be the {what} of a component\n"
            "  use lower-case words joined by `_`, such as `slow_weights`"
        )


def template_names() -> set[str]:
    """The templates that are shipped."""
    folder = importlib.resources.files("l2rl.authoring") / "templates"
    return {entry.name for entry in folder.iterdir() if entry.name.endswith(".j2")}
