"""From a path to the logs in it, ours and other people's."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from l2rl.errors import UserError
from l2rl.runs.l2logger_log import L2Log
from l2rl.runs.l2logger_reader import is_l2logger, read_l2logger
from l2rl.runs.l2logger_view import view_of_run
from l2rl.runs.run_directory import RunDirectory


def is_run(directory: Path) -> bool:
    """Whether this is a run directory of ours."""
    return (directory / "manifest.json").is_file()


def find_logs(path: Path) -> list[Path]:
    """The run and log directories at or below a path, in order; what is inside them is theirs.

    Raises `UserError` if there is none.
    """
    if not path.is_dir():
        raise UserError(f"there is no directory {path}")
    found = list(_walk(path))
    if not found:
        raise UserError(
            f"{path} holds neither a run (manifest.json) nor an L2M log (logger_info.json)"
        )
    return found


def read_any(directory: Path) -> L2Log:
    """The log in a run directory of ours or in a log directory. Raises `UserError`."""
    if is_run(directory):
        return view_of_run(RunDirectory.open(directory))
    return read_l2logger(directory)


def _walk(path: Path) -> Iterator[Path]:
    if is_run(path) or is_l2logger(path):
        yield path
        return
    for entry in sorted(os.scandir(path), key=lambda entry: entry.name):
        if entry.is_dir(follow_symlinks=False) and not entry.name.startswith("."):
            yield from _walk(Path(entry.path))
