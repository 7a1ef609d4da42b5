"""Settings of the learners: the constructor arguments of Stable-Baselines3 2.9.2, typed.

Names, meanings and defaults are SB3's. Left out is what `l2rl` sets itself (environment, seed,
device, network, buffers) and what cannot be written in YAML (classes, callables, noise objects).
`dict(settings)` are keyword arguments for the constructor.
"""

from __future__ import annotations

import math
import re
from typing import Annotated, Any, Literal

from pydantic import (
    Discriminator,
    Field,
    PlainValidator,
    Tag,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from l2rl.config.fields import (
    SCIENTIFIC,
    Flag,
    Fraction,
    Model,
    NonNegative,
    NonNegativeNumber,
    NormLimit,
    Number,
    Positive,
    PositiveNumber,
    Whole,
)

LearnerName = Literal["ppo", "dqn", "sac", "td3", "tqc", "qrdqn", "crossq"]


class Schedule(Model):
    """A number that changes over a lifetime (or a task: see `schedules` of the experiment)."""

    schedule: Literal["linear", "constant"]
    """`linear`: from `start` to `end`; `constant`: `start` throughout."""
    start: NonNegativeNumber
    """Value at the beginning, >= 0."""
    end: NonNegativeNumber = 0.0
    """Value at the end of a linear schedule, >= 0. Default 0."""

    @model_validator(mode="after")
    def _constant_has_no_end(self) -> Schedule:
        if self.schedule == "constant" and "end" in self.model_fields_set and self.end:
            raise PydanticCustomError(
                "constant_end", "a constant schedule has no `end`: take it out, or write `linear`"
            )
        return self

    def __call__(self, progress_remaining: float) -> float:
        """The value when `progress_remaining` falls from 1 to 0: SB3's protocol of a schedule."""
        if self.schedule == "constant":
            return self.start
        return self.end + progress_remaining * (self.start - self.end)


def _schedule_or_number(value: Any) -> str:
    return "<Schedule>" if isinstance(value, dict | Schedule) else "<number>"


Schedulable = Annotated[
    Annotated[Schedule, Tag("<Schedule>")] | Annotated[PositiveNumber, Tag("<number>")],
    Discriminator(_schedule_or_number),
]
"""A number, or `{schedule: linear, start: 1.0e-3, end: 0}`."""
LearningRate = Annotated[
    Annotated[Schedule, Tag("<Schedule>")] | Annotated[NonNegativeNumber, Tag("<number>")],
    Discriminator(_schedule_or_number),
]


def _auto_or_number(value: Any) -> float | str:
    """`auto`, `auto_<initial value>` or a number; `PlainValidator`, so that errors are one."""
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    if isinstance(value, str) and SCIENTIFIC.fullmatch(value):
        return float(value)
    if value == "auto":
        return "auto"
    raise PydanticCustomError("auto_or_number", "must be a number or `auto`")


def _entropy_coefficient(value: Any) -> float | str:
    start = re.fullmatch(r"auto_(\d+(\.\d*)?([eE][-+]?\d+)?)", value) if _text(value) else None
    if start is not None and float(start[1]) > 0:
        return str(value)
    number = _auto_or_number(value)
    if isinstance(number, float) and number < 0:
        raise PydanticCustomError("entropy", "must be at least 0, `auto`, or such as `auto_0.1`")
    return number


def _text(value: Any) -> bool:
    return isinstance(value, str)


AutoOrNumber = Annotated[
    float | str,
    PlainValidator(_auto_or_number),
    WithJsonSchema({"anyOf": [{"type": "number"}, {"const": "auto"}]}),
]
EntropyCoefficient = Annotated[
    float | str,
    PlainValidator(_entropy_coefficient),
    WithJsonSchema(
        {"anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": "^auto"}]}
    ),
]


class LearnerSettings(Model):
    """What all learners have."""

    gamma: Fraction = 0.99
    """Discount factor, 0 to 1."""
    stats_window_size: Positive = 100
    """Episodes over which SB3's own rollout log averages, >= 1."""


