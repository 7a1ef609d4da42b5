"""The experiment as it is written in YAML: one model for each mapping.

Docstrings of the fields are the reference: they go into the editor's schema, into hints of error
messages and into `l2rl explain`.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Discriminator, Field, Tag, model_validator
from pydantic_core import PydanticCustomError

from l2rl.config.curricula import CurriculumConfig
from l2rl.config.fields import (
    Flag,
    Model,
    NonNegative,
    NonNegativeNumber,
    Positive,
    PositiveNumber,
)
from l2rl.config.settings import (
    CrossQSettings,
    DQNSettings,
    LearnerName,
    LearnerSettings,
    PPOSettings,
    QRDQNSettings,
    SACSettings,
    TD3Settings,
    TQCSettings,
)
from l2rl.config.tasks import TaskNames

ScheduleMode = Literal["global", "per_task", "frozen"]


class NetworkConfig(Model):
    """Shape of the network; what is left out is SB3's own choice for the policy."""

    layers: Annotated[list[Positive], Field(max_length=50)] | None = None
    """Units of each hidden layer, each >= 1; null: SB3's default for the policy."""
    activation: Literal["relu", "tanh", "elu", "gelu", "leaky_relu"] | None = None
    """Nonlinearity between layers; null: SB3's default for the policy."""


class ComponentConfig(Model):
    """One component on the agent: its type, and beside it its settings."""

    model_config = ConfigDict(extra="allow")

    type: Annotated[str, Field(min_length=1)]
    """Full name such as `consolidation.ewc`, or `package.module:Class`."""

    @property
    def settings(self) -> dict[str, Any]:
        """The component's own settings, defaults filled in once the experiment is loaded."""
        return dict(self.model_extra or {})


class AgentConfig(Model):
    """One agent: a learner of Stable-Baselines3 and the components on it."""

    learner: LearnerName
    """`ppo`, `dqn` (discrete actions) or `sac` (continuous actions); and, with less offered to
    components, `qrdqn` (discrete), `td3`, `tqc` or `crossq` (continuous)."""
    policy: Literal["MlpPolicy", "CnnPolicy", "MultiInputPolicy"] = "MlpPolicy"
    """SB3's policy: vectors, images, or dictionaries of observations."""
    network: NetworkConfig | None = None
    """Hidden layers and nonlinearity; null: SB3's defaults."""
    settings: LearnerSettings
    """Constructor arguments of the learner."""
    n_envs: Annotated[Positive, Field(le=65536)] = 1
    """Environments collected from side by side, >= 1."""
    heads: Literal["single", "per_task"] = "single"
    """`single`: one output for all tasks; `per_task`: one each, which needs task labels."""
    start_from: Annotated[str, Field(min_length=1)] | None = None
    """Saved SB3 model (zip) to start from, relative to this file; null: fresh."""
    components: dict[str, ComponentConfig] = Field(default_factory=dict)
    """Instance name -> component. The order of listing never matters."""


class PPOAgent(AgentConfig):
    """An agent that learns with PPO."""

    learner: Literal["ppo"]
    """`ppo`"""
    settings: PPOSettings = PPOSettings()
    """Constructor arguments of SB3's PPO."""
    action_masks: Flag = False
    """Take, and learn about, only the actions that the environment says are valid."""


class DQNAgent(AgentConfig):
    """An agent that learns with DQN."""

    learner: Literal["dqn"]
    """`dqn`"""
    settings: DQNSettings = DQNSettings()
    """Constructor arguments of SB3's DQN."""
    action_masks: Flag = False
    """Take, and bootstrap from, only the actions that the environment says are valid."""


class SACAgent(AgentConfig):
    """An agent that learns with SAC."""

    learner: Literal["sac"]
    """`sac`"""
    settings: SACSettings = SACSettings()
    """Constructor arguments of SB3's SAC."""
    action_masks: ClassVar[bool] = False


