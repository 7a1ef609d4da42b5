"""Gradual drift: quantities that move with the env steps a game has lived. Compiled.

Each moves on a straight line from its first to its last value over `drift_env_steps`, then stays.
The clock starts when the game is seeded, so evaluation, which seeds anew, measures the start.
"""

from __future__ import annotations

import math

from ..batched.drift import drifted, share_of_drift
from .compiling import inner
from .state import Record


@inner
def follow_drift(game: Record, rule: Record) -> None:
    """Bring what drifts to where it is after `game.lived` env steps."""
    share = share_of_drift(game, rule)
    game.own_speed = drifted(rule, 0, share)
    game.enemy_speed = drifted(rule, 1, share)
    game.enemy_health = drifted(rule, 2, share)
    game.enemy_damage = drifted(rule, 3, share)
    game.angle = math.radians(drifted(rule, 4, share))
    game.reward_scale = drifted(rule, 5, share)
    turn(game, rule)


@inner
def turn(game: Record, rule: Record) -> None:
    """The variant's turn after a counterclockwise rotation by the angle."""
    cosine, sine = math.cos(game.angle), math.sin(game.angle)
    for row in range(2):
        first, second = rule.turn[row, 0], rule.turn[row, 1]
        game.turn[row, 0] = first * cosine + second * sine
        game.turn[row, 1] = second * cosine - first * sine