class PPOSettings(LearnerSettings):
    """PPO, arXiv:1707.06347."""

    learning_rate: LearningRate = 3e-4
    """Step size of Adam, >= 0; a number or a schedule."""
    n_steps: Positive = 2048
    """Env steps per environment and rollout, >= 1; a rollout holds n_steps * n_envs > 1."""
    batch_size: Positive = 64
    """Samples of one minibatch; > 1 when advantages are normalized."""
    n_epochs: Positive = 10
    """Passes over each rollout, >= 1."""
    gae_lambda: Fraction = 0.95
    """Bias against variance of the generalized advantage estimate, 0 to 1."""
    clip_range: Schedulable = 0.2
    """Clip of the probability ratio, > 0; a number or a schedule."""
    clip_range_vf: Schedulable | None = None
    """Clip of the value function in units of reward, > 0; null: none."""
    normalize_advantage: Flag = True
    """Whether advantages get mean 0 and deviation 1 within each minibatch."""
    ent_coef: NonNegativeNumber = 0.0
    """Weight of the entropy bonus, >= 0."""
    vf_coef: NonNegativeNumber = 0.5
    """Weight of the value loss, >= 0."""
    max_grad_norm: NormLimit = 0.5
    """Largest norm of the gradient, > 0; `.inf`: no clip."""
    use_sde: Flag = False
    """State dependent exploration (continuous actions only)."""
    sde_sample_freq: Annotated[Whole, Field(ge=-1)] = -1
    """Env steps between two noise matrices; -1: one per rollout."""
    target_kl: PositiveNumber | None = None
    """KL divergence at which an update stops early, > 0; null: never."""


class OffPolicySettings(LearnerSettings):
    """What off-policy learners share."""

    buffer_size: Positive = 1_000_000
    """Transitions kept in the replay buffer, all environments together, >= 1."""
    learning_starts: NonNegative = 100
    """Env steps collected before the first gradient step, >= 0."""
    gradient_steps: Annotated[Whole, Field(ge=-1)] = 1
    """Gradient steps after each collection; -1: as many as env steps collected."""
    n_steps: Positive = 1
    """Length of the return that the critic bootstraps from, in env steps, >= 1."""


class DQNSettings(OffPolicySettings):
    """DQN, arXiv:1312.5602."""

    learning_rate: LearningRate = 1e-4
    """Step size of Adam, >= 0; a number or a schedule."""
    batch_size: Positive = 32
    """Transitions of one minibatch, >= 1."""
    tau: Annotated[Number, Field(gt=0, le=1)] = 1.0
    """Weight of the new network when the target is updated, > 0, <= 1 (1: a copy)."""
    train_freq: Positive = 4
    """Steps of every environment between two updates, >= 1."""
    target_update_interval: Positive = 10_000
    """Env steps between two updates of the target network, >= 1."""
    exploration_fraction: Fraction = 0.1
    """Share of the schedule's length over which epsilon falls, 0 to 1."""
    exploration_initial_eps: Fraction = 1.0
    """Epsilon at the beginning, 0 to 1."""
    exploration_final_eps: Fraction = 0.05
    """Epsilon at the end, 0 to 1."""
    max_grad_norm: NormLimit = 10.0
    """Largest norm of the gradient, > 0; `.inf`: no clip."""


class SACSettings(OffPolicySettings):
    """SAC, arXiv:1812.05905."""

    learning_rate: LearningRate = 3e-4
    """Step size of all three optimisers, >= 0; a number or a schedule."""
    batch_size: Positive = 256
    """Transitions of one minibatch, >= 1."""
    tau: Annotated[Number, Field(gt=0, le=1)] = 0.005
    """Weight of the new networks when the targets are updated, > 0, <= 1."""
    train_freq: Positive = 1
    """Steps of every environment between two updates, >= 1."""
    ent_coef: EntropyCoefficient = "auto"
    """Weight of the entropy, >= 0; `auto`: learned; `auto_0.1`: learned from 0.1."""
    target_update_interval: Positive = 1
    """Gradient steps between two updates of the target networks, >= 1."""
    target_entropy: AutoOrNumber = "auto"
    """Entropy that `ent_coef: auto` aims at, in nats; `auto`: minus the action dimensions."""
    use_sde: Flag = False
    """State dependent exploration."""
    sde_sample_freq: Annotated[Whole, Field(ge=-1)] = -1
    """Env steps between two noise matrices; -1: one per collection."""
    use_sde_at_warmup: Flag = False
    """State dependent exploration also before `learning_starts`."""


