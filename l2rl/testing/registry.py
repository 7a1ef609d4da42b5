"""The checks by name, in the order in which they run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from l2rl.testing.report import Finding

if TYPE_CHECKING:
    from l2rl.testing.subject import Subject

CheckFunction = Callable[["Subject"], Iterator[Finding]]


@dataclass(frozen=True)
class Check:
    """One thing that every component must hold."""

    name: str
    title: str
    """What it demands, as one sentence."""
    run: CheckFunction
    """Yields what is wrong; raises `NotApplicable` where there is nothing to measure."""
    slow: bool = False
    """Needs another process or repeated measurements; left out by `--fast`."""
    alone: bool = False
    """Does not build on the component's life: makes sense where that one fails, too."""


CHECKS: dict[str, Check] = {}


def check(
    name: str, title: str, *, slow: bool = False, alone: bool = False
) -> Callable[[CheckFunction], CheckFunction]:
    """Register a generator function as a check."""

    def register(function: CheckFunction) -> CheckFunction:
        CHECKS[name] = Check(name, title, function, slow, alone)
        return function

    return register
