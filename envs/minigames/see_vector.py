"""The vector observation, (128,) float32: what each number is, and how it is written. Compiled.

Four blocks, every number clipped to [-2, 2]; docs/minigames.md has them as a table:

  0  summary    time left, counts and health of both sides, items; economy (reserved, 0)
 16  focus      the unit selected (the first alive when all are): place, health, order
 32  comrades   4 x [present, dx, dy, health], the nearest first
 48  targets    8 x [present, dx, dy, cos, sin, distance, hostile, health, range, ready]

Targets are enemies and items together, the nearest first, relative to the focus unit. All
directions and places pass through the variant's rotation and mirror.
"""

from __future__ import annotations

import math

import numpy as np

from .compiling import inner
from .field import keep_nearest
from .orders import focus_unit
from .spaces import (
    BOUND,
    COMRADE_FIELDS,
    COMRADES,
    DISTANCE_SCALE,
    FOCUS,
    N_COMRADES,
    N_TARGETS,
    TARGET_FIELDS,
    TARGETS,
)
from .state import ALL, ATTACK, ATTACK_MOVE, BEACON_ITEM, HOSTILE, IDLE, MOVE, OWN, Record

_COUNT_SCALE = 16.0
_RANGE_SCALE = 8.0


@inner
def write_vector(game: Record, rule: Record, units: np.ndarray, seen: np.ndarray) -> None:
    """Write one game's observation into `seen`, (128,) float32."""
    seen[:] = 0.0
    write_summary(game, rule, units, seen)
    focus = focus_unit(game)
    if focus >= 0:
        write_focus(game, focus, rule, units, seen)
        write_comrades(game, focus, rule, units, seen)
        write_targets(game, focus, rule, units, seen)
    for i in range(seen.shape[0]):
        seen[i] = min(max(seen[i], -BOUND), BOUND)


@inner
def tally(game: Record, side: int, units: np.ndarray) -> tuple[int, float, float]:
    """Of one side's living units: count, health over full health, share ready to shoot."""
    count, ready = 0, 0
    health, full = 0.0, 1e-9
    for j in range(game.places[side]):
        if game.health[side, j] > 0.0:
            count += 1
            health += game.health[side, j]
            full += units[game.kind[side, j]].health
            if game.cooldown[side, j] <= 0.0:
                ready += 1
    return count, health / full, ready / max(count, 1)


@inner
def write_summary(game: Record, rule: Record, units: np.ndarray, seen: np.ndarray) -> None:
    """The first block; places 8 to 15 are the economy's, still unused."""
    count, health, ready = tally(game, OWN, units)
    enemies, enemy_health, _ = tally(game, HOSTILE, units)
    seen[0] = 1.0 - game.loop / rule.limit
    seen[1] = count / _COUNT_SCALE
    seen[2] = health
    seen[3] = 1.0 if game.selected == ALL else 1.0 / max(count, 1)
    seen[4] = ready
    seen[5] = enemies / _COUNT_SCALE
    seen[6] = enemy_health
    seen[7] = game.items / _COUNT_SCALE


@inner
def turned(rule: Record, dx: float, dy: float) -> tuple[float, float]:
    """A direction as the variant shows it."""
    turn = rule.turn
    return turn[0, 0] * dx + turn[0, 1] * dy, turn[1, 0] * dx + turn[1, 1] * dy


@inner
def write_focus(game: Record, j: int, rule: Record, units: np.ndarray, seen: np.ndarray) -> None:
    """The second block: the focus unit's place in the rectangle, state and order."""
    unit = units[game.kind[OWN, j]]
    x, y = game.x[OWN, j], game.y[OWN, j]
    across = (2.0 * x - rule.x0 - rule.x1) / (rule.x1 - rule.x0)
    along = (2.0 * y - rule.y0 - rule.y1) / (rule.y1 - rule.y0)
    seen[FOCUS], seen[FOCUS + 1] = turned(rule, across, along)
    seen[FOCUS + 2] = game.health[OWN, j] / unit.health
    seen[FOCUS + 3] = game.cooldown[OWN, j] / max(unit.cooldown, 1.0)
    order = game.order[OWN, j]
    seen[FOCUS + 4] = order == IDLE
    seen[FOCUS + 5] = order == MOVE
    seen[FOCUS + 6] = order == ATTACK_MOVE
    seen[FOCUS + 7] = order == ATTACK
    dx, dy = turned(rule, game.order_x[OWN, j] - x, game.order_y[OWN, j] - y)
    seen[FOCUS + 8] = dx / DISTANCE_SCALE
    seen[FOCUS + 9] = dy / DISTANCE_SCALE
    write_centroid(game, x, y, rule, seen)
    seen[FOCUS + 13] = unit.range / _RANGE_SCALE
    seen[FOCUS + 14] = game.selected == ALL


