"""Units on the field: placing them, counting them, walking, and keeping them apart. Compiled."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..batched.chance import uniform
from .bits import above, count_bits, in_motion, living, lowest, near, nearest
from .compiling import hot, inner
from .state import ALL, CAPACITY, HOSTILE, IDLE, LOOK, MOVE, OWN, Record

WIDEST_OWN, WIDEST_HOSTILE = 0.375, 0.625
"""Largest radius of the units of either side, map units."""
SLACK = 1e-3
"""Map units two units may overlap: those that touch would otherwise push each other for ever."""
STEADY = 0.1
"""Map units a unit may be pushed before it is looked up anew who is near."""
STILL, MOVED = np.uint8(0), np.uint8(1)
"""What became of a unit since units were last kept apart."""
_TRIES = 100
"""Draws before a place that is only the best so far is accepted (crowded variants)."""


@inner
def distance(x0: float, y0: float, x1: float, y1: float) -> float:
    """Between two points, map units."""
    return math.sqrt((x1 - x0) * (x1 - x0) + (y1 - y0) * (y1 - y0))


@inner
def within(x0: Any, y0: Any, x1: Any, y1: Any, radius: float) -> bool:
    """Whether two points are no further apart than the radius; no root to take. float32 or 64."""
    near: bool = (x1 - x0) * (x1 - x0) + (y1 - y0) * (y1 - y0) <= radius * radius
    return near


@inner
def clear_field(game: Record, rule: Record) -> None:
    """An empty field at the start of an episode; the generator and the drift's clock go on."""
    game.loop = 0
    game.score = 0.0
    game.episode_return = 0.0
    game.episode_length = 0
    game.invalid_actions = 0
    game.over = False
    game.wave = 0
    game.tags = 0
    game.selected = ALL
    game.items = 0
    game.structures = 0
    game.minerals = 0
    game.vespene = 0
    game.marines_built = 0
    game.camera_x = 0.5 * (rule.x0 + rule.x1)
    game.camera_y = 0.5 * (rule.y0 + rule.y1)
    game.explored[:] = 0
    for side in range(2):
        game.places[side] = 0
        game.deaths[side] = 0
        for j in range(CAPACITY):
            game.health[side, j] = 0.0


@inner
def add_unit(game: Record, side: int, kind: int, x: float, y: float, units: Record) -> None:
    """A unit at full health; none when all places are taken."""
    j = game.places[side]
    if j >= CAPACITY:
        return
    game.places[side] = j + 1
    game.kind[side, j] = kind
    game.tags += 1
    game.tag[side, j] = game.tags
    game.health[side, j] = full_health(game, side, kind, units)
    if side == OWN:
        game.chosen[j] = 0
        game.unit_groups[j] = 0
    place_unit(game, side, j, x, y)


@inner
def full_health(game: Record, side: int, kind: int, units: Record) -> float:
    """Health of an unhurt unit of one side."""
    factor: float = game.enemy_health if side == HOSTILE else 1.0
    health: float = factor * units.health[kind]
    return health


@inner
def speed_of(game: Record, side: int, j: int, units: Record) -> float:
    """Map units a game loop that a unit walks now."""
    factor: float = game.enemy_speed if side == HOSTILE else game.own_speed
    speed: float = factor * units.speed[game.kind[side, j]]
    return speed


@inner
def place_unit(game: Record, side: int, j: int, x: float, y: float) -> None:
    """Put a unit somewhere, without orders and ready to shoot."""
    game.x[side, j] = x
    game.y[side, j] = y
    game.moved[side, j] = MOVED
    game.order_x[side, j] = x
    game.order_y[side, j] = y
    game.cooldown[side, j] = 0.0
    game.order[side, j] = IDLE
    game.target[side, j] = LOOK
    if side == OWN:
        game.waiting[j] = 0
        game.patrols[j] = 0


@inner
def count_alive(game: Record, side: int) -> int:
    """Units of one side with health left."""
    count: int = count_bits(living(game, side))
    return count


@inner
def first_alive(game: Record, side: int) -> int:
    """Place of the first living unit, -1 without one."""
    bits = living(game, side)
    return -1 if bits == 0 else lowest(bits)


