"""The game as the embedded engine would have it: each observation copied into one of its records.

From there on everything is the engine's own code: what the agent sees, which actions are valid,
what an action means for each unit. So vectors, planes, masks and actions are the same for both
backends, to the last bit where the game itself is the same.

What the interface does not tell is kept here from step to step: the selection, which lives on our
side alone; where an order leads when the game has forgotten it; and which unit stands in which
place. Places follow the order in which units were first seen, as they do in the engine.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple, cast

import numpy as np
from gymnasium import spaces
from s2clientprotocol import raw_pb2 as sc_raw
from s2clientprotocol import sc2api_pb2 as sc_pb

from ..minigames.compiling import entry
from ..minigames.drift import follow_drift
from ..minigames.field import clear_field
from ..minigames.orders import command, write_mask
from ..minigames.parameters import MAP_SIZE
from ..minigames.rules import rules_of
from ..minigames.see_planes import write_planes
from ..minigames.see_vector import write_vector
from ..minigames.sight import look_around
from ..minigames.spaces import N_ACTIONS, observation_space
from ..minigames.state import (
    ALL,
    ATTACK,
    ATTACK_MOVE,
    BEACON_ITEM,
    CAPACITY,
    GAME,
    HOLD,
    HOSTILE,
    IDLE,
    LOOK,
    MOVE,
    NO_TARGET,
    OWN,
    SHARD_ITEM,
)
from ..minigames.units import unit_columns, unit_table
from . import abilities
from .client import GameClient, GameFailure
from .commands import raw_actions

_MOVERS = {row["type_id"]: kind for kind, row in enumerate(unit_table()) if row["speed"] > 0}
"""Unit type in the game -> row of the unit table."""
_ITEMS = {"MoveToBeacon": BEACON_ITEM, "CollectMineralShards": SHARD_ITEM}
"""What a neutral unit is in a task where all are of one kind."""


class Compiled(NamedTuple):
    """Entry points into the engine's code."""

    begin: Callable[..., None]
    give: Callable[..., None]
    see: Callable[..., None]


@cache
def compiled(planes: bool) -> Compiled:
    """The engine's code for one kind of observation, as Python may call it."""

    @entry()
    def begin(games: Any, rules: np.ndarray) -> None:
        """An empty field."""
        clear_field(games[0], rules[0])

    @entry()
    def give(games: Any, action: int, mask: np.ndarray, rules: np.ndarray) -> None:
        """What an action means, written into the record."""
        command(games[0], action, mask, rules[0])

    @entry(planes)
    def see(
        games: Any, rules: np.ndarray, unit_columns: np.ndarray, seen: np.ndarray, mask: np.ndarray
    ) -> None:
        """What is in sight, and from it the observation and the mask."""
        game, rule, units = games[0], rules[0], unit_columns[0]
        follow_drift(game, rule)
        look_around(game, rule, units)
        if planes:
            write_planes(game, rule, units, seen)
        else:
            write_vector(game, rule, units, seen)
        write_mask(game, rule, mask)

    return Compiled(begin, give, see)


