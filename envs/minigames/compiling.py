"""How the simulation is compiled: numba, one thread, no fastmath, results cached on disk.

Only the entry points are cached. numba notices a changed *file* by its time stamp, but not a
changed function in another file that an entry point calls; a stale machine-code file would then
go on giving yesterday's results. So every entry point closes over `source_digest()`, which numba
makes part of the cache's key: a change anywhere in this folder compiles anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., Any])
_INNER: Any = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True, "error_model": "numpy"}
"""Without the wrappers that Python would call through: half of the compile time."""


def inner(function: F) -> F:
    """Compile a function that only compiled functions call."""
    return cast(F, numba.njit(**_INNER)(function))


def hot(function: F) -> F:
    """The same for what runs for every unit in every loop: pasted into its callers, because a
    call costs as much as its work. Larger machine code, so for few functions."""
    return cast(F, numba.njit(**_INNER, forceinline=True)(function))


def entry(function: F) -> F:
    """Compile a function that Python calls, and keep the machine code on disk."""
    return cast(F, numba.njit(cache=True, error_model="numpy")(function))


@lru_cache(maxsize=1)
def source_digest() -> int:
    """A 60-bit digest of every source file in this folder."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return int.from_bytes(digest.digest()[:8], "little") >> 4
