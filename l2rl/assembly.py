"""From a loaded experiment to an agent, with every misfit told at its place in the YAML."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from gymnasium import spaces
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.vec_env import VecEnv
from torch import nn

from l2rl import capabilities as cap
from l2rl.action_masks import MaskReader
from l2rl.agents.host import ComponentHost
from l2rl.agents.lifelong import LifelongAlgorithm
from l2rl.agents.start_from import start_from
from l2rl.agents.surroundings import Surroundings
from l2rl.component import Component
from l2rl.composition import Composition, CompositionError
from l2rl.config import ConfigError, LoadedExperiment
from l2rl.curriculum import Task
from l2rl.engine.replay_ratio import ReplayRatioArbiter
from l2rl.errors import UserError
from l2rl.task_environments import check_task, make_task_env, stateful

LEARNERS: Final[Mapping[str, str]] = {
    "ppo": "l2rl.agents.ppo:LifelongPPO",
    "dqn": "l2rl.agents.dqn:LifelongDQN",
    "sac": "l2rl.agents.sac:LifelongSAC",
    "td3": "l2rl.agents.td3:LifelongTD3",
    "tqc": "l2rl.agents.tqc:LifelongTQC",
    "qrdqn": "l2rl.agents.qrdqn:LifelongQRDQN",
    "crossq": "l2rl.agents.crossq:LifelongCrossQ",
}
"""Where each learner is; only the one in use is imported."""
_ACTIVATIONS: Final[Mapping[str, type[nn.Module]]] = {
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "leaky_relu": nn.LeakyReLU,
}
_ACTION_SPACES: Final[Mapping[str, tuple[type[spaces.Space[Any]], ...]]] = {
    "ppo": (spaces.Box, spaces.Discrete, spaces.MultiDiscrete, spaces.MultiBinary),
    "dqn": (spaces.Discrete,),
    "sac": (spaces.Box,),
    "td3": (spaces.Box,),
    "tqc": (spaces.Box,),
    "qrdqn": (spaces.Discrete,),
    "crossq": (spaces.Box,),
}


def learner_class(name: str) -> type[Any]:
    """The class of a learner by its name in YAML."""
    module, _, attribute = LEARNERS[name].partition(":")
    cls: type[Any] = getattr(importlib.import_module(module), attribute)
    return cls


def build_components(loaded: LoadedExperiment) -> list[Component]:
    """New instances of the experiment's components, named as in the YAML."""
    built = []
    for name, wanted in loaded.components.items():
        path = ("agent", "components", name)
        if not issubclass(wanted.cls, Component):
            raise loaded.error(
                path,
                f"`{wanted.kind}` is not a component",
                "its class must derive from l2rl.component.Component",
            )
        component = wanted.cls(wanted.config) if wanted.config is not None else wanted.cls()
        component.name = name
        component.type_name = wanted.kind
        built.append(component)
    return built


def surroundings_of(loaded: LoadedExperiment) -> Surroundings:
    """What the experiment's run offers components."""
    limits = loaded.config.replay_ratio
    return Surroundings(
        visibility=loaded.curriculum.visibility,
        labels=loaded.curriculum.learned_tasks(),
        has_sleep=any(block.kind == "sleep" for block in loaded.curriculum.blocks),
        replay_ratio=ReplayRatioArbiter(limits.minimum, limits.maximum, limits.hysteresis),
    )


def check_composition(loaded: LoadedExperiment) -> Composition:
    """The components in their order of call. Raises `ConfigError` for every misfit at once."""
    learner = loaded.config.agent.learner
    try:
        host = ComponentHost(
            learner, build_components(loaded), seed=0, surroundings=surroundings_of(loaded)
        )
    except CompositionError as error:
        raise _located(loaded, error) from error
    _check_reactions(loaded, host.composition)
    _check_heads(loaded, host.composition)
    return host.composition


def _located(loaded: LoadedExperiment, error: CompositionError) -> ConfigError:
    """The same problems, each at its component's place in the YAML."""
    told = [
        loaded.error(("agent", "components", p.component), p.message, p.way_out).problems
        for p in error.problems
    ]
    return ConfigError(*(problem for problems in told for problem in problems))


def _check_reactions(loaded: LoadedExperiment, composition: Composition) -> None:
    """What restarts at a boundary needs somebody to notice boundaries."""
    config = loaded.config
    if loaded.curriculum.visibility != "hidden":
        return
    detected = cap.CHANGE_EVENTS in composition.offered
    reactions = [("at_boundary", k) for k, v in config.at_boundary if v != "keep"]
    per_task = [("schedules", k) for k, v in config.schedules if v == "per_task"]
    for path in [*reactions, *per_task]:
        if not detected:
            raise loaded.error(
                path,
                f"`{path[1]}` follows task boundaries, which the curriculum hides and no "
                "component detects",
                "add a detection component, or set `visibility: boundaries` in the curriculum",
            )
    if restarts_exploration(loaded) and config.schedules.period_env_steps is None:
        raise loaded.error(
            (per_task or reactions)[0],
            "a schedule that restarts at detected changes needs a length",
            "set `schedules.period_env_steps`",
        )


def restarts_exploration(loaded: LoadedExperiment) -> bool:
    """Whether some schedule begins anew with each task."""
    config = loaded.config
    return config.at_boundary.exploration == "restart" or any(
        value == "per_task" for _, value in config.schedules
    )


