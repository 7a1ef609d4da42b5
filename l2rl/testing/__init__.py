"""For authors of components: does mine keep the promises that every component must keep?

    from l2rl.testing import check_component
    print(check_component("consolidation.ewc"))

and in a test file, one test item for each check:

    from l2rl.testing import conformance_tests
    test_conformance = conformance_tests(MyComponent)

What each check means is in docs/conformance.md. Nothing heavy is imported before it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from l2rl.testing.hints import Conformance

if TYPE_CHECKING:
    from l2rl.testing.plugin import conformance_tests
    from l2rl.testing.report import ConformanceReport
    from l2rl.testing.runner import check_component

_WHERE = {
    "check_component": "l2rl.testing.runner",
    "conformance_tests": "l2rl.testing.plugin",
    "ConformanceReport": "l2rl.testing.report",
}

__all__ = ["Conformance", "ConformanceReport", "check_component", "conformance_tests"]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_WHERE[name]), name)
