"""What no single field can know: choices that exclude each other."""

from __future__ import annotations

from collections.abc import Iterator

from l2rl.config.document import Node, Path
from l2rl.config.errors import Problem
from l2rl.config.models import ExperimentConfig, SchedulesConfig
from l2rl.config.problems import Finding, located
from l2rl.config.settings import DQNSettings, PPOSettings, Schedule


def check(config: ExperimentConfig, document: Node) -> list[Problem]:
    """All contradictions in a configuration whose fields are right one by one."""
    findings = [
        *_visibility(config),
        *_minibatches(config),
        *_schedules(config),
    ]
    return located(findings, document)


def _visibility(config: ExperimentConfig) -> Iterator[Finding]:
    visible = config.curriculum.visibility
    if config.agent.heads == "per_task" and visible != "labels":
        yield (
            ("agent", "heads"),
            f"`heads: per_task` needs task labels, and the curriculum's visibility is `{visible}`",
            "write `heads: single`, or `visibility: labels` in the curriculum",
        )


def _minibatches(config: ExperimentConfig) -> Iterator[Finding]:
    """What SB3's PPO would refuse with an assertion."""
    settings = config.agent.settings
    if not isinstance(settings, PPOSettings) or not settings.normalize_advantage:
        return
    path: Path = ("agent", "settings")
    if settings.batch_size == 1:
        message = "one sample has no deviation to normalize advantages with"
        yield (
            (*path, "batch_size"),
            message,
            "use `batch_size` > 1, or `normalize_advantage: false`",
        )
    if settings.n_steps * config.agent.n_envs == 1:
        message = "a rollout of one sample (n_steps * n_envs) cannot be learned from"
        yield (*path, "n_steps"), message, "raise `n_steps`"


def _schedules(config: ExperimentConfig) -> Iterator[Finding]:
    """A schedule of each task needs its length in env steps; budgets in episodes give none."""
    unknown = config.curriculum.curriculum().total_env_steps() is None
    if not unknown or config.schedules.period_env_steps is not None:
        return
    for name in _moving(config):
        restarts = name == "exploration" and config.at_boundary.exploration == "restart"
        if getattr(config.schedules, name) == "per_task" or restarts:
            section = "at_boundary" if restarts else "schedules"
            message = f"`{name}` restarts with each task for an unknown time: budgets in episodes"
            yield (section, name), message, "set `schedules.period_env_steps`"


def _moving(config: ExperimentConfig) -> list[str]:
    """Names in `schedules` whose value really changes for this learner."""
    settings = config.agent.settings
    moving = ["exploration"] if isinstance(settings, DQNSettings) else []
    for name, value in settings:
        family = "clip_range" if name == "clip_range_vf" else name
        if isinstance(value, Schedule) and value.schedule == "linear":
            moving.append(family)
    return [name for name in SchedulesConfig.model_fields if name in moving]
