"""One embedded game behind the words of StarCraft II's interface: it obeys raw actions."""

from __future__ import annotations

from typing import Any

import numpy as np
from s2clientprotocol import error_pb2 as sc_error
from s2clientprotocol import raw_pb2 as sc_raw
from s2clientprotocol import sc2api_pb2 as sc_pb

from ...minigames.catalogue import find_game
from ...minigames.engine import Engine
from ...minigames.parameters import MAP_SIZE
from ...minigames.state import ATTACK, ATTACK_MOVE, GEYSER_ITEM, HOLD, HOSTILE, IDLE, MOVE, OWN
from ...minigames.units import QUEUE_LENGTH, REFINERY, SCV, unit_columns
from .. import abilities
from . import orders
from .report import ITEM_TAGS, STRUCTURE_TAGS, UNIT_TAGS, item_tag, write_observation

_SAME_PLACE = 0.8
_TRAINED = {abilities.TRAIN_SCV: SCV, abilities.TRAIN_MARINE: 0}


class Simulation:
    """A game on one of the seven maps."""

    def __init__(
        self, map_name: str, seed: int, *, disable_fog: bool = False, **parameters: Any
    ) -> None:
        fog = bool(find_game(map_name).parameters["fog"].default) and not disable_fog
        # What is on the screen is the viewer's business: raw data is not limited by it.
        parameters |= {"fog": fog, "camera": False}
        # Compiled here, where a client waits patiently, and not in its first step.
        nothing = Engine(map_name, parameters, [seed])
        self._no_op = np.zeros((1, *(nothing.action_space.shape or ())), np.int64)
        nothing.step(self._no_op)
        self.engine = Engine(map_name, parameters, [seed])
        self.unit_columns = unit_columns()
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
        self.engine.step(self._no_op, restart=False)

    def observe(self, response: sc_pb.ResponseObservation) -> None:
        """Write what the player may know."""
        counts = orders.counts(self.engine.games, self.unit_columns)
        write_observation(self.engine, counts, response.observation)

    def describe(self, info: sc_pb.ResponseGameInfo) -> None:
        """Write what is known of the map from the start."""
        rule = self.engine.rules[0]
        info.map_name = self.map_name
        start = info.start_raw
        start.map_size.x = start.map_size.y = MAP_SIZE
        start.playable_area.p0.x, start.playable_area.p0.y = int(rule["x0"]), int(rule["y0"])
        start.playable_area.p1.x, start.playable_area.p1.y = int(rule["x1"]), int(rule["y1"])

    # ---- actions -------------------------------------------------------------------------

    def act(self, action: sc_pb.Action) -> int:
        """Carry out one action; an `ActionResult`. Only raw ones are known here."""
        raw = action.action_raw
        if raw.HasField("unit_command"):
            return self._command(raw.unit_command)
        if raw.HasField("camera_move"):
            centre = raw.camera_move.center_world_space
            self.game["camera_x"], self.game["camera_y"] = centre.x, centre.y
            return sc_error.Success
        return sc_error.NotSupported

    def _command(self, command: sc_raw.ActionRawUnitCommand) -> int:
        ability = abilities.GENERAL.get(command.ability_id, command.ability_id)
        result: int = sc_error.Error
        for tag in command.unit_tags:
            if tag >= STRUCTURE_TAGS:
                result = self._train(tag - STRUCTURE_TAGS, ability)
            else:
                j = self._place(OWN, tag)
                if j >= 0 and not orders.is_building(self.engine.games, j):
                    result = self._order(j, ability, command)
        return result

    def _order(self, j: int, ability: int, command: sc_raw.ActionRawUnitCommand) -> int:
        """Give one unit its order."""
        games, game = self.engine.games, self.game
        point = (command.target_world_space_pos.x, command.target_world_space_pos.y)
        if ability in (abilities.HOLD_POSITION, abilities.STOP):
            here = (float(game["x"][OWN, j]), float(game["y"][OWN, j]))
            return self._go(j, HOLD if ability == abilities.HOLD_POSITION else IDLE, here)
        if ability == abilities.HARVEST_RETURN:
            orders.go_home(games, j)
            return sc_error.Success
        if command.HasField("target_unit_tag"):
            return self._order_about(j, ability, command.target_unit_tag)
        if not command.HasField("target_world_space_pos"):
            return sc_error.Error
        if ability in (abilities.MOVE, abilities.ATTACK):
            return self._go(j, MOVE if ability == abilities.MOVE else ATTACK_MOVE, point)
        if ability in abilities.BUILDS:
            orders.put_up(games, j, abilities.BUILDS[ability], *point)
            return sc_error.Success
        return sc_error.NotSupported

    def _order_about(self, j: int, ability: int, tag: int) -> int:
        """Give one unit an order about another."""
        game = self.game
        if ability == abilities.ATTACK:
            enemy = self._place(HOSTILE, tag)
            if enemy < 0:
                return sc_error.Error
            place = (float(game["x"][HOSTILE, enemy]), float(game["y"][HOSTILE, enemy]))
            self._go(j, ATTACK, place)
            game["target"][OWN, j] = enemy
            return sc_error.Success
        k = self._item(tag)
        if k < 0:
            return sc_error.Error
        if ability == abilities.HARVEST_GATHER:
            orders.work(self.engine.games, j, k)
            return sc_error.Success
        if ability == abilities.BUILD_REFINERY and game["item_kind"][k] == GEYSER_ITEM:
            orders.put_up(self.engine.games, j, REFINERY, game["item_x"][k], game["item_y"][k])
            return sc_error.Success
        return sc_error.NotSupported

    def _go(self, j: int, order: int, point: tuple[float, float]) -> int:
        orders.go(self.engine.games, j, order, *point, self.engine.rules)
        return sc_error.Success

    def _train(self, s: int, ability: int) -> int:
        """Order a unit in a structure, and pay for it."""
        game = self.game
        if s >= game["structures"] or ability != abilities.TRAINED_IN.get(
            int(game["structure_kind"][s])
        ):
            return sc_error.NotSupported
        price = int(self.engine.units[_TRAINED[ability]]["minerals"])
        if game["minerals"] < price:
            return sc_error.NotEnoughMinerals
        if game["queue"][s] >= QUEUE_LENGTH or game["structure_left"][s] > 0:
            return sc_error.QueueIsFull
        game["minerals"] -= price
        game["queue"][s] += 1
        return sc_error.Success

    def _place(self, side: int, tag: int) -> int:
        """The place of a living unit by its tag, -1 without one."""
        game, number = self.game, tag - UNIT_TAGS
        for j in range(game["places"][side]):
            if game["tag"][side, j] == number and game["health"][side, j] > 0:
                return j
        return -1

    def _item(self, tag: int) -> int:
        """The item with this tag, or under the refinery with it; -1 without one."""
        game = self.game
        if tag >= STRUCTURE_TAGS:
            s = tag - STRUCTURE_TAGS
            return int(game["structure_item"][s]) if s < game["structures"] else -1
        if tag < ITEM_TAGS:
            return -1
        for k in range(game["items"]):
            if game["item_kind"][k] != 0 and item_tag(game, k) == tag:
                return k
        return -1
