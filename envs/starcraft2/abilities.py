"""Numbers of the game's interface: abilities, buffs, and unit types that several places need.

Sent are the general abilities, which every unit understands; reported are the particular ones.
Source: Blizzard's stableid.json as the client library has it (`pysc2.lib.actions`, `units`).
"""

from __future__ import annotations

ATTACK, MOVE, HOLD_POSITION = 3674, 3794, 3793
HARVEST_GATHER, HARVEST_RETURN = 3666, 3667
BUILD_SUPPLY_DEPOT, BUILD_REFINERY, BUILD_BARRACKS = 319, 320, 321
TRAIN_SCV, TRAIN_MARINE = 524, 560
STOP, SMART = 3665, 1

REPORTED_ATTACK, REPORTED_MOVE, REPORTED_HOLD = 23, 16, 18
REPORTED_GATHER, REPORTED_RETURN = 295, 296

GENERAL = {
    REPORTED_ATTACK: ATTACK,
    REPORTED_MOVE: MOVE,
    REPORTED_HOLD: HOLD_POSITION,
    REPORTED_GATHER: HARVEST_GATHER,
    REPORTED_RETURN: HARVEST_RETURN,
}
"""Particular ability -> the general one; an ability that is missing here is its own."""

CARRIES_MINERALS = frozenset({271, 272})
CARRIES_GAS = frozenset({273})
"""Buffs of a worker with a load."""
