"""For all tests: one thread a process, because two on busy cores are slower than one."""

from __future__ import annotations

import os
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import pytest  # noqa: E402
import torch  # noqa: E402 - reads the variables above when it is imported
from hypothesis import settings  # noqa: E402

torch.set_num_threads(1)
_SAME_CASES = bool({"CI", "L2RL_SAME_CASES"} & set(os.environ))
# No test of the clock; and CI tries the same cases each time, the search is for developers.
settings.register_profile("l2rl", deadline=None, derandomize=_SAME_CASES)
settings.load_profile("l2rl")


SLOW_PLACES = (
    "agents/test_facade.py",
    "cli/test_many_runs.py",
    "components",
    "config/test_config_garbage.py",
    "conformance",
    "report/test_comparison_page_in_browser.py",
    "report/test_in_browser.py",
    "report/test_live.py",
    "resume",
    "starcraft2",
    "test_evaluation.py",
    "test_expert_runs.py",
    "test_replaying.py",
)
"""Files and folders whose tests together take long: not in the fast core set."""


@pytest.hookimpl(tryfirst=True)  # before tests are chosen by their marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    places = [here / place for place in SLOW_PLACES]
    for item in items:
        if any(place == item.path or place in item.path.parents for place in places):
            item.add_marker(pytest.mark.slow)
