"""From a macro action to orders for the selected units, and which actions are valid. Compiled."""

from __future__ import annotations

import math

import numpy as np

from .bits import count_bits, living, lowest
from .compiling import inner
from .field import clamp, count_alive, first_alive
from .sight import enemies_seen, nearest_seen
from .spaces import (
    CENTER_CAMERA,
    FIRST_ATTACK,
    FIRST_MOVE,
    HOLD_POSITION,
    NO_OP,
    RETREAT,
    SELECT_ALL,
    SELECT_NEXT,
    SELECT_WEAKEST,
)
from .state import ALL, ATTACK, ATTACK_MOVE, GROUP, HOLD, HOSTILE, LOOK, MOVE, OWN, Record

_EIGHTH = math.pi / 4
_COS_HALF_EIGHTH = math.cos(math.pi / 8)


@inner
def focus_unit(game: Record) -> int:
    """The unit that the observation is centred on: the first selected, else the first alive."""
    j: int = game.selected
    if j >= 0 and game.health[OWN, j] > 0.0:
        return j
    if j == GROUP:
        for k in range(game.places[OWN]):
            if game.chosen[k] != 0 and game.health[OWN, k] > 0.0:
                return k
    return first_alive(game, OWN)


@inner
def is_selected(game: Record, j: int) -> bool:
    """Whether a living unit takes the next order."""
    selected = game.selected
    if selected == GROUP:
        marked: bool = game.chosen[j] != 0
        return marked
    chosen: bool = (selected == ALL) | (selected == j)
    return chosen


@inner
def write_mask(game: Record, rule: Record, mask: np.ndarray) -> None:
    """Which actions are valid now, (30,) bool."""
    own = count_alive(game, OWN)
    enemies = count_seen(game, rule) if own > 0 else 0
    for action in range(mask.shape[0]):
        mask[action] = False
    mask[NO_OP] = True
    for d in range(8):
        mask[FIRST_MOVE + d] = own > 0
        mask[FIRST_ATTACK + d] = enemies > 0
    mask[RETREAT] = enemies > 0
    mask[HOLD_POSITION] = own > 0
    mask[SELECT_ALL] = own > 1 and game.selected != ALL
    mask[SELECT_NEXT] = own > 1
    mask[SELECT_WEAKEST] = own > 1
    mask[CENTER_CAMERA] = rule.camera and own > 0


@inner
def count_seen(game: Record, rule: Record) -> int:
    """Living enemies in sight."""
    count: int = count_bits(enemies_seen(game, rule))
    return count


@inner
def command(game: Record, action: int, mask: np.ndarray, rule: Record) -> None:
    """Give the orders of one action. An invalid action is counted and does nothing."""
    if not mask[action]:
        game.invalid_actions += 1
    elif action == NO_OP:
        return
    elif action == SELECT_ALL:
        game.selected = ALL
    elif action == SELECT_NEXT:
        game.selected = next_unit(game)
    elif action == SELECT_WEAKEST:
        game.selected = weakest_unit(game)
    elif action == CENTER_CAMERA:
        j = focus_unit(game)
        game.camera_x = game.x[OWN, j]
        game.camera_y = game.y[OWN, j]
    else:
        attack = FIRST_ATTACK <= action < FIRST_ATTACK + 8
        enemy = enemy_towards(game, rule.direction[action - FIRST_ATTACK], rule) if attack else -1
        bits = living(game, OWN)
        while bits != 0:
            j = lowest(bits)
            bits &= bits - 1
            if is_selected(game, j):
                order_unit(game, j, action, enemy, rule)


@inner
def next_unit(game: Record) -> int:
    """The living unit after the one selected; the first one when all are."""
    places = game.places[OWN]
    j: int = max(game.selected, -1)
    for _ in range(places):
        j = (j + 1) % places
        if game.health[OWN, j] > 0.0:
            return j
    return ALL


@inner
def weakest_unit(game: Record) -> int:
    """The own living unit with the least health, or ALL."""
    best = ALL
    for j in range(game.places[OWN]):
        health = game.health[OWN, j]
        if health > 0.0 and (best < 0 or health < game.health[OWN, best]):
            best = j
    return best


@inner
def enemy_towards(game: Record, direction: int, rule: Record) -> int:
    """The enemy in sight nearest to the focus unit within 22.5 degrees of a direction, or -1."""
    j = focus_unit(game)
    cosine, sine = math.cos(_EIGHTH * direction), math.sin(_EIGHTH * direction)
    best, best_square = -1, np.inf
    bits = enemies_seen(game, rule)
    while bits != 0:
        k = lowest(bits)
        bits &= bits - 1
        dx = game.x[HOSTILE, k] - game.x[OWN, j]
        dy = game.y[HOSTILE, k] - game.y[OWN, j]
        square = dx * dx + dy * dy
        ahead = dx * cosine + dy * sine >= _COS_HALF_EIGHTH * math.sqrt(square)
        if ahead and square < best_square:
            best, best_square = k, square
    return best


@inner
def order_unit(game: Record, j: int, action: int, enemy: int, rule: Record) -> None:
    """The order that an action means for one unit; `enemy` is the one to attack, or -1."""
    x, y = game.x[OWN, j], game.y[OWN, j]
    if action == HOLD_POSITION:
        set_order(game, j, HOLD, x, y, rule)
    elif enemy >= 0:
        set_order(game, j, ATTACK, game.x[HOSTILE, enemy], game.y[HOSTILE, enemy], rule)
        game.target[OWN, j] = enemy
    elif action == RETREAT:
        k = nearest_seen(game, rule, x, y)
        dx, dy = x - game.x[HOSTILE, k], y - game.y[HOSTILE, k]
        scale = rule.stride / max(math.sqrt(dx * dx + dy * dy), 1e-9)
        set_order(game, j, MOVE, x + dx * scale, y + dy * scale, rule)
    else:
        attack = action >= FIRST_ATTACK
        angle = _EIGHTH * rule.direction[action - (FIRST_ATTACK if attack else FIRST_MOVE)]
        dx, dy = math.cos(angle) * rule.stride, math.sin(angle) * rule.stride
        set_order(game, j, ATTACK_MOVE if attack else MOVE, x + dx, y + dy, rule)


@inner
def set_order(game: Record, j: int, order: int, x: float, y: float, rule: Record) -> None:
    """Give a unit an order with a point, moved into the playable rectangle."""
    game.order[OWN, j] = order
    game.order_x[OWN, j] = clamp(x, rule.x0, rule.x1)
    game.order_y[OWN, j] = clamp(y, rule.y0, rule.y1)
    game.target[OWN, j] = LOOK