class Mirror:
    """One game of the client as one record (`GAME`), a `supervisor.Face`."""

    def __init__(self, task: str, values: Mapping[str, Any]) -> None:
        self.task = task
        self.rules = rules_of(task, values)
        self.units = unit_table()
        self._unit_columns = unit_columns()
        self._code = compiled(values["observation"] == "planes")
        self.games = np.zeros(1, GAME)
        space = cast(spaces.Box, observation_space(values["observation"], values["plane_size"]))
        self._seen: np.ndarray = np.zeros(space.shape, space.dtype)
        self._mask = np.zeros(N_ACTIONS, np.bool_)
        self._tags: list[list[int]] = [[], []]
        """Of each side, the units' tags by place."""
        self._item_tags: list[int] = []

    @property
    def game(self) -> Any:
        """The record; what is assigned to its fields stays."""
        return self.games[0]

    # ---- an episode ----------------------------------------------------------------------

    def begin(self, client: GameClient, lived: int) -> None:
        """A new episode, of which nothing is known but its first observation."""
        self.games[:] = np.zeros(1, GAME)
        self._code.begin(self.games, self.rules)
        self.game["lived"] = lived
        self._tags = [[], []]
        self._read(client.response)
        self._see()

    def commands(self, action: Any) -> list[sc_pb.Action]:
        """Let the engine decide what an action means, and say it in the game's words."""
        game = self.game
        untouched = np.iinfo(game["target"].dtype).min
        targets = game["target"][OWN].copy()
        game["target"][OWN] = untouched
        camera = (float(game["camera_x"]), float(game["camera_y"]))
        self._code.give(self.games, int(action), self._mask, self.rules)
        touched = game["target"][OWN] != untouched
        game["target"][OWN] = np.where(touched, game["target"][OWN], targets)
        ordered = [int(j) for j in np.flatnonzero(touched) if game["health"][OWN, j] > 0]
        return raw_actions(game, ordered, camera, self._tags)

    def follow(self, client: GameClient) -> float:
        """Take in what the game has answered; the reward."""
        game = self.game
        before, scale = float(game["score"]), float(game["reward_scale"])
        self._read(client.response)
        game["lived"] += 1
        self._see()
        return (float(game["score"]) - before) * scale

    def _see(self) -> None:
        self._code.see(self.games, self.rules, self._unit_columns, self._seen, self._mask)

    def observation(self) -> np.ndarray:
        """What the agent sees, copied."""
        return self._seen.copy()

    def mask(self) -> np.ndarray:
        """Which actions are valid, (30,) bool, copied."""
        return self._mask.copy()

    def picture(self) -> np.ndarray:
        """What is known of the game, drawn from above, (height, width, 3) uint8."""
        from ..minigames.render import picture

        # It asks for no more of an engine than its records, rules and units.
        return picture(cast(Any, self), 0)

    def digest(self) -> str:
        """SHA-256 of the record and the tags."""
        whole = self.games.tobytes() + repr((self._tags, self._item_tags)).encode()
        return hashlib.sha256(whole).hexdigest()

    @property
    def loop(self) -> int:
        """Game loops since the start of the episode."""
        return int(self.game["loop"])

    @property
    def over(self) -> bool:
        """Whether no own unit is left, the one way in which the rules end an episode."""
        return not self._tags[OWN]

    @property
    def invalid_actions(self) -> int:
        """Since the start of the episode."""
        return int(self.game["invalid_actions"])

    # ---- reading -------------------------------------------------------------------------

    def _read(self, response: sc_pb.ResponseObservation) -> None:
        """Copy an observation into the record. Raises `GameFailure` for what cannot be."""
        observation = response.observation
        raw = observation.raw_data
        _check(raw.units)
        game = self.game
        game["loop"], game["score"] = observation.game_loop, observation.score.score
        if raw.player.HasField("camera"):
            game["camera_x"], game["camera_y"] = raw.player.camera.x, raw.player.camera.y
        own = [u for u in raw.units if u.alliance == sc_raw.Self and u.unit_type in _MOVERS]
        hostile = [
            unit
            for unit in raw.units
            if unit.alliance == sc_raw.Enemy
            and unit.unit_type in _MOVERS
            and unit.display_type == sc_raw.Visible
        ]
        self._read_items([unit for unit in raw.units if unit.alliance == sc_raw.Neutral])
        self._place(HOSTILE, hostile)
        self._read_own(own)

    def _read_items(self, neutral: Sequence[sc_raw.Unit]) -> None:
        game = self.game
        kind = _ITEMS.get(self.task)
        if kind is None:
            return
        items = neutral[:CAPACITY]
        game["items"] = len(items)
        self._item_tags = [unit.tag for unit in items]
        for k, unit in enumerate(items):
            game["item_kind"][k] = kind
            game["item_x"][k], game["item_y"][k] = unit.pos.x, unit.pos.y

    def _place(self, side: int, units: Sequence[sc_raw.Unit]) -> dict[int, sc_raw.Unit]:
        """Give the living units of a side their places.

        Own units in the order of their first sight, so that selecting the next one goes round;
        hostile ones, which come and go in the fog, in the order of their tags.
        """
        by_tag = {unit.tag: unit for unit in units}
        before = self._tags[side] if side == OWN else []
        stay = [tag for tag in before if tag in by_tag]
        tags = (stay + sorted(by_tag.keys() - set(stay)))[:CAPACITY]
        game = self.game
        game["places"][side] = len(tags)
        game["health"][side, len(tags) :] = 0
        for j, tag in enumerate(tags):
            unit = by_tag[tag]
            game["kind"][side, j] = _MOVERS[unit.unit_type]
            game["x"][side, j], game["y"][side, j] = unit.pos.x, unit.pos.y
            game["health"][side, j] = unit.health
        self._tags[side] = tags
        return by_tag

    def _read_own(self, units: Sequence[sc_raw.Unit]) -> None:
        """The own side: places, what goes with a unit when its place changes, and orders."""
        game, before = self.game, self._tags[OWN]
        selected = int(game["selected"])
        chosen = before[selected] if 0 <= selected < len(before) else None
        kept = {tag: _memory(game, j) for j, tag in enumerate(before)}
        by_tag = self._place(OWN, units)
        for j, tag in enumerate(self._tags[OWN]):
            unit = by_tag[tag]
            game["cooldown"][OWN, j] = unit.weapon_cooldown
            _remember(game, j, kept.get(tag, (IDLE, unit.pos.x, unit.pos.y, LOOK)))
            self._read_order(j, unit)
        if selected >= 0:
            tags = self._tags[OWN]
            game["selected"] = tags.index(chosen) if chosen in tags else ALL

    def _read_order(self, j: int, unit: sc_raw.Unit) -> None:
        """What a unit is doing, as the game says it."""
        game = self.game
        if not unit.orders:
            game["order"][OWN, j] = IDLE
            return
        order = unit.orders[0]
        ability = abilities.GENERAL.get(order.ability_id, order.ability_id)
        if ability == abilities.HOLD_POSITION:
            game["order"][OWN, j] = HOLD
        elif ability == abilities.ATTACK and order.HasField("target_unit_tag"):
            game["order"][OWN, j] = ATTACK
            game["target"][OWN, j] = _index(self._tags[HOSTILE], order.target_unit_tag)
        elif ability in (abilities.MOVE, abilities.ATTACK):
            game["order"][OWN, j] = MOVE if ability == abilities.MOVE else ATTACK_MOVE
            point = order.target_world_space_pos
            game["order_x"][OWN, j], game["order_y"][OWN, j] = point.x, point.y


def _memory(game: Any, j: int) -> tuple[int, float, float, int]:
    """What the interface may forget of an own unit: order, its point, its target."""
    return (
        game["order"][OWN, j],
        game["order_x"][OWN, j],
        game["order_y"][OWN, j],
        game["target"][OWN, j],
    )


def _remember(game: Any, j: int, memory: tuple[int, float, float, int]) -> None:
    game["order"][OWN, j], game["order_x"][OWN, j], game["order_y"][OWN, j] = memory[:3]
    game["target"][OWN, j] = memory[3]


def _index(tags: Sequence[int], tag: int) -> int:
    return tags.index(tag) if tag in tags else NO_TARGET


def _check(units: Iterable[sc_raw.Unit]) -> None:
    """Raise `GameFailure` for units that no map could hold."""
    for unit in units:
        sound = 0 <= unit.pos.x <= MAP_SIZE and 0 <= unit.pos.y <= MAP_SIZE
        if not sound or not math.isfinite(unit.health):
            raise GameFailure(
                f"an impossible observation: unit {unit.tag} of type {unit.unit_type} at "
                f"({unit.pos.x:g}, {unit.pos.y:g}) with health {unit.health:g}"
            )
