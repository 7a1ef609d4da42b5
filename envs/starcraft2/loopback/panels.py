"""From the game's spatial and panel actions to the function calls of the embedded games."""

from __future__ import annotations

from functools import cache

import numpy as np
from s2clientprotocol import common_pb2 as sc_common
from s2clientprotocol import sc2api_pb2 as sc_pb
from s2clientprotocol import spatial_pb2 as sc_spatial
from s2clientprotocol import ui_pb2 as sc_ui

from ...minigames.functions import COLUMNS, N_COLUMNS, function_ids, function_table


def call_of(action: sc_pb.Action) -> np.ndarray | None:
    """The call, (17,) int64, that an action stands for; None for one that no game has."""
    if action.HasField("action_feature_layer"):
        return _spatial(action.action_feature_layer)
    if action.HasField("action_ui"):
        return _panel(action.action_ui)
    return None


def _call(name: str, **arguments: int | tuple[int, int]) -> np.ndarray:
    row = np.zeros(N_COLUMNS, np.int64)
    row[0] = function_ids()[name]
    for argument, value in arguments.items():
        row[COLUMNS[argument]] = value
    return row


def _point(point: sc_common.PointI) -> tuple[int, int]:
    return point.x, point.y


def _spatial(action: sc_spatial.ActionSpatial) -> np.ndarray | None:
    """Orders, the camera, and selecting on the screen."""
    if action.HasField("unit_command"):
        return _order(action.unit_command)
    if action.HasField("camera_move"):
        return _call("move_camera", minimap=_point(action.camera_move.center_minimap))
    if action.HasField("unit_selection_point"):
        click = action.unit_selection_point
        # The interface's enumerations begin at 1, the calls' arguments at 0.
        return _call(
            "select_point",
            screen=_point(click.selection_screen_coord),
            select_point_act=click.type - 1,
        )
    if action.HasField("unit_selection_rect"):
        rectangle = action.unit_selection_rect.selection_screen_coord[0]
        return _call(
            "select_rect",
            screen=_point(rectangle.p0),
            screen2=_point(rectangle.p1),
            select_add=int(action.unit_selection_rect.selection_add),
        )
    return None


def _order(command: sc_spatial.ActionSpatialUnitCommand) -> np.ndarray | None:
    where = command.WhichOneof("target")
    place = {"target_screen_coord": "screen", "target_minimap_coord": "minimap"}.get(where or "")
    function = _orders().get((command.ability_id, place))
    if function is None:
        return None
    row = np.zeros(N_COLUMNS, np.int64)
    row[0] = function
    row[COLUMNS["queued"]] = command.queue_command
    if place is not None and where is not None:
        row[COLUMNS[place]] = _point(getattr(command, where))
    return row


@cache
def _orders() -> dict[tuple[int, str | None], int]:
    """(ability, `screen`, `minimap` or None) -> the function that gives this order."""
    known: dict[tuple[int, str | None], int] = {}
    for function in function_table():
        if function.ability_id:
            place = next(
                (name for name in ("screen", "minimap") if name in function.arguments), None
            )
            known.setdefault((function.ability_id, place), function.id)
    return known


def _panel(action: sc_ui.ActionUI) -> np.ndarray | None:
    """The buttons around the screen."""
    if action.HasField("control_group"):
        group = action.control_group
        return _call(
            "select_control_group",
            control_group_act=group.action - 1,
            control_group_id=group.control_group_index,
        )
    if action.HasField("select_army"):
        return _call("select_army", select_add=int(action.select_army.selection_add))
    if action.HasField("select_idle_worker"):
        return _call("select_idle_worker", select_worker=action.select_idle_worker.type - 1)
    if action.HasField("multi_panel"):
        panel = action.multi_panel
        return _call("select_unit", select_unit_act=panel.type - 1, select_unit_id=panel.unit_index)
    if action.HasField("production_panel"):
        return _call("build_queue", build_queue_id=action.production_panel.unit_index)
    return None
