"""From a name or a path to a document: the experiment's file, and the curriculum it names."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from l2rl.config.document import Node, parse
from l2rl.config.errors import ConfigError, Place, Problem, problem_of
from l2rl.errors import UserError
from l2rl.registry import (
    CURRICULA,
    EXPERIMENTS,
    did_you_mean,
    nearest,
    shipped_curricula,
    shipped_experiments,
    shipped_file,
)

_SUFFIXES = (".yaml", ".yml")


def read_experiment(source: str | Path) -> tuple[Node, Path]:
    """The document of a file or of a shipped experiment, and its path."""
    path = _experiment_path(source)
    return read(path, str(path)), path


def read(path: Path, shown: str) -> Node:
    """The document at `path`, called `shown` in messages."""
    return parse(_bytes(path, Place(shown)), shown)


def _experiment_path(source: str | Path) -> Path:
    text = str(source)
    if isinstance(source, Path) or _is_path(text) or _is_file(Path(text)):
        return Path(source)
    try:
        return shipped_file(EXPERIMENTS, text)
    except UserError as error:
        problem = problem_of(Place(text), error)
        near = _near_file(Path(text), shipped_experiments())
        raise ConfigError.at(problem.place, problem.message, near or problem.hint) from None


def _is_file(path: Path) -> bool:
    """Whether it is there; a name that no file can have is not."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _is_path(text: str) -> bool:
    return text.endswith(_SUFFIXES) or "/" in text or os.sep in text


def _bytes(path: Path, place: Place) -> bytes:
    """The file's bytes; each way to fail has a message that says what to do."""
    try:
        if path.is_dir():
            raise ConfigError.at(place, f"`{path}` is a directory, not a YAML file")
        return path.read_bytes()
    except FileNotFoundError:
        shipped = [*shipped_experiments(), *shipped_curricula()]
        hint = _near_file(path, shipped) or "paths are relative to the working directory"
        raise ConfigError.at(place, f"there is no file `{path}`", hint) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError.at(place, f"`{path}` cannot be read: {reason}") from None


def _near_file(path: Path, shipped: Iterable[str]) -> str:
    """`did you mean` among the files beside it and the shipped names."""
    try:
        beside = [str(p) for p in path.parent.iterdir() if p.suffix in _SUFFIXES]
    except (OSError, ValueError):
        beside = []
    near = nearest(str(path), beside) or nearest(str(path) + ".yaml", beside)
    near = near or nearest(path.stem, shipped)
    return f"did you mean `{near}`?" if near is not None else ""


# ---- curriculum ----------------------------------------------------------------------------


def inline_curriculum(document: Node, folder: Path | None) -> list[Problem]:
    """Replace the name or path of a curriculum by its document, and spell out its tasks.

    `folder`: what relative paths in a file are relative to; None on the command line.
    """
    node = document.child("curriculum")
    if node is None:
        return []
    if isinstance(node.content, str):
        try:
            _graft(node, *_curriculum_file(node, folder))
        except ConfigError as error:
            _take_out(document, "curriculum")
            return list(error.problems)
    _spell_out_tasks(node)
    return []


def _curriculum_file(node: Node, folder: Path | None) -> tuple[Path, str]:
    """The curriculum's file, and how to call it in messages."""
    text = node.content
    # The name decides alone: a shipped curriculum must not hide behind a stray file.
    if not _is_path(text):
        try:
            path = shipped_file(CURRICULA, text)
        except UserError as error:
            problem = problem_of(node.place, error)
            near = _near_file((folder or Path()) / text, shipped_curricula())
            raise ConfigError.at(node.place, problem.message, near or problem.hint) from None
        return path, str(path)
    from_command_line = node.place.line is None
    path = Path(text) if from_command_line or folder is None else folder / text
    path = Path(os.path.normpath(path))
    if not _is_file(path):
        hint = _near_file(path, shipped_curricula()) or "paths are relative to this file"
        raise ConfigError.at(node.place, f"there is no curriculum `{path}`", hint)
    return path, str(path)


def _graft(node: Node, path: Path, shown: str) -> None:
    found = parse(_bytes(path, node.place), shown)
    if not isinstance(found.content, dict):
        raise ConfigError.at(found.place, "a curriculum must be a mapping with tasks and blocks")
    node.content = {"name": Node(name_from(path.stem), node.place, node.key_place), **found.content}
    # Mistakes of the curriculum as a whole are shown in its own file.
    node.place, node.key_place = found.place, found.place


def name_curriculum(document: Node) -> None:
    """An inline curriculum without a name is called like the experiment."""
    node, experiment = document.child("curriculum"), document.child("experiment")
    if node is None or not isinstance(node.content, dict) or experiment is None:
        return
    if "name" not in node.content:
        node.content["name"] = Node(name_from(experiment.content), experiment.place)


def name_from(text: object) -> str:
    """`text` with what names of experiments and curricula must not have replaced."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", str(text)).strip("-._")[:100] or "unnamed"


def _spell_out_tasks(node: Node) -> None:
    """`beacon: minigames/MoveToBeacon` -> `beacon: {env: ...}`, so that `--set` finds `env`."""
    tasks = node.child("tasks")
    if tasks is None or not isinstance(tasks.content, dict):
        return
    for task in tasks.content.values():
        if isinstance(task.content, str):
            task.content = {"env": Node(task.content, task.place, task.key_place)}


def _take_out(document: Node, key: str) -> None:
    del document.content[key]


# ---- saved model ---------------------------------------------------------------------------


def resolve_start_from(document: Node, folder: Path | None, check: bool) -> list[Problem]:
    """Make `agent.start_from` absolute, for the run directory lies somewhere else.

    `check`: that the file is there. SB3 lets one leave out `.zip`, and so do we.
    """
    node = document.find(("agent", "start_from"))
    if node is None or not isinstance(node.content, str) or not node.content:
        return []
    in_file = folder is not None and node.place.line is not None
    path = Path(os.path.abspath((folder if in_file and folder else Path()) / node.content))
    found = [p for p in (path, Path(f"{path}.zip")) if _is_file(p)]
    if check and not found:
        return [Problem(node.place, f"there is no saved model `{path}`", _near_model(path))]
    node.content = str(found[0] if found else path)
    return []


def _near_model(path: Path) -> str:
    try:
        beside = [p.name for p in path.parent.iterdir() if p.suffix == ".zip"]
    except (OSError, ValueError):
        beside = []
    return did_you_mean(path.name, beside) if beside else "give the zip that `model.save` wrote"