@inner
def write_centroid(game: Record, x: float, y: float, rule: Record, seen: np.ndarray) -> None:
    """The army's centre relative to (x, y) and its spread (root mean square)."""
    count, sum_x, sum_y, squares = 0, 0.0, 0.0, 0.0
    for j in range(game.places[OWN]):
        if game.health[OWN, j] > 0.0:
            dx, dy = game.x[OWN, j] - x, game.y[OWN, j] - y
            count += 1
            sum_x += dx
            sum_y += dy
            squares += dx * dx + dy * dy
    mean_x, mean_y = sum_x / count, sum_y / count
    spread = math.sqrt(max(squares / count - mean_x * mean_x - mean_y * mean_y, 0.0))
    mean_x, mean_y = turned(rule, mean_x, mean_y)
    seen[FOCUS + 10] = mean_x / DISTANCE_SCALE
    seen[FOCUS + 11] = mean_y / DISTANCE_SCALE
    seen[FOCUS + 12] = spread / DISTANCE_SCALE


@inner
def write_comrades(
    game: Record, focus: int, rule: Record, units: np.ndarray, seen: np.ndarray
) -> None:
    """The third block: the nearest units of the own side."""
    squares = np.empty(N_COMRADES)
    codes = np.empty(N_COMRADES, np.int64)
    kept = 0
    x, y = game.x[OWN, focus], game.y[OWN, focus]
    for j in range(game.places[OWN]):
        if j != focus and game.health[OWN, j] > 0.0:
            dx, dy = game.x[OWN, j] - x, game.y[OWN, j] - y
            kept = keep_nearest(squares, codes, kept, dx * dx + dy * dy, j)
    for rank in range(kept):
        j = codes[rank]
        at = COMRADES + COMRADE_FIELDS * rank
        dx, dy = turned(rule, game.x[OWN, j] - x, game.y[OWN, j] - y)
        seen[at] = 1.0
        seen[at + 1] = dx / DISTANCE_SCALE
        seen[at + 2] = dy / DISTANCE_SCALE
        seen[at + 3] = game.health[OWN, j] / units[game.kind[OWN, j]].health


@inner
def write_targets(
    game: Record, focus: int, rule: Record, units: np.ndarray, seen: np.ndarray
) -> None:
    """The last block: the nearest enemies and items."""
    squares = np.empty(N_TARGETS)
    codes = np.empty(N_TARGETS, np.int64)
    kept = 0
    x, y = game.x[OWN, focus], game.y[OWN, focus]
    for j in range(game.places[HOSTILE]):
        if game.health[HOSTILE, j] > 0.0:
            dx, dy = game.x[HOSTILE, j] - x, game.y[HOSTILE, j] - y
            kept = keep_nearest(squares, codes, kept, dx * dx + dy * dy, j)
    for k in range(game.items):
        dx, dy = game.item_x[k] - x, game.item_y[k] - y
        # Items get negative codes: -1 is the first.
        kept = keep_nearest(squares, codes, kept, dx * dx + dy * dy, -1 - k)
    for rank in range(kept):
        at = TARGETS + TARGET_FIELDS * rank
        if codes[rank] >= 0:
            write_enemy(game, codes[rank], x, y, rule, units, seen[at : at + TARGET_FIELDS])
        else:
            write_item(game, -1 - codes[rank], x, y, rule, seen[at : at + TARGET_FIELDS])


@inner
def write_direction(dx: float, dy: float, rule: Record, fields: np.ndarray) -> None:
    """Present, dx, dy, cos, sin, distance of one target."""
    dx, dy = turned(rule, dx, dy)
    length = math.sqrt(dx * dx + dy * dy)
    fields[0] = 1.0
    fields[1] = dx / DISTANCE_SCALE
    fields[2] = dy / DISTANCE_SCALE
    fields[3] = dx / max(length, 1e-9)
    fields[4] = dy / max(length, 1e-9)
    fields[5] = length / DISTANCE_SCALE


@inner
def write_enemy(
    game: Record, j: int, x: float, y: float, rule: Record, units: np.ndarray, fields: np.ndarray
) -> None:
    """One target block of an enemy: hostile 1, health, weapon range, ready to shoot."""
    unit = units[game.kind[HOSTILE, j]]
    write_direction(game.x[HOSTILE, j] - x, game.y[HOSTILE, j] - y, rule, fields)
    fields[6] = 1.0
    fields[7] = game.health[HOSTILE, j] / unit.health
    fields[8] = unit.range / _RANGE_SCALE
    fields[9] = game.cooldown[HOSTILE, j] <= 0.0


@inner
def write_item(game: Record, k: int, x: float, y: float, rule: Record, fields: np.ndarray) -> None:
    """One target block of an item: hostile 0; a beacon has 1 where an enemy has its health."""
    write_direction(game.item_x[k] - x, game.item_y[k] - y, rule, fields)
    fields[7] = game.item_kind[k] == BEACON_ITEM
