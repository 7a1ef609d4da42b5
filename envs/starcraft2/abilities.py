"""Numbers of the game's interface: abilities, buffs, and unit types that several places need.

Sent are the general abilities, which every unit understands; reported are the particular ones.
Source: Blizzard's stableid.json as the client library has it (`pysc2.lib.actions`, `buffs`,
`units`).
"""

from __future__ import annotations

from ..minigames.units import BARRACKS, COMMAND_CENTRE, REFINERY, SUPPLY_DEPOT

ATTACK, MOVE, PATROL, HOLD_POSITION, STOP = 3674, 3794, 3795, 3793, 3665
HARVEST_GATHER, HARVEST_RETURN = 3666, 3667
BUILD_SUPPLY_DEPOT, BUILD_REFINERY, BUILD_BARRACKS = 319, 320, 321
TRAIN_SCV, TRAIN_MARINE = 524, 560

REPORTED_ATTACK, REPORTED_MOVE, REPORTED_HOLD = 23, 16, 18
REPORTED_GATHER, REPORTED_RETURN = 295, 296

GENERAL = {
    REPORTED_ATTACK: ATTACK,
    REPORTED_MOVE: MOVE,
    REPORTED_HOLD: HOLD_POSITION,
    REPORTED_GATHER: HARVEST_GATHER,
    REPORTED_RETURN: HARVEST_RETURN,
    4: STOP,
    17: PATROL,
}
"""Particular ability -> the general one; an ability that is missing here is its own."""

BUILDS = {
    BUILD_SUPPLY_DEPOT: SUPPLY_DEPOT,
    BUILD_REFINERY: REFINERY,
    BUILD_BARRACKS: BARRACKS,
}
"""Ability -> row of the unit table."""
BUILT_BY = {kind: ability for ability, kind in BUILDS.items()}
TRAINED_IN = {COMMAND_CENTRE: TRAIN_SCV, BARRACKS: TRAIN_MARINE}
"""Row of the unit table -> ability."""

CARRIES_MINERALS, CARRIES_GAS = frozenset({271, 272}), frozenset({273})
CARRIES = CARRIES_MINERALS | CARRIES_GAS
"""Buffs of a worker with a load."""

GEYSERS = frozenset({342, 343, 344, 608, 880, 881})
MINERAL_FIELDS = frozenset({146, 147, 341, 483, 665, 666, 796, 797, 884, 885, 886, 887})
"""Unit types of the neutral resources, in all the game's landscapes."""
