"""From the game's answer to a record, in the two tasks with an economy: workers and structures.

A worker inside a refinery is not in the answer at all; it is kept where it went in. Fields that are
used up keep their places, as they do in the engine, since workers refer to them by place.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from s2clientprotocol import raw_pb2 as sc_raw
from s2clientprotocol import sc2api_pb2 as sc_pb

from ..minigames.compiling import entry
from ..minigames.economy import item_radius, reached
from ..minigames.field import keep_inside, speed_of, walk
from ..minigames.ledger import SUPPLY_USED, count_all
from ..minigames.state import (
    BUILD,
    CAPACITY,
    GATHER,
    GEYSER_ITEM,
    IDLE,
    MINERAL_ITEM,
    OWN,
    RETURN,
    STRUCTURES,
)
from ..minigames.units import (
    COMMAND_CENTRE,
    MINERALS_A_TRIP,
    REFINERY,
    SCV,
    unit_table,
)
from . import abilities
from .reading import KINDS, MOVERS, Tags, index_of, read_header, read_own, read_point, read_walk

_UNITS = unit_table()
_SCV_TYPE = int(_UNITS[SCV]["type_id"])
_STRUCTURES = KINDS.keys() - MOVERS
_SAME_PLACE = 0.8
"""Map units between where a structure was ordered and where the game has put it, at most."""
_INSIDE_AT_MOST = 64
"""Game loops for which a worker that is not seen is taken to be inside a refinery."""


@entry()
def go_in(games: Any, j: int, k: int, rules: np.ndarray, unit_columns: np.ndarray) -> None:
    """Let a worker walk on to the refinery that it is seen no more outside of."""
    game, rule, units = games[0], rules[0], unit_columns[0]
    speed = speed_of(game, OWN, j, units)
    x, y = game.item_x[k], game.item_y[k]
    while not reached(game, j, x, y, item_radius(game, k, units), units):
        walk(game, OWN, j, x, y, speed)
        keep_inside(game, OWN, j, rule)


@entry()
def count(games: Any, unit_columns: np.ndarray) -> np.ndarray:
    """The engine's own counts, (ledger.N_COUNTS,) int64."""
    return count_all(games[0], unit_columns[0])


class EconomyReader:
    """Reads answers into one record; remembers when each worker was last seen."""

    def __init__(self, games: np.ndarray, rules: np.ndarray, unit_columns: np.ndarray) -> None:
        self.games, self.rules, self.unit_columns = games, rules, unit_columns
        self.last_seen: dict[int, int] = {}

    def begin(self) -> None:
        """A new episode: nobody has been seen, and the first worker is selected."""
        self.last_seen.clear()
        self.games["selected"] = 0

    def read(self, game: Any, tags: Tags, response: sc_pb.ResponseObservation) -> None:
        """Copy an answer. Raises `GameFailure` for one that cannot be."""
        observation = response.observation
        units = observation.raw_data.units
        read_header(game, observation)
        common = observation.player_common
        game["minerals"], game["vespene"] = common.minerals, common.vespene
        _read_resources(game, tags, [u for u in units if u.alliance == sc_raw.Neutral])
        mine = [u for u in units if u.alliance == sc_raw.Self]
        _read_structures(game, tags, [u for u in mine if u.unit_type in _STRUCTURES])
        workers = [u for u in mine if u.unit_type == _SCV_TYPE]
        self.last_seen.update((unit.tag, observation.game_loop) for unit in workers)
        self._read_workers(game, tags, workers)
        _find_builders(game)
        # Whatever else takes supply: finished marines, which are no workers.
        game["marines_built"] = 0
        used = int(count(self.games, self.unit_columns)[SUPPLY_USED])
        game["marines_built"] = max(common.food_used - used, 0)

    def _read_workers(self, game: Any, tags: Tags, workers: Sequence[sc_raw.Unit]) -> None:
        seen = {unit.tag for unit in workers}
        inside = {
            tag
            for j, tag in enumerate(tags.own)
            if tag not in seen and self._may_be_inside(game, j, tag)
        }
        by_tag = read_own(game, tags, workers, inside)
        for j, tag in enumerate(tags.own):
            if tag in inside:
                _gather(game, j, GATHER, _refinery_of(game, j))
                k = int(game["target"][OWN, j])
                go_in(self.games, j, k, self.rules, self.unit_columns)
            else:
                _read_work(game, j, by_tag[tag], tags)

    def _may_be_inside(self, game: Any, j: int, tag: int) -> bool:
        """Whether a worker that is not seen was about to go into a refinery, not long ago."""
        lately = int(game["loop"]) - self.last_seen.get(tag, 0) <= _INSIDE_AT_MOST
        return lately and _refinery_of(game, j) >= 0


