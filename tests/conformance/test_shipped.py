"""Every registered component keeps every promise; a new one is tested by being registered."""

from __future__ import annotations

from functools import cache

import pytest

from l2rl.registry import component_names
from l2rl.testing.runner import chosen, run_check
from l2rl.testing.subject import Subject, subject_of

FAST = [check.name for check in chosen(fast=True)]
SLOW = [check.name for check in chosen() if check.slow]


@cache
def subject(name: str) -> Subject:
    return subject_of(name)


@pytest.mark.parametrize("name", component_names())
def test_a_shipped_component_conforms(name: str) -> None:
    results = [run_check(check, subject(name)) for check in chosen(FAST)]
    assert [str(f) for r in results for f in r.findings] == []


@pytest.mark.slow
def test_shipped_components_conform_elsewhere_and_compiled() -> None:
    import ray

    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False)
    try:
        found = [
            f"{name}: {finding}"
            for name in component_names()
            for check in chosen(SLOW)
            for finding in run_check(check, subject(name)).findings
        ]
    finally:
        ray.shutdown()
    assert found == []
