"""One StarCraft II process and the real client library on top of it; nothing is retried here.

Every call either returns or raises `GameFailure`, after which this client is of no use any more
and only `close` may be called.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import websocket
from google.protobuf.message import DecodeError
from s2clientprotocol import sc2api_pb2 as sc_pb

from .guard import guarded
from .library import protocol, remote_controller, sc2_env, sc_process

_FAILURES = (
    protocol.ConnectionError,
    protocol.ProtocolError,
    remote_controller.ConnectError,
    remote_controller.RequestError,
    sc_process.SC2LaunchError,
    websocket.WebSocketException,
    DecodeError,
    OSError,
    # What the library raises for an answer that cannot be: no progress, a stub too early.
    ValueError,
    RuntimeError,
)
_LOG_TAIL = 600
"""Characters of the game's own output that a failure quotes."""


class GameFailure(Exception):
    """The game died, hung or answered nonsense."""


class GuardedProcess(sc_process.StarcraftProcess):  # type: ignore[misc]
    """The library's process, which ends with ours and says truly whether it runs."""

    def _launch(self, run_config: Any, args: list[str], **kwargs: Any) -> Any:
        self._owner = os.getpid()
        # In a session of its own: Ctrl-C asks the run to stop at its next safe point, and until
        # then the run needs its game.
        return super()._launch(
            run_config, guarded(args) if os.name == "posix" else args, start_new_session=True,
            **kwargs,
        )  # fmt: skip

    @property
    def running(self) -> bool:
        """Whether the process is alive. The library's own answer is yes once it has a port."""
        return self._proc is not None and self._proc.poll() is None

    def kill(self) -> None:
        """End the game at once, without asking it."""
        self._shutdown()

    def close(self) -> None:
        """End the game; in a forked copy of the process that plays it, nothing."""
        if getattr(self, "_owner", os.getpid()) == os.getpid():
            super().close()


class _Environment(sc2_env.SC2Env):  # type: ignore[misc]
    """The library's environment, with time-outs and with a process under guard."""

    _sc2_procs: Any = None
    _controllers: Any = None

    def __init__(self, *, launch_timeout_s: int, output: Any, **arguments: Any) -> None:
        self._launch_timeout_s, self._output = launch_timeout_s, output
        self._owner = os.getpid()
        try:
            super().__init__(**arguments)
        except BaseException:
            self.kill()
            raise

    def _launch_game(self) -> None:
        config = self._run_config
        self._ports: list[int] = []
        self._sc2_procs = [
            GuardedProcess(
                config,
                exec_path=os.path.join(
                    config.data_dir,
                    f"Versions/Base{config.version.build_version:05d}",
                    config._exec_name,
                ),
                version=config.version,
                timeout_seconds=self._launch_timeout_s,
                stdout=self._output,
                stderr=self._output,
            )
        ]
        self._controllers = [self._sc2_procs[0].controller]

    def new_game(self, seed: int) -> Any:
        """A game from its beginning. The library seeds only where it creates one."""
        self._random_seed = seed
        self._create_join()
        self._episode_count = 0
        return self.reset()

    def set_timeout(self, seconds: float) -> None:
        """How long every call from now on may take."""
        self._controllers[0]._client._sock.settimeout(seconds)

    def close(self) -> None:
        """End the game; in a forked copy of the process that plays it, nothing."""
        if self._owner == os.getpid():
            super().close()

    def kill(self) -> None:
        """End the game without asking it, and forget it."""
        for process in self._sc2_procs or ():
            process.kill()
        # With the process gone the library's farewell has nobody to wait for.
        self.close()


class GameClient:
    """One StarCraft II process that plays one map.

    `interface` is what the observations shall contain. With `sc_pb.InterfaceOptions` the
    library passes observations and actions through as they are.
    """

    def __init__(
        self,
        map_name: str,
        interface: Any,
        *,
        seed: int,
        call_timeout_s: float,
        launch_timeout_s: float,
        disable_fog: bool = False,
    ) -> None:
        self.map_name = map_name
        self._call_timeout_s, self._launch_timeout_s = call_timeout_s, launch_timeout_s
        self._output = tempfile.TemporaryFile(prefix="l2rl-sc2-")  # noqa: SIM115
        self._env: Any = None
        self._fresh: int | None = seed
        """The seed of the game that launching has created and nobody has played yet."""
        with self._told():
            self._env = _Environment(
                map_name=map_name,
                players=[sc2_env.Agent(sc2_env.Race.terran)],
                agent_interface_format=interface,
                random_seed=seed,
                disable_fog=disable_fog,
                launch_timeout_s=max(int(launch_timeout_s), 1),
                output=self._output,
            )

    def begin(self, seed: int) -> Any:
        """Start an episode, which depends on this seed (32 bits) and the actions to come alone.

        Returns the library's first `TimeStep`.
        """
        with self._told():
            self._env.set_timeout(self._launch_timeout_s)
            step = self._env.reset() if self._fresh == seed else self._env.new_game(seed)
            self._fresh = None
            self._env.set_timeout(self._call_timeout_s)
            return step[0]

    def step(self, actions: Sequence[Any], loops: int) -> Any:
        """Take actions, go on for some game loops; the library's `TimeStep`."""
        with self._told():
            return self._env.step([list(actions)], step_mul=loops)[0]

    @property
    def response(self) -> sc_pb.ResponseObservation:
        """The game's last answer, as it came."""
        response: sc_pb.ResponseObservation = self._env._obs[0]
        return response

    @property
    def observation(self) -> Any:
        """The same as the library has prepared it for agents."""
        return self._env._agent_obs[0]

    @property
    def ended(self) -> bool:
        """Whether the episode is over by the game's own rules and time limit."""
        return bool(self.response.player_result)

    def version(self) -> str:
        """The version the game gives itself."""
        with self._told():
            return str(self._env._controllers[0].ping().game_version)

    @property
    def pid(self) -> int | None:
        """Process that guards the game (the game itself where there is no guard)."""
        processes = self._env and self._env._sc2_procs
        return processes[0].pid if processes else None

    def close(self) -> None:
        """Ask the game to quit, and end it."""
        self._end(lambda env: env.close())

    def kill(self) -> None:
        """End the game at once."""
        self._end(lambda env: env.kill())

    def _end(self, how: Any) -> None:
        env, self._env = self._env, None
        if env is not None:
            try:
                how(env)
            except _FAILURES:
                env.kill()
        self._output.close()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Whatever goes wrong becomes a `GameFailure` that says what the game said last."""
        try:
            yield
        except _FAILURES as error:
            last = self._tail()
            said = f"; its last output: {last}" if last else ""
            raise GameFailure(f"{type(error).__name__}: {error}{said}") from error

    def _tail(self) -> str:
        length = os.fstat(self._output.fileno()).st_size
        start = max(length - _LOG_TAIL, 0)
        text = os.pread(self._output.fileno(), _LOG_TAIL, start).decode(errors="replace")
        return text.strip()