def _refinery_of(game: Any, j: int) -> int:
    """The geyser whose refinery a worker works in, or goes into as soon as it stands; or -1."""
    order, target = game["order"][OWN, j], int(game["target"][OWN, j])
    if order == BUILD and target == REFINERY:
        return geyser_at(game, game["order_x"][OWN, j], game["order_y"][OWN, j])
    at_gas = order == GATHER and game["item_kind"][target] == GEYSER_ITEM
    return target if at_gas else -1


def _read_resources(game: Any, tags: Tags, neutral: Sequence[sc_raw.Unit]) -> None:
    """Fields and geysers, each in the place where it was first seen."""
    game["item_kind"][: len(tags.items)] = 0
    for unit in neutral:
        kind = _resource(unit)
        if kind and unit.tag not in tags.items and len(tags.items) < CAPACITY:
            tags.items.append(unit.tag)
        k = index_of(tags.items, unit.tag)
        if kind and k >= 0:
            game["item_kind"][k] = kind
            game["item_x"][k], game["item_y"][k] = unit.pos.x, unit.pos.y
            game["item_left"][k] = unit.mineral_contents + unit.vespene_contents
    game["items"] = len(tags.items)
    game["item_worker"][:] = -1


def _resource(unit: sc_raw.Unit) -> int:
    """The kind of item that a neutral unit is, 0 for none."""
    if unit.unit_type in abilities.GEYSERS or unit.vespene_contents > 0:
        return GEYSER_ITEM
    if unit.unit_type in abilities.MINERAL_FIELDS or unit.mineral_contents > 0:
        return MINERAL_ITEM
    return 0


def _read_structures(game: Any, tags: Tags, structures: Sequence[sc_raw.Unit]) -> None:
    """The own structures, the command centre first, then in the order of their first sight."""
    by_tag = {unit.tag: unit for unit in structures}
    stay = [tag for tag in tags.structures if tag in by_tag]
    new = sorted(
        by_tag.keys() - set(stay), key=lambda t: (KINDS[by_tag[t].unit_type] != COMMAND_CENTRE, t)
    )
    tags.structures = (stay + new)[:STRUCTURES]
    game["structures"] = len(tags.structures)
    for s, tag in enumerate(tags.structures):
        unit = by_tag[tag]
        kind = KINDS[unit.unit_type]
        loops = float(_UNITS[kind]["build_loops"])
        game["structure_kind"][s] = kind
        game["structure_x"][s], game["structure_y"][s] = unit.pos.x, unit.pos.y
        game["structure_left"][s] = (1.0 - min(unit.build_progress, 1.0)) * loops
        game["structure_item"][s] = -1
        if kind == REFINERY:
            game["structure_item"][s] = geyser_at(game, unit.pos.x, unit.pos.y)
        game["queue"][s] = len(unit.orders)
        # How long the first of a queue still takes matters to nobody; whether it has begun does.
        game["queue_left"][s] = 1.0 if unit.orders and unit.is_active else 0.0


