"""What decides whether two runs may be set against each other, from their configurations."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from l2rl.errors import UserError
from l2rl.runs.resolved_config import resolved_config


@dataclass(frozen=True)
class Setting:
    """What decides whether two runs may be set against each other."""

    curriculum: str
    """Canonical text of what is learned, in which order, for how long; "" if unknown."""
    evaluation: str
    """How often and how thoroughly is looked."""
    agent: str
    """The agent without its components."""
    components: Mapping[str, str]
    """Instance name -> canonical text of its type and settings."""

    @property
    def text(self) -> str:
        """All but the curriculum, which a scenario may draw from the seed."""
        return _canonical([self.evaluation, self.agent, dict(self.components)])


def setting_of(config_path: Path) -> Setting:
    """What a run's resolved configuration says; empty if it is not one."""
    try:
        config = resolved_config(config_path)
        curriculum = config["curriculum"]
        agent = dict(config["agent"])
        components = agent.pop("components")
        lived = {key: curriculum[key] for key in ("tasks", "blocks", "repeat")}
        rest = {k: config[k] for k in ("schedules", "at_boundary", "replay_ratio")}
        return Setting(
            curriculum=_canonical(lived),
            evaluation=_canonical(config["evaluation"]),
            agent=_canonical([agent, rest, curriculum["visibility"]]),
            components={name: _canonical(settings) for name, settings in components.items()},
        )
    except (UserError, KeyError, TypeError, AttributeError, ValueError):
        return Setting("", "", "", {})


def extra_component(with_it: Setting, without: Setting) -> str:
    """The one component that the first agent has beyond the second; "" if they differ otherwise."""
    extra = set(with_it.components) - set(without.components)
    same = all(with_it.components.get(n) == c for n, c in without.components.items())
    alike = with_it.agent == without.agent and with_it.curriculum != ""
    return extra.pop() if len(extra) == 1 and same and alike else ""


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)
