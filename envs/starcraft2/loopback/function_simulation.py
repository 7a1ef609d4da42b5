"""The same game behind the interface of feature layers: pictures, panels, and clicks on them."""

from __future__ import annotations

from typing import Any

import numpy as np
from s2clientprotocol import error_pb2 as sc_error
from s2clientprotocol import sc2api_pb2 as sc_pb

from ...minigames.function_kernel import perform
from .function_report import write_features
from .panels import call_of
from .simulation import Simulation


class FunctionSimulation(Simulation):
    """A game on one of the seven maps, seen on a square screen of `screen_size` pixels."""

    def __init__(
        self, map_name: str, seed: int, *, screen_size: int, disable_fog: bool = False
    ) -> None:
        self._failed_calls = 0
        super().__init__(
            map_name,
            seed,
            disable_fog=disable_fog,
            actions="functions",
            observation="features",
            screen_size=screen_size,
            # The interface tells all abilities; hiding some is the library's business.
            hide_specific_actions=False,
        )

    def act(self, action: sc_pb.Action) -> int:
        """Carry out one action; an `ActionResult`."""
        if action.HasField("action_raw"):
            return super().act(action)
        call = call_of(action)
        if call is None:
            return sc_error.NotSupported
        engine = self.engine
        before = int(self.game["invalid_actions"])
        perform(
            engine.games, call[np.newaxis], engine.rules, self.unit_columns, engine.masks
        )  # fmt: skip
        if self.game["invalid_actions"] == before:
            return sc_error.Success
        self._failed_calls += 1
        return sc_error.Error

    def observe(self, response: sc_pb.ResponseObservation) -> None:
        """Write what the player may know, and which calls since the last time had no effect."""
        super().observe(response)
        features: Any = self.engine.observe()
        write_features({name: array[0] for name, array in features.items()}, response.observation)
        for _ in range(self._failed_calls):
            response.action_errors.add(result=sc_error.Error)
        self._failed_calls = 0
