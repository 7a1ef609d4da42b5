"""What StarCraft II's interface would tell of an embedded game, and nothing that it would not.

Real places in map units, health, orders; of an enemy no orders and no cooldown, and none at all
where it is not seen; of a worker inside a refinery nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from s2clientprotocol import raw_pb2 as sc_raw
from s2clientprotocol import sc2api_pb2 as sc_pb
from s2clientprotocol import score_pb2 as sc_score

from ...minigames import ledger
from ...minigames.engine import Engine
from ...minigames.state import (
    ATTACK,
    ATTACK_MOVE,
    BEACON_ITEM,
    BUILD,
    GATHER,
    GEYSER_ITEM,
    GROUP,
    HOLD,
    HOSTILE,
    IDLE,
    MINERAL_ITEM,
    MOVE,
    OWN,
    RETURN,
    SHARD_ITEM,
)
from ...minigames.units import REFINERY, SCV
from .. import abilities

PLAYER, ENEMY, NEUTRAL = 1, 2, 16
"""Numbers of the owners, as in a game of one player."""
UNIT_TAGS, ITEM_TAGS, STRUCTURE_TAGS = 1 << 32, 2 << 40, 3 << 45
"""Where the tags of each kind of thing begin."""
_ITEM_TYPES = {BEACON_ITEM: 317, SHARD_ITEM: 1680, MINERAL_ITEM: 341, GEYSER_ITEM: 342}
_ITEM_RADII = {BEACON_ITEM: 1.25, SHARD_ITEM: 0.125, MINERAL_ITEM: 1.125, GEYSER_ITEM: 1.8125}
_WALKING = {
    MOVE: abilities.REPORTED_MOVE,
    ATTACK_MOVE: abilities.REPORTED_ATTACK,
}
_LOADS = {MINERAL_ITEM: 271, GEYSER_ITEM: 273}


def write_observation(engine: Engine, counts: np.ndarray, observation: sc_pb.Observation) -> None:
    """Write everything that the player may know. `counts` are the engine's own."""
    game = engine.games[0]
    observation.game_loop = int(game["loop"])
    observation.score.score_type = sc_score.Score.Curriculum
    observation.score.score = int(game["score"])
    _write_player(game, counts, observation.player_common)
    raw = observation.raw_data
    raw.player.camera.x, raw.player.camera.y = game["camera_x"], game["camera_y"]
    everything = not engine.values["fog"]
    for j in range(game["places"][OWN]):
        if game["health"][OWN, j] > 0 and not _is_inside(game, j):
            _write_own(engine, raw.units.add(), j)
    for s in range(game["structures"]):
        _write_structure(engine, raw.units.add(), s)
    for k in range(game["places"][HOSTILE]):
        if game["health"][HOSTILE, k] > 0 and (everything or game["visible"][k]):
            _write_unit(engine, raw.units.add(), HOSTILE, k)
    for k in range(game["items"]):
        if game["item_kind"][k] != 0 and (everything or game["item_visible"][k]):
            _write_item(game, raw.units.add(), k)


def _write_player(game: Any, counts: np.ndarray, player: sc_pb.PlayerCommon) -> None:
    player.player_id = PLAYER
    player.minerals, player.vespene = int(game["minerals"]), int(game["vespene"])
    player.food_used = int(counts[ledger.SUPPLY_USED])
    player.food_cap = int(counts[ledger.SUPPLY_CAP])
    living = game["health"][OWN] > 0
    workers = int((living & (game["kind"][OWN] == SCV)).sum())
    player.food_workers, player.army_count = workers, int(living.sum()) - workers
    player.idle_worker_count = int((living & (game["order"][OWN] == IDLE)).sum()) if workers else 0


def _is_inside(game: Any, j: int) -> bool:
    """Whether a worker is inside a refinery."""
    k = int(game["target"][OWN, j])
    digs = game["order"][OWN, j] == GATHER and game["item_worker"][k] == j
    return bool(digs and game["item_kind"][k] == GEYSER_ITEM)


def _write_unit(engine: Engine, unit: sc_raw.Unit, side: int, j: int) -> None:
    """What is told of a unit of either side."""
    game = engine.games[0]
    kind = engine.units[game["kind"][side, j]]
    unit.display_type = sc_raw.Visible
    unit.alliance = sc_raw.Self if side == OWN else sc_raw.Enemy
    unit.owner = PLAYER if side == OWN else ENEMY
    unit.tag = UNIT_TAGS + int(game["tag"][side, j])
    unit.unit_type = int(kind["type_id"])
    unit.pos.x, unit.pos.y = game["x"][side, j], game["y"][side, j]
    unit.radius, unit.build_progress = kind["radius"], 1.0
    unit.health, unit.health_max = game["health"][side, j], kind["health"]


