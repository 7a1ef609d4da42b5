"""Writing files so that a crash leaves either the old one or the new one, and strict JSON."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from l2rl.errors import UserError


def write_bytes_atomically(path: Path, data: bytes) -> None:
    """Write beside `path`, force it to the disk, then rename over `path`."""
    temporary = path.with_name(path.name + ".tmp")
    with open(temporary, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
    sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """Force renames and deletions inside `directory` to the disk."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def plain(value: Any) -> Any:
    """`value` in the types of JSON: numpy scalars and arrays opened, NaN and infinities as None.

    A figure that is not a number must not stop a run that is hours old, so it becomes null here
    and whoever writes it says why beside it.
    """
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [plain(item) for item in value]
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, str | bool | int | float):
        return value
    return str(value)


def compact_json(value: Any) -> str:
    """One line of strict JSON with sorted keys: the same value always gives the same text."""
    return json.dumps(plain(value), sort_keys=True, separators=(",", ":"), allow_nan=False)


def write_json(path: Path, value: Any) -> None:
    """Write strict, indented JSON with sorted keys, atomically."""
    text = json.dumps(plain(value), sort_keys=True, indent=2, allow_nan=False)
    write_bytes_atomically(path, (text + "\n").encode())


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object. Raises `UserError` naming the file when it is damaged."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{path} is no valid JSON ({error}). Restore or delete it.") from None
    if not isinstance(value, dict):
        raise UserError(f"{path} should hold a JSON object, but holds a {type(value).__name__}.")
    return value
