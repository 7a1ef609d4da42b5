"""From a macro action to orders for the selected units, and which actions are valid. Compiled."""

from __future__ import annotations

import math

import numpy as np

from .compiling import inner
from .field import clamp, count_alive, distance, first_alive, nearest_alive
from .spaces import (
    ATTACK_NEAREST,
    ATTACK_WEAKEST,
    FIRST_MOVE,
    HOLD_POSITION,
    NO_OP,
    RETREAT,
    SELECT_ALL,
    SELECT_NEXT,
    SELECT_WEAKEST,
)
from .state import ALL, ATTACK, ATTACK_MOVE, HOLD, HOSTILE, LOOK, MOVE, OWN, Record

_EIGHTH = math.pi / 4


@inner
def focus_unit(game: Record) -> int:
    """The unit that the observation is centred on: the one selected, else the first alive."""
    j: int = game.selected
    if j >= 0 and game.health[OWN, j] > 0.0:
        return j
    return first_alive(game, OWN)


@inner
def is_selected(game: Record, j: int) -> bool:
    """Whether a living unit takes the next order."""
    chosen: bool = (game.selected == ALL) | (game.selected == j)
    return chosen


@inner
def write_mask(game: Record, units: np.ndarray, mask: np.ndarray) -> None:
    """Which actions are valid now, (26,) bool."""
    own = count_alive(game, OWN)
    enemies = count_alive(game, HOSTILE) > 0 and own > 0
    mask[:] = False
    mask[NO_OP] = True
    mask[FIRST_MOVE : FIRST_MOVE + 8] = own > 0
    mask[ATTACK_NEAREST] = enemies
    mask[ATTACK_WEAKEST] = enemies and weakest_in_sight(game, units) >= 0
    mask[RETREAT] = enemies
    mask[HOLD_POSITION] = own > 0
    mask[SELECT_ALL] = own > 1 and game.selected != ALL
    mask[SELECT_NEXT] = own > 1
    mask[SELECT_WEAKEST] = own > 1


@inner
def command(game: Record, action: int, mask: np.ndarray, rule: Record, units: np.ndarray) -> None:
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
        game.selected = weakest(game, OWN, -1.0, 0.0, 0.0)
    else:
        for j in range(game.places[OWN]):
            if game.health[OWN, j] > 0.0 and is_selected(game, j):
                order_unit(game, j, action, rule, units)


@inner
def next_unit(game: Record) -> int:
    """The living unit after the one selected; the first one when all are."""
    places = game.places[OWN]
    j: int = game.selected
    for _ in range(places):
        j = (j + 1) % places
        if game.health[OWN, j] > 0.0:
            return j
    return ALL


@inner
def weakest(game: Record, side: int, within: float, x: float, y: float) -> int:
    """The living unit with the least health, near (x, y) unless `within` is negative; or -1."""
    best = -1
    for j in range(game.places[side]):
        if game.health[side, j] <= 0.0:
            continue
        if within >= 0.0 and distance(x, y, game.x[side, j], game.y[side, j]) > within:
            continue
        if best < 0 or game.health[side, j] < game.health[side, best]:
            best = j
    return best


@inner
def weakest_in_sight(game: Record, units: np.ndarray) -> int:
    """The enemy with the least health that the focus unit sees, or -1."""
    j = focus_unit(game)
    sight = units[game.kind[OWN, j]].sight
    return weakest(game, HOSTILE, sight, game.x[OWN, j], game.y[OWN, j])


@inner
def order_unit(game: Record, j: int, action: int, rule: Record, units: np.ndarray) -> None:
    """The order that an action means for one unit."""
    x, y = game.x[OWN, j], game.y[OWN, j]
    if action == HOLD_POSITION:
        set_order(game, j, HOLD, x, y, rule)
    elif action == ATTACK_NEAREST:
        k = nearest_alive(game, HOSTILE, x, y)
        set_order(game, j, ATTACK_MOVE, game.x[HOSTILE, k], game.y[HOSTILE, k], rule)
    elif action == ATTACK_WEAKEST:
        k = weakest_in_sight(game, units)
        set_order(game, j, ATTACK, game.x[HOSTILE, k], game.y[HOSTILE, k], rule)
        game.target[OWN, j] = k
    elif action == RETREAT:
        k = nearest_alive(game, HOSTILE, x, y)
        dx, dy = x - game.x[HOSTILE, k], y - game.y[HOSTILE, k]
        scale = rule.stride / max(math.sqrt(dx * dx + dy * dy), 1e-9)
        set_order(game, j, MOVE, x + dx * scale, y + dy * scale, rule)
    else:
        angle = _EIGHTH * rule.direction[action - FIRST_MOVE]
        dx, dy = math.cos(angle) * rule.stride, math.sin(angle) * rule.stride
        set_order(game, j, MOVE, x + dx, y + dy, rule)


@inner
def set_order(game: Record, j: int, order: int, x: float, y: float, rule: Record) -> None:
    """Give a unit an order with a point, moved into the playable rectangle."""
    game.order[OWN, j] = order
    game.order_x[OWN, j] = clamp(x, rule.x0, rule.x1)
    game.order_y[OWN, j] = clamp(y, rule.y0, rule.y1)
    game.target[OWN, j] = LOOK
