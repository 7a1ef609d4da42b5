"""Every registered component keeps every promise; a new one is tested by being registered."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from zlib import crc32

import pytest
import ray

from l2rl.registry import component_class, component_names
from l2rl.testing.runner import chosen, run_check
from l2rl.testing.subject import Subject, subject_of


@cache
def subject(name: str, learner: str | None = None) -> Subject:
    return subject_of(name, learners=None if learner is None else [learner])


def findings(name: str, checks: list[str], learner: str | None = None) -> list[str]:
    return [
        f"{check.name}: {finding}"
        for check in chosen(checks)
        for finding in run_check(check, subject(name, learner)).findings
    ]


def one_learner(name: str) -> str:
    """One of the learners that a component works on, another for another component."""
    able = subject(name).learners
    return able[crc32(name.encode()) % len(able)]


@pytest.mark.slow
@pytest.mark.parametrize("name", component_names())
def test_a_shipped_component_conforms_on_one_learner(name: str) -> None:
    checks = [check.name for check in chosen(fast=True)]
    assert findings(name, checks, one_learner(name)) == []


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", component_names())
def test_a_shipped_component_conforms_on_every_learner(name: str) -> None:
    assert findings(name, [check.name for check in chosen(fast=True)]) == []


@pytest.fixture(scope="module")
def one_worker() -> Iterator[None]:
    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


@pytest.mark.exhaustive
@pytest.mark.xdist_group("conformance_worker")
@pytest.mark.parametrize("name", component_names())
def test_a_shipped_component_conforms_elsewhere(name: str, one_worker: None) -> None:
    assert findings(name, ["worker", "compiles"]) == []


BUDGETED = [n for n in component_names() if component_class(n).budget_ms_per_step is not None]


@pytest.mark.slow
@pytest.mark.parametrize("name", BUDGETED or [pytest.param(None, id="none declares a budget")])
def test_a_declared_budget_is_kept(name: str | None) -> None:
    assert name is None or findings(name, ["cost"]) == []