def geyser_at(game: Any, x: float, y: float) -> int:
    """The geyser at a place, or -1."""
    for k in range(game["items"]):
        gap = np.hypot(game["item_x"][k] - x, game["item_y"][k] - y)
        if game["item_kind"][k] == GEYSER_ITEM and gap < _SAME_PLACE:
            return k
    return -1


def _find_builders(game: Any) -> None:
    """Who puts up the structures that are under construction."""
    for s in range(game["structures"]):
        game["structure_builder"][s] = -1
        if game["structure_left"][s] > 0:
            for j in range(game["places"][OWN]):
                across = game["order_x"][OWN, j] - game["structure_x"][s]
                along = game["order_y"][OWN, j] - game["structure_y"][s]
                if game["order"][OWN, j] == BUILD and np.hypot(across, along) < _SAME_PLACE:
                    game["structure_builder"][s] = j


def _read_work(game: Any, j: int, unit: sc_raw.Unit, tags: Tags) -> None:
    """What a worker carries and does."""
    buffs = set(unit.buff_ids)
    game["cargo"][j] = MINERALS_A_TRIP if buffs & abilities.CARRIES else 0
    game["cargo_kind"][j] = GEYSER_ITEM if buffs & abilities.CARRIES_GAS else MINERAL_ITEM
    if not unit.orders:
        game["order"][OWN, j] = IDLE
        return
    order = unit.orders[0]
    ability = abilities.GENERAL.get(order.ability_id, order.ability_id)
    if ability == abilities.HARVEST_GATHER:
        _gather(game, j, GATHER, _item_of(game, order, tags))
    elif ability == abilities.HARVEST_RETURN:
        _read_return(game, j, unit, tags)
    elif ability in abilities.BUILDS:
        _read_build(game, j, order, tags)
    else:
        read_walk(game, j, order)


def _gather(game: Any, j: int, order: int, k: int) -> None:
    """A worker at work at an item; at the nearest field where the game's is not known."""
    k = k if k >= 0 else _nearest_item(game, j)
    game["order"][OWN, j], game["target"][OWN, j] = order, k
    game["order_x"][OWN, j], game["order_y"][OWN, j] = game["item_x"][k], game["item_y"][k]


def _read_return(game: Any, j: int, unit: sc_raw.Unit, tags: Tags) -> None:
    """On the way home. Back at which item the game tells only where that has been ordered."""
    if len(unit.orders) > 1:
        _gather(game, j, RETURN, _item_of(game, unit.orders[1], tags))
        return
    at_work = game["order"][OWN, j] in (GATHER, RETURN)
    _gather(game, j, RETURN, int(game["target"][OWN, j]) if at_work else -1)
    game["order_x"][OWN, j], game["order_y"][OWN, j] = (
        game["structure_x"][0],
        game["structure_y"][0],
    )


def _read_build(game: Any, j: int, order: sc_raw.UnitOrder, tags: Tags) -> None:
    game["order"][OWN, j] = BUILD
    game["target"][OWN, j] = abilities.BUILDS[order.ability_id]
    k = index_of(tags.items, order.target_unit_tag)
    if k >= 0:
        game["order_x"][OWN, j], game["order_y"][OWN, j] = game["item_x"][k], game["item_y"][k]
    else:
        read_point(game, j, order)


def _item_of(game: Any, order: sc_raw.UnitOrder, tags: Tags) -> int:
    """The item that an order to gather means: a field, or what is under a refinery; or -1."""
    s = index_of(tags.structures, order.target_unit_tag)
    return int(game["structure_item"][s]) if s >= 0 else index_of(tags.items, order.target_unit_tag)


def _nearest_item(game: Any, j: int) -> int:
    n = max(int(game["items"]), 1)
    across = game["item_x"][:n] - game["x"][OWN, j]
    along = game["item_y"][:n] - game["y"][OWN, j]
    return int(np.argmin(across**2 + along**2))
