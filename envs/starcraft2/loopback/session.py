"""The game's API as a machine of states: one request in, one response out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any

from s2clientprotocol import sc2api_pb2 as sc_pb

from ...minigames.catalogue import GAMES
from .function_simulation import FunctionSimulation
from .install import BUILD
from .report import PLAYER
from .simulation import Simulation

VERSION = "l2rl loopback simulation, not StarCraft II"
"""What `ping` gives as the game's version."""


class Session:
    """One process's worth of the API."""

    def __init__(self) -> None:
        self.status: Any = sc_pb.launched
        self.simulation: Simulation | None = None
        self.seed, self._map_name = 0, ""
        self._options = sc_pb.InterfaceOptions()
        self._created = sc_pb.RequestCreateGame()
        self._answers: dict[str, Callable[[Any, sc_pb.Response], None]] = {
            "ping": self._ping,
            "create_game": self._create_game,
            "join_game": self._join_game,
            "restart_game": self._restart_game,
            "leave_game": self._leave_game,
            "game_info": self._game_info,
            "observation": self._observation,
            "action": self._action,
            "step": self._step,
            "data": self._data,
            "available_maps": self._available_maps,
            "save_replay": self._save_replay,
            "quit": self._quit,
        }

    def answer(self, request: sc_pb.Request) -> sc_pb.Response:
        """The response to a request; what is out of place is answered with an error."""
        kind = request.WhichOneof("request")
        response = sc_pb.Response(id=request.id)
        if kind not in self._answers:
            response.error.append(f"The loopback simulation knows no request {kind!r}.")
        else:
            self._answers[kind](getattr(request, kind), response)
        response.status = self.status
        return response

    def _playing(self, response: sc_pb.Response) -> Simulation | None:
        """The simulation of a game in progress or just ended; otherwise an error is written."""
        if self.simulation is None or self.status not in (sc_pb.in_game, sc_pb.ended):
            response.error.append("There is no game: create and join one first.")
            return None
        return self.simulation

    # ---- a game's life -------------------------------------------------------------------

    def _ping(self, request: sc_pb.RequestPing, response: sc_pb.Response) -> None:
        response.ping.game_version = VERSION
        response.ping.base_build = response.ping.data_build = BUILD

    def _create_game(self, request: sc_pb.RequestCreateGame, response: sc_pb.Response) -> None:
        name = PurePosixPath(request.local_map.map_path or request.battlenet_map_name).stem
        if name not in GAMES:
            response.create_game.error = sc_pb.ResponseCreateGame.InvalidMapPath
            response.create_game.error_details = f"The loopback simulation has no map {name!r}."
            return
        self._created, self._map_name = request, name
        self.seed = request.random_seed
        response.create_game.SetInParent()
        self.status = sc_pb.init_game

    def _join_game(self, request: sc_pb.RequestJoinGame, response: sc_pb.Response) -> None:
        if self.status != sc_pb.init_game:
            response.join_game.error = sc_pb.ResponseJoinGame.GameFull
            return
        self._options = request.options
        self.simulation = self._start()
        response.join_game.player_id = PLAYER
        self.status = sc_pb.in_game

    def _start(self) -> Simulation:
        """The game that has been created, as the one who joins wants to play it."""
        fog = {"disable_fog": self._created.disable_fog}
        if not self._options.HasField("feature_layer"):
            return Simulation(self._map_name, self.seed, **fog)
        size = self._options.feature_layer.resolution.x
        return FunctionSimulation(self._map_name, self.seed, screen_size=size, **fog)

    def _restart_game(self, request: sc_pb.RequestRestartGame, response: sc_pb.Response) -> None:
        simulation = self._playing(response)
        if simulation is not None:
            simulation.restart()
            response.restart_game.SetInParent()
            self.status = sc_pb.in_game

    def _leave_game(self, request: sc_pb.RequestLeaveGame, response: sc_pb.Response) -> None:
        response.leave_game.SetInParent()
        self.simulation, self.status = None, sc_pb.launched

    def _quit(self, request: sc_pb.RequestQuit, response: sc_pb.Response) -> None:
        response.quit.SetInParent()
        self.status = sc_pb.quit

    # ---- playing -------------------------------------------------------------------------

    def _game_info(self, request: sc_pb.RequestGameInfo, response: sc_pb.Response) -> None:
        simulation = self._playing(response)
        if simulation is None:
            return
        simulation.describe(response.game_info)
        response.game_info.local_map_path = self._created.local_map.map_path
        response.game_info.options.CopyFrom(self._options)
        player = response.game_info.player_info.add(player_id=PLAYER, type=sc_pb.Participant)
        player.race_requested = player.race_actual = 1

    def _observation(self, request: sc_pb.RequestObservation, response: sc_pb.Response) -> None:
        simulation = self._playing(response)
        if simulation is None:
            return
        simulation.observe(response.observation)
        if simulation.ended:
            won = sc_pb.Defeat if simulation.game["over"] else sc_pb.Victory
            response.observation.player_result.add(player_id=PLAYER, result=won)

    def _action(self, request: sc_pb.RequestAction, response: sc_pb.Response) -> None:
        simulation = self._playing(response)
        if simulation is None:
            return
        response.action.SetInParent()
        for action in request.actions:
            result: Any = simulation.act(action)
            response.action.result.append(result)

    def _step(self, request: sc_pb.RequestStep, response: sc_pb.Response) -> None:
        simulation = self._playing(response)
        if simulation is None:
            return
        if simulation.ended:
            response.error.append("Game has already ended")
            return
        simulation.advance(max(request.count, 1))
        response.step.simulation_loop = simulation.loop
        if simulation.ended:
            self.status = sc_pb.ended

    # ---- what little else is asked -------------------------------------------------------

    def _data(self, request: sc_pb.RequestData, response: sc_pb.Response) -> None:
        response.data.SetInParent()

    def _available_maps(
        self, request: sc_pb.RequestAvailableMaps, response: sc_pb.Response
    ) -> None:
        paths = [f"mini_games/{name}.SC2Map" for name in GAMES]
        response.available_maps.local_map_paths.extend(paths)

    def _save_replay(self, request: sc_pb.RequestSaveReplay, response: sc_pb.Response) -> None:
        response.save_replay.data = VERSION.encode()
