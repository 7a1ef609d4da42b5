"""An agent from a run's checkpoint, shown on the tasks of its curriculum.

Nothing of the run is written and no lock is taken, so a run under way can be looked at. The agent
acts as in the run's evaluations: the same environments from the same seeds, the components in
their evaluation contexts, the heads and experts that an evaluation would use. So the episodes shown
are among those that the evaluation at this point measures.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from stable_baselines3.common.vec_env import VecEnv

from l2rl.agents.lifelong import LifelongAlgorithm
from l2rl.assembly import build_agent, first_task
from l2rl.checkpoint import Checkpoint, CheckpointStore, damage
from l2rl.config import LoadedExperiment, load_experiment
from l2rl.curriculum import Task
from l2rl.errors import UserError
from l2rl.evaluation import EvaluationResult, Evaluator, shares
from l2rl.film.camera import Camera
from l2rl.film.filmed import Filmed, Sink
from l2rl.lifetime_position import Position
from l2rl.playing import visible_env
from l2rl.randomness import forked_generators
from l2rl.registry import did_you_mean
from l2rl.runs.run_directory import RunDirectory
from l2rl.state_codec import StateError, read_state
from l2rl.task_environments import make_task_env

_TRIES = 3
"""A run under way removes old checkpoints, perhaps while one of them is being read."""


@dataclass(frozen=True)
class RestoredAgent:
    """An agent as it was at a checkpoint."""

    loaded: LoadedExperiment
    agent: LifelongAlgorithm
    checkpoint: Checkpoint
    evaluation: int
    """Number of the evaluation that takes place at this point, or took place."""


def restore(path: Path, number: int | None = None) -> RestoredAgent:
    """The agent of a run at checkpoint `number`, the newest sound one by default.

    Raises `UserError` where there is no run, no checkpoint, or none that can be read.
    """
    run = RunDirectory.open(path)
    state, checkpoint = _state(run, number)
    loaded = load_experiment(run.config_path, check_paths=False)
    # As in the run: another number of threads may round sums otherwise.
    torch.set_num_threads(loaded.config.resources.threads)
    with forked_generators(loaded.config.seed):
        env = make_task_env(first_task(loaded), n_envs=loaded.config.agent.n_envs, seed=0)
        agent = build_agent(loaded, env)
        agent.load_exact_state(state["agent"])
    position = Position(**state["position"])
    measured = position.last_evaluation_env_steps == agent.num_timesteps
    evaluation = position.evaluations - (1 if measured and position.evaluations else 0)
    return RestoredAgent(loaded, agent, checkpoint, evaluation)


def _state(run: RunDirectory, number: int | None) -> tuple[Any, Checkpoint]:
    store = CheckpointStore(run.checkpoints_path)
    if number is not None:
        return _numbered(run, store, number)
    reasons: list[str] = []
    for _ in range(_TRIES):
        found = store.newest(lambda path, why: reasons.append(f"{path.name}: {why}"))
        if found is not None:
            return found
    if not reasons:
        raise UserError(
            f"{run.path} has no checkpoint yet, so there is no agent to show\n"
            "  a run writes its first one when it has been evaluated at its start"
        )
    raise UserError(
        f"{run.path} has no usable checkpoint\n  " + "\n  ".join(dict.fromkeys(reasons))
    )


def _numbered(run: RunDirectory, store: CheckpointStore, number: int) -> tuple[Any, Checkpoint]:
    kept = {checkpoint.number: checkpoint for checkpoint in store.all()}
    if number not in kept:
        there = ", ".join(f"{n} (at {c.env_steps:,} env steps)" for n, c in kept.items())
        raise UserError(
            f"{run.path} keeps no checkpoint {number}\n"
            f"  there are: {there or 'none'}; `checkpoint.keep_every` keeps more of them"
        )
    reason = damage(kept[number].path)
    if reason is None:
        try:
            return read_state(kept[number].path), kept[number]
        except StateError as error:
            reason = str(error)
    raise UserError(f"{kept[number].path} cannot be used: {reason}")


def tasks_to_show(loaded: LoadedExperiment, wanted: list[str]) -> list[Task]:
    """The curriculum's tasks of these names, all by default. Raises `UserError`."""
    tasks = loaded.curriculum.tasks
    for name in wanted:
        if name not in tasks:
            raise UserError(
                f"the run's curriculum has no task `{name}`\n  {did_you_mean(name, tasks)}"
            )
    return [tasks[name] for name in wanted or tasks]


def show_task(
    restored: RestoredAgent,
    task: Task,
    make_camera: Callable[[VecEnv, int], Camera],
    sink: Sink,
    *,
    episodes: int,
    stochastic: bool = False,
) -> EvaluationResult:
    """Let the agent act on one task, filmed, as an evaluation of `episodes` episodes would.

    They are dealt out to as many environments as the run's evaluations have. `stochastic`: actions
    are sampled; otherwise they are chosen as in the evaluations.
    """
    settings = restored.loaded.config.evaluation
    n_envs = min(settings.n_envs, settings.episodes)

    def make_env(name: str, seed: int) -> VecEnv:
        env = restored.agent._wrap_env(visible_env(task, seed % 2**31, n_envs))
        return Filmed(env, shares(episodes, n_envs), make_camera, sink)

    evaluator = Evaluator(
        make_env,
        seed=restored.loaded.config.seed,
        episodes=episodes,
        deterministic=settings.deterministic and not stochastic,
    )
    try:
        return evaluator.evaluate(restored.agent, task.name, restored.evaluation)
    finally:
        evaluator.close()
