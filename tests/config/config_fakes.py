"""A good experiment, and components that it names by import string (`config_fakes:Penalty`)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator


class Penalty:
    """A component with a pydantic Config."""

    class Config(BaseModel):
        model_config = ConfigDict(extra="forbid", frozen=True)

        strength: float = Field(1.0, ge=0, description="Weight of the penalty, >= 0.")
        samples: int = Field(100, gt=0)
        online: bool = False
        mode: Literal["diagonal", "full"] = "diagonal"
        layers: tuple[str, ...] = ()
        limit: float = float("inf")

        @field_validator("layers")
        @classmethod
        def _known(cls, value: tuple[str, ...]) -> tuple[str, ...]:
            if "head" in value:
                raise ValueError("the head cannot be penalised")
            return value

    def __init__(self, config: object = None) -> None:
        self.config = config


@dataclass(frozen=True)
class DetectorConfig:
    threshold: float = 3.0
    window: int = 50
    names: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.window < 2:
            raise ValueError("window must hold two losses")


class Detector:
    """A component with a dataclass for its Config."""

    Config = DetectorConfig


class Plain:
    """A component without settings."""


class Broken:
    """A component whose Config is nothing that can be checked."""

    class Config:
        pass


class Raising:
    """A component whose validator raises what pydantic does not expect."""

    class Config(BaseModel):
        strength: float = 1.0

        @field_validator("strength")
        @classmethod
        def _fails(cls, value: float) -> float:
            raise KeyError("oops")


class Reserved:
    """A component that uses the reserved name."""

    class Config(BaseModel):
        type: str = "x"


NOT_A_CLASS = 3

GOOD = """\
experiment: quickstart
seed: 0
agent:
  learner: dqn
  policy: MlpPolicy
  network: {layers: [64, 64], activation: relu}
  settings: {learning_rate: 1.0e-3, buffer_size: 50000}
  n_envs: 16
  components:
    ewc: {type: "config_fakes:Penalty", strength: 100}
    config_fakes:Detector: {}
curriculum:
  visibility: labels
  tasks:
    beacon: {env: minigames/MoveToBeacon, variant: default, parameters: {size: 32}}
    shards: minigames/CollectMineralShards
  blocks:
    - {learn: beacon, env_steps: 100_000}
    - {learn: shards, env_steps: 5e4}
    - evaluate: all
    - {evaluate: [beacon]}
    - {sleep: 500}
  repeat: 2
evaluation: {interval_env_steps: 20000, episodes: 20, tasks: all}
"""