class TD3Settings(OffPolicySettings):
    """TD3, arXiv:1802.09477."""

    learning_rate: LearningRate = 1e-3
    """Step size of both optimisers, >= 0; a number or a schedule."""
    batch_size: Positive = 256
    """Transitions of one minibatch, >= 1."""
    tau: Annotated[Number, Field(gt=0, le=1)] = 0.005
    """Weight of the new networks when the targets are updated, > 0, <= 1."""
    train_freq: Positive = 1
    """Steps of every environment between two updates, >= 1."""
    policy_delay: Positive = 2
    """Gradient steps of the critics for each of the actor and of the targets, >= 1."""
    target_policy_noise: NonNegativeNumber = 0.2
    """Deviation of the noise on the target's actions, >= 0."""
    target_noise_clip: NonNegativeNumber = 0.5
    """Largest such noise, >= 0."""
    action_noise_std: NonNegativeNumber = 0.0
    """Deviation of the noise on actions while collecting, on the scale -1 to 1, >= 0; 0.1 is
    usual, SB3's default is none."""


class TQCSettings(SACSettings):
    """TQC, arXiv:2005.04269."""

    top_quantiles_to_drop_per_net: NonNegative = 2
    """Largest quantiles of each critic that the target leaves out, >= 0."""


class CrossQSettings(OffPolicySettings):
    """CrossQ, arXiv:1902.05605."""

    learning_rate: LearningRate = 1e-3
    """Step size of all three optimisers, >= 0; a number or a schedule."""
    batch_size: Positive = 256
    """Transitions of one minibatch, >= 1."""
    train_freq: Positive = 1
    """Steps of every environment between two updates, >= 1."""
    ent_coef: EntropyCoefficient = "auto"
    """Weight of the entropy, >= 0; `auto`: learned; `auto_0.1`: learned from 0.1."""
    target_entropy: AutoOrNumber = "auto"
    """Entropy that `ent_coef: auto` aims at, in nats; `auto`: minus the action dimensions."""
    policy_delay: Positive = 3
    """Gradient steps of the critics for each of the actor, >= 1."""
    use_sde: Flag = False
    """State dependent exploration."""
    sde_sample_freq: Annotated[Whole, Field(ge=-1)] = -1
    """Env steps between two noise matrices; -1: one per collection."""
    use_sde_at_warmup: Flag = False
    """State dependent exploration also before `learning_starts`."""


class QRDQNSettings(OffPolicySettings):
    """QR-DQN, arXiv:1710.10044."""

    learning_rate: LearningRate = 5e-5
    """Step size of Adam, >= 0; a number or a schedule."""
    batch_size: Positive = 32
    """Transitions of one minibatch, >= 1."""
    tau: Annotated[Number, Field(gt=0, le=1)] = 1.0
    """Weight of the new network when the target is updated, > 0, <= 1 (1: a copy)."""
    train_freq: Positive = 4
    """Steps of every environment between two updates, >= 1."""
    target_update_interval: Positive = 10_000
    """Env steps between two updates of the target network, >= 1."""
    exploration_fraction: Fraction = 0.005
    """Share of the schedule's length over which epsilon falls, 0 to 1."""
    exploration_initial_eps: Fraction = 1.0
    """Epsilon at the beginning, 0 to 1."""
    exploration_final_eps: Fraction = 0.01
    """Epsilon at the end, 0 to 1."""
    max_grad_norm: NormLimit | None = None
    """Largest norm of the gradient, > 0; null: no clip."""


SETTINGS: dict[str, type[LearnerSettings]] = {
    "ppo": PPOSettings,
    "dqn": DQNSettings,
    "sac": SACSettings,
    "td3": TD3Settings,
    "tqc": TQCSettings,
    "qrdqn": QRDQNSettings,
    "crossq": CrossQSettings,
}
