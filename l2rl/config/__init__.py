"""YAML -> typed configuration, with `file:line:column` for every mistake.

loaded = load_experiment("quickstart", overrides=["seed=3"])
loaded.config.agent.settings, loaded.curriculum, loaded.components
raise loaded.error(("agent", "components", "ewc"), "what is wrong", "how to mend it")
"""

from l2rl.config.components import ConfiguredComponent
from l2rl.config.errors import ConfigError, Place, Problem
from l2rl.config.loading import (
    LoadedExperiment,
    content_hash,
    dump,
    load_curriculum,
    load_experiment,
    load_text,
)
from l2rl.config.models import AgentConfig, ExperimentConfig
from l2rl.config.schema import json_schema

__all__ = [
    "AgentConfig",
    "ConfigError",
    "ConfiguredComponent",
    "ExperimentConfig",
    "LoadedExperiment",
    "Place",
    "Problem",
    "content_hash",
    "dump",
    "json_schema",
    "load_curriculum",
    "load_experiment",
    "load_text",
]
