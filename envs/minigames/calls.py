"""Function calls: what a row of an action does to a game. Compiled.

A call that is not available, that has an argument outside its range, or that aims at what the
order cannot have (to gather from bare ground, to build where something stands) does nothing and is
counted.
"""

from __future__ import annotations

import numpy as np

from .calls_economy import (
    build_at,
    cancel,
    gather_at,
    item_to_work,
    rally,
    return_cargo,
    train,
)
from .compiling import inner
from .functions import N_COLUMNS, N_FUNCTIONS
from .order_queue import NO_ONE, attack_move, issue
from .screen import minimap_to_world, move_camera, remapped, screen_to_world
from .selection import (
    FIRST_ENEMY,
    FIRST_ITEM,
    NOTHING,
    control_group,
    pick,
    select_army,
    select_idle_workers,
    select_point,
    select_rect,
    select_unit,
    unit_chosen,
)
from .state import ATTACK, HOLD, IDLE, MOVE, OWN, Record
from .units import BARRACKS, COMMAND_CENTRE, REFINERY, SUPPLY_DEPOT
from .verbs import (
    ATTACK_VERB,
    BUILD_BARRACKS,
    BUILD_DEPOT,
    BUILD_QUEUE,
    BUILD_REFINERY,
    CANCEL_LAST,
    COLUMN,
    FIRST_ORDER,
    GATHER_VERB,
    HOLD_VERB,
    LIMITS,
    MOVE_CAMERA,
    MOVE_VERB,
    NO_OP,
    PATROL_VERB,
    RALLY_WORKERS,
    RETURN_VERB,
    SELECT_ARMY,
    SELECT_CONTROL_GROUP,
    SELECT_IDLE_WORKER,
    SELECT_POINT,
    SELECT_RECT,
    SELECT_UNIT,
    SMART_VERB,
    STOP_VERB,
    TRAIN_MARINE,
    TRAIN_SCV,
    USED,
    VERBS,
)

_SCREEN, _SCREEN2, _MINIMAP = COLUMN["screen"], COLUMN["screen2"], COLUMN["minimap"]
_QUEUED = COLUMN["queued"]
_GROUP_ACT, _GROUP_ID = COLUMN["control_group_act"], COLUMN["control_group_id"]
_POINT_ACT, _ADD = COLUMN["select_point_act"], COLUMN["select_add"]
_UNIT_ACT, _UNIT_ID = COLUMN["select_unit_act"], COLUMN["select_unit_id"]
_WORKER, _QUEUE_ID = COLUMN["select_worker"], COLUMN["build_queue_id"]


@inner
def call(game: Record, action: np.ndarray, mask: np.ndarray, rule: Record, units: Record) -> None:
    """Do one call, (17,) whole numbers."""
    if not is_valid(action, mask, rule):
        game.invalid_actions += 1
        return
    verb = VERBS[action[0]]
    if verb >= FIRST_ORDER:
        done = give_orders(game, verb, action, rule, units)
    else:
        done = operate(game, verb, action, rule, units)
    if not done:
        game.invalid_actions += 1


@inner
def is_valid(action: np.ndarray, mask: np.ndarray, rule: Record) -> bool:
    """Whether the function is available and its arguments are in their ranges."""
    function = action[0]
    if function < 0 or function >= N_FUNCTIONS or not mask[function]:
        return False
    for column in range(1, N_COLUMNS):
        if USED[function, column]:
            limit = LIMITS[column] if LIMITS[column] > 0 else rule.screen_size
            if action[column] < 0 or action[column] >= limit:
                return False
    return True


@inner
def operate(game: Record, verb: int, action: np.ndarray, rule: Record, units: Record) -> bool:
    """What the interface does itself; False when the call named what is not there."""
    if verb == NO_OP:
        return True
    if verb == MOVE_CAMERA:
        move_camera(game, action[_MINIMAP], action[_MINIMAP + 1], rule)
    elif verb == SELECT_POINT:
        column, row = action[_SCREEN], action[_SCREEN + 1]
        select_point(game, action[_POINT_ACT], column, row, rule, units)
    elif verb == SELECT_RECT:
        corner, other = action[_SCREEN : _SCREEN + 2], action[_SCREEN2 : _SCREEN2 + 2]
        select_rect(game, action[_ADD] == 1, corner, other, rule, units)
    elif verb == SELECT_CONTROL_GROUP:
        control_group(game, action[_GROUP_ACT], action[_GROUP_ID])
    elif verb == SELECT_UNIT:
        return select_unit(game, action[_UNIT_ACT], action[_UNIT_ID])
    elif verb == SELECT_IDLE_WORKER:
        select_idle_workers(game, action[_WORKER])
    elif verb == BUILD_QUEUE:
        return cancel(game, action[_QUEUE_ID], units)
    elif verb == SELECT_ARMY:
        select_army(game, action[_ADD] == 1)
    return True


