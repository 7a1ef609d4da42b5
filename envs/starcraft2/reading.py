"""From the game's answer to one of the engine's records: units, their orders, and what lies about.

What the interface does not tell is kept in the record from answer to answer: the selection, which
lives on our side alone, and where an order leads when the game has forgotten it. A unit keeps its
place in the record by its tag.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from s2clientprotocol import raw_pb2 as sc_raw
from s2clientprotocol import sc2api_pb2 as sc_pb

from ..minigames.parameters import MAP_SIZE
from ..minigames.state import (
    ALL,
    ATTACK,
    ATTACK_MOVE,
    BEACON_ITEM,
    CAPACITY,
    HOLD,
    HOSTILE,
    IDLE,
    LOOK,
    MOVE,
    NO_TARGET,
    OWN,
    SHARD_ITEM,
)
from ..minigames.units import unit_table
from . import abilities
from .client import GameFailure

KINDS = {int(row["type_id"]): kind for kind, row in enumerate(unit_table())}
"""Unit type in the game -> row of the unit table."""
MOVERS = frozenset(int(row["type_id"]) for row in unit_table() if row["speed"] > 0)
"""Unit types that walk."""
_ITEMS = {"MoveToBeacon": BEACON_ITEM, "CollectMineralShards": SHARD_ITEM}
"""What every neutral unit is in the tasks that have such."""


@dataclass
class Tags:
    """The tags of what stands in the places of a record."""

    own: list[int] = field(default_factory=list)
    hostile: list[int] = field(default_factory=list)
    items: list[int] = field(default_factory=list)
    structures: list[int] = field(default_factory=list)


def read(game: Any, tags: Tags, task: str, response: sc_pb.ResponseObservation) -> None:
    """Copy an answer into a record of a task without an economy.

    Raises `GameFailure` for an answer that cannot be.
    """
    raw = response.observation.raw_data
    read_header(game, response.observation)
    own = [u for u in raw.units if u.alliance == sc_raw.Self and u.unit_type in MOVERS]
    hostile = [
        unit
        for unit in raw.units
        if unit.alliance == sc_raw.Enemy
        and unit.unit_type in MOVERS
        and unit.display_type == sc_raw.Visible
    ]
    if task in _ITEMS:
        neutral = [unit for unit in raw.units if unit.alliance == sc_raw.Neutral]
        _read_items(game, tags, neutral[:CAPACITY], _ITEMS[task])
    # Enemies come and go in the fog: their places follow their tags.
    tags.hostile = sorted(unit.tag for unit in hostile)[:CAPACITY]
    write_units(game, HOSTILE, tags.hostile, {unit.tag: unit for unit in hostile})
    by_tag = read_own(game, tags, own)
    for j, tag in enumerate(tags.own):
        _read_order(game, j, by_tag[tag], tags)


def read_header(game: Any, observation: sc_pb.Observation) -> None:
    """Clock, score and camera. Raises `GameFailure` for units that no map could hold."""
    raw = observation.raw_data
    _check(raw.units)
    game["loop"], game["score"] = observation.game_loop, observation.score.score
    if raw.player.HasField("camera"):
        game["camera_x"], game["camera_y"] = raw.player.camera.x, raw.player.camera.y


def _check(units: Iterable[sc_raw.Unit]) -> None:
    for unit in units:
        sound = 0 <= unit.pos.x <= MAP_SIZE and 0 <= unit.pos.y <= MAP_SIZE
        if not sound or not math.isfinite(unit.health):
            raise GameFailure(
                f"an impossible observation: unit {unit.tag} of type {unit.unit_type} at "
                f"({unit.pos.x:g}, {unit.pos.y:g}) with health {unit.health:g}"
            )


def _read_items(game: Any, tags: Tags, items: Sequence[sc_raw.Unit], kind: int) -> None:
    tags.items = [unit.tag for unit in items]
    game["items"] = len(items)
    for k, unit in enumerate(items):
        game["item_kind"][k] = kind
        game["item_x"][k], game["item_y"][k] = unit.pos.x, unit.pos.y


def write_units(game: Any, side: int, tags: Sequence[int], by_tag: dict[int, sc_raw.Unit]) -> None:
    """Kind, place and health of one side's living units."""
    game["places"][side] = len(tags)
    game["health"][side, len(tags) :] = 0
    for j, tag in enumerate(tags):
        unit = by_tag.get(tag)
        if unit is not None:
            game["kind"][side, j] = KINDS[unit.unit_type]
            game["x"][side, j], game["y"][side, j] = unit.pos.x, unit.pos.y
            game["health"][side, j] = unit.health


