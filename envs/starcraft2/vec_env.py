"""N real games of one task as one VecEnv whose state can be saved and restored."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
from gymnasium import Space
from s2clientprotocol import sc2api_pb2 as sc_pb

from l2rl.environments import EnvironmentEvent
from l2rl.randomness import derive_seed

from ..batched.vec_env import BatchedVecEnv
from ..minigames.catalogue import find_game
from ..minigames.observations import Observations
from ..minigames.spaces import action_space, observation_space
from ..minigames.units import LOOPS_PER_SECOND
from .function_face import FunctionFace, feature_interface
from .mirror import Mirror
from .settings import game_values, supervision_of
from .supervisor import Outcome, Rules, SupervisedGame

Infos = list[dict[str, Any]]
T = TypeVar("T")


def raw_interface() -> sc_pb.InterfaceOptions:
    """All that the mirror reads: units with their exact places, and the score."""
    return sc_pb.InterfaceOptions(raw=True, score=True)


def spaces_of(values: Mapping[str, Any]) -> tuple[Space[Any], Space[Any]]:
    """The spaces of observations and actions, which are the embedded game's."""
    size = values["screen_size"]
    seen = observation_space(values["observation"], values["plane_size"], size)
    return seen, action_space(values["actions"], size)


def make_game(task: str, parameters: Mapping[str, Any], *, index: int, seed: int) -> SupervisedGame:
    """One supervised game. Raises `ValueError` as `settings.game_values` does."""
    values = game_values(task, parameters)
    functions = values["actions"] == "functions"
    rules = Rules(
        name=f"starcraft2/{task}",
        map_name=task,
        interface=(lambda: feature_interface(values)) if functions else raw_interface,
        step_mul=values["step_mul"],
        limit=round(values["limit_s"] * LOOPS_PER_SECOND),
        disable_fog=bool(find_game(task).parameters["fog"].default) and not values["fog"],
    )
    face = FunctionFace(task, values) if functions else Mirror(task, values)
    return SupervisedGame(index, rules, face, supervision_of(task, parameters), seed)


