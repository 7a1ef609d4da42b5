"""N games of one task as arrays: the engine below all three faces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..batched.chance import seed_generator
from .catalogue import find_game, task_values
from .features import empty_features, named_features
from .function_kernel import build_functions
from .functions import N_COLUMNS, N_FUNCTIONS
from .kernel import build
from .observations import Observations
from .rules import rules_of
from .spaces import N_ACTIONS, action_space, mask_size, observation_space
from .state import GAME
from .units import unit_columns, unit_table


class Engine:
    """N games that step together.

    `seeds`, one for each game, decides everything: a game plays the same alone and in any batch.
    Arrays handed out by `step` are fresh, except `masks` (N, 30) bool, `last_seen` (the last
    observation of episodes that ended), `last_masks` (their last masks) and `games`, which the
    next step overwrites. With function calls `masks` has the functions first, then the values of
    every argument, all of them valid.
    """

    def __init__(self, task: str, parameters: Mapping[str, Any], seeds: Sequence[int]) -> None:
        self.task = task
        self.values = task_values(task, parameters)
        self.rules = rules_of(task, self.values)
        self.units = unit_table()
        self._unit_columns = unit_columns()
        self.n_games = len(seeds)
        self.functions = self.values["actions"] == "functions"
        observation, screen_size = self.values["observation"], self.values["screen_size"]
        self.observation_space = observation_space(
            observation, self.values["plane_size"], screen_size
        )
        self.action_space = action_space(self.values["actions"], screen_size)
        code = find_game(task).code
        if self.functions:
            self._kernel = build_functions(code, observation)
        else:
            self._kernel = build(code, observation == "planes")
        self.games = np.zeros(self.n_games, GAME)
        self.masks = np.ones((self.n_games, mask_size(self.action_space)), np.bool_)
        self.last_masks = np.ones_like(self.masks)
        self._last_seen = self._empty()
        self.seed(seeds)
        self.reset()

    def _empty(self) -> Any:
        """What the kernel writes observations into: an array, or a tuple of them for features."""
        if self.values["observation"] == "features":
            return empty_features(self.n_games, self.values["screen_size"])
        assert self.observation_space.shape is not None
        return np.empty((self.n_games, *self.observation_space.shape), self.observation_space.dtype)

    def _named(self, seen: Any) -> Observations:
        return named_features(seen) if isinstance(seen, tuple) else seen

    @property
    def last_seen(self) -> Observations:
        """The last observations of the episodes that the last step ended."""
        return self._named(self._last_seen)

    def valid(self) -> dict[str, np.ndarray]:
        """Which actions are valid now, for infos: `action_mask` (N, 30) bool, or (N, 573) and once
        more as `available_actions`, pysc2's name for it; views that the next step overwrites."""
        if not self.functions:
            return {"action_mask": self.masks}
        available = self.masks[:, :N_FUNCTIONS]
        return {"action_mask": available, "available_actions": available}

    def seed(self, seeds: Sequence[int | None]) -> None:
        """Give games their generators anew, and start the clock of a drift; None leaves a game's
        as they are."""
        for i, seed in enumerate(seeds):
            if seed is not None:
                self.games["generator"][i] = seed_generator(seed)
                self.games["lived"][i] = 0

    def reset(self, chosen: np.ndarray | None = None) -> Observations:
        """Start new episodes in the chosen games ((N,) bool, all by default); observations."""
        if chosen is None:
            chosen = np.ones(self.n_games, np.bool_)
        seen = self._empty()
        self._kernel.observe(self.games, chosen, self.rules, self._unit_columns, seen, self.masks)
        return self._named(seen)

    def observe(self) -> Observations:
        """The observations of the present state; brings `masks` up to date."""
        return self.reset(np.zeros(self.n_games, np.bool_))

    def step(
        self, actions: np.ndarray, restart: bool = True
    ) -> tuple[Observations, np.ndarray, np.ndarray, np.ndarray, int]:
        """One env step of every game; actions (N,) whole numbers, or (N, 17) function calls.

        Returns observations, rewards (N,) float32, dones (N,) bool, truncated (N,) bool and how
        many episodes ended. With `restart` an ended game starts anew at once: its observation is
        the new episode's, `last_seen` has the old one's.
        """
        n = self.n_games
        actions = np.ascontiguousarray(actions, np.int64)
        shape = (n, N_COLUMNS) if self.functions else (n,)
        if actions.shape != shape:
            raise ValueError(f"{n} games need actions of shape {shape}, not {actions.shape}")
        seen = self._empty()
        rewards = np.empty(n, np.float32)
        dones = np.empty(n, np.bool_)
        truncated = np.empty(n, np.bool_)
        ended = self._kernel.advance(
            self.games, actions, self.rules, self._unit_columns, restart,
            seen, self._last_seen, self.masks, self.last_masks, rewards, dones, truncated,
        )  # fmt: skip
        if ended < 0:
            i = -1 - ended
            raise ValueError(f"action {actions[i]} of game {i} is not in 0..{N_ACTIONS - 1}")
        return self._named(seen), rewards, dones, truncated, ended

    def state_dict(self) -> dict[str, Any]:
        """The whole state as plain arrays and strings, copied."""
        return {
            "task": self.task,
            "parameters": repr(sorted(self.values.items())),
            "games": {name: self.games[name].copy() for name in GAME.names or ()},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue exactly where `state_dict` was taken. Raises `ValueError` for another task."""
        mine = self.state_dict()
        for name in ("task", "parameters"):
            if state[name] != mine[name]:
                raise ValueError(f"this state is of {name} {state[name]}, not {mine[name]}")
        if len(state["games"]["loop"]) != self.n_games:
            raise ValueError(
                f"this state has {len(state['games']['loop'])} games, not {self.n_games}"
            )
        for name in GAME.names or ():
            self.games[name] = state["games"][name]
        self.observe()