def _check_heads(loaded: LoadedExperiment, composition: Composition) -> None:
    """Replayed experience must be answered by the head of its own task."""
    agent = loaded.config.agent
    if agent.heads != "per_task" or agent.learner == "ppo":
        return
    path = ("agent", "heads")
    if cap.REPLAY_BUFFER in composition.offered:
        if cap.TASK_BELIEF in composition.offered:
            raise loaded.error(
                path,
                "`heads: per_task` with replay needs experience stored by true task, but a "
                "detector decides under which context it is stored",
                "remove the detector, or set `heads: single`",
            )
    elif loaded.config.at_boundary.buffer != "clear":
        raise loaded.error(
            path,
            "`heads: per_task` would train old experience through the new task's head",
            "set `at_boundary: {buffer: clear}`, or add `replay.reservoir`, which knows tasks",
        )


def check_environments(loaded: LoadedExperiment) -> None:
    """Raise `ConfigError` unless all tasks can be made, share their spaces, and fit the learner."""
    first: tuple[str, spaces.Space[Any], spaces.Space[Any]] | None = None
    for name, task in loaded.curriculum.tasks.items():
        path = ("curriculum", "tasks", name)
        try:
            check_task(task)
            env = make_task_env(task, n_envs=1, seed=0)
        except (ValueError, UserError) as error:
            raise loaded.error(path, f"task `{name}`: {error}") from error
        try:
            stateful(env)
            _check_learner(loaded, env)
            _check_masks(loaded, name, env)
            mine = (name, env.observation_space, env.action_space)
        finally:
            env.close()
        first = first or mine
        if mine[1:] != first[1:]:
            what = "observations" if mine[1] != first[1] else "actions"
            raise loaded.error(
                path,
                f"task `{name}` has other {what} than task `{first[0]}`: "
                f"{mine[1 if mine[1] != first[1] else 2]} and "
                f"{first[1 if mine[1] != first[1] else 2]}",
                "all tasks of a curriculum must share their spaces",
            )


def _check_learner(loaded: LoadedExperiment, env: VecEnv) -> None:
    agent = loaded.config.agent
    allowed = _ACTION_SPACES[agent.learner]
    if not isinstance(env.action_space, allowed):
        fitting = [
            name for name, kinds in _ACTION_SPACES.items() if isinstance(env.action_space, kinds)
        ]
        raise loaded.error(
            ("agent", "learner"),
            f"learner `{agent.learner}` cannot act in {env.action_space}",
            f"use one of: {', '.join(fitting)}" if fitting else "choose another environment",
        )
    is_dict = isinstance(env.observation_space, spaces.Dict)
    if is_dict != (agent.policy == "MultiInputPolicy"):
        raise loaded.error(
            ("agent", "policy"),
            f"policy `{agent.policy}` does not fit observations {env.observation_space}",
            "dictionaries need `MultiInputPolicy`, everything else `MlpPolicy` or `CnnPolicy`",
        )


def _check_masks(loaded: LoadedExperiment, task: str, env: VecEnv) -> None:
    """Masks that are wanted must be offered by every task; some are only known after a reset."""
    if not loaded.config.agent.action_masks:
        return
    env.reset()
    try:
        MaskReader(env).read("its first step")
    except UserError as error:
        message, _, way_out = str(error).partition("\n")
        path = ("agent", "action_masks")
        raise loaded.error(path, f"task `{task}`: {message}", way_out.strip()) from error


def check_agent(loaded: LoadedExperiment) -> None:
    """Build the agent once and drop it: what only the finished learner can know is told early."""
    env = make_task_env(first_task(loaded), n_envs=loaded.config.agent.n_envs, seed=0)
    try:
        build_agent(loaded, env)
    finally:
        env.close()


def first_task(loaded: LoadedExperiment) -> Task:
    """The task an agent is born into."""
    learned = loaded.curriculum.learned_tasks()
    return loaded.curriculum.tasks[(*learned, *loaded.curriculum.tasks)[0]]


def build_agent(loaded: LoadedExperiment, env: VecEnv) -> LifelongAlgorithm:
    """The agent on its first environment. Raises `ConfigError` for what SB3 refuses."""
    config = loaded.config
    try:
        agent: LifelongAlgorithm = learner_class(config.agent.learner)(
            config.agent.policy,
            env,
            components=build_components(loaded),
            surroundings=surroundings_of(loaded),
            multi_head=config.agent.heads == "per_task",
            action_masks=config.agent.action_masks,
            policy_kwargs=_policy_arguments(loaded),
            seed=config.seed,
            device=config.resources.device,
            verbose=0,
            **dict(config.agent.settings),
        )
    except CompositionError as error:
        raise _located(loaded, error) from error
    except MemoryError as error:
        raise loaded.error(
            ("agent", "settings"),
            f"the agent does not fit into memory ({error})",
            "lower `buffer_size`, `n_envs` or the network's layers",
        ) from error
    except (AssertionError, ValueError, NotImplementedError) as error:
        raise loaded.error(("agent",), f"the agent cannot be built: {error}") from error
    agent.set_logger(Logger(folder=None, output_formats=[]))
    if config.agent.start_from is not None:
        _start_from(loaded, agent)
    scopes = {k: v for k, v in config.schedules if k != "period_env_steps"}
    if config.at_boundary.exploration == "restart" and scopes["exploration"] == "global":
        scopes["exploration"] = "per_task"
    agent.scope_schedules(scopes)
    return agent


def _start_from(loaded: LoadedExperiment, agent: LifelongAlgorithm) -> None:
    try:
        start_from(agent, Path(str(loaded.config.agent.start_from)))
    except UserError as error:
        raise loaded.error(("agent", "start_from"), str(error)) from error


def _policy_arguments(loaded: LoadedExperiment) -> dict[str, Any] | None:
    network = loaded.config.agent.network
    if network is None:
        return None
    arguments: dict[str, Any] = {}
    if network.layers is not None:
        arguments["net_arch"] = list(network.layers)
    if network.activation is not None:
        arguments["activation_fn"] = _ACTIVATIONS[network.activation]
    return arguments
