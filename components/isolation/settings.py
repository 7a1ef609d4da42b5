"""Settings of `isolation.packnet`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from l2rl.component import ComponentConfig


class PackNetConfig(ComponentConfig):
    """Settings of `isolation.packnet`."""

    shares: Literal["equal", "fixed"] = Field(
        "equal",
        description="equal: as many shares as the curriculum has tasks; fixed: by `prune_share`",
    )
    prune_share: float = Field(
        0.75, gt=0, lt=1, description="shares: fixed: part of the free weights that is freed again"
    )
    retrain_updates: int = Field(
        1000, ge=0, description="gradient steps after pruning on the weights that were kept"
    )
    retrain_by: Literal["auto", "replay", "distillation"] = Field(
        "auto",
        description="replay: the learner's own steps on its buffer (dqn, sac); distillation: "
        "imitate the un-pruned network on recent states; auto: replay where there is a buffer",
    )
    distillation_states: int = Field(
        4096, ge=1, description="recent states that are remembered for distillation"
    )
    distillation_batch_size: int = Field(256, ge=1, description="states in a step of it")
    memory_env_steps: int = Field(
        20_000,
        ge=1,
        description="how far back those states go: uniform over a task of up to so many env "
        "steps, mean age so many in a longer one",
    )
    pack_critic: bool = Field(
        False, description="pack what only judges actions, too (value functions, SAC's critics)"
    )
    on_return: Literal["extend", "freeze"] = Field(
        "extend",
        description="a task that returns may claim more free weights, or only acts as it did",
    )
    free_weights: Literal["zero", "fresh"] = Field(
        "zero",
        description="what free weights are when a later task begins: zero as in the source, or "
        "drawn anew by the layers' initialisers",
    )
