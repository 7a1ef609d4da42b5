"""Exact snapshots on disk: written whole or not at all, verified before they are believed.

A checkpoint is a directory `checkpoints/env-steps-000000123456-0007/` (the second number keeps
several at the same step apart) with the state and a `manifest.json` that holds the SHA-256 of
every file. It is written under another name, flushed to the disk, and renamed; so what bears the
name is complete. Whatever fails its hashes is passed over, with a message, for the one before it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from l2rl.state_codec import StateError, read_state, write_state

FORMAT: Final = 1
_NAME: Final = re.compile(r"env-steps-(\d{12})-(\d{4,})")


@dataclass(frozen=True)
class Checkpoint:
    """A directory that bears a checkpoint's name; not yet verified."""

    path: Path
    env_steps: int
    number: int


class CheckpointStore:
    """The checkpoints of one run."""

    def __init__(self, directory: Path, *, keep_last: int = 2, keep_every: int | None = None):
        """`keep_every`: also keep every n-th checkpoint for ever."""
        self.directory = directory
        self.keep_last = keep_last
        self.keep_every = keep_every

    def all(self) -> list[Checkpoint]:
        """Every checkpoint by name, oldest first."""
        if not self.directory.is_dir():
            return []
        found = []
        for path in self.directory.iterdir():
            match = _NAME.fullmatch(path.name)
            if match and path.is_dir():
                found.append(Checkpoint(path, int(match[1]), int(match[2])))
        return sorted(found, key=lambda c: c.number)

    def write(self, state: Any, env_steps: int) -> Path:
        """Write a checkpoint and remove those no longer wanted."""
        existing = self.all()
        number = existing[-1].number + 1 if existing else 0
        final = self.directory / f"env-steps-{env_steps:012d}-{number:04d}"
        self.directory.mkdir(parents=True, exist_ok=True)
        self._remove_leftovers()
        unfinished = self.directory / f"{final.name}.unfinished"
        unfinished.mkdir()
        try:
            _fill(unfinished, state, env_steps, number)
            os.rename(unfinished, final)
        except BaseException:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise
        _flush_directory(self.directory)
        self._thin_out()
        return final

    def newest(self, on_damaged: Callable[[Path, str], None]) -> tuple[Any, Checkpoint] | None:
        """The newest sound state, or None. `on_damaged(path, why)` hears of those passed over."""
        for checkpoint in reversed(self.all()):
            reason = damage(checkpoint.path)
            if reason is None:
                try:
                    return read_state(checkpoint.path), checkpoint
                except StateError as error:
                    reason = str(error)
            on_damaged(checkpoint.path, reason)
        return None

    def discard_after(self, checkpoint: Checkpoint) -> None:
        """Remove damaged checkpoints newer than the one that was resumed from."""
        for other in self.all():
            if other.number > checkpoint.number:
                shutil.rmtree(other.path)

    def _remove_leftovers(self) -> None:
        for path in self.directory.glob("*.unfinished"):
            shutil.rmtree(path, ignore_errors=True)

    def _thin_out(self) -> None:
        for checkpoint in self.all()[: -self.keep_last]:
            if not (self.keep_every and checkpoint.number % self.keep_every == 0):
                shutil.rmtree(checkpoint.path)


def _fill(directory: Path, state: Any, env_steps: int, number: int) -> None:
    """State first, manifest last, everything flushed."""
    write_state(state, directory)
    files = {path.name: _sha256(path) for path in sorted(directory.iterdir())}
    manifest = {"format": FORMAT, "env_steps": env_steps, "number": number, "sha256": files}
    (directory / "manifest.json").write_text(json.dumps(manifest, indent=2), encoding="utf-8")
    for path in directory.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
    _flush_directory(directory)


def damage(path: Path) -> str | None:
    """Why a checkpoint cannot be believed, or None if it is sound."""
    try:
        manifest = json.loads((path / "manifest.json").read_text(encoding="utf-8"))
        expected = dict(manifest["sha256"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        return f"its manifest cannot be read ({error})"
    if manifest.get("format") != FORMAT:
        return f"its format is {manifest.get('format')!r}, not {FORMAT}"
    if set(expected) != {"state.json", "tensors.pt"}:
        return "its manifest does not list the files of a checkpoint"
    for name, digest in expected.items():
        file = path / name
        if not file.is_file():
            return f"{name} is missing"
        if _sha256(file) != digest:
            return f"{name} was altered or cut short (its SHA-256 differs)"
    return None


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _flush_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
