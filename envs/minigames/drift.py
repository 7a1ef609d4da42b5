"""Gradual drift: quantities that move with the env steps a game has lived. Compiled.

Each moves on a straight line from its first to its last value over `drift_env_steps`, then stays.
The clock starts when the game is seeded, so evaluation, which seeds anew, measures the start.
"""

from __future__ import annotations

import math

from .compiling import inner
from .state import Record


@inner
def follow_drift(game: Record, rule: Record) -> None:
    """Bring what drifts to where it is after `game.lived` env steps."""
    share = 0.0
    if rule.drift_env_steps > 0.0:
        share = min(game.lived / rule.drift_env_steps, 1.0)
    game.own_speed = drifted(rule, 0, share)
    game.enemy_speed = drifted(rule, 1, share)
    game.enemy_health = drifted(rule, 2, share)
    game.enemy_damage = drifted(rule, 3, share)
    game.angle = math.radians(drifted(rule, 4, share))
    game.reward_scale = drifted(rule, 5, share)
    turn(game, rule)


@inner
def drifted(rule: Record, quantity: int, share: float) -> float:
    """One quantity (its place in `state.DRIFTING`) at a share of the way."""
    first, last = rule.drift_from[quantity], rule.drift_to[quantity]
    value: float = first + (last - first) * share
    return value


@inner
def turn(game: Record, rule: Record) -> None:
    """The variant's turn after a counterclockwise rotation by the angle."""
    cosine, sine = math.cos(game.angle), math.sin(game.angle)
    for row in range(2):
        first, second = rule.turn[row, 0], rule.turn[row, 1]
        game.turn[row, 0] = first * cosine + second * sine
        game.turn[row, 1] = second * cosine - first * sine
