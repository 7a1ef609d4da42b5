"""From the orders in a record to the game's raw actions, with exact coordinates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from s2clientprotocol import sc2api_pb2 as sc_pb

from ..minigames.state import ATTACK, ATTACK_MOVE, HOLD, HOSTILE, MOVE, OWN
from . import abilities

_ABILITIES = {
    MOVE: abilities.MOVE,
    ATTACK_MOVE: abilities.ATTACK,
    ATTACK: abilities.ATTACK,
    HOLD: abilities.HOLD_POSITION,
}


def raw_actions(
    game: Any, ordered: Sequence[int], camera: tuple[float, float], tags: Sequence[Sequence[int]]
) -> list[sc_pb.Action]:
    """The actions that give own units at the places `ordered` the orders in the record.

    `camera` is where the screen was before, `tags` are each side's units by place. Units with the
    same order share an action, as they would when they are selected together.
    """
    actions: dict[tuple[Any, ...], sc_pb.Action] = {}
    for j in ordered:
        order = int(game["order"][OWN, j])
        point = (float(game["order_x"][OWN, j]), float(game["order_y"][OWN, j]))
        target = int(game["target"][OWN, j])
        goal = _goal(order, point, target, tags)
        if goal not in actions:
            actions[goal] = _action(*goal)
        actions[goal].action_raw.unit_command.unit_tags.append(tags[OWN][j])
    return [*actions.values(), *_camera_move(game, camera)]


def _goal(
    order: int, point: tuple[float, float], target: int, tags: Sequence[Sequence[int]]
) -> tuple[int, tuple[float, float] | None, int | None]:
    """(ability, point or None, tag of the target or None) of an order."""
    if order == ATTACK:
        return _ABILITIES[order], None, tags[HOSTILE][target]
    return _ABILITIES[order], None if order == HOLD else point, None


def _action(ability: int, point: tuple[float, float] | None, target: int | None) -> sc_pb.Action:
    action = sc_pb.Action()
    command = action.action_raw.unit_command
    command.ability_id = ability
    if target is not None:
        command.target_unit_tag = target
    elif point is not None:
        command.target_world_space_pos.x, command.target_world_space_pos.y = point
    return action


def _camera_move(game: Any, before: tuple[float, float]) -> list[sc_pb.Action]:
    """The move of the screen, where there is one."""
    x, y = float(game["camera_x"]), float(game["camera_y"])
    if (x, y) == before:
        return []
    action = sc_pb.Action()
    centre = action.action_raw.camera_move.center_world_space
    centre.x, centre.y = x, y
    return [action]
