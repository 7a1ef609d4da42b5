"""What the kit found: one result a check, each failure with what was expected, seen, and a way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

Status = Literal["passed", "failed", "not applicable"]


class NotApplicable(Exception):
    """Raised by a check that has nothing to measure on this component; says why."""


@dataclass(frozen=True)
class Finding:
    """One way in which a component does not conform."""

    expected: str
    seen: str
    mend: str
    """How authors usually mend it."""
    where: str = ""
    """Kind of learner and surroundings; empty where it is the same everywhere."""

    def __str__(self) -> str:
        place = f" ({self.where})" if self.where else ""
        return f"expected: {self.expected}\nseen{place}: {self.seen}\nmend: {self.mend}"


@dataclass(frozen=True)
class CheckResult:
    """The outcome of one check."""

    check: str
    title: str
    status: Status
    reason: str = ""
    """Why it does not apply, or what a passed check has measured."""
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class ConformanceReport:
    """All results of one component."""

    component: str
    results: Sequence[CheckResult] = field(default_factory=tuple)

    @property
    def passed(self) -> bool:
        """Whether no check failed."""
        return not self.failed

    @property
    def failed(self) -> tuple[CheckResult, ...]:
        return tuple(r for r in self.results if r.status == "failed")

    def __getitem__(self, check: str) -> CheckResult:
        return next(r for r in self.results if r.check == check)

    def __str__(self) -> str:
        lines = [f"{self.component}: {'conforms' if self.passed else 'does not conform'}"]
        for result in self.results:
            reason = f": {result.reason}" if result.reason else ""
            lines.append(f"  {result.status:15}{result.check}{reason}")
            lines += [_indented(finding) for finding in result.findings]
        return "\n".join(lines)


def _indented(finding: Finding) -> str:
    return "\n".join(f"      {line}" for line in str(finding).splitlines())
