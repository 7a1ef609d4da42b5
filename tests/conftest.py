"""For all tests: one thread a process, because two on busy cores are slower than one."""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import torch  # noqa: E402 - reads the variables above when it is imported
from hypothesis import settings  # noqa: E402

torch.set_num_threads(1)
# No test of the clock; and CI tries the same cases each time, the search is for developers.
settings.register_profile("l2rl", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("l2rl")
