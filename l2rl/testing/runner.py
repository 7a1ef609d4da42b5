"""Runs the checks on one component."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from l2rl.component import Component
from l2rl.errors import UserError
from l2rl.registry import did_you_mean
from l2rl.testing.hints import Conformance
from l2rl.testing.life import generators_put_back
from l2rl.testing.lives import Failed
from l2rl.testing.registry import CHECKS, Check
from l2rl.testing.report import CheckResult, ConformanceReport, Finding, NotApplicable
from l2rl.testing.subject import Subject, subject_of


def check_component(
    component: type[Component] | str,
    config: Mapping[str, Any] | None = None,
    *,
    learners: Sequence[str] | None = None,
    checks: Sequence[str] | None = None,
    conformance: Conformance | None = None,
    fast: bool = False,
    on_check: Callable[[CheckResult], None] | None = None,
) -> ConformanceReport:
    """Check a component: a class, a registered name or `package.module:Class`.

    `config`: settings on top of the hints' `active` ones. `learners`: only on these. `checks`:
    only these. `conformance`: hints in place of the class's. `fast`: without the slow ones.
    `on_check` is told each result as it comes.

    Raises `UserError` if there is no such component, learner or check.
    """
    subject = subject_of(component, settings=config, hints=conformance, learners=learners)
    results = []
    for one in chosen(checks, fast=fast):
        result = run_check(one, subject)
        results.append(result)
        if on_check is not None:
            on_check(result)
    return ConformanceReport(subject.name, tuple(results))


def chosen(names: Iterable[str] | None = None, *, fast: bool = False) -> list[Check]:
    """The checks of these names, all by default, in their order. Raises `UserError` for others."""
    import l2rl.testing.checks  # noqa: F401 - registers them

    wanted = list(CHECKS) if names is None else list(names)
    for name in wanted:
        if name not in CHECKS:
            raise UserError(f"there is no check `{name}`\n  {did_you_mean(name, CHECKS)}")
    return [c for c in CHECKS.values() if c.name in wanted and not (fast and c.slow)]


def run_check(one: Check, subject: Subject) -> CheckResult:
    """Run one check. The caller's global generators and warnings are left alone."""
    reason = subject.why_unbuildable()
    if reason and not one.alone:
        return CheckResult(one.name, one.title, "not applicable", "it cannot be built")
    try:
        with generators_put_back(), _one_thread(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            findings = tuple(one.run(subject))
    except NotApplicable as reason:
        return CheckResult(one.name, one.title, "not applicable", str(reason))
    except Exception as error:  # of the component's, at a place where no check expects it
        findings = (_unexpected(error),)
    status = "failed" if findings else "passed"
    return CheckResult(one.name, one.title, status, _measured(one, subject), findings)  # type: ignore[arg-type]


@contextmanager
def _one_thread() -> Iterator[None]:
    """Networks of 16 units are slower on two threads than on one."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _unexpected(error: Exception) -> Finding:
    return Finding(
        "the component can be looked at",
        str(Failed(error)),
        "call what is named here on an agent of `l2rl.testing.agents.small_agent`",
    )


def _measured(one: Check, subject: Subject) -> str:
    if one.name != "cost":
        return ""
    return ", ".join(
        f"{kind}: {with_it:.2f} ms a step, {without:.2f} without"
        for kind, (with_it, without) in subject.memory.get("cost", {}).items()
    )
