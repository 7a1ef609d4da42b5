"""How the arm is compiled: as the minigames are, with this folder's sources in the cache's key.

One compiled function plays every task and variant, so a machine compiles once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

from ..minigames import compiling as shared
from ..minigames.compiling import inner

__all__ = ["entry", "inner", "source_digest"]

F = TypeVar("F", bound=Callable[..., object])


def entry(function: F) -> F:
    """Compile a function that Python calls, and keep the machine code on disk."""
    return shared.entry(source_digest())(function)


@lru_cache(maxsize=1)
def source_digest() -> str:
    """A digest of every source file in this folder."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