@inner
def aim(game: Record, action: np.ndarray, rule: Record, units: Record) -> tuple[float, float, int]:
    """The map point that an order means, and the code of what is drawn there."""
    if USED[action[0], _MINIMAP]:
        column, row = remapped(action[_MINIMAP], action[_MINIMAP + 1], rule)
        x, y = minimap_to_world(column, row, rule)
        return x, y, NOTHING
    if not USED[action[0], _SCREEN]:
        return 0.0, 0.0, NOTHING
    column, row = remapped(action[_SCREEN], action[_SCREEN + 1], rule)
    x, y = screen_to_world(game, column, row, rule)
    return x, y, pick(game, column, row, rule, units)


@inner
def give_orders(game: Record, verb: int, action: np.ndarray, rule: Record, units: Record) -> bool:
    """Tell the selection; False when what is aimed at is not what the order needs."""
    x, y, code = aim(game, action, rule, units)
    queued = action[_QUEUED] == 1
    if verb >= GATHER_VERB:
        return order_economy(game, verb, x, y, code, queued, rule, units)
    if verb == SMART_VERB:
        if item_to_work(game, code) >= 0 and gather_at(game, code, queued, rule):
            return True
        if game.structures > 0 and game.structure_chosen[0] != 0:
            rally(game, x, y, code)
    for j in range(game.places[OWN]):
        if unit_chosen(game, j):
            order_unit(game, j, verb, x, y, code, queued, rule)
    return True


@inner
def order_economy(
    game: Record,
    verb: int,
    x: float,
    y: float,
    code: int,
    queued: bool,
    rule: Record,
    units: Record,
) -> bool:
    """The orders of workers and structures."""
    if verb == GATHER_VERB:
        return gather_at(game, code, queued, rule)
    if verb == BUILD_DEPOT:
        return build_at(game, SUPPLY_DEPOT, x, y, queued, rule)
    if verb == BUILD_BARRACKS:
        return build_at(game, BARRACKS, x, y, queued, rule)
    if verb == BUILD_REFINERY:
        return build_at(game, REFINERY, x, y, queued, rule)
    if verb == RETURN_VERB:
        return_cargo(game, queued, rule)
    elif verb == TRAIN_SCV:
        train(game, COMMAND_CENTRE, units)
    elif verb == TRAIN_MARINE:
        train(game, BARRACKS, units)
    elif verb == RALLY_WORKERS:
        rally(game, x, y, code)
    elif verb == CANCEL_LAST:
        return cancel(game, -1, units)
    return True


@inner
def order_unit(
    game: Record, j: int, verb: int, x: float, y: float, code: int, queued: bool, rule: Record
) -> None:
    """What a verb means for one unit."""
    at_x, at_y = game.x[OWN, j], game.y[OWN, j]
    enemy = code - FIRST_ENEMY if FIRST_ENEMY <= code < FIRST_ITEM else NO_ONE
    if verb == STOP_VERB:
        issue(game, j, IDLE, at_x, at_y, NO_ONE, False, rule)
    elif verb == HOLD_VERB:
        issue(game, j, HOLD, at_x, at_y, NO_ONE, queued, rule)
    elif enemy >= 0 and (verb in (ATTACK_VERB, SMART_VERB)):
        issue(game, j, ATTACK, x, y, enemy, queued, rule)
    elif verb in (MOVE_VERB, SMART_VERB):
        issue(game, j, MOVE, x, y, NO_ONE, queued, rule)
    else:
        issue(game, j, attack_move(game), x, y, NO_ONE, queued, rule)
        if verb == PATROL_VERB and not queued:
            game.patrols[j] = 1
            game.patrol_x[j] = at_x
            game.patrol_y[j] = at_y
