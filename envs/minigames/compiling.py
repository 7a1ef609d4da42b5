"""How the games are compiled: as every batched suite is, cached under this folder's sources."""

from __future__ import annotations

from pathlib import Path

from ..batched.compiling import entry_of, hot, inner, intrinsic

__all__ = ["entry", "hot", "inner", "intrinsic"]

entry = entry_of(Path(__file__).parent)
