"""From the orders in a record to the game's raw actions, with exact coordinates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from s2clientprotocol import sc2api_pb2 as sc_pb

from ..minigames.state import (
    ATTACK,
    ATTACK_MOVE,
    BUILD,
    GATHER,
    GEYSER_ITEM,
    HOLD,
    IDLE,
    MOVE,
    OWN,
    RETURN,
)
from ..minigames.units import REFINERY
from . import abilities
from .reading import Tags
from .reading_economy import geyser_at


class Command(NamedTuple):
    """One order in the game's words."""

    ability: int
    point: tuple[float, float] | None = None
    target: int | None = None
    """Tag of the unit that it is about."""
    queued: bool = False
    """To follow what the unit does, not to replace it."""


_AT_A_POINT = {MOVE: abilities.MOVE, ATTACK_MOVE: abilities.ATTACK}
_ON_THE_SPOT = {HOLD: abilities.HOLD_POSITION, IDLE: abilities.STOP}


def unit_actions(game: Any, ordered: Sequence[int], tags: Tags) -> list[sc_pb.Action]:
    """The actions that give own units at the places `ordered` the orders in the record.

    Units with the same order share an action, as they would if they were selected together.
    """
    actions: dict[Command, sc_pb.Action] = {}
    for j in ordered:
        for command in _commands(game, j, tags):
            if command not in actions:
                actions[command] = _action(command)
            actions[command].action_raw.unit_command.unit_tags.append(tags.own[j])
    # What is queued must come after what it follows.
    return [action for _, action in sorted(actions.items(), key=lambda pair: pair[0].queued)]


def _commands(game: Any, j: int, tags: Tags) -> Iterator[Command]:
    """What one unit's order is made of."""
    order, target = int(game["order"][OWN, j]), int(game["target"][OWN, j])
    point = (float(game["order_x"][OWN, j]), float(game["order_y"][OWN, j]))
    if order == ATTACK:
        yield Command(abilities.ATTACK, target=tags.hostile[target])
    elif order == GATHER:
        yield Command(abilities.HARVEST_GATHER, target=_resource_tag(game, target, tags))
    elif order == RETURN:
        yield Command(abilities.HARVEST_RETURN)
        tag = _resource_tag(game, target, tags)
        yield Command(abilities.HARVEST_GATHER, target=tag, queued=True)
    elif order == BUILD and target == REFINERY:
        yield Command(abilities.BUILD_REFINERY, target=tags.items[geyser_at(game, *point)])
    elif order == BUILD:
        yield Command(abilities.BUILT_BY[target], point)
    elif order in _AT_A_POINT:
        yield Command(_AT_A_POINT[order], point)
    else:
        yield Command(_ON_THE_SPOT[order])


def _resource_tag(game: Any, k: int, tags: Tags) -> int:
    """Where a worker works: the field itself, or the refinery on a geyser."""
    if game["item_kind"][k] == GEYSER_ITEM:
        for s, tag in enumerate(tags.structures):
            if game["structure_item"][s] == k:
                return tag
    return tags.items[k]


def training_actions(game: Any, queues: np.ndarray, tags: Tags) -> list[sc_pb.Action]:
    """The actions that bring the structures' queues from `queues` to what the record has."""
    actions = []
    for s, tag in enumerate(tags.structures):
        for _ in range(int(game["queue"][s]) - int(queues[s])):
            action = _action(Command(abilities.TRAINED_IN[int(game["structure_kind"][s])]))
            action.action_raw.unit_command.unit_tags.append(tag)
            actions.append(action)
    return actions


def camera_actions(game: Any, before: tuple[float, float]) -> list[sc_pb.Action]:
    """The move of the screen from where it was before, where there is one."""
    x, y = float(game["camera_x"]), float(game["camera_y"])
    if (x, y) == before:
        return []
    action = sc_pb.Action()
    centre = action.action_raw.camera_move.center_world_space
    centre.x, centre.y = x, y
    return [action]


def _action(command: Command) -> sc_pb.Action:
    action = sc_pb.Action()
    written = action.action_raw.unit_command
    written.ability_id = command.ability
    written.queue_command = command.queued
    if command.target is not None:
        written.target_unit_tag = command.target
    elif command.point is not None:
        written.target_world_space_pos.x, written.target_world_space_pos.y = command.point
    return action