def _write_own(engine: Engine, unit: sc_raw.Unit, j: int) -> None:
    """What is told of one's own units besides."""
    game = engine.games[0]
    _write_unit(engine, unit, OWN, j)
    unit.weapon_cooldown = game["cooldown"][OWN, j]
    unit.is_selected = bool(game["selected"] == GROUP and game["chosen"][j])
    if game["cargo"][j] > 0:
        unit.buff_ids.append(_LOADS[int(game["cargo_kind"][j])])
    order, target = int(game["order"][OWN, j]), int(game["target"][OWN, j])
    if order in _WALKING:
        _write_point(game, j, unit.orders.add(ability_id=_WALKING[order]))
    elif order == HOLD:
        unit.orders.add(ability_id=abilities.REPORTED_HOLD)
    elif order == ATTACK:
        tag = UNIT_TAGS + int(game["tag"][HOSTILE, target])
        unit.orders.add(ability_id=abilities.REPORTED_ATTACK, target_unit_tag=tag)
    elif order == BUILD:
        _write_build(game, j, unit.orders.add(ability_id=abilities.BUILT_BY[target]))
    elif order in (GATHER, RETURN):
        _write_work(game, j, unit)


def _write_work(game: Any, j: int, unit: sc_raw.Unit) -> None:
    """To the field or refinery; or home, and then back where that has been ordered."""
    k = int(game["target"][OWN, j])
    there = (game["order_x"][OWN, j], game["order_y"][OWN, j])
    if game["order"][OWN, j] == RETURN:
        unit.orders.add(ability_id=abilities.REPORTED_RETURN, target_unit_tag=STRUCTURE_TAGS)
        if there != (game["item_x"][k], game["item_y"][k]):
            return
    tag = resource_tag(game, k)
    unit.orders.add(ability_id=abilities.REPORTED_GATHER, target_unit_tag=tag)


def _write_build(game: Any, j: int, order: sc_raw.UnitOrder) -> None:
    if game["target"][OWN, j] != REFINERY:
        _write_point(game, j, order)
        return
    for k in range(game["items"]):
        same_x = game["item_x"][k] == game["order_x"][OWN, j]
        if same_x and game["item_y"][k] == game["order_y"][OWN, j]:
            order.target_unit_tag = item_tag(game, k)


def _write_point(game: Any, j: int, order: sc_raw.UnitOrder) -> None:
    order.target_world_space_pos.x = game["order_x"][OWN, j]
    order.target_world_space_pos.y = game["order_y"][OWN, j]


def _write_structure(engine: Engine, unit: sc_raw.Unit, s: int) -> None:
    game = engine.games[0]
    number = int(game["structure_kind"][s])
    kind = engine.units[number]
    unit.display_type, unit.alliance, unit.owner = sc_raw.Visible, sc_raw.Self, PLAYER
    unit.tag = STRUCTURE_TAGS + s
    unit.unit_type, unit.radius = int(kind["type_id"]), kind["radius"]
    unit.pos.x, unit.pos.y = game["structure_x"][s], game["structure_y"][s]
    unit.build_progress = 1.0
    if game["structure_left"][s] > 0:
        unit.build_progress = min(1.0 - game["structure_left"][s] / kind["build_loops"], 0.999)
    unit.health = unit.health_max = kind["health"]
    unit.is_selected = bool(game["selected"] == GROUP and game["structure_chosen"][s])
    unit.is_active = bool(game["queue_left"][s] > 0)
    for _ in range(game["queue"][s]):
        unit.orders.add(ability_id=abilities.TRAINED_IN[number])


def _write_item(game: Any, unit: sc_raw.Unit, k: int) -> None:
    kind = int(game["item_kind"][k])
    unit.display_type = sc_raw.Visible
    unit.alliance, unit.owner = sc_raw.Neutral, NEUTRAL
    unit.unit_type, unit.radius = _ITEM_TYPES[kind], _ITEM_RADII[kind]
    unit.pos.x, unit.pos.y = game["item_x"][k], game["item_y"][k]
    unit.tag, unit.build_progress = item_tag(game, k), 1.0
    if kind == MINERAL_ITEM:
        unit.mineral_contents = int(game["item_left"][k])
    elif kind == GEYSER_ITEM:
        unit.vespene_contents = int(game["item_left"][k])


def item_tag(game: Any, k: int) -> int:
    """Of its place: items never stand on one another, and while they are there they stay."""
    x, y = float(game["item_x"][k]), float(game["item_y"][k])
    return ITEM_TAGS + (int(x * 1000) << 20) + int(y * 1000)


def resource_tag(game: Any, k: int) -> int:
    """Where a worker works: the field, or the refinery on a geyser."""
    for s in range(game["structures"]):
        if game["structure_item"][s] == k:
            return STRUCTURE_TAGS + s
    return item_tag(game, k)
