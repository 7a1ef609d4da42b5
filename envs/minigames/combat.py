"""Combat: who shoots at whom, when, and for how much. Compiled.

A unit that may fight keeps its target while that is alive and in range; otherwise it looks for
the nearest enemy twice a second. It shoots when the edges are within its range and its weapon is
ready, and walks up otherwise. Shots hit at once. A baneling bursts, by shooting or by being killed,
and hurts all enemies near. The sides act in turns, the first one
alternating from loop to loop, so that neither gains from shooting first.
"""

from __future__ import annotations

from ..batched.chance import uniform
from .bits import busy, living, lowest
from .compiling import hot, inner
from .field import (
    distance,
    keep_inside,
    march,
    nearest_unit,
    separate,
    speed_of,
    walk,
    within,
)
from .state import ATTACK, ATTACK_MOVE, HOLD, HOSTILE, IDLE, MOVE, NO_TARGET, Record
from .units import COOLDOWN_JITTER, MINIMUM_DAMAGE

_JITTER_LOW, _JITTER_HIGH = COOLDOWN_JITTER
MARINE_LOST = -1.0
"""Score of a dead unit of the own side, in every game with enemies."""
_LOOK_EVERY = 8
"""Game loops between two looks for the nearest enemy; a power of two."""
_ONE_IN_EIGHT = 0x0101010101010101


@inner
def fight(game: Record, rule: Record, units: Record) -> None:
    """One game loop of all units; `game.deaths` counts the fallen of either side."""
    game.deaths[0] = 0
    game.deaths[1] = 0
    first = game.loop & 1
    for turn in range(2):
        side = turn ^ first
        bits = living(game, side) & (busy(game, side) | due(game.loop))
        while bits != 0:
            j = lowest(bits)
            bits &= bits - 1
            # It may have died in this loop, of the burst of one that its own side has killed.
            if game.health[side, j] > 0.0:
                act(game, side, j, rule, units)
    if first:
        # A step is a seventh of a unit's width: every other loop is enough, and half the work.
        separate(game, rule, units)


@hot
def due(loop: int) -> int:
    """The units that look for an enemy in a game loop, as bits: one in eight.

    All others without order and target that are ready to shoot have nothing to do in it: that is
    most units, most of the time.
    """
    return _ONE_IN_EIGHT << (-loop & (_LOOK_EVERY - 1))


@hot
def act(game: Record, side: int, j: int, rule: Record, units: Record) -> None:
    """One game loop of one unit."""
    if game.cooldown[side, j] > 0.0:
        game.cooldown[side, j] -= 1.0
    if game.order[side, j] != MOVE:
        target, reached = choose_target(game, side, j, units)
        if reached:
            if game.cooldown[side, j] <= 0.0:
                shoot(game, side, j, target, rule, units)
            return
        if target >= 0:
            if game.order[side, j] != HOLD:
                walk_up(game, side, j, target, rule, units)
            return
        if game.order[side, j] != ATTACK_MOVE:
            return
    march(game, side, j, speed_of(game, side, j, units), rule)


@hot
def in_reach(game: Record, side: int, j: int, target: int, units: Record) -> bool:
    """Whether a unit's weapon reaches its target: edges within the range."""
    other = 1 - side
    kind = game.kind[side, j]
    reach = units.range[kind] + units.radius[kind] + units.radius[game.kind[other, target]]
    dx = game.x[other, target] - game.x[side, j]
    dy = game.y[other, target] - game.y[side, j]
    within: bool = dx * dx + dy * dy <= reach * reach
    return within


@hot
def choose_target(game: Record, side: int, j: int, units: Record) -> tuple[int, bool]:
    """The enemy's place that a unit fights now, negative for none, and whether it is in reach."""
    target: int = game.target[side, j]
    alive = target >= 0 and game.health[1 - side, target] > 0.0
    reached = alive and in_reach(game, side, j, target, units)
    if game.order[side, j] == ATTACK:
        if alive:
            return target, reached
        game.order[side, j] = IDLE
    if reached:
        return target, True
    if (game.loop + j) & (_LOOK_EVERY - 1) != 0 and (alive or target == NO_TARGET):
        return target, False
    target = look(game, side, j, units.acquisition[game.kind[side, j]])
    return target, target >= 0 and in_reach(game, side, j, target, units)


@hot
def look(game: Record, side: int, j: int, acquisition: float) -> int:
    """Take the nearest enemy within reach as the target."""
    other = 1 - side
    x, y = game.x[side, j], game.y[side, j]
    target = nearest_unit(game, other, x, y)
    if target >= 0 and distance(x, y, game.x[other, target], game.y[other, target]) > acquisition:
        target = NO_TARGET
    game.target[side, j] = target
    return target


@hot
def walk_up(game: Record, side: int, j: int, target: int, rule: Record, units: Record) -> None:
    """A step towards the target."""
    other = 1 - side
    speed = speed_of(game, side, j, units)
    walk(game, side, j, game.x[other, target], game.y[other, target], speed)
    keep_inside(game, side, j, rule)


@inner
def shoot(game: Record, side: int, j: int, target: int, rule: Record, units: Record) -> None:
    """One shot; a unit that bursts dies of it, and hurts everybody near."""
    kind = game.kind[side, j]
    if units.splash[kind] > 0.0:
        hurt(game, side, j, game.health[side, j], rule, units)
        return
    # Added, not set: the fraction of a loop carries over, so the mean rate of fire is exact.
    game.cooldown[side, j] += units.cooldown[kind] + uniform(game, _JITTER_LOW, _JITTER_HIGH)
    hurt(game, 1 - side, target, damage_of(game, side, j, target, units), rule, units)


@inner
def damage_of(game: Record, side: int, j: int, target: int, units: Record) -> float:
    """What unit j does to an enemy: damage, more of it to light units, less the armour."""
    kind, other = game.kind[side, j], game.kind[1 - side, target]
    damage: float = units.damage[kind] + units.bonus_light[kind] * units.light[other]
    if side == HOSTILE:
        damage *= game.enemy_damage
    taken: float = max(damage - units.armour[other], MINIMUM_DAMAGE)
    return taken


@inner
def hurt(game: Record, side: int, j: int, damage: float, rule: Record, units: Record) -> None:
    """Take health from a unit, which bursts when it dies of it if it is of that kind."""
    if wound(game, side, j, damage, rule) and units.splash[game.kind[side, j]] > 0.0:
        burst(game, side, j, rule, units)


@inner
def wound(game: Record, side: int, j: int, damage: float, rule: Record) -> bool:
    """Take health from a unit; a dead one is counted and scored. Whether it died."""
    game.health[side, j] -= damage
    if game.health[side, j] > 0.0:
        return False
    game.health[side, j] = 0.0
    game.deaths[side] += 1
    game.score += rule.bounty[game.kind[side, j]] if side == HOSTILE else MARINE_LOST
    return True


@inner
def burst(game: Record, side: int, j: int, rule: Record, units: Record) -> None:
    """Hurt every enemy whose centre is within the splash of a unit that has just died.

    Only one side has units that burst, so those who die of it do not burst in turn.
    """
    other = 1 - side
    reach = units.splash[game.kind[side, j]]
    x, y = game.x[side, j], game.y[side, j]
    for k in range(game.places[other]):
        near = within(x, y, game.x[other, k], game.y[other, k], reach)
        if near and game.health[other, k] > 0.0:
            wound(game, other, k, damage_of(game, side, j, k, units), rule)
