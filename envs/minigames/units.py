"""What a unit can do: one row a unit type, taken from public knowledge of StarCraft II.

Time: the maps run at 16 game loops a second, the game's "normal" speed.
So every second here is a *normal* second. Sites that quote the "faster" speed divide times by
1.4 and multiply speeds by 1.4: a marine's cooldown 0.61 s and speed 3.15 a second there are
0.8608 s and 2.25 a second here.

Sources: Liquipedia's unit pages (patches 4.x and 5.x) and the unit types' own data as the public
API reports it; the map scripts for the marine's speed. `acquisition` is an assumption: the game's
targeting is a script of its own; 2 beyond the weapon's range for the marine and its sight for a
zerg makes both sides engage about where they do in replays. Not simulated: damage points (the
wind-up before a shot), turning, acceleration, zerg regeneration (0.27 a second), upgrades, high
ground.
"""

from __future__ import annotations

import numpy as np

LOOPS_PER_SECOND = 16
"""Game loops in a normal second."""

MARINE, ROACH, ZERGLING, BANELING, SCV = range(5)
COMMAND_CENTRE, SUPPLY_DEPOT, BARRACKS, REFINERY = range(5, 9)

UNIT = np.dtype(
    [
        ("health", np.float64),  # hit points
        ("armour", np.float64),  # taken off each shot
        ("damage", np.float64),  # a shot
        ("bonus_light", np.float64),  # more of it against a light unit
        ("splash", np.float64),  # map units around the attacker hurt by its death; 0: a weapon
        ("cooldown", np.float64),  # game loops between two shots
        ("range", np.float64),  # map units between the edges of both units
        ("acquisition", np.float64),  # map units between centres
        ("sight", np.float64),  # map units between centres
        ("speed", np.float64),  # map units a game loop
        ("radius", np.float64),  # map units
        ("light", np.bool_),
        ("minerals", np.int32),  # price
        ("supply", np.int32),  # taken; negative: given
        ("build_loops", np.float64),  # game loops to make one
        ("type_id", np.int32),  # StarCraft II's unit type
    ]
)

# health armour damage light+ splash cooldown_s range acquisition sight speed_a_s radius light
# minerals supply build_s type_id
_ROWS = [
    (45, 0, 6, 0, 0, 0.8608, 5, 7, 9, 2.25, 0.375, True, 50, 1, 25, 48),  # marine
    (145, 1, 16, 0, 0, 2.0, 4, 9, 9, 2.25, 0.625, False, 0, 2, 0, 110),  # roach
    (35, 0, 5, 0, 0, 0.696, 0.1, 8, 8, 2.9531, 0.375, True, 0, 0, 0, 105),  # zergling
    (30, 0, 16, 19, 2.2, 0.833, 0.25, 8, 8, 2.5, 0.375, False, 0, 0, 0, 9),  # baneling
    (45, 0, 5, 0, 0, 1.5, 0.1, 0, 8, 2.8125, 0.375, True, 50, 1, 17, 45),  # scv
    (1500, 1, 0, 0, 0, 0, 0, 0, 11, 0, 2.75, False, 400, -15, 100, 18),  # command centre
    (400, 1, 0, 0, 0, 0, 0, 0, 10, 0, 1.25, False, 100, -8, 30, 19),  # supply depot
    (1000, 1, 0, 0, 0, 0, 0, 0, 9, 0, 1.8125, False, 150, 0, 65, 21),  # barracks
    (500, 1, 0, 0, 0, 0, 0, 0, 9, 0, 1.6875, False, 75, 0, 30, 20),  # refinery
]

COOLDOWN_JITTER = (-1.0, 2.0)
"""Game loops added to each cooldown, uniform: the game's weapons have a random delay of -0.0625
to 0.125 s, without which every DefeatRoaches would be the same fight."""
MINIMUM_DAMAGE = 0.5
"""What a shot does at least, whatever the armour."""

MINERALS_A_TRIP, GAS_A_TRIP = 5, 4
"""What a worker carries home."""
MINING_LOOPS, GAS_LOOPS = 2.786 * LOOPS_PER_SECOND, 1.981 * LOOPS_PER_SECOND
"""Game loops a worker digs for one load; one at a time on a field, one in a refinery."""
TURN_LOOPS = 2.8125 / 2.5 * LOOPS_PER_SECOND
"""Game loops a worker loses at either end of its way. It accelerates by 2.5 map units a second
squared, which is not simulated: braking and starting again cost speed / acceleration."""
FIELD_RADIUS = 1.125
"""Of a mineral field, map units. A geyser is worked through its refinery, whose radius counts."""
GEYSER_GAS = 2250
"""What is in a geyser."""
WORKERS_A_REFINERY, QUEUE_LENGTH, SUPPLY_LIMIT = 3, 5, 200
"""The most workers on one refinery; units in one structure's queue; supply, whatever is built."""


_COLUMNS = UNIT.names or ()


def unit_table() -> np.ndarray:
    """The table in game loops: `UNIT` records, indexed by the unit constants above."""
    table = np.array(_ROWS, dtype=UNIT)
    table["cooldown"] *= LOOPS_PER_SECOND
    table["build_loops"] *= LOOPS_PER_SECOND
    table["speed"] /= LOOPS_PER_SECOND
    return table


def unit_columns() -> np.ndarray:
    """The same for compiled code, (1,): one record with an array a column, by unit constant.

    Whole numbers stay whole; yes and no become 1 and 0.
    """
    table = unit_table()
    kinds = {name: np.int32 if table[name].dtype.kind == "i" else np.float64 for name in _COLUMNS}
    columns = np.zeros(1, [(name, kinds[name], (len(table),)) for name in _COLUMNS])
    for name in _COLUMNS:
        columns[name][0] = table[name]
    return columns