@inner
def nearest_alive(game: Record, side: int, x: float, y: float) -> int:
    """Place of the living unit of that side nearest to a point, -1 without one."""
    best = -1
    best_square = np.inf
    for j in range(game.places[side]):
        if game.health[side, j] > 0.0:
            dx = game.x[side, j] - x
            dy = game.y[side, j] - y
            square = dx * dx + dy * dy
            if square < best_square:
                best, best_square = j, square
    return best


@hot
def nearest_unit(game: Record, side: int, x: np.float32, y: np.float32) -> int:
    """The same of a point that is a unit's place, so in float32."""
    bits = living(game, side)
    return -1 if bits == 0 else nearest(game, side, x, y, bits)


@inner
def keep_nearest(
    squares: np.ndarray, codes: np.ndarray, kept: int, square: float, code: int
) -> int:
    """Insert (square, code) into the sorted list of the nearest; returns its new length."""
    room = squares.shape[0]
    if kept == room and square >= squares[room - 1]:
        return kept
    place = kept if kept < room else room - 1
    length = place + 1
    while place > 0 and squares[place - 1] > square:
        squares[place] = squares[place - 1]
        codes[place] = codes[place - 1]
        place -= 1
    squares[place] = square
    codes[place] = code
    return length


@hot
def walk(game: Record, side: int, j: int, x: float, y: float, speed: float) -> bool:
    """One loop's step towards a point; True on arrival."""
    dx = x - game.x[side, j]
    dy = y - game.y[side, j]
    length = math.sqrt(dx * dx + dy * dy)
    game.moved[side, j] = MOVED
    if length <= speed:
        game.x[side, j] = x
        game.y[side, j] = y
        return True
    game.x[side, j] += dx * (speed / length)
    game.y[side, j] += dy * (speed / length)
    return False


@inner
def clamp(value: float, low: float, high: float) -> float:
    """The value, moved into [low, high]."""
    return min(max(value, low), high)


@hot
def keep_inside(game: Record, side: int, j: int, rule: Record) -> None:
    """Move a unit back into the playable rectangle."""
    game.x[side, j] = clamp(game.x[side, j], rule.x0, rule.x1)
    game.y[side, j] = clamp(game.y[side, j], rule.y0, rule.y1)


@hot
def march(game: Record, side: int, j: int, speed: float, rule: Record) -> None:
    """Follow a moving order; at its end the unit is idle and looks around."""
    if walk(game, side, j, game.order_x[side, j], game.order_y[side, j], speed):
        game.order[side, j] = IDLE
        game.target[side, j] = LOOK
    keep_inside(game, side, j, rule)


@inner
def march_all(game: Record, rule: Record, units: Record) -> None:
    """One game loop of a field without enemies."""
    for j in range(game.places[OWN]):
        if game.order[OWN, j] == MOVE:
            march(game, OWN, j, speed_of(game, OWN, j, units), rule)
    separate(game, rule, units)


@hot
def crowd(
    game: Record, side: int, j: int, other: int, x: np.float32, y: np.float32, units: Record
) -> int:
    """The units of one side that unit j may overlap at (x, y), as bits, or pushed by STEADY."""
    radius = units.radius[game.kind[side, j]] + STEADY
    small, large = radius + WIDEST_OWN, radius + WIDEST_HOSTILE
    bits = near(game, other, x, y, np.float32(small * small), np.float32(large * large))
    return bits & ~(1 << j) if side == other else bits


@hot
def notices(
    game: Record, side: int, j: int, other: int, k: int, x: np.float32, y: np.float32, units: Record
) -> bool:
    """Whether a unit at (x, y) has one of a side around it, in float32 and as if all were of the
    side's widest kind; k is one that probably is."""
    reach = units.radius[game.kind[side, j]] + (WIDEST_OWN if other == OWN else WIDEST_HOSTILE)
    square = np.float32((reach - SLACK) * (reach - SLACK))
    dx, dy = game.x[other, k] - x, game.y[other, k] - y
    if dx * dx + dy * dy < square:
        return True
    itself = 1 if side == other else 0
    around: bool = count_bits(near(game, other, x, y, square, square)) > itself
    return around


