"""How the arm is compiled: as every batched suite is, cached under this folder's sources.

One compiled function plays every task and variant, so a machine compiles once.
"""

from __future__ import annotations

from pathlib import Path

from ..batched.compiling import entry_of, inner

__all__ = ["entry", "inner"]

entry = entry_of(Path(__file__).parent)
