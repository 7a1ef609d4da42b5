"""One game, watched: time-outs, restarts, recycling, and episodes that survive their process.

The game's state cannot be saved, but an episode is decided by its seed and the actions in it. So
whenever the process is lost, whether it died, hung or answered nonsense, or whether the whole run
was killed and is resumed, a new process is started, the episode is begun from its seed, its
actions are played again, and what it has come to is compared with what it was. Only when that
differs is the episode given up, and the next one of the stream begins.

An episode that fails again and again at the same step is given up too. Failures are counted over
the whole process; when there have been too many the run stops with `UserError`.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np

from l2rl.environments import EnvironmentEvent
from l2rl.errors import UserError
from l2rl.randomness import derive_seed

from ..minigames.observations import Observations, copied
from .client import GameClient, GameFailure
from .supervision import Supervision

_LOG = logging.getLogger(__name__)
_FAILURE_CHARACTERS = 1000
T = TypeVar("T")


class Face(Protocol):
    """How one game is seen and commanded: the macro actions' face, or the function calls'."""

    def begin(self, client: GameClient, lived: int) -> None:
        """A new episode has begun; `lived` are the env steps before it since the game's seed."""

    def commands(self, action: Any) -> list[Any]:
        """What to send to the game for an action."""

    def follow(self, client: GameClient) -> float:
        """Take in what the game has answered; the reward."""

    def observation(self) -> Observations:
        """What the agent sees, copied."""

    def mask(self) -> np.ndarray:
        """Which actions are valid, copied."""

    def picture(self) -> np.ndarray:
        """What is known of the game, drawn, (height, width, 3) uint8."""

    def digest(self) -> str:
        """A digest of all that is known of the game."""

    @property
    def loop(self) -> int:
        """Game loops since the start of the episode."""

    @property
    def over(self) -> bool:
        """Whether the rules, not the clock, have ended the episode."""

    @property
    def invalid_actions(self) -> int:
        """Since the start of the episode."""


@dataclass(frozen=True)
class Rules:
    """What the supervisor must know of the task."""

    name: str
    """As in YAML, for messages."""
    map_name: str
    interface: Callable[[], Any]
    """Makes what `GameClient` takes as its interface."""
    step_mul: int
    """Game loops an env step."""
    limit: int
    """Game loops an episode."""
    disable_fog: bool = False


@dataclass(frozen=True)
class Outcome:
    """One env step."""

    reward: float
    done: bool = False
    truncated: bool = False
    """Ended by the clock, or given up."""
    cut: str | None = None
    """Why the episode was given up."""


class Inexact(Exception):
    """An episode played again has come to something else."""


