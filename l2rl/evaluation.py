"""Evaluation that cannot disturb learning.

Everything an evaluation could touch is lent to it and put back: the global generators and that of
the action space are forked, the policy's mode is restored, components enter evaluation contexts,
and the environments are others than those that learning uses. Parameters with and without
evaluation are bit-identical (tests/test_evaluation.py).

Each evaluation of a task starts its environments from the same seeds (common random numbers), so
that two evaluations differ because of the agent and not because of luck.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from stable_baselines3.common.vec_env import VecEnv

from l2rl.agents.lifelong import LifelongAlgorithm
from l2rl.environments import EnvironmentEvent
from l2rl.randomness import derive_seed, forked_generators
from l2rl.task_environments import drain_events


@dataclass(frozen=True)
class EvaluationResult:
    """One task measured once."""

    task: str
    returns: np.ndarray
    """(episodes,) float64 undiscounted returns."""
    lengths: np.ndarray
    """(episodes,) int64 env steps."""
    successes: np.ndarray | None
    """(episodes,) float64 of 0 and 1, where the task knows success."""


MakeEnv = Callable[[str, int], VecEnv]
"""(task name, seed) -> the VecEnv on which a task is measured."""


class Evaluator:
    """Measures an agent on tasks of a curriculum."""

    def __init__(
        self, make_env: MakeEnv, *, seed: int, episodes: int, deterministic: bool = True
    ) -> None:
        self.make_env = make_env
        self.seed = seed
        self.episodes = episodes
        self.deterministic = deterministic
        self._envs: dict[str, VecEnv] = {}

    def evaluate(self, agent: LifelongAlgorithm, task: str, evaluation: int) -> EvaluationResult:
        """Measure one task. `evaluation` is its running number."""
        seed = derive_seed(self.seed, "evaluation", task)
        with _undisturbed(agent, seed), agent.evaluating(evaluation, task):
            env = self._env(task, seed)
            return _run_episodes(agent, env, task, self.episodes, self.deterministic)

    def _env(self, task: str, seed: int) -> VecEnv:
        """The task's environments, at the start of the same episodes each time."""
        if task not in self._envs:
            self._envs[task] = self.make_env(task, seed)
        env = self._envs[task]
        env.seed(seed % 2**31)
        return env

    def drain_events(self) -> list[EnvironmentEvent]:
        """What the environments have to tell since the last call."""
        return [event for env in self._envs.values() for event in drain_events(env)]

    def close(self) -> None:
        """Close every environment."""
        for env in self._envs.values():
            env.close()
        self._envs.clear()


@contextmanager
def _undisturbed(agent: LifelongAlgorithm, seed: int) -> Iterator[None]:
    was_training = agent.policy.training
    exploration_state = agent.action_space.np_random.bit_generator.state
    agent.policy.set_training_mode(False)
    try:
        with forked_generators(seed):
            agent.action_space.seed(seed % 2**31)
            yield
    finally:
        agent.action_space.np_random.bit_generator.state = exploration_state
        agent.policy.set_training_mode(was_training)


def _run_episodes(
    agent: LifelongAlgorithm, env: VecEnv, task: str, episodes: int, deterministic: bool
) -> EvaluationResult:
    """Each environment contributes its first few episodes, so that short ones are not favoured."""
    quota = shares(episodes, env.num_envs)
    finished: list[list[Mapping[str, Any]]] = [[] for _ in range(env.num_envs)]
    memory: dict[str, dict[str, Any]] = {}
    previous: dict[str, np.ndarray] | None = None
    choosing = bool(agent.host.composition["choose_expert"])
    masks = agent.mask_reader(env)
    observations: Any = env.reset()
    step = 0
    while any(len(done) < share for done, share in zip(finished, quota, strict=True)):
        if choosing:
            agent.host.choose_expert(observations, step, previous, memory)
        known: dict[str, Any] = {}
        if masks is not None:
            known["action_masks"] = masks.read(f"step {step} of an evaluation")
        actions, _ = agent.predict(observations, deterministic=deterministic, **known)
        following, rewards, dones, infos = env.step(actions)
        for i in np.flatnonzero(dones):
            finished[i].append(infos[i]["episode"])
        if choosing:
            previous = _going_on(observations, actions, rewards, following, dones)
        observations = following
        step += 1
    kept = [e for done, share in zip(finished, quota, strict=True) for e in done[:share]]
    return _result(task, kept)


def shares(episodes: int, n_envs: int) -> list[int]:
    """Episodes of each environment, as even as possible."""
    return [episodes // n_envs + (i < episodes % n_envs) for i in range(n_envs)]


def _going_on(
    observations: Any, actions: np.ndarray, rewards: np.ndarray, following: Any, dones: np.ndarray
) -> dict[str, np.ndarray]:
    """The last step of the environments whose episode goes on."""
    on = ~np.asarray(dones, dtype=bool)
    # Copied: a batched environment may reuse its arrays.
    return {
        "observations": np.array(observations[on]),
        "actions": np.array(actions[on]),
        "rewards": np.array(rewards[on], dtype=np.float32),
        "next_observations": np.array(following[on]),
    }


def _result(task: str, episodes: list[Mapping[str, Any]]) -> EvaluationResult:
    successes = None
    if episodes and all("success" in e for e in episodes):
        successes = np.array([float(e["success"]) for e in episodes])
    return EvaluationResult(
        task=task,
        returns=np.array([float(e["r"]) for e in episodes]),
        lengths=np.array([int(e["l"]) for e in episodes]),
        successes=successes,
    )
