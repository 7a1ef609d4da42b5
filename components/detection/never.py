"""The detector that never sees anything: the lower bound for every other one.

One context for the whole life, no event. What other components do on detected changes never
happens, and everything else is as with a detector. Compare: `detection.oracle`. Cost: nothing.
"""

from __future__ import annotations

from typing import ClassVar

from l2rl.capabilities import CHANGE_EVENTS, TASK_BELIEF
from l2rl.component import Component


class NeverDetector(Component):
    """Announces nothing."""

    provides = (CHANGE_EVENTS, TASK_BELIEF)
    cost: ClassVar[str] = "nothing"