class Restarts:
    """How often games have failed in this process, all environments together."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.count = 0

    def add(self) -> int:
        """One more; how many there are now."""
        with self._lock:
            self.count += 1
            return self.count


RESTARTS = Restarts()
"""The one counter of this process: the budget is the run's, not an environment's."""


def episode_seed(stream: int, episode: int) -> int:
    """The seed of an episode of a game's stream: 1 to 2^31 - 1, as the game's interface takes."""
    return 1 + derive_seed(stream, "episode", episode) % (2**31 - 1)


class SupervisedGame:
    """Game `index` of an environment. Methods raise `UserError` when patience is at its end."""

    def __init__(
        self, index: int, rules: Rules, face: Face, supervision: Supervision, seed: int
    ) -> None:
        self.index, self.rules, self.face, self.supervision = index, rules, face, supervision
        self.events: list[EnvironmentEvent] = []
        self.client: GameClient | None = None
        self._games_of_client = 0
        self._failure = ""
        self.reseed(seed)

    def reseed(self, seed: int) -> None:
        """Start another stream of episodes; `begin` begins its first."""
        self.stream, self.episode, self.lived = int(seed), -1, 0
        self._clear()

    def _clear(self) -> None:
        self.actions: list[Any] = []
        self.total = 0.0
        self._begun = False
        self._lost: str | None = None
        self._digest = ""

    # ---- playing -------------------------------------------------------------------------

    def begin(self) -> None:
        """Begin the next episode of the stream."""
        self.lived += len(self.actions)
        self.episode += 1
        self._clear()
        self._recycle()
        if self._attempted(lambda: True) is None:
            raise UserError(
                f"{self._name()}: no episode could be begun in {self.supervision.attempts} "
                f"attempts. The last failure: {self._failure}"
            )

    def step(self, action: Any) -> Outcome:
        """One env step. After `done`, `begin` must follow."""
        if self._lost is None:
            try:
                outcome = self._attempted(lambda: self._played(action))
            except Inexact as reason:
                self._lost = str(reason)
            else:
                if outcome is not None:
                    return outcome
                self._lost = f"{self.supervision.attempts} failures at the same step"
        return self._cut(action)

    def _played(self, action: Any) -> Outcome:
        """Play one action that has not been played yet, and keep it."""
        reward = self._play(action)
        self.actions.append(action)
        self.total += reward
        self._keep()
        client = self._running()
        done = client.ended or self.face.loop >= self.rules.limit
        return Outcome(reward, done, done and not self.face.over)

    def _play(self, action: Any) -> float:
        client = self._running()
        loops = min(self.rules.step_mul, self.rules.limit - self.face.loop)
        client.step(self.face.commands(action), loops)
        return self.face.follow(client)

    def _keep(self) -> None:
        """Remember what has been reached, in case the process is lost in the next step."""
        self._digest = self.face.digest()
        self.observation, self.mask = self.face.observation(), self.face.mask()

    def _cut(self, action: Any) -> Outcome:
        """Give the episode up: the step happens, but nothing in it."""
        reason = self._lost or ""
        self.actions.append(action)
        self._tell("episode_cut", reason=reason)
        return Outcome(0.0, done=True, truncated=True, cut=reason)

    # ---- the process ---------------------------------------------------------------------

    def _attempted(self, what: Callable[[], T]) -> T | None:
        """Do something with a game that is where it should be; None when it always failed."""
        for _ in range(self.supervision.attempts):
            try:
                self._catch_up()
                return what()
            except GameFailure as failure:
                self._failed(failure)
        return None

    def _catch_up(self) -> None:
        """A process that runs, and in it the episode as far as it has been played."""
        if self.client is None:
            self._launch()
        if self._begun:
            return
        client = self._running()
        client.begin(episode_seed(self.stream, self.episode))
        self._games_of_client += 1
        self.face.begin(client, self.lived)
        self._begun = True
        self._replay()

    def _launch(self) -> None:
        rules, patience = self.rules, self.supervision
        self.client = GameClient(
            rules.map_name,
            rules.interface(),
            seed=episode_seed(self.stream, self.episode),
            call_timeout_s=patience.call_timeout_s,
            launch_timeout_s=patience.launch_timeout_s,
            disable_fog=rules.disable_fog,
        )
        self._begun, self._games_of_client = False, 0

    def _replay(self) -> None:
        """Play the episode's actions again. Raises `Inexact`."""
        known = self._digest
        for number, action in enumerate(self.actions):
            self._play(action)
            if self._running().ended and number + 1 < len(self.actions):
                raise self._inexact(f"the episode ended at step {number + 1}")
        if known and self.face.digest() != known:
            raise self._inexact(f"after {len(self.actions)} steps the game is another")
        self._keep()

    def _inexact(self, how: str) -> Inexact:
        self._tell("resume_inexact", reason=how)
        return Inexact(f"played again, {how}")

    def _running(self) -> GameClient:
        if self.client is None:
            raise GameFailure("there is no process")
        return self.client

    def _failed(self, failure: GameFailure) -> None:
        """Note a failure and end its process; stop when there have been too many."""
        self._failure = str(failure)[:_FAILURE_CHARACTERS]
        _LOG.info("%s: %s", self._name(), self._failure)
        if self.client is not None:
            self.client.kill()
            self.client = None
        self._begun = False
        count = RESTARTS.add()
        self._tell("environment_restarted", failure=self._failure, restarts=count)
        if count > self.supervision.restarts:
            raise UserError(
                f"{self._name()}: StarCraft II has failed {count} times in this run, and "
                f"`restarts` allows {self.supervision.restarts}. The last failure: "
                f"{self._failure}\nWhen its cause is removed, `l2rl resume` goes on."
            )

    def _recycle(self) -> None:
        """Replace a process that has played its share of episodes."""
        after = self.supervision.recycle_after_episodes
        if after and self._games_of_client >= after:
            _LOG.info("%s: a new process after %d episodes", self._name(), after)
            self.close()

    def close(self) -> None:
        """End the process; the episode can still be gone on with."""
        if self.client is not None:
            self.client.close()
            self.client = None
        self._begun = False

    # ---- books ---------------------------------------------------------------------------

    def _name(self) -> str:
        return f"{self.rules.name}, game {self.index}"

    def _tell(self, name: str, **detail: Any) -> None:
        place = {"game": self.index, "episode": self.episode, "step": len(self.actions)}
        self.events.append(EnvironmentEvent(name, {"env": self.rules.name, **place, **detail}))

    def state(self) -> dict[str, Any]:
        """What `restore` needs to come back to this step."""
        begun = self.episode >= 0
        return {
            "stream": self.stream,
            "episode": self.episode,
            "lived": self.lived,
            "actions": np.array(self.actions) if self.actions else None,
            "total": self.total,
            "lost": self._lost,
            "digest": self._digest,
            "observation": copied(self.observation) if begun else None,
            "mask": self.mask.copy() if begun else None,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Come back to a state: play its episode again. What differs is cut at the next step."""
        self.reseed(state["stream"])
        self.episode, self.lived = state["episode"], state["lived"]
        if self.episode < 0:
            return
        self.actions = [] if state["actions"] is None else list(state["actions"])
        self.total, self._digest, self._lost = state["total"], state["digest"], state["lost"]
        self.observation, self.mask = copied(state["observation"]), state["mask"].copy()
        if self._lost is None:
            self._catch_up_or_lose()

    def _catch_up_or_lose(self) -> None:
        try:
            if self._attempted(lambda: True) is None:
                self._lost = f"{self.supervision.attempts} failures when it was to be resumed"
        except Inexact as reason:
            self._lost = str(reason)
