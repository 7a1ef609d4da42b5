"""Keys for people: two blocks of eight directions around a middle, and one key for the rest.

w e r        u i o        the letters around d attack in their direction,
s d f        j k l        those around k move; d holds the position, k retreats
x c v        m , .
"""

from __future__ import annotations

from l2rl.environments import Controls

from .spaces import (
    ACTIONS,
    BUILD_BARRACKS,
    BUILD_REFINERY,
    BUILD_SUPPLY_DEPOT,
    CENTER_CAMERA,
    DIRECTIONS,
    FIRST_ATTACK,
    FIRST_MOVE,
    GATHER_GAS,
    GATHER_MINERALS,
    HOLD_POSITION,
    NO_OP,
    RETREAT,
    SELECT_ALL,
    SELECT_NEXT,
    SELECT_WEAKEST,
    TRAIN_MARINE,
    TRAIN_SCV,
)

_ATTACK = dict(zip("frewsxcv", DIRECTIONS, strict=True))
_MOVE = dict(zip("loiujm,.", DIRECTIONS, strict=True))
_ARROWS = {"right": "E", "up": "N", "left": "W", "down": "S"}
_OTHERS = {
    " ": NO_OP,
    "d": HOLD_POSITION,
    "k": RETREAT,
    "a": SELECT_ALL,
    "n": SELECT_NEXT,
    "h": SELECT_WEAKEST,
    "z": CENTER_CAMERA,
    "1": GATHER_MINERALS,
    "2": GATHER_GAS,
    "3": BUILD_SUPPLY_DEPOT,
    "4": BUILD_BARRACKS,
    "5": BUILD_REFINERY,
    "6": TRAIN_MARINE,
    "7": TRAIN_SCV,
}

CONTROLS = Controls(
    names=tuple(name.replace("_", " ") for name in ACTIONS),
    keys={
        **_OTHERS,
        **{key: FIRST_MOVE + DIRECTIONS.index(way) for key, way in (_MOVE | _ARROWS).items()},
        **{key: FIRST_ATTACK + DIRECTIONS.index(way) for key, way in _ATTACK.items()},
    },
    idle=NO_OP,
)
"""The same keys in every game; what a game does not know is refused."""