class TD3Agent(AgentConfig):
    """An agent that learns with TD3; some components need more than it offers."""

    learner: Literal["td3"]
    """`td3`"""
    settings: TD3Settings = TD3Settings()
    """Constructor arguments of SB3's TD3."""
    action_masks: ClassVar[bool] = False
    heads: Literal["single"] = "single"
    """`single`: one output for all tasks."""


class TQCAgent(AgentConfig):
    """An agent that learns with TQC; some components need more than it offers."""

    learner: Literal["tqc"]
    """`tqc`"""
    settings: TQCSettings = TQCSettings()
    """Constructor arguments of sb3-contrib's TQC."""
    action_masks: ClassVar[bool] = False
    heads: Literal["single"] = "single"
    """`single`: one output for all tasks."""


class QRDQNAgent(AgentConfig):
    """An agent that learns with QRDQN; some components need more than it offers."""

    learner: Literal["qrdqn"]
    """`qrdqn`"""
    settings: QRDQNSettings = QRDQNSettings()
    """Constructor arguments of sb3-contrib's QRDQN."""
    action_masks: ClassVar[bool] = False
    heads: Literal["single"] = "single"
    """`single`: one output for all tasks."""


class CrossQAgent(AgentConfig):
    """An agent that learns with CrossQ; some components need more than it offers."""

    learner: Literal["crossq"]
    """`crossq`"""
    settings: CrossQSettings = CrossQSettings()
    """Constructor arguments of sb3-contrib's CrossQ."""
    action_masks: ClassVar[bool] = False
    heads: Literal["single"] = "single"
    """`single`: one output for all tasks."""


AGENTS: dict[str, type[AgentConfig]] = {
    "ppo": PPOAgent,
    "dqn": DQNAgent,
    "sac": SACAgent,
    "td3": TD3Agent,
    "tqc": TQCAgent,
    "qrdqn": QRDQNAgent,
    "crossq": CrossQAgent,
}


def _learner_of(value: Any) -> str | None:
    learner = value.get("learner") if isinstance(value, dict) else getattr(value, "learner", None)
    agent = AGENTS.get(learner) if isinstance(learner, str) else None
    return f"<{agent.__name__}>" if agent is not None else None


Agent = Annotated[
    Annotated[PPOAgent, Tag("<PPOAgent>")]
    | Annotated[DQNAgent, Tag("<DQNAgent>")]
    | Annotated[SACAgent, Tag("<SACAgent>")]
    | Annotated[TD3Agent, Tag("<TD3Agent>")]
    | Annotated[TQCAgent, Tag("<TQCAgent>")]
    | Annotated[QRDQNAgent, Tag("<QRDQNAgent>")]
    | Annotated[CrossQAgent, Tag("<CrossQAgent>")],
    Discriminator(
        _learner_of,
        custom_error_type="learner_unknown",
        custom_error_message="`agent` needs a `learner`: " + ", ".join(AGENTS),
    ),
]


class EvaluationConfig(Model):
    """Continual evaluation: apart from learning, and without any influence on it."""

    interval_env_steps: Positive | None = 20_000
    """Env steps of learning between two evaluations, >= 1; null: none in between."""
    episodes: Positive = 20
    """Episodes per task and evaluation, >= 1."""
    n_envs: Annotated[Positive, Field(le=65536)] = 16
    """Environments side by side, >= 1."""
    deterministic: Flag = True
    """The policy's best action, rather than a sampled one."""
    tasks: TaskNames = "all"
    """`all`, or a list of names of tasks of the curriculum."""
    at_start: Flag = True
    """Evaluate before any learning."""
    at_block_end: Flag = True
    """Evaluate at the end of every learning and sleep block."""
    at_end: Flag = True
    """Evaluate after the last block."""


class SchedulesConfig(Model):
    """Over what each schedule runs: the lifetime, each task anew, or not at all."""

    learning_rate: ScheduleMode = "global"
    """`global`: over the lifetime; `per_task`: anew in each block; `frozen`: stays at its start."""
    clip_range: ScheduleMode = "global"
    """The same for PPO's clips."""
    exploration: ScheduleMode = "global"
    """The same for DQN's epsilon."""
    period_env_steps: Positive | None = None
    """Length of a `per_task` schedule in env steps, >= 1; null: the block's budget."""


