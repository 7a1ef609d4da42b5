"""N games of one task as arrays: the engine below all three faces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .catalogue import find_game, task_values
from .chance import seed_generator
from .kernel import build
from .rules import rules_of
from .spaces import N_ACTIONS, observation_space
from .state import GAME
from .units import unit_columns, unit_table


class Engine:
    """N games that step together.

    `seeds`, one for each game, decides everything: a game plays the same alone and in any batch.
    Arrays handed out by `step` are fresh, except `masks` (N, 30) bool, `last_seen` (the last
    observation of episodes that ended), `last_masks` (their last masks) and `games`, which the
    next step overwrites.
    """

    def __init__(self, task: str, parameters: Mapping[str, Any], seeds: Sequence[int]) -> None:
        self.task = task
        self.values = task_values(task, parameters)
        self.rules = rules_of(task, self.values)
        self.units = unit_table()
        self._unit_columns = unit_columns()
        self.n_games = len(seeds)
        self.observation_space = observation_space(
            self.values["observation"], self.values["plane_size"]
        )
        self._kernel = build(find_game(task).code, self.values["observation"] == "planes")
        self._shape = (self.n_games, *self.observation_space.shape)
        self._dtype = self.observation_space.dtype
        self.games = np.zeros(self.n_games, GAME)
        self.masks = np.zeros((self.n_games, N_ACTIONS), np.bool_)
        self.last_masks = np.zeros_like(self.masks)
        self.last_seen = np.zeros(self._shape, self._dtype)
        self.seed(seeds)
        self.reset()

    def seed(self, seeds: Sequence[int | None]) -> None:
        """Give games their generators anew, and start the clock of a drift; None leaves a game's
        as they are."""
        for i, seed in enumerate(seeds):
            if seed is not None:
                self.games["generator"][i] = seed_generator(seed)
                self.games["lived"][i] = 0

    def reset(self, chosen: np.ndarray | None = None) -> np.ndarray:
        """Start new episodes in the chosen games ((N,) bool, all by default); observations."""
        if chosen is None:
            chosen = np.ones(self.n_games, np.bool_)
        seen = np.empty(self._shape, self._dtype)
        self._kernel.observe(self.games, chosen, self.rules, self._unit_columns, seen, self.masks)
        return seen

    def observe(self) -> np.ndarray:
        """The observations of the present state; brings `masks` up to date."""
        return self.reset(np.zeros(self.n_games, np.bool_))

    def step(
        self, actions: np.ndarray, restart: bool = True
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, int]:
        """One env step of every game; actions (N,) whole numbers.

        Returns observations, rewards (N,) float32, dones (N,) bool, truncated (N,) bool and how
        many episodes ended. With `restart` an ended game starts anew at once: its observation is
        the new episode's, `last_seen` has the old one's.
        """
        n = self.n_games
        actions = np.ascontiguousarray(actions, np.int64)
        if actions.shape != (n,):
            raise ValueError(f"{n} games need actions of shape ({n},), not {actions.shape}")
        seen = np.empty(self._shape, self._dtype)
        rewards = np.empty(n, np.float32)
        dones = np.empty(n, np.bool_)
        truncated = np.empty(n, np.bool_)
        ended = self._kernel.advance(
            self.games, actions, self.rules, self._unit_columns, restart,
            seen, self.last_seen, self.masks, self.last_masks, rewards, dones, truncated,
        )  # fmt: skip
        if ended < 0:
            i = -1 - ended
            raise ValueError(f"action {actions[i]} of game {i} is not in 0..{N_ACTIONS - 1}")
        return seen, rewards, dones, truncated, ended

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
