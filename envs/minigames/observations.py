"""Observations as the engine hands them out: one array with the games first, or a dict of such."""

from __future__ import annotations

from typing import Any

Observations = Any
"""(N, ...) array; of features a dict of them."""


def row(seen: Observations, i: int) -> Observations:
    """The observation of game i, a view."""
    if isinstance(seen, dict):
        return {name: array[i] for name, array in seen.items()}
    return seen[i]


def copied(seen: Observations) -> Observations:
    """The same observation in memory of its own."""
    if isinstance(seen, dict):
        return {name: array.copy() for name, array in seen.items()}
    return seen.copy()
