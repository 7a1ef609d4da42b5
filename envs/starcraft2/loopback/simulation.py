"""One embedded game behind the words of StarCraft II's interface.

Reads what the game's API calls raw actions, writes what it calls raw data: real places in map
units, health, orders, and nothing of an enemy that the real interface would not tell.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from s2clientprotocol import error_pb2 as sc_error
from s2clientprotocol import raw_pb2 as sc_raw
from s2clientprotocol import sc2api_pb2 as sc_pb
from s2clientprotocol import score_pb2 as sc_score

from ...minigames.catalogue import find_game
from ...minigames.engine import Engine
from ...minigames.parameters import MAP_SIZE
from ...minigames.spaces import NO_OP
from ...minigames.state import (
    ATTACK,
    ATTACK_MOVE,
    BEACON_ITEM,
    GEYSER_ITEM,
    HOLD,
    HOSTILE,
    IDLE,
    LOOK,
    MINERAL_ITEM,
    MOVE,
    OWN,
    SHARD_ITEM,
)
from .. import abilities

PLAYER, ENEMY, NEUTRAL = 1, 2, 16
"""Numbers of the owners, as in a game of one player."""
_ITEM_TYPES = {BEACON_ITEM: 317, SHARD_ITEM: 1680, MINERAL_ITEM: 341, GEYSER_ITEM: 342}
_ITEM_RADII = {BEACON_ITEM: 1.25, SHARD_ITEM: 0.125, MINERAL_ITEM: 1.125, GEYSER_ITEM: 1.8125}
_UNIT_TAGS, _ITEM_TAGS = 1 << 32, 2 << 40
_REPORTED = {
    MOVE: abilities.REPORTED_MOVE,
    ATTACK_MOVE: abilities.REPORTED_ATTACK,
    ATTACK: abilities.REPORTED_ATTACK,
    HOLD: abilities.REPORTED_HOLD,
}


class Simulation:
    """A game on one of the seven maps."""

    def __init__(self, map_name: str, seed: int, *, disable_fog: bool = False) -> None:
        fog = bool(find_game(map_name).parameters["fog"].default) and not disable_fog
        # What is on the screen is the viewer's business: raw data is not limited by it.
        parameters = {"fog": fog, "camera": False}
        # Compiled here, where a client waits patiently, and not in its first step.
        Engine(map_name, parameters, [seed]).step(np.array([NO_OP]))
        self.engine = Engine(map_name, parameters, [seed])
        self.map_name = map_name

    @property
    def game(self) -> Any:
        """The one record; what is assigned to its fields stays."""
        return self.engine.games[0]

    @property
    def loop(self) -> int:
        """Game loops since the start."""
        return int(self.game["loop"])

    @property
    def ended(self) -> bool:
        """Ended by the rules or by the map's clock."""
        return bool(self.game["over"]) or self.loop >= int(self.engine.rules["limit"][0])

    def restart(self) -> None:
        """The next game from the same generator."""
        self.engine.reset()

    def advance(self, loops: int) -> None:
        """Let the game go on."""
        self.engine.rules["step_mul"] = loops
        self.engine.step(np.array([NO_OP]), restart=False)

    # ---- actions -------------------------------------------------------------------------

    def act(self, action: sc_raw.ActionRaw) -> int:
        """Carry out one raw action; an `ActionResult`."""
        if action.HasField("unit_command"):
            return self._command(action.unit_command)
        if action.HasField("camera_move"):
            centre = action.camera_move.center_world_space
            self.game["camera_x"], self.game["camera_y"] = centre.x, centre.y
            return sc_error.Success
        return sc_error.NotSupported

    def _command(self, command: sc_raw.ActionRawUnitCommand) -> int:
        ability = abilities.GENERAL.get(command.ability_id, command.ability_id)
        result: int = sc_error.Error
        for tag in command.unit_tags:
            j = self._place(OWN, tag)
            if j >= 0:
                result = self._order(j, ability, command)
        return result

    def _order(self, j: int, ability: int, command: sc_raw.ActionRawUnitCommand) -> int:
        """Give one unit its order."""
        game = self.game
        here = (game["x"][OWN, j], game["y"][OWN, j])
        point = (command.target_world_space_pos.x, command.target_world_space_pos.y)
        if ability == abilities.HOLD_POSITION:
            return self._set_order(j, HOLD, here)
        if ability == abilities.STOP:
            return self._set_order(j, IDLE, here)
        if ability == abilities.MOVE and command.HasField("target_world_space_pos"):
            return self._set_order(j, MOVE, point)
        if ability == abilities.ATTACK and command.HasField("target_world_space_pos"):
            return self._set_order(j, ATTACK_MOVE, point)
        if ability == abilities.ATTACK and command.HasField("target_unit_tag"):
            enemy = self._place(HOSTILE, command.target_unit_tag)
            if enemy < 0:
                return sc_error.Error
            self._set_order(j, ATTACK, (game["x"][HOSTILE, enemy], game["y"][HOSTILE, enemy]))
            game["target"][OWN, j] = enemy
            return sc_error.Success
        return sc_error.NotSupported

    def _set_order(self, j: int, order: int, point: tuple[float, float]) -> int:
        rule, game = self.engine.rules[0], self.game
        game["order"][OWN, j] = order
        game["order_x"][OWN, j] = min(max(point[0], rule["x0"]), rule["x1"])
        game["order_y"][OWN, j] = min(max(point[1], rule["y0"]), rule["y1"])
        game["target"][OWN, j] = LOOK
        return sc_error.Success

    def _place(self, side: int, tag: int) -> int:
        """The place of a living unit by its tag, -1 without one."""
        game, number = self.game, tag - _UNIT_TAGS
        for j in range(game["places"][side]):
            if game["tag"][side, j] == number and game["health"][side, j] > 0:
                return j
        return -1

    # ---- observations --------------------------------------------------------------------

    def observe(self, observation: sc_pb.Observation) -> None:
        """Write what the player may know."""
        game = self.game
        observation.game_loop = self.loop
        observation.score.score_type = sc_score.Score.Curriculum
        observation.score.score = int(game["score"])
        self._write_player(observation.player_common)
        raw = observation.raw_data
        raw.player.camera.x, raw.player.camera.y = game["camera_x"], game["camera_y"]
        for j in range(game["places"][OWN]):
            if game["health"][OWN, j] > 0:
                self._write_own(raw.units.add(), j)
        for k in range(game["places"][HOSTILE]):
            if game["health"][HOSTILE, k] > 0 and self._in_sight(game["visible"][k]):
                self._write_unit(raw.units.add(), HOSTILE, k)
        for k in range(game["items"]):
            if self._in_sight(game["item_visible"][k]):
                self._write_item(raw.units.add(), k)

    def _in_sight(self, visible: int) -> bool:
        return bool(visible) or not self.engine.values["fog"]

    def _write_player(self, player: sc_pb.PlayerCommon) -> None:
        game = self.game
        player.player_id = PLAYER
        player.minerals, player.vespene = int(game["minerals"]), int(game["vespene"])
        player.army_count = int((game["health"][OWN, : game["places"][OWN]] > 0).sum())

    def _write_unit(self, unit: sc_raw.Unit, side: int, j: int) -> None:
        """What is told of a unit of either side."""
        game = self.game
        kind = self.engine.units[game["kind"][side, j]]
        unit.display_type = sc_raw.Visible
        unit.alliance = sc_raw.Self if side == OWN else sc_raw.Enemy
        unit.owner = PLAYER if side == OWN else ENEMY
        unit.tag = _UNIT_TAGS + int(game["tag"][side, j])
        unit.unit_type = int(kind["type_id"])
        unit.pos.x, unit.pos.y = game["x"][side, j], game["y"][side, j]
        unit.radius, unit.build_progress = kind["radius"], 1.0
        unit.health, unit.health_max = game["health"][side, j], kind["health"]

    def _write_own(self, unit: sc_raw.Unit, j: int) -> None:
        """What is told of one's own units besides."""
        game = self.game
        self._write_unit(unit, OWN, j)
        unit.weapon_cooldown = game["cooldown"][OWN, j]
        order = int(game["order"][OWN, j])
        if order == IDLE:
            return
        written = unit.orders.add(ability_id=_REPORTED[order])
        if order == ATTACK:
            enemy = game["target"][OWN, j]
            written.target_unit_tag = _UNIT_TAGS + int(game["tag"][HOSTILE, enemy])
        elif order != HOLD:
            written.target_world_space_pos.x = game["order_x"][OWN, j]
            written.target_world_space_pos.y = game["order_y"][OWN, j]

    def _write_item(self, unit: sc_raw.Unit, k: int) -> None:
        game = self.game
        kind = int(game["item_kind"][k])
        unit.display_type = sc_raw.Visible
        unit.alliance, unit.owner = sc_raw.Neutral, NEUTRAL
        unit.unit_type, unit.radius = _ITEM_TYPES[kind], _ITEM_RADII[kind]
        unit.pos.x, unit.pos.y = game["item_x"][k], game["item_y"][k]
        # Items never stand on one another, and while they are there they do not move.
        unit.tag = _ITEM_TAGS + (int(unit.pos.x * 1000) << 20) + int(unit.pos.y * 1000)
        unit.build_progress = 1.0

    def describe(self, info: sc_pb.ResponseGameInfo) -> None:
        """Write what is known of the map from the start."""
        rule = self.engine.rules[0]
        info.map_name = self.map_name
        start = info.start_raw
        start.map_size.x = start.map_size.y = MAP_SIZE
        start.playable_area.p0.x, start.playable_area.p0.y = int(rule["x0"]), int(rule["y0"])
        start.playable_area.p1.x, start.playable_area.p1.y = int(rule["x1"]), int(rule["y1"])