class AtBoundaryConfig(Model):
    """What becomes of the learner's state at a task boundary, be it told or detected."""

    optimiser: Literal["keep", "reset"] = "keep"
    """Moments of the optimisers."""
    buffer: Literal["keep", "clear"] = "keep"
    """Contents of the replay buffer."""
    exploration: Literal["keep", "restart"] = "keep"
    """DQN's epsilon."""


class ReplayRatioConfig(Model):
    """Limits of the arbiter of the replay ratio: gradient steps per env step."""

    minimum: NonNegativeNumber = 0.0
    """Smallest ratio, gradient steps per env step, >= 0."""
    maximum: PositiveNumber = 16.0
    """Largest ratio, gradient steps per env step, > 0."""
    hysteresis: NonNegativeNumber = 0.0
    """A new proposal must differ by more than this to count, same unit, >= 0."""

    @model_validator(mode="after")
    def _ordered(self) -> ReplayRatioConfig:
        if self.minimum > self.maximum:
            raise PydanticCustomError(
                "ratio_order",
                "`minimum` {minimum} is above `maximum` {maximum}",
                {"minimum": self.minimum, "maximum": self.maximum},
            )
        return self


class CheckpointConfig(Model):
    """When exact snapshots are written, and which are kept."""

    interval_env_steps: Positive | None = None
    """Env steps between two snapshots, >= 1; null: by time alone."""
    interval_s: PositiveNumber | None = 60.0
    """Seconds between two snapshots, > 0; null: by env steps alone."""
    keep_last: Positive = 2
    """Latest snapshots kept, >= 1."""
    keep_every: Positive | None = None
    """Also keep every n-th for good, >= 1; null: none."""


class LoggingConfig(Model):
    """How often training is logged, and where to besides the log."""

    interval_env_steps: Positive = 1000
    """Env steps between two rows, >= 1."""
    tensorboard: bool = False
    """Also write event files for TensorBoard, to `tensorboard/` of the run."""


class ResourcesConfig(Model):
    """What one run may use."""

    threads: Annotated[Positive, Field(le=1024)] = 1
    """Threads of torch, >= 1."""
    device: Annotated[str, Field(pattern=r"^(auto|cpu|cuda(:\d+)?|mps|xpu(:\d+)?)$")] = "cpu"
    """`cpu`, `cuda`, `cuda:1`, `mps` or `auto`."""


class ExperimentConfig(Model):
    """A whole experiment."""

    experiment: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=100)]
    """Name in logs and directories: letters, digits, `.`, `_`, `-`. Default: the file's name."""
    summary: str = ""
    """What the experiment is for, one line."""
    seed: Annotated[NonNegative, Field(lt=2**32)] = 0
    """Everything random derives from it, 0 to 2^32 - 1."""
    agent: Agent
    """Learner and components."""
    curriculum: CurriculumConfig
    """Name of a shipped curriculum, path of a YAML file (relative to this one), or a mapping."""
    evaluation: EvaluationConfig = EvaluationConfig()
    """Continual evaluation."""
    schedules: SchedulesConfig = SchedulesConfig()
    """Over what schedules run."""
    at_boundary: AtBoundaryConfig = AtBoundaryConfig()
    """What happens to the learner's state at a task boundary."""
    replay_ratio: ReplayRatioConfig = ReplayRatioConfig()
    """Limits of gradient steps per env step."""
    checkpoint: CheckpointConfig = CheckpointConfig()
    """Snapshots."""
    logging: LoggingConfig = LoggingConfig()
    """The training log."""
    resources: ResourcesConfig = ResourcesConfig()
    """Threads and device."""

    def resolved(self) -> dict[str, Any]:
        """Plain data with every default filled in; loads back to the same configuration."""
        return {**self.model_dump(), "curriculum": self.curriculum.resolved()}
