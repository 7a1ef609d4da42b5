"""From checked parameters to the record that compiled code reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from l2rl.randomness import numpy_generator

from .catalogue import BUILD_MARINES, PLACEMENTS, SIDES, find_game
from .state import DRIFTING, RULES
from .units import BANELING, LOOPS_PER_SECOND, ROACH, ZERGLING

STRIDE = 4.0
"""How far a directional order goes, map units: 1.8 s of a marine's way."""
_KINDS = {"roaches": ROACH, "zerglings": ZERGLING, "banelings": BANELING}
_COUNTS = (
    "marines", "reinforcements", "roaches", "zerglings", "banelings", "groups", "shards",
    "workers", "start_minerals", "fields", "geysers",
    "field_minerals",
)  # fmt: skip


def rules_of(task: str, values: Mapping[str, Any]) -> np.ndarray:
    """The values of `catalogue.task_values` as one `RULES` record, (1,)."""
    rules = np.zeros(1, RULES)
    rules["step_mul"] = values["step_mul"]
    rules["limit"] = round(values["limit_s"] * LOOPS_PER_SECOND)
    rules["x0"], rules["y0"], rules["x1"], rules["y1"] = values["rectangle"]
    rules["stride"] = STRIDE
    rules["direction"] = _directions(values["action_remap"])
    rules["turn"] = _turn(values["observation_rotation"], values["observation_mirror"])
    rules["fog"], rules["camera"] = values["fog"], values["camera"]
    rules["army"] = find_game(task).code == BUILD_MARINES
    rules["screen_size"] = values["screen_size"]
    rules["hide_specific"] = values["hide_specific_actions"]
    for name in _COUNTS:
        rules[name] = values.get(name, 0)
    rules["groups"] = values.get("groups", 1)
    rules["placement"] = PLACEMENTS.index(values.get("placement", "opposite"))
    rules["marine_side"] = SIDES[values.get("marine_side", "random")]
    for kind, score in (find_game(task).bounty or {}).items():
        rules["bounty"][0, _KINDS[kind]] = score
    _set_drift(rules, values)
    return rules


def _set_drift(rules: np.ndarray, values: Mapping[str, Any]) -> None:
    """Both ends of everything that may drift; equal where it does not."""
    moving = values["drift"] or {}
    rules["drift_env_steps"] = moving.get("over_env_steps", 0)
    for place, name in enumerate(DRIFTING):
        still = values.get(name, 1.0)
        first, last = moving.get(name, (still, still))
        rules["drift_from"][0, place], rules["drift_to"][0, place] = first, last


def _directions(action_remap: int | tuple[int, ...] | None) -> np.ndarray:
    if action_remap is None:
        return np.arange(8)
    if isinstance(action_remap, int):
        return numpy_generator(action_remap, "action_remap").permutation(8)
    return np.array(action_remap)


def _turn(degrees: int, mirror: bool) -> np.ndarray:
    """Counterclockwise rotation after an optional east-west mirror, (2, 2) whole numbers."""
    cosine, sine = {0: (1, 0), 90: (0, 1), 180: (-1, 0), 270: (0, -1)}[degrees]
    rotation = np.array([[cosine, -sine], [sine, cosine]])
    return rotation @ np.diag([-1 if mirror else 1, 1])
