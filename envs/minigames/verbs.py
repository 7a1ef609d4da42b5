"""What the games can do of the function table: one verb for each thing, as frozen arrays.

A general function and its specific ones (`Attack_screen`, `Attack_Attack_screen`) share a verb.
Functions without a verb are never available. Compiled code reads the arrays below as constants.
"""

from __future__ import annotations

import numpy as np

from .functions import CHOICES, COLUMNS, N_COLUMNS, N_FUNCTIONS, function_table

(
    NONE, NO_OP, MOVE_CAMERA, SELECT_POINT, SELECT_RECT, SELECT_CONTROL_GROUP, SELECT_UNIT,
    SELECT_IDLE_WORKER, SELECT_ARMY, BUILD_QUEUE,
    ATTACK_VERB, MOVE_VERB, PATROL_VERB, SMART_VERB, STOP_VERB, HOLD_VERB,
    GATHER_VERB, RETURN_VERB, BUILD_DEPOT, BUILD_BARRACKS, BUILD_REFINERY,
    TRAIN_SCV, TRAIN_MARINE, CANCEL_LAST, RALLY_WORKERS, N_VERBS,
) = range(26)  # fmt: skip
FIRST_ORDER = ATTACK_VERB
"""Verbs before it are the interface's own, those from it on are orders."""

_VERBS = {
    "no_op": NO_OP,
    "move_camera": MOVE_CAMERA,
    "select_point": SELECT_POINT,
    "select_rect": SELECT_RECT,
    "select_control_group": SELECT_CONTROL_GROUP,
    "select_unit": SELECT_UNIT,
    "select_idle_worker": SELECT_IDLE_WORKER,
    "select_army": SELECT_ARMY,
    "build_queue": BUILD_QUEUE,
    "Attack_screen": ATTACK_VERB,
    "Attack_minimap": ATTACK_VERB,
    "Attack_Attack_screen": ATTACK_VERB,
    "Attack_Attack_minimap": ATTACK_VERB,
    "Move_screen": MOVE_VERB,
    "Move_minimap": MOVE_VERB,
    "Move_Move_screen": MOVE_VERB,
    "Move_Move_minimap": MOVE_VERB,
    "Patrol_screen": PATROL_VERB,
    "Patrol_minimap": PATROL_VERB,
    "Patrol_Patrol_screen": PATROL_VERB,
    "Patrol_Patrol_minimap": PATROL_VERB,
    "Smart_screen": SMART_VERB,
    "Smart_minimap": SMART_VERB,
    "Stop_quick": STOP_VERB,
    "Stop_Stop_quick": STOP_VERB,
    "HoldPosition_quick": HOLD_VERB,
    "HoldPosition_Hold_quick": HOLD_VERB,
    "Harvest_Gather_screen": GATHER_VERB,
    "Harvest_Gather_SCV_screen": GATHER_VERB,
    "Harvest_Return_quick": RETURN_VERB,
    "Harvest_Return_SCV_quick": RETURN_VERB,
    "Build_SupplyDepot_screen": BUILD_DEPOT,
    "Build_Barracks_screen": BUILD_BARRACKS,
    "Build_Refinery_screen": BUILD_REFINERY,
    "Train_SCV_quick": TRAIN_SCV,
    "Train_Marine_quick": TRAIN_MARINE,
    "Cancel_Last_quick": CANCEL_LAST,
    "Cancel_Queue5_quick": CANCEL_LAST,
    "Rally_Workers_screen": RALLY_WORKERS,
    "Rally_Workers_minimap": RALLY_WORKERS,
    "Rally_CommandCenter_screen": RALLY_WORKERS,
    "Rally_CommandCenter_minimap": RALLY_WORKERS,
}


def _tables() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    verbs = np.zeros(N_FUNCTIONS, np.int8)
    specific = np.zeros(N_FUNCTIONS, np.bool_)
    used = np.zeros((N_FUNCTIONS, N_COLUMNS), np.bool_)
    for function in function_table():
        verbs[function.id] = _VERBS.get(function.name, NONE)
        specific[function.id] = function.general_id != 0
        for name in function.arguments:
            used[function.id, COLUMNS[name]] = True
    return verbs, specific, used


VERBS, SPECIFIC, USED = _tables()
"""By function: its verb; whether a general one stands for it; the columns that it reads."""
KNOWN = np.flatnonzero(VERBS)
"""Functions with a verb."""
LIMITS = np.array([N_FUNCTIONS, *[0] * 6, *CHOICES.values()])
"""How many values each column of an action has; 0: as many as the screen has pixels."""
COLUMN = {name: places.start for name, places in COLUMNS.items()}
"""Where each argument begins in an action."""
