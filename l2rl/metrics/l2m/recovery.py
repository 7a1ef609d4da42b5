"""How long it takes to get back to what was reached in the learning block before.

The recovery time of a learning block is the index of its first experience that is at least the
terminal performance of the task's learning block before it; one more than its length if there is
none. Performance recovery of a task is minus the Theil-Sen slope of its recovery times, so that
recovering faster and faster is positive.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from l2rl.metrics.l2m.arrays import Floats, Ints, by_length
from l2rl.metrics.l2m.preparation import Prepared
from l2rl.metrics.l2m.quantities import Quantities
from l2rl.metrics.l2m.slopes import median_slope


@dataclass(frozen=True)
class Recovery:
    """One task's."""

    value: float
    """Performance recovery; NaN with fewer than two recovery times."""
    times: Floats
    """In order of the learning blocks, from the second on."""


def recovery(prepared: Prepared, quantities: Quantities) -> dict[str, Recovery]:
    """Of every task. Learning while asleep is not considered."""
    regimes = prepared.regimes
    found: dict[str, Recovery] = {}
    for task in prepared.tasks:
        mine = regimes.of_task(task) & regimes.training & ~regimes.asleep
        blocks = np.flatnonzero(mine)
        times = _times(prepared, quantities, blocks)
        value = -median_slope(times) if times.size > 1 else np.nan
        found[task] = Recovery(value, times.astype(np.float64))
    return found


def _times(prepared: Prepared, quantities: Quantities, blocks: Ints) -> Ints:
    """(blocks - 1,) recovery times of all blocks but the first."""
    before, judged = blocks[:-1], blocks[1:]
    if np.isnan(quantities.term_perf[before]).any():
        return np.zeros(0, dtype=np.int64)
    lengths = (prepared.regimes.end - prepared.regimes.begin)[judged]
    times: Ints = lengths + 1
    begin, end = quantities.begin[judged], quantities.end[judged]
    for members, indices in by_length(begin, end):
        target = quantities.term_perf[before[members], None]
        reached = quantities.series[indices] >= target
        recovered = reached.any(axis=1)
        times[members[recovered]] = reached[recovered].argmax(axis=1)
    return times
