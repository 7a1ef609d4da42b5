"""Which of several policies acts next, by the returns that their episodes had so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np


class Trials:
    """One policy at a time is on trial; draws from the given generator only."""

    def __init__(self, n_envs: int, longest: int, generator: np.random.Generator) -> None:
        """`longest`: env steps of all environments after which a trial ends in any case."""
        self.n_envs = n_envs
        self.longest = longest
        self.generator = generator
        self.acting: str | None = None
        """Name of the policy that acts, None for the learner itself."""
        self.begin()

    def begin(self) -> None:
        """A new task: nothing is known of it."""
        self.acting = None
        self.returns: dict[str, list[float]] = {}
        """Name -> (sum of the returns counted, how many)."""
        self._start()

    def _start(self) -> None:
        """A trial begins, in the middle of episodes."""
        self.over = True
        self.env_steps = 0
        self.running = np.zeros(self.n_envs)
        """Reward of each environment since its episode, or the trial, began."""
        self.whole = np.zeros(self.n_envs, bool)
        """Whether its episode began in this trial."""
        self.finished = np.zeros(self.n_envs, np.int64)
        """Episodes that began and ended in this trial."""

    def choose(self, names: Sequence[str], choice: Literal["best_return", "uniform"]) -> str:
        """The policy that acts now: the one on trial until that is over, then another choice.
        `names` from the oldest to the newest, at least one."""
        if self.acting is not None and self.acting in names and not self.over:
            return self.acting
        untried = [name for name in names if name not in self.returns]
        if choice == "uniform" or untried:
            pool = names if choice == "uniform" else untried
            chosen = pool[int(self.generator.integers(len(pool)))]
        else:
            chosen = max(reversed(names), key=self.mean)
        self.acting = chosen
        self._start()
        self.over = False
        return chosen

    def mean(self, name: str) -> float:
        """Mean return of a policy that has been tried."""
        total, count = self.returns[name]
        return total / count

    def watch(self, rewards: np.ndarray, ended: np.ndarray) -> None:
        """Rewards and ends of episodes (steps, n_envs) while the chosen policy acted."""
        for reward, end in zip(rewards, ended, strict=True):
            self.running += reward
            for env in np.flatnonzero(end):
                self._episode_ends(int(env))
        self.env_steps += rewards.size
        if bool((self.finished > 0).all()) or self.env_steps >= self.longest:
            self._finish()

    def _episode_ends(self, env: int) -> None:
        if self.whole[env]:
            self._count(float(self.running[env]))
            self.finished[env] += 1
        self.running[env] = 0.0
        self.whole[env] = True

    def _finish(self) -> None:
        if not self.finished.any():
            self._count(float(self.running.mean()))
        self.over = True

    def _count(self, episode_return: float) -> None:
        assert self.acting is not None
        total, count = self.returns.get(self.acting, (0.0, 0))
        self.returns[self.acting] = [total + episode_return, count + 1]

    def best(self) -> str | None:
        """The policy with the highest mean return so far; None before any has one."""
        return max(self.returns, key=self.mean) if self.returns else None

    def summary(self) -> dict[str, float]:
        """For the log: `return_<name>` of each policy tried."""
        return {f"return_{name}": self.mean(name) for name in self.returns}

    def state_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in _STATE}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Give back what `state_dict` read."""
        for name in _STATE:
            value = state[name]
            setattr(self, name, value.copy() if isinstance(value, np.ndarray | dict) else value)


_STATE = ("acting", "returns", "over", "env_steps", "running", "whole", "finished")
