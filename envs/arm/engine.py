"""N arms at one task as arrays: the engine below all three faces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..batched.chance import seed_generator
from .catalogue import task_values
from .kernel import build
from .kinematics import SUBSTEPS
from .rules import rules_of
from .spaces import ACTION_SIZE, OBSERVATION_SIZE
from .state import ARM

_NO_ACTIONS = np.empty((0, ACTION_SIZE), np.float32)


class Step(NamedTuple):
    """What one env step of all arms has brought."""

    observations: np.ndarray
    """(N, 31) float32."""
    rewards: np.ndarray
    """(N,) float32."""
    dones: np.ndarray
    """(N,) bool: the episode has ended, which is always the time limit."""
    successes: np.ndarray
    """(N,) bool: the state that was reached is a success."""
    ended: int
    """How many episodes have ended."""


class Engine:
    """N arms that step together.

    `seeds`, one for each arm, decides everything: an arm lives the same alone and in any batch.
    Arrays handed out by `step` are fresh, except `last_seen` (the last observation of episodes that
    ended) and `arms`, which the next step overwrites.
    """

    def __init__(self, task: str, parameters: Mapping[str, Any], seeds: Sequence[int]) -> None:
        self.task = task
        self.values = task_values(task, parameters)
        self.rules = rules_of(task, self.values)
        self.n_arms = len(seeds)
        self._play = build()
        self.arms = np.zeros(self.n_arms, ARM)
        self.last_seen = np.zeros((self.n_arms, OBSERVATION_SIZE), np.float32)
        self.seed(seeds)
        self.reset()

    def seed(self, seeds: Sequence[int | None]) -> None:
        """Give arms their generators anew, and start the clock of a drift; None leaves an arm's as
        they are."""
        for i, seed in enumerate(seeds):
            if seed is not None:
                self.arms["generator"][i] = seed_generator(seed)
                self.arms["lived"][i] = 0

    def reset(self, chosen: np.ndarray | None = None) -> np.ndarray:
        """Start new episodes of the chosen arms ((N,) bool, all by default); observations."""
        if chosen is None:
            chosen = np.ones(self.n_arms, np.bool_)
        seen = np.empty((self.n_arms, OBSERVATION_SIZE), np.float32)
        nothing = np.empty(0, np.float32)
        self._play(
            self.arms, 0, True, _NO_ACTIONS, chosen, self.rules,
            seen, self.last_seen, nothing, chosen,
        )  # fmt: skip
        return seen

    def observe(self) -> np.ndarray:
        """The observations of the present state, (N, 31) float32."""
        return self.reset(np.zeros(self.n_arms, np.bool_))

    def step(self, actions: np.ndarray, restart: bool = True, substeps: int = SUBSTEPS) -> Step:
        """One env step of every arm; actions (N, 3), clipped to [-1, 1].

        With `restart` an ended episode is followed by the next at once: the observation is the new
        one's, `last_seen` has the old one's. Fewer `substeps` than `SUBSTEPS` are the beginning of
        the step, for films. Raises `ValueError` for a wrong shape or a number that is not finite.
        """
        n = self.n_arms
        actions = np.ascontiguousarray(actions, np.float32)
        if actions.shape != (n, ACTION_SIZE):
            raise ValueError(
                f"{n} arms need actions of shape {(n, ACTION_SIZE)}, not {actions.shape}"
            )
        seen = np.empty((n, OBSERVATION_SIZE), np.float32)
        rewards, dones = np.empty(n, np.float32), np.empty(n, np.bool_)
        successes = np.empty(n, np.bool_)
        ended = self._play(
            self.arms, substeps, restart, actions, dones, self.rules,
            seen, self.last_seen, rewards, successes,
        )  # fmt: skip
        if ended < 0:
            i = -1 - ended
            raise ValueError(f"action {actions[i]} of arm {i} is not made of finite numbers")
        return Step(seen, rewards, dones, successes, ended)

    def state_dict(self) -> dict[str, Any]:
        """The whole state as plain arrays and strings, copied."""
        return {
            "task": self.task,
            "parameters": repr(sorted(self.values.items())),
            "arms": {name: self.arms[name].copy() for name in ARM.names or ()},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue exactly where `state_dict` was taken. Raises `ValueError` for another task."""
        mine = self.state_dict()
        for name in ("task", "parameters"):
            if state[name] != mine[name]:
                raise ValueError(f"this state is of {name} {state[name]}, not {mine[name]}")
        if len(state["arms"]["step"]) != self.n_arms:
            raise ValueError(f"this state has {len(state['arms']['step'])} arms, not {self.n_arms}")
        for name in ARM.names or ():
            self.arms[name] = state["arms"][name]
