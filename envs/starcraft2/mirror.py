"""The game as the embedded engine would have it: each answer is copied into one of its records.

From there on everything is the engine's own code: what the agent sees, which actions are valid,
what an action means for each unit. So vectors, planes, masks and actions are the same for both
backends, to the last bit where the game itself is the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, NamedTuple, cast

import numpy as np
from s2clientprotocol import sc2api_pb2 as sc_pb

from ..minigames.catalogue import COLLECT_MINERALS_AND_GAS, find_game
from ..minigames.compiling import entry
from ..minigames.drift import follow_drift
from ..minigames.field import clear_field
from ..minigames.kernel import face
from ..minigames.observations import Observations
from ..minigames.rules import rules_of
from ..minigames.sight import look_around
from ..minigames.spaces import N_ACTIONS, observation_space
from ..minigames.state import GAME, OWN
from ..minigames.units import unit_columns, unit_table
from .client import GameClient
from .commands import camera_actions, training_actions, unit_actions
from .reading import Tags, read
from .reading_economy import EconomyReader


class Compiled(NamedTuple):
    """Entry points into the engine's code, for a game that is played elsewhere."""

    clear: Callable[..., None]
    command: Callable[..., None]
    look: Callable[..., None]


@cache
def compiled(code: int, planes: bool) -> Compiled:
    """The engine's code for one game and one kind of observation, as Python may call it."""
    obey, allow, see = face(code, planes)

    @entry(code, planes)
    def clear(games: Any, rules: np.ndarray) -> None:
        """An empty field."""
        clear_field(games[0], rules[0])

    @entry(code, planes)
    def command(
        games: Any, action: int, mask: np.ndarray, rules: np.ndarray, unit_columns: np.ndarray
    ) -> None:
        """Write what an action means into the record, and let no time pass."""
        obey(games[0], action, mask, rules[0], unit_columns[0])

    @entry(code, planes)
    def look(
        games: Any, rules: np.ndarray, unit_columns: np.ndarray, seen: np.ndarray, mask: np.ndarray
    ) -> None:
        """What is in sight, and from it the observation and the mask."""
        game, rule, units = games[0], rules[0], unit_columns[0]
        follow_drift(game, rule)
        look_around(game, rule, units)
        see(game, rule, units, seen)
        allow(game, rule, units, mask)

    return Compiled(clear, command, look)


class Mirror:
    """One game of the client as one record (`GAME`), a `supervisor.Face`."""

    def __init__(self, task: str, values: Mapping[str, Any]) -> None:
        self.task = task
        self.rules = rules_of(task, values)
        self.units = unit_table()
        self.games = np.zeros(1, GAME)
        self.tags = Tags()
        self._unit_columns = unit_columns()
        code = find_game(task).code
        self._economy = None
        if code >= COLLECT_MINERALS_AND_GAS:
            self._economy = EconomyReader(self.games, self.rules, self._unit_columns)
        self._code = compiled(code, values["observation"] == "planes")
        space = observation_space(values["observation"], values["plane_size"])
        self._seen = np.zeros(space.shape or (), space.dtype)
        self._mask = np.zeros(N_ACTIONS, np.bool_)

    @property
    def game(self) -> Any:
        """The record; what is assigned to its fields stays."""
        return self.games[0]

    # ---- an episode ----------------------------------------------------------------------

    def begin(self, client: GameClient, lived: int) -> None:
        """A new episode, of which nothing is known but its first observation."""
        self.games[:] = np.zeros(1, GAME)
        self._code.clear(self.games, self.rules)
        self.game["lived"] = lived
        self.tags = Tags()
        if self._economy is not None:
            self._economy.begin()
        self._read(client.response)

    def commands(self, action: Any) -> list[sc_pb.Action]:
        """Let the engine decide what an action means, and say it in the game's words."""
        game = self.game
        camera = (float(game["camera_x"]), float(game["camera_y"]))
        queues = game["queue"].copy()
        obey = self._ordered_workers if self._economy is not None else self._ordered_soldiers
        alive = [j for j in obey(int(action)) if game["health"][OWN, j] > 0]
        return [
            *unit_actions(game, alive, self.tags),
            *training_actions(game, queues, self.tags),
            *camera_actions(game, camera),
        ]

    def _ordered_soldiers(self, action: int) -> list[int]:
        """Obey; the places of those who got an order, be it the one they had: it makes them look
        for the nearest enemy again. Every order sets a target, and no action reads one."""
        target = self.game["target"]
        nobody = np.iinfo(target.dtype).min
        before = target[OWN].copy()
        target[OWN] = nobody
        self._obey(action)
        ordered = target[OWN] != nobody
        target[OWN] = np.where(ordered, target[OWN], before)
        return [int(j) for j in np.flatnonzero(ordered)]

    def _ordered_workers(self, action: int) -> list[int]:
        """Obey; the places of those whose order is another than before."""
        game, fields = self.game, ("order", "order_x", "order_y", "target")
        before = [game[name][OWN].copy() for name in fields]
        self._obey(action)
        pairs = zip(fields, before, strict=True)
        changed = np.any([game[name][OWN] != old for name, old in pairs], axis=0)
        return [int(j) for j in np.flatnonzero(changed)]

    def _obey(self, action: int) -> None:
        self._code.command(self.games, action, self._mask, self.rules, self._unit_columns)

    def follow(self, client: GameClient) -> float:
        """Take in what the game has answered; the reward."""
        game = self.game
        before, scale = float(game["score"]), float(game["reward_scale"])
        game["lived"] += 1
        self._read(client.response)
        return (float(game["score"]) - before) * scale

    def _read(self, response: sc_pb.ResponseObservation) -> None:
        self._copy(response)
        self._code.look(self.games, self.rules, self._unit_columns, self._seen, self._mask)

    def _copy(self, response: sc_pb.ResponseObservation) -> None:
        """An answer into the record."""
        if self._economy is not None:
            self._economy.read(self.game, self.tags, response)
        else:
            read(self.game, self.tags, self.task, response)

    # ---- what is known -------------------------------------------------------------------

    def observation(self) -> Observations:
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
        whole = self.games.tobytes() + repr(self.tags).encode()
        return hashlib.sha256(whole).hexdigest()

    @property
    def loop(self) -> int:
        """Game loops since the start of the episode."""
        return int(self.game["loop"])

    @property
    def over(self) -> bool:
        """Whether no own unit is left, the one way in which the rules end an episode."""
        return not self.tags.own

    @property
    def invalid_actions(self) -> int:
        """Since the start of the episode."""
        return int(self.game["invalid_actions"])