@hot
def shifted(value: np.float32, by: float, low: float, high: float) -> np.float32:
    """A coordinate moved, as float32, and kept inside."""
    moved: Any = np.float32(value + by)
    return np.float32(clamp(moved, low, high))


@inner
def separate_from(
    game: Record, side: int, j: int, other: int, from_x: np.float32, from_y: np.float32,
    rule: Record, units: Record,
) -> int:  # fmt: skip
    """Keep unit j apart from those of one side, in order of places, if it noticed any from a point.

    Two that overlap each give way half of the overlap. Returns who was pushed, as bits. The unit's
    own place stays in registers: each push starts from where the one before has ended.
    """
    x, y = game.x[side, j], game.y[side, j]
    looked_x, looked_y = x, y
    bits = crowd(game, side, j, other, x, y, units)
    pushed = 0
    while bits != 0:
        k = lowest(bits)
        bits &= bits - 1
        dx, dy = float(game.x[other, k]) - x, float(game.y[other, k]) - y
        reach = units.radius[game.kind[side, j]] + units.radius[game.kind[other, k]]
        square = dx * dx + dy * dy
        if square >= (reach - SLACK) * (reach - SLACK):
            continue
        if pushed == 0 and not notices(game, side, j, other, k, from_x, from_y, units):
            return 0
        length = math.sqrt(square)
        if length < 1e-9:
            dx, dy, length = 1e-9, 0.0, 1e-9
        share = 0.5 * (reach - length) / length
        x = shifted(x, -dx * share, rule.x0, rule.x1)
        y = shifted(y, -dy * share, rule.y0, rule.y1)
        game.x[other, k] = shifted(game.x[other, k], dx * share, rule.x0, rule.x1)
        game.y[other, k] = shifted(game.y[other, k], dy * share, rule.y0, rule.y1)
        game.moved[other, k] = MOVED
        pushed |= 1 << k
        if not within(looked_x, looked_y, x, y, STEADY - SLACK):
            looked_x, looked_y = x, y
            bits = crowd(game, side, j, other, x, y, units) & above(k)
    if pushed != 0:
        game.x[side, j], game.y[side, j] = x, y
        game.moved[side, j] = MOVED
    return pushed


@inner
def separate(game: Record, rule: Record, units: Record) -> None:
    """Keep units apart that have moved, or were pushed, since the last time; in order of places."""
    for side in range(2):
        todo = in_motion(game, side)
        while todo != 0:
            j = lowest(todo)
            todo &= todo - 1
            game.moved[side, j] = STILL
            x, y = game.x[side, j], game.y[side, j]
            # Who has been pushed, and comes later, is kept apart in this round too.
            todo |= separate_from(game, side, j, side, x, y, rule, units) & above(j)
            separate_from(game, side, j, 1 - side, x, y, rule, units)


@inner
def draw_place(
    game: Record,
    inset_x: float,
    inset_y: float,
    from_marines: float,
    hole: float,
    rule: Record,
) -> tuple[float, float]:
    """A point uniform in the rectangle less an inset, away from marines and from the centre.

    `from_marines` is the least distance to any marine, `hole` the radius around the rectangle's
    centre that is left out, map units.
    """
    centre_x = 0.5 * (rule.x0 + rule.x1)
    centre_y = 0.5 * (rule.y0 + rule.y1)
    best_x, best_y, best = centre_x, centre_y, -1.0
    for _ in range(_TRIES):
        x = uniform(game, rule.x0 + inset_x, rule.x1 - inset_x)
        y = uniform(game, rule.y0 + inset_y, rule.y1 - inset_y)
        if distance(x, y, centre_x, centre_y) < hole:
            continue
        j = nearest_alive(game, OWN, x, y)
        gap = np.inf if j < 0 else distance(x, y, game.x[OWN, j], game.y[OWN, j])
        if gap >= from_marines:
            return x, y
        if gap > best:
            best_x, best_y, best = x, y, gap
    return best_x, best_y