def read_own(
    game: Any, tags: Tags, units: Sequence[sc_raw.Unit], hidden: Iterable[int] = ()
) -> dict[int, sc_raw.Unit]:
    """The own side, in the order of its units' first sight, so that selecting the next one goes
    round. `hidden` units are alive though the answer has them not. Returns the units by tag."""
    by_tag = {unit.tag: unit for unit in units}
    present = by_tag.keys() | set(hidden)
    before, selected = tags.own, int(game["selected"])
    stay = [tag for tag in before if tag in present]
    tags.own = (stay + sorted(by_tag.keys() - set(stay)))[:CAPACITY]
    _move_memory(game, before, tags.own, by_tag)
    write_units(game, OWN, tags.own, by_tag)
    for j, tag in enumerate(tags.own):
        if tag in by_tag:
            game["cooldown"][OWN, j] = by_tag[tag].weapon_cooldown
    if selected >= 0 and before:
        chosen = before[selected] if selected < len(before) else None
        game["selected"] = tags.own.index(chosen) if chosen in tags.own else ALL
    return by_tag


_MEMORY = ("order", "order_x", "order_y", "target", "kind", "x", "y", "health", "cooldown")
"""What goes with an own unit when its place changes."""


def _move_memory(
    game: Any, before: Sequence[int], after: Sequence[int], by_tag: dict[int, sc_raw.Unit]
) -> None:
    """Let every unit that stays take what is known of it to its new place."""
    if list(before) == list(after):
        return
    old = {tag: {name: game[name][OWN, j] for name in _MEMORY} for j, tag in enumerate(before)}
    for j, tag in enumerate(after):
        memory = old.get(tag)
        if memory is None:
            place = by_tag[tag].pos
            memory = {"order": IDLE, "order_x": place.x, "order_y": place.y, "target": LOOK}
        for name, value in memory.items():
            game[name][OWN, j] = value


def _read_order(game: Any, j: int, unit: sc_raw.Unit, tags: Tags) -> None:
    """What a soldier is doing, as the game says it."""
    if not unit.orders:
        game["order"][OWN, j] = IDLE
        return
    order = unit.orders[0]
    ability = abilities.GENERAL.get(order.ability_id, order.ability_id)
    if ability == abilities.ATTACK and order.HasField("target_unit_tag"):
        game["order"][OWN, j] = ATTACK
        game["target"][OWN, j] = index_of(tags.hostile, order.target_unit_tag)
    elif ability == abilities.ATTACK:
        game["order"][OWN, j] = ATTACK_MOVE
        read_point(game, j, order)
    else:
        read_walk(game, j, order)


def read_walk(game: Any, j: int, order: sc_raw.UnitOrder) -> None:
    """Walking and standing; another order than these is taken for a walk to its point."""
    ability = abilities.GENERAL.get(order.ability_id, order.ability_id)
    if ability == abilities.HOLD_POSITION:
        if game["order"][OWN, j] != HOLD:
            # Where it was told to hold is where it stands.
            game["order_x"][OWN, j] = game["x"][OWN, j]
            game["order_y"][OWN, j] = game["y"][OWN, j]
        game["order"][OWN, j] = HOLD
    else:
        game["order"][OWN, j] = ATTACK_MOVE if ability == abilities.PATROL else MOVE
        read_point(game, j, order)


def read_point(game: Any, j: int, order: sc_raw.UnitOrder) -> None:
    """Where an order leads, if it says so."""
    if order.HasField("target_world_space_pos"):
        point = order.target_world_space_pos
        game["order_x"][OWN, j], game["order_y"][OWN, j] = point.x, point.y


def index_of(tags: Sequence[int], tag: int) -> int:
    """The place of a tag, NO_TARGET without one."""
    return tags.index(tag) if tag in tags else NO_TARGET