class StarCraftVecEnv(BatchedVecEnv):
    """N games of one task, each in a process of its own, stepped side by side.

    Game i is seeded by `derive_seed(seed, i)`, or by `game_seeds[i]` when these are given. Its
    processes start when it is first needed. An ended game begins its next episode at once; its
    info then has `terminal_observation`, `terminal_action_mask`, `TimeLimit.truncated`, `episode`
    (`r`, `l`), `invalid_actions`, `cut` with the reason when the episode was given up, and
    `terminal_picture` once pictures have been asked for. All other infos are empty. Methods raise
    `UserError` when the game has failed too often.
    """

    def __init__(
        self,
        task: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        n_envs: int = 1,
        seed: int = 0,
        game_seeds: Sequence[int] | None = None,
    ) -> None:
        seeds = game_seeds or [derive_seed(seed, i) for i in range(n_envs)]
        self.task, self.values = task, game_values(task, parameters or {})
        self.games = [
            make_game(task, parameters or {}, index=i, seed=one) for i, one in enumerate(seeds)
        ]
        self._threads: ThreadPoolExecutor | None = None
        self.render_mode = "rgb_array"
        seen, acted = spaces_of(self.values)
        super().__init__(len(seeds), seen, acted)
        self.metadata["render_fps"] = LOOPS_PER_SECOND / self.values["step_mul"]
        self._watched = False
        self._actions = np.zeros((len(seeds), *(acted.shape or ())), np.int64)

    # ---- playing -------------------------------------------------------------------------

    def reset(self) -> Observations:
        """Begin a new episode in every game; games given a seed by `seed()` start from it."""
        for game, seed in zip(self.games, self._seeds, strict=True):
            if seed is not None:
                game.reseed(seed)
        self._reset_seeds()
        self._reset_options()
        self._each(SupervisedGame.begin, self.games)
        return self._seen()

    def step_async(self, actions: np.ndarray) -> None:
        """Take the actions, (N,) whole numbers, or (N, 17) function calls."""
        self._actions = actions

    def step_wait(self) -> tuple[Observations, np.ndarray, np.ndarray, Infos]:
        """Observations, rewards (N,) float32, dones (N,) bool, infos."""
        pairs = list(zip(self.games, self._actions, strict=True))
        results = self._each(lambda pair: _step(*pair, self._watched), pairs)
        rewards = np.array([outcome.reward for outcome, _ in results], np.float32)
        dones = np.array([outcome.done for outcome, _ in results], np.bool_)
        return self._seen(), rewards, dones, [info for _, info in results]

    def _each(self, what: Callable[[T], Any], arguments: Sequence[T]) -> list[Any]:
        """Do something for all games at the same time: they wait for their processes."""
        if len(arguments) == 1:
            return [what(arguments[0])]
        if self._threads is None:
            self._threads = ThreadPoolExecutor(self.num_envs, "starcraft2")
        return list(self._threads.map(what, arguments))

    def _seen(self) -> Observations:
        seen = [game.observation for game in self.games]
        if isinstance(seen[0], dict):
            return {name: np.stack([one[name] for one in seen]) for name in seen[0]}
        return np.stack(seen)

    def action_masks(self) -> np.ndarray:
        """Which actions are valid now, (N, 30) bool; of function calls every part, one after the
        other."""
        return np.stack([game.mask for game in self.games])

    def drain_events(self) -> list[EnvironmentEvent]:
        """Restarts after failures and episodes given up, since the last call."""
        events = [event for game in self.games for event in game.events]
        for game in self.games:
            game.events.clear()
        return events

    # ---- state ---------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Seeds, and every game's episode as the actions since its beginning."""
        return {
            "task": self.task,
            "parameters": repr(sorted(self.values.items())),
            "pending_seeds": list(self._seeds),
            "games": [game.state() for game in self.games],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Play every episode again up to where `state_dict` was taken.

        Raises `ValueError` for the state of another task.
        """
        mine = {"task": self.task, "parameters": repr(sorted(self.values.items()))}
        for name, value in mine.items():
            if state[name] != value:
                raise ValueError(f"this state is of {name} {state[name]}, not {value}")
        if len(state["games"]) != self.num_envs:
            raise ValueError(f"this state has {len(state['games'])} games, not {self.num_envs}")
        pairs = list(zip(self.games, state["games"], strict=True))
        self._each(lambda pair: pair[0].restore(pair[1]), pairs)
        self._seeds = list(state["pending_seeds"])

    def close(self) -> None:
        """End every process."""
        self._each(SupervisedGame.close, self.games)
        if self._threads is not None:
            self._threads.shutdown()
            self._threads = None

    def get_images(self) -> Sequence[np.ndarray | None]:
        """One picture a game, drawn from what is known of it, (height, width, 3) uint8."""
        pictures = [game.face.picture() for game in self.games]
        self._watched = True
        return pictures

    # ---- the rest of Stable-Baselines3's contract ----------------------------------------


def _step(game: SupervisedGame, action: Any, watched: bool) -> tuple[Outcome, dict[str, Any]]:
    """One step of one game, and the beginning of its next episode where that is due."""
    outcome = game.step(action.copy() if np.ndim(action) else int(action))
    if not outcome.done:
        return outcome, {}
    info = final_info(game, outcome)
    info["terminal_observation"] = game.observation
    info["terminal_action_mask"] = game.mask
    info["TimeLimit.truncated"] = outcome.truncated
    if watched:
        info["terminal_picture"] = game.face.picture()
    game.begin()
    return outcome, info


def final_info(game: SupervisedGame, outcome: Outcome) -> dict[str, Any]:
    """What is told of an episode at its end."""
    info: dict[str, Any] = {
        "episode": {"r": game.total, "l": len(game.actions)},
        "invalid_actions": game.face.invalid_actions,
    }
    if outcome.cut is not None:
        info["cut"] = outcome.cut
    return info
