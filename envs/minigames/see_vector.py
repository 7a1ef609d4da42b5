"""The vector observation, (164,) float32: what each number is, and how it is written. Compiled.

Blocks, every number clipped to [-2, 2]; docs/minigames.md has them as a table:

  0  summary    time left, counts and health of both sides, items
  8  economy    what is owned, being built, and what the workers do
 28  sight      share of the playable area that has been explored
 32  focus      the unit selected (the first alive when all are): place, health, order
 52  comrades   4 x [present, dx, dy, health], the nearest first
 68  targets    8 x [present, dx, dy, cos, sin, distance, hostile, health, range, gas,
                full health, splash], the nearest first

Targets are the enemies and items in sight, relative to the focus unit. All directions and places
pass through the variant's rotation and mirror.
"""

from __future__ import annotations

import math

import numpy as np

from .bits import living, lowest
from .compiling import inner
from .field import full_health, keep_nearest
from .orders import focus_unit, is_selected
from .sight import enemies_seen, item_seen, survey
from .spaces import (
    BOUND,
    COMRADE_FIELDS,
    COMRADES,
    DISTANCE_SCALE,
    FOCUS,
    N_COMRADES,
    N_TARGETS,
    SIGHT,
    SUMMARY,
    TARGET_FIELDS,
    TARGETS,
)
from .state import (
    ALL,
    ATTACK,
    ATTACK_MOVE,
    BEACON_ITEM,
    GEYSER_ITEM,
    HOSTILE,
    IDLE,
    MINERAL_ITEM,
    MOVE,
    OWN,
    Record,
)

_COUNT_SCALE = 16.0
_RANGE_SCALE = 8.0
_HEALTH_SCALE = 145.0
_LOW, _HIGH = np.float32(-BOUND), np.float32(BOUND)
"""Of the array's own type: so the loop over them becomes vector instructions."""


@inner
def write_vector(game: Record, rule: Record, units: Record, seen: np.ndarray) -> None:
    """Write one game's observation into `seen`, (164,) float32."""
    seen[:] = 0.0
    write_summary(game, rule, units, seen)
    focus = focus_unit(game)
    if focus >= 0:
        write_sight(game, focus, rule, seen)
        write_focus(game, focus, rule, units, seen)
        write_comrades(game, focus, units, seen)
        write_targets(game, focus, rule, units, seen)
    for i in range(seen.shape[0]):
        seen[i] = min(max(seen[i], _LOW), _HIGH)


@inner
def tally(game: Record, side: int, rule: Record, units: Record) -> tuple[int, float, float]:
    """Of one side's living units in sight: count, health over full health, share ready to shoot."""
    count, ready = 0, 0
    health, full = 0.0, 1e-9
    bits = living(game, OWN) if side == OWN else enemies_seen(game, rule)
    while bits != 0:
        j = lowest(bits)
        bits &= bits - 1
        count += 1
        health += game.health[side, j]
        full += full_health(game, side, game.kind[side, j], units)
        if game.cooldown[side, j] <= 0.0:
            ready += 1
    return count, health / full, ready / max(count, 1)


@inner
def write_summary(game: Record, rule: Record, units: Record, seen: np.ndarray) -> None:
    """The first block: both sides, as far as they are seen."""
    count, health, ready = tally(game, OWN, rule, units)
    enemies, enemy_health, _ = tally(game, HOSTILE, rule, units)
    seen[SUMMARY] = 1.0 - game.loop / rule.limit
    seen[SUMMARY + 1] = count / _COUNT_SCALE
    seen[SUMMARY + 2] = health
    seen[SUMMARY + 3] = share_selected(game, count)
    seen[SUMMARY + 4] = ready
    seen[SUMMARY + 5] = enemies / _COUNT_SCALE
    seen[SUMMARY + 6] = enemy_health
    items = 0
    for k in range(game.items):
        if item_seen(game, rule, k):
            items += 1
    seen[SUMMARY + 7] = items / _COUNT_SCALE


@inner
def share_selected(game: Record, count: int) -> float:
    """The part of the living own units that takes the next order."""
    if game.selected == ALL:
        return 1.0
    marked = 0
    for j in range(game.places[OWN]):
        if game.health[OWN, j] > 0.0 and is_selected(game, j):
            marked += 1
    return marked / max(count, 1)


@inner
def write_sight(game: Record, focus: int, rule: Record, seen: np.ndarray) -> None:
    """What is hidden: the share explored, the way to the camera and to the nearest dark cell."""
    x, y = game.x[OWN, focus], game.y[OWN, focus]
    explored, dark_x, dark_y = survey(game, rule, x, y)
    seen[SIGHT] = explored
    dx, dy = turned(game, dark_x, dark_y)
    seen[FOCUS + 15] = dx / DISTANCE_SCALE
    seen[FOCUS + 16] = dy / DISTANCE_SCALE
    if rule.camera:
        dx, dy = turned(game, game.camera_x - x, game.camera_y - y)
        seen[FOCUS + 17] = dx / DISTANCE_SCALE
        seen[FOCUS + 18] = dy / DISTANCE_SCALE


@inner
def turned(game: Record, dx: float, dy: float) -> tuple[float, float]:
    """A direction as the variant shows it."""
    turn = game.turn
    return turn[0, 0] * dx + turn[0, 1] * dy, turn[1, 0] * dx + turn[1, 1] * dy


