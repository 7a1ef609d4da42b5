"""Settings of `sleep.wake_sleep`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from l2rl.component import ComponentConfig


class WakeSleepConfig(ComponentConfig):
    """Settings of `sleep.wake_sleep`."""

    learning_rate: float = Field(1e-3, gt=0, description="of the sleep network's own Adam")
    batch_size: int = Field(256, ge=3, description="rows in one step of sleep, of all sources")
    replayed_share: float = Field(
        0.5, gt=0, le=1, description="rows from contexts lived since the last sleep"
    )
    generated_share: float = Field(
        0.25, ge=0, lt=1, description="rows of generated features of earlier contexts"
    )
    random_share: float = Field(
        0.25, ge=0, lt=1, description="rows from the few remembered states of earlier contexts"
    )
    feature_layer: Literal["first", "last"] = Field(
        "first", description="which hidden layer of each branch the generator stands in for"
    )
    generator_rank: int = Field(16, ge=0, description="principal axes of each generator")
    memory_states: int = Field(
        4096, ge=1, description="states remembered of each context since the last sleep"
    )
    memory_env_steps: int = Field(
        20_000,
        ge=1,
        description="how far back those go: uniform over a period of up to so many env steps, "
        "mean age so many in a longer one",
    )
    random_states: int = Field(
        256, ge=1, description="states of each consolidated context that are kept for good"
    )
    minimum_states: int = Field(
        64, ge=2, description="a context with fewer states waits for a later sleep"
    )
    max_contexts: int = Field(
        32, ge=1, description="consolidated contexts; beyond, the one longest ago is given up"
    )
    transfer: float = Field(
        1.0, ge=0, le=1, description="weight of the sleep network in the network that wakes up"
    )
    start: Literal["sleep", "wake"] = Field(
        "sleep",
        description="what the sleep network starts each sleep from: itself, or the awake network",
    )
    evaluate: Literal["wake", "sleep"] = Field(
        "wake", description="which of the two acts in evaluations"
    )
    critic: bool = Field(False, description="let what only judges actions sleep, too")
