"""pytest: one test item for each check of a component.

    from l2rl.testing import conformance_tests
    test_conformance = conformance_tests(MyComponent)

Registered as a plugin for the mark `conformance` alone; everything else is imported when a test
that uses it runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    import pytest

    from l2rl.component import Component
    from l2rl.testing.hints import Conformance


def pytest_configure(config: pytest.Config) -> None:
    """Make the marks known, so that `--strict-markers` lets them pass."""
    config.addinivalue_line("markers", "conformance: one check of a component (l2rl.testing)")
    config.addinivalue_line("markers", "slow: takes seconds, such as a check in a Ray worker")


def conformance_tests(
    component: type[Component] | str,
    config: Mapping[str, Any] | None = None,
    *,
    learners: Sequence[str] | None = None,
    checks: Sequence[str] | None = None,
    conformance: Conformance | None = None,
) -> Callable[..., None]:
    """A test function, parametrised over the checks; arguments as of `check_component`.

    A check that does not apply is an item that passes and says so (`-rA` shows it): a skipped
    test would look like one that should have run. The slow ones are marked `slow`.
    """
    import pytest

    from l2rl.testing.runner import chosen, run_check
    from l2rl.testing.subject import subject_of

    subject = subject_of(component, settings=config, hints=conformance, learners=learners)
    items = [
        pytest.param(one, id=one.name, marks=[pytest.mark.slow] if one.slow else [])
        for one in chosen(checks)
    ]

    @pytest.mark.conformance
    @pytest.mark.parametrize("check", items)
    def test_conformance(check: Any) -> None:
        __tracebackhide__ = True
        result = run_check(check, subject)
        if result.status == "failed":
            found = "\n\n".join(map(str, result.findings))
            pytest.fail(f"{subject.name}: {check.title}\n\n{found}", pytrace=False)
        print(f"{check.name}: {result.status} {result.reason}")

    return cast("Callable[..., None]", test_conformance)