@inner
def write_focus(game: Record, j: int, rule: Record, units: Record, seen: np.ndarray) -> None:
    """The second block: the focus unit's place in the rectangle, state and order."""
    kind = game.kind[OWN, j]
    x, y = game.x[OWN, j], game.y[OWN, j]
    across = (2.0 * x - rule.x0 - rule.x1) / (rule.x1 - rule.x0)
    along = (2.0 * y - rule.y0 - rule.y1) / (rule.y1 - rule.y0)
    seen[FOCUS], seen[FOCUS + 1] = turned(game, across, along)
    seen[FOCUS + 2] = game.health[OWN, j] / units.health[kind]
    seen[FOCUS + 3] = game.cooldown[OWN, j] / max(units.cooldown[kind], 1.0)
    order = game.order[OWN, j]
    seen[FOCUS + 4] = order == IDLE
    seen[FOCUS + 5] = order == MOVE
    seen[FOCUS + 6] = order == ATTACK_MOVE
    seen[FOCUS + 7] = order == ATTACK
    if order != IDLE:
        dx, dy = turned(game, game.order_x[OWN, j] - x, game.order_y[OWN, j] - y)
        seen[FOCUS + 8] = dx / DISTANCE_SCALE
        seen[FOCUS + 9] = dy / DISTANCE_SCALE
    write_centroid(game, x, y, seen)
    seen[FOCUS + 13] = units.range[kind] / _RANGE_SCALE
    seen[FOCUS + 14] = game.selected == ALL


@inner
def write_centroid(game: Record, x: float, y: float, seen: np.ndarray) -> None:
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
    mean_x, mean_y = turned(game, mean_x, mean_y)
    seen[FOCUS + 10] = mean_x / DISTANCE_SCALE
    seen[FOCUS + 11] = mean_y / DISTANCE_SCALE
    seen[FOCUS + 12] = spread / DISTANCE_SCALE


@inner
def write_comrades(game: Record, focus: int, units: Record, seen: np.ndarray) -> None:
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
        dx, dy = turned(game, game.x[OWN, j] - x, game.y[OWN, j] - y)
        seen[at] = 1.0
        seen[at + 1] = dx / DISTANCE_SCALE
        seen[at + 2] = dy / DISTANCE_SCALE
        seen[at + 3] = game.health[OWN, j] / units.health[game.kind[OWN, j]]


@inner
def write_targets(game: Record, focus: int, rule: Record, units: Record, seen: np.ndarray) -> None:
    """The last block: the nearest enemies and items."""
    squares = np.empty(N_TARGETS)
    codes = np.empty(N_TARGETS, np.int64)
    kept = 0
    x, y = game.x[OWN, focus], game.y[OWN, focus]
    bits = enemies_seen(game, rule)
    while bits != 0:
        j = lowest(bits)
        bits &= bits - 1
        dx, dy = game.x[HOSTILE, j] - x, game.y[HOSTILE, j] - y
        kept = keep_nearest(squares, codes, kept, dx * dx + dy * dy, j)
    for k in range(game.items):
        if item_seen(game, rule, k):
            dx, dy = game.item_x[k] - x, game.item_y[k] - y
            # Items get negative codes: -1 is the first.
            kept = keep_nearest(squares, codes, kept, dx * dx + dy * dy, -1 - k)
    for rank in range(kept):
        at = TARGETS + TARGET_FIELDS * rank
        if codes[rank] >= 0:
            write_enemy(game, codes[rank], x, y, units, seen[at : at + TARGET_FIELDS])
        else:
            write_item(game, -1 - codes[rank], x, y, seen[at : at + TARGET_FIELDS])


@inner
def write_direction(game: Record, dx: float, dy: float, fields: np.ndarray) -> None:
    """Present, dx, dy, cos, sin, distance of one target."""
    dx, dy = turned(game, dx, dy)
    length = math.sqrt(dx * dx + dy * dy)
    fields[0] = 1.0
    fields[1] = dx / DISTANCE_SCALE
    fields[2] = dy / DISTANCE_SCALE
    fields[3] = dx / max(length, 1e-9)
    fields[4] = dy / max(length, 1e-9)
    fields[5] = length / DISTANCE_SCALE


@inner
def write_enemy(
    game: Record, j: int, x: float, y: float, units: Record, fields: np.ndarray
) -> None:
    """One enemy: hostile 1, health, weapon range, full health, splash. Not whether it is ready to
    shoot: the game's interface does not tell that of an enemy."""
    kind = game.kind[HOSTILE, j]
    full = full_health(game, HOSTILE, kind, units)
    write_direction(game, game.x[HOSTILE, j] - x, game.y[HOSTILE, j] - y, fields)
    fields[6] = 1.0
    fields[7] = game.health[HOSTILE, j] / full
    fields[8] = units.range[kind] / _RANGE_SCALE
    fields[10] = full / _HEALTH_SCALE
    fields[11] = units.splash[kind] / _RANGE_SCALE


@inner
def write_item(game: Record, k: int, x: float, y: float, fields: np.ndarray) -> None:
    """One item: hostile 0; a beacon has 1 where an enemy has its health, resources 1 and 2 in
    the two places after."""
    kind = game.item_kind[k]
    write_direction(game, game.item_x[k] - x, game.item_y[k] - y, fields)
    fields[7] = kind == BEACON_ITEM
    fields[8] = kind == MINERAL_ITEM
    fields[9] = kind == GEYSER_ITEM
