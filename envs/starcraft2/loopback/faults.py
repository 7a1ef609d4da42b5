"""Failures on demand, to test what a client makes of them.

The environment variable `L2RL_LOOPBACK_FAULTS` names a JSON file: a list of faults such as
`{"fault": "die", "at": "step", "loop": 80, "times": 1}`. A fault strikes at the first request of
kind `at` (`launch` is the start of the process) that comes when the episode has reached game loop
`loop`, in episodes with the seed `seed` where that is given, and at most `times` times, which are
counted down in the file, over all processes.
"""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
from typing import Any

VARIABLE = "L2RL_LOOPBACK_FAULTS"

KINDS = (
    "die",  # the process ends
    "hang",  # no answer, ever
    "slow",  # an answer after a tenth of a second
    "garbage",  # an answer that is no message of this protocol
    "empty",  # an answer of no bytes
    "no_status",  # an answer that lacks what every answer must have
    "wrong_id",  # the answer to another request
    "wrong_status",  # the status of a process in which no game was ever made
    "error",  # an error in so many words
    "stuck",  # success is reported and nothing happens
    "not_a_number",  # units whose place is not a number
    "off_the_map",  # units that are nowhere on the map
)


def due(at: str, loop: int, seed: int) -> str | None:
    """The fault that strikes now, counted down; None in a quiet world."""
    path = os.environ.get(VARIABLE)
    if not path or not Path(path).exists():
        return None
    with open(path, "r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        faults: list[dict[str, Any]] = json.load(file)
        for fault in faults:
            if _strikes(fault, at, loop, seed):
                fault["times"] = fault.get("times", 1) - 1
                file.seek(0)
                file.truncate()
                json.dump(faults, file)
                return str(fault["fault"])
    return None


def _strikes(fault: dict[str, Any], at: str, loop: int, seed: int) -> bool:
    return bool(
        fault["at"] == at
        and loop >= fault.get("loop", 0)
        and fault.get("seed", seed) == seed
        and fault.get("times", 1) > 0
    )
