"""The real game through pysc2's function calls and feature layers, in the embedded games' spaces.

The calls and the features are the client library's own; here they are only brought into arrays of
fixed size, and turned as the variant wants. `vector` and `planes` come from the mirror, as with
macro actions. A call that is not available, or that the game reports as an error, does nothing and
is counted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from s2clientprotocol import sc2api_pb2 as sc_pb

from ..minigames.compiling import entry
from ..minigames.features import NUMBERS
from ..minigames.functions import COLUMNS, N_FUNCTIONS, function_table, to_function_call
from ..minigames.observations import Observations, copied
from ..minigames.screen import remapped
from ..minigames.sight import SCREEN
from ..minigames.spaces import action_space, mask_size
from ..minigames.state import GROUP
from .client import GameClient
from .library import sc2_env
from .mirror import Mirror

_AIMED = ("screen", "minimap")


@entry()
def _remapped(column: int, row: int, rules: np.ndarray) -> tuple[int, int]:
    """The pixel that an order aims at in this variant."""
    return remapped(column, row, rules[0])


def feature_interface(values: Mapping[str, Any]) -> Any:
    """What the game shall show: feature layers, and raw data beside them."""
    size = values["screen_size"]
    return sc2_env.AgentInterfaceFormat(
        feature_dimensions=sc2_env.Dimensions(screen=size, minimap=size),
        camera_width_world_units=SCREEN,
        hide_specific_actions=values["hide_specific_actions"],
        # Nothing reads the counts: they are the library's one way to ask for raw data besides.
        use_unit_counts=True,
    )


class FunctionFace(Mirror):
    """One game commanded with function calls, a `supervisor.Face`."""

    def __init__(self, task: str, values: Mapping[str, Any]) -> None:
        self._as_features = values["observation"] == "features"
        known = {"observation": "vector"} if self._as_features else {}
        super().__init__(task, {**values, **known})
        n_valid = mask_size(action_space("functions", values["screen_size"]))
        self._valid = np.ones(n_valid, np.bool_)
        self._features: dict[str, np.ndarray] = {}
        self._turned = _turned_pixels(self.rules[0]["turn"], values["screen_size"])

    def begin(self, client: GameClient, lived: int) -> None:
        """A new episode, of which nothing is known but its first observation."""
        super().begin(client, lived)
        self._take(client.observation)

    def commands(self, action: Any) -> list[Any]:
        """The library's call, or nothing for one that is not available."""
        row = np.array(action)
        if not self._valid[row[0]]:
            self.game["invalid_actions"] += 1
            return []
        function = function_table()[row[0]]
        for name in _AIMED:
            if function.ability_id and name in function.arguments:
                x, y = row[COLUMNS[name]]
                row[COLUMNS[name]] = _remapped(int(x), int(y), self.rules)
        return [sc2_env.actions_lib.FunctionCall(*to_function_call(row))]

    def follow(self, client: GameClient) -> float:
        """Take in what the game has answered; the reward."""
        reward = super().follow(client)
        self.game["invalid_actions"] += bool(client.response.action_errors)
        self._take(client.observation)
        return reward

    def _copy(self, response: sc_pb.ResponseObservation) -> None:
        """The record, and in it the game's own selection."""
        super()._copy(response)
        selected = {u.tag for u in response.observation.raw_data.units if u.is_selected}
        game, tags = self.game, self.tags
        game["selected"] = GROUP
        game["chosen"][: len(tags.own)] = [tag in selected for tag in tags.own]

    def _take(self, observation: Any) -> None:
        """The library's observation as arrays of fixed size."""
        available = np.zeros(N_FUNCTIONS, np.bool_)
        available[np.asarray(observation["available_actions"], np.int64)] = True
        self._valid[:N_FUNCTIONS] = available
        features: dict[str, np.ndarray] = {"available_actions": available.astype(np.int8)}
        for name in ("feature_screen", "feature_minimap"):
            layers = np.asarray(observation[name], np.int32)
            features[name] = layers[:, self._turned[0], self._turned[1]]
        for name, shape in NUMBERS.items():
            features[name] = np.zeros(shape, np.int32)
            given = np.asarray(observation[name])[: shape[0]]
            features[name][: len(given)] = given
        self._features = features

    # ---- what is known -------------------------------------------------------------------

    def observation(self) -> Observations:
        """What the agent sees, copied."""
        return copied(self._features) if self._as_features else super().observation()

    def mask(self) -> np.ndarray:
        """Which functions are available and, one part after the other, all values of every
        argument; bool, copied."""
        return self._valid.copy()

    def digest(self) -> str:
        """SHA-256 of the record, the tags and the features."""
        digest = hashlib.sha256(super().digest().encode())
        for name in sorted(self._features):
            digest.update(self._features[name].tobytes())
        return digest.hexdigest()


def _turned_pixels(turn: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """(rows, columns), each (size, size): from where each pixel of a turned picture is taken."""
    row, column = np.indices((size, size))
    dx, dy = 2 * column + 1 - size, size - 1 - 2 * row
    to_column = (turn[0, 0] * dx + turn[0, 1] * dy + size - 1) // 2
    to_row = size - 1 - (turn[1, 0] * dx + turn[1, 1] * dy + size - 1) // 2
    rows, columns = np.empty_like(row), np.empty_like(column)
    rows[to_row, to_column] = row
    columns[to_row, to_column] = column
    return rows, columns
