"""Machine code is compiled once and found again by every later process."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
import numpy as np
from l2rl.envs.minigames.engine import Engine

engine = Engine("MoveToBeacon", {}, [1])
engine.step(np.zeros(1))
kernel = engine._kernel
print(*(sum(f.stats.cache_misses.values()) for f in (kernel.advance, kernel.observe)))
"""


@pytest.mark.slow
def test_a_second_process_compiles_nothing() -> None:
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True
        )
    assert done.stdout.split() == ["0", "0"]
