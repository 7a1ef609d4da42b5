"""What a unit can do: one row a unit type, taken from public knowledge of StarCraft II.

Time: the maps run at 16 game loops a second, the game's "normal" speed.
So every second here is a *normal* second. Sites that quote the "faster" speed divide times by
1.4 and multiply speeds by 1.4: a marine's cooldown 0.61 s and speed 3.15 a second there are
0.8608 s and 2.25 a second here.

Sources: Liquipedia's unit pages (patches 4.x and 5.x) and the unit types' own data as the public
API reports it; the map scripts for the marine's speed. `acquisition` is an assumption: the game's
targeting is a script of its own; 2 beyond the weapon's range, and 9 (sight) for the roach, makes
both sides engage about where they do in replays. Not simulated: damage points (the wind-up
before a shot), turning, zerg regeneration (0.27 a second), upgrades, high ground.
"""

from __future__ import annotations

import numpy as np

LOOPS_PER_SECOND = 16
"""Game loops in a normal second."""

MARINE = 0
ROACH = 1

UNIT = np.dtype(
    [
        ("health", np.float64),  # hit points
        ("armour", np.float64),  # taken off each shot
        ("damage", np.float64),  # a shot
        ("cooldown", np.float64),  # game loops between two shots
        ("range", np.float64),  # map units between the edges of both units
        ("acquisition", np.float64),  # map units between centres
        ("sight", np.float64),  # map units between centres
        ("speed", np.float64),  # map units a game loop
        ("radius", np.float64),  # map units
        ("type_id", np.int32),  # StarCraft II's unit type
    ]
)

#         health armour damage cooldown_s range acquisition sight speed_a_second radius type_id
_ROWS = [
    (45.0, 0.0, 6.0, 0.8608, 5.0, 7.0, 9.0, 2.25, 0.375, 48),  # marine
    (145.0, 1.0, 16.0, 2.0, 4.0, 9.0, 9.0, 2.25, 0.625, 110),  # roach
]

COOLDOWN_JITTER = (-1.0, 2.0)
"""Game loops added to each cooldown, uniform: the game's weapons have a random delay of -0.0625
to 0.125 s, without which every DefeatRoaches would be the same fight."""
MINIMUM_DAMAGE = 0.5
"""What a shot does at least, whatever the armour."""


def unit_table() -> np.ndarray:
    """The table in game loops: `UNIT` records, indexed by the unit constants above."""
    table = np.array(_ROWS, dtype=UNIT)
    table["cooldown"] *= LOOPS_PER_SECOND
    table["speed"] /= LOOPS_PER_SECOND
    return table
