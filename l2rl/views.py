"""What a hook gets to see: typed views and events, one for each kind of hook.

A view is narrow on purpose. It holds live tensors where a hook may write (gradients), copies or
read-only arrays elsewhere, and never the agent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
import torch
from gymnasium import spaces

from l2rl.randomness import numpy_generator, torch_generator

if TYPE_CHECKING:
    from l2rl.component import Batch

Role = Literal["acting", "value", "temperature"]
"""What a parameter serves: `acting` decides actions (a policy, or the Q network of DQN), `value`
only judges them (PPO's value function, SAC's critics), `temperature` is SAC's entropy weight."""

HeadKind = Literal["categorical", "multi_categorical", "bernoulli", "gaussian", "scalar"]


class ComponentGenerators:
    """A component's own randomness: one numpy and one torch (CPU) generator."""

    def __init__(self, seed: int, name: str) -> None:
        self.numpy: np.random.Generator = numpy_generator(seed, "component", name)
        self.torch: torch.Generator = torch_generator(seed, "component", name)

    def state_dict(self) -> dict[str, Any]:
        return {"numpy": dict(self.numpy.bit_generator.state), "torch": self.torch.get_state()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.numpy.bit_generator.state = state["numpy"]
        self.torch.set_state(state["torch"])


@dataclass(frozen=True)
class Head:
    """What a network says about a batch, as the parameters of a distribution.

    categorical: `values` (batch, n) logits. multi_categorical: concatenated logits, `sizes`.
    bernoulli: (batch, n) logits. gaussian: `values` (batch, n) means and `scale` (batch, n)
    standard deviations, before any squashing (a fixed bijection does not change the Fisher
    information). scalar: (batch, n) values, each read as the mean of a unit-variance Gaussian.
    """

    kind: HeadKind
    role: Role
    values: torch.Tensor
    scale: torch.Tensor | None = None
    sizes: tuple[int, ...] = ()


class HeadFunction(Protocol):
    """What a network says, as a pure function: usable under `torch.func.vmap` and `jacrev`.

    Heads speak of all actions, also where the learner masks invalid ones (docs/learners.md): a
    masked logit would have no gradient, and importance or distance measured on it would be zero
    or NaN. The masks are in the batch.
    """

    def __call__(
        self,
        parameters: Mapping[str, torch.Tensor],
        observations: torch.Tensor,
        actions: torch.Tensor | None = None,
        beliefs: torch.Tensor | None = None,
    ) -> dict[str, Head]:
        """Heads by name.

        `parameters` by name; `observations` (batch, ...); `actions` (batch, ...), needed by SAC's
        critics only; `beliefs` (batch,) int: the context each row is from, for agents with one
        output layer a task, which otherwise answer with that of the current task.
        """
        ...


class FeatureFunction(Protocol):
    """What the hidden layers of a network put out, as a function that gradients flow through."""

    def __call__(
        self,
        parameters: Mapping[str, torch.Tensor],
        observations: torch.Tensor,
        actions: torch.Tensor | None = None,
    ) -> dict[str, torch.Tensor]:
        """Outputs of every non-linearity by layer name, (batch, units, ...); arguments as of
        `HeadFunction`."""
        ...


def no_features(
    parameters: Mapping[str, torch.Tensor],
    observations: torch.Tensor,
    actions: torch.Tensor | None = None,
) -> dict[str, torch.Tensor]:
    """The features of a phase without a network."""
    return {}


@dataclass(frozen=True)
class PhaseView:
    """One phase of the learner's update, as a component sees it."""

    name: str
    """ppo: `policy`; dqn: `q`; sac: `entropy`, `critic`, `actor`."""
    parameters: Mapping[str, torch.nn.Parameter]
    """Live parameters by name, in a fixed order."""
    roles: Mapping[str, Role]
    """Role of each parameter; a trunk shared by policy and value counts as `acting`."""
    targets: Mapping[str, torch.Tensor]
    """Live target-network values by the name of the parameter they follow; may be empty."""
    output_layers: frozenset[str]
    """Names of the parameters that belong to the last layer of each head."""
    heads: HeadFunction
    """Empty dictionary for `entropy`."""
    activations: Callable[[torch.Tensor, torch.Tensor | None], dict[str, torch.Tensor]]
    """(observations, actions) -> outputs of every non-linearity by layer name, (batch, units, ...);
    a forward pass without gradients and without any effect."""
    read_optimizer: Callable[[], dict[str, dict[str, torch.Tensor]]]
    """A copy of the optimiser's state by parameter name (`exp_avg`, `exp_avg_sq`, `step`)."""
    activation_kinds: Mapping[str, str] = field(default_factory=dict)
    """Class name of each non-linearity (`ReLU`, `Tanh`) by layer name, as in `activations`."""
    fresh_parameters: Callable[[torch.Generator], dict[str, torch.Tensor]] = field(
        default=lambda generator: {}
    )
    """Every parameter drawn anew, by name, as it was when the agent was built: the same
    initialisers with another seed, taken from the given generator."""
    tap: Callable[[Mapping[str, torch.Tensor]], AbstractContextManager[dict[str, torch.Tensor]]] = (
        field(default=lambda replaced: nullcontext({}))
    )
    """`with view.tap({"q_net.1": features}) as outputs: view.heads(...)`: for the body, calls of
    `heads` fill `outputs` as `activations` does, and the layers named answer with the values given,
    (batch, units, ...), through which gradients flow: the upper part of a network by itself."""
    features: FeatureFunction = no_features
    """Outputs of the non-linearities under any parameters, to take gradients of; `activations` is
    for looking only."""


class ContextErrors(Protocol):
    """Service under CONTEXT_ERRORS: how badly each known context explains experience."""

    def context_errors(
        self,
        observations: np.ndarray,
        actions: np.ndarray,
        rewards: np.ndarray,
        next_observations: np.ndarray,
    ) -> Mapping[int, float]:
        """How badly each known context explains (batch, ...) transitions, on one scale for all:
        about 0 where it explains them as well as its own, and the smallest is the best guess."""
        ...


class ParameterImportance(Protocol):
    """Service under PARAMETER_IMPORTANCE: how much earlier tasks depend on each parameter."""

    def parameter_importance(self) -> Mapping[str, Mapping[str, torch.Tensor]]:
        """phase -> parameter name -> importance >= 0, float tensors of the parameters' shapes, on
        any scale; what is absent matters to nobody."""
        ...


def _no_learner(*_: Any, **__: Any) -> None:
    raise LookupError("there is no learner behind this view that could take a gradient step")


@dataclass(frozen=True)
class AgentView:
    """What a component may know of the agent for its whole life."""

    learner: str
    phases: Mapping[str, PhaseView]
    observation_space: spaces.Space[Any]
    action_space: spaces.Space[Any]
    n_envs: int
    gamma: float
    device: torch.device
    offered: frozenset[str]
    """Every capability that somebody offers on this agent."""
    labels: tuple[str, ...] | None
    """Names of the tasks to come, in the order of first learning; None without TASK_LABEL."""
    env_steps: Callable[[], int]
    """Env steps of the lifetime so far, all environments together."""
    emit: Callable[..., None]
    """`emit("expert_spawned", expert=2)`: an event for the log."""
    announce_change: Callable[[ChangeEvent], None]
    """For owners of CHANGE_EVENTS: queue a change; delivered after all `on_transitions`."""
    service: Callable[[str], Any]
    """The component that provides a capability which this one needs."""
    minimise: Callable[..., None] = _no_learner
    """`minimise("policy", loss, batch=None)`: a gradient step of one phase on a scalar loss of the
    component's own: backward, the gradient rules, clip, step. For the end of a task, a detected
    change and sleep; other components' loss terms take part where `batch` has what they need."""
    train_on_replay: Callable[[int], None] | None = None
    """`train_on_replay(steps)`: so many of the learner's ordinary gradient steps on its replay
    buffer, for the same moments; None without REPLAY."""


@dataclass(frozen=True)
class TaskEvent:
    """A true boundary. Given only to components that need TASK_BOUNDARY or TASK_LABEL."""

    index: int
    """Number of the learning block among learning blocks, from 0."""
    env_steps: int
    label: str | None
    """Name of the task; None without TASK_LABEL."""


@dataclass(frozen=True)
class ChangeEvent:
    """A change that a detector believes to have seen."""

    detector: str
    env_steps: int
    kind: Literal["new", "recurring", "unknown"]
    belief: int
    """Context the agent now believes to be in."""
    previous_belief: int
    confidence: float = 1.0
    """In [0, 1], on the detector's own scale."""


@dataclass(frozen=True)
class TransitionBatch:
    """Experience of one collection; leading axes (steps, n_envs), read-only."""

    observations: np.ndarray
    actions: np.ndarray
    """As the environment got them (clipped, unscaled)."""
    rewards: np.ndarray
    """float32, as the environment gave them."""
    next_observations: np.ndarray
    """At the end of an episode its true last observation, not the first of the next."""
    terminated: np.ndarray
    """bool: the episode ended in a state without future."""
    truncated: np.ndarray
    """bool: the episode was cut by a time limit."""
    belief: int
    """Context the agent believed to be in while collecting."""
    first_index: int
    """Running number of the first transition; (step, env) has first_index + step * n_envs + env."""
    env_steps: int
    """Env steps of the lifetime after this collection."""
    action_masks: np.ndarray | None = None
    """bool (steps, n_envs, n): which actions were valid; None where the learner masks none."""
    sampled_actions: np.ndarray | None = None
    """Of PPO with continuous actions: as its policy drew them, before clipping, which is what
    probabilities are of; None where they are `actions`."""

    def flat(self, values: np.ndarray) -> np.ndarray:
        """(steps, n_envs, ...) -> (steps * n_envs, ...)."""
        return values.reshape(-1, *values.shape[2:])


@dataclass(frozen=True)
class BufferView:
    """What the maker of a replay buffer must know."""

    capacity: int
    """The learner's `buffer_size`, in transitions."""
    observation_space: spaces.Space[Any]
    action_space: spaces.Space[Any]
    n_envs: int
    device: torch.device
    belief: Callable[[], int]
    """The context believed in right now."""
    mask_size: int = 0
    """Entries of an action mask; 0 without masks. Otherwise the buffer is told the masks of the
    next states by `note_next_masks((n_envs, mask_size) bool)` before each `add`, and gives them
    back as `next_action_masks` of its samples."""


@dataclass(frozen=True)
class LossView:
    """All that a loss term may depend on."""

    phase: str
    parameters: Mapping[str, torch.Tensor]
    batch: Batch
    tensors: Mapping[str, torch.Tensor]
    """What the component's `term_tensors(phase)` returned."""
    heads: HeadFunction


@dataclass
class GradientView:
    """Gradients of one phase between backward and clip."""

    phase: str
    parameters: Mapping[str, torch.nn.Parameter]
    gradients: Mapping[str, torch.Tensor]
    """Live gradients by parameter name; write in place. Parameters without one are absent."""
    batch: Batch
    heads: HeadFunction
    main_gradients: Mapping[str, torch.Tensor] | None = None
    """What `gradients` were before any component's loss term, rule or mask: those of the learner's
    own loss, copies; None without MAIN_GRADIENT and in a step that is not the learner's own."""
    gradients_on: Callable[[Batch], dict[str, torch.Tensor]] | None = None
    """Gradients of the learner's own loss of this phase on another batch (same fields), by name,
    with the parameters as they are and without any effect; where that loss samples, from a
    generator of its own. None without MAIN_LOSS and in a step that is not the learner's own."""


@dataclass(frozen=True)
class UpdateView:
    """One phase of one update, before its batch is used or after its step."""

    phase: str
    parameters: Mapping[str, torch.nn.Parameter]
    batch: Batch
    activations: Mapping[str, torch.Tensor]
    """Outputs of the non-linearities during the forward pass of the main loss, detached; empty
    without ACTIVATIONS and in `transform_batch`."""
    update: int
    """Number of gradient steps of this phase before this one."""
    env_steps: int
    belief: int = 0
    """The context believed in right now, under which a batch without `belief` was collected."""
    errors: torch.Tensor | None = None
    """After the step of a phase `q` or `critic` under SAMPLE_ERRORS: the TD error of each sample
    before it, (batch,), of all critics the mean of absolute values; None elsewhere."""


@dataclass(frozen=True)
class NetworkBuildView:
    """The networks of an agent that is being built, before optimisers and targets exist."""

    networks: Mapping[str, torch.nn.Module]
    """By phase, in order: `policy`; `q`; `critic`, `actor`. Change them in place. A network with a
    target has that, too, under `<phase>_target`: make the same change to both."""
    observation_space: spaces.Space[Any]
    action_space: spaces.Space[Any]
    generator: torch.Generator
    """For initial values. The global generator may be used as well: it is seeded for this call
    and put back afterwards."""


@dataclass(frozen=True)
class CollectionView:
    """One collection of experience is about to begin."""

    env_steps: int
    belief: int
    phases: Mapping[str, PhaseView]
    lend: Callable[[Mapping[str, Mapping[str, torch.Tensor]]], AbstractContextManager[None]]
    """`with view.lend({"q": values}): ...`: act with other values for the body, then restore. Only
    for off-policy learners: PPO learns nothing from what another network did."""


@dataclass(frozen=True)
class SleepView:
    """One step of a sleep block."""

    step: int
    """From 0."""
    steps: int
    """Length of the sleep block."""
    phases: Mapping[str, PhaseView]
    minimise: Callable[..., None]
    """As `AgentView.minimise`."""


@dataclass(frozen=True)
class RatioView:
    """What a replay ratio is decided on."""

    env_steps: int
    updates: int
    episodes: int
    """Training episodes finished so far."""
    current: float
    """Ratio in force."""


@dataclass(frozen=True)
class NetworkEdit:
    """New values for existing parameters, with all that hangs on them.

    Shapes never change through an edit. Whatever is not named keeps its value.
    """

    reason: str
    """For the log and for other components, such as `expert_switched`."""
    values: Mapping[str, Mapping[str, torch.Tensor]]
    """phase -> parameter name -> new values."""
    targets: Mapping[str, Mapping[str, torch.Tensor]] | Literal["keep", "copy"] = "copy"
    """Target networks: keep, copy the new values, or explicit values as in `values`."""
    optimizer: Mapping[str, Mapping[str, Mapping[str, torch.Tensor]]] | Literal["keep", "clear"] = (
        "clear"
    )
    """Optimiser state of the edited parameters: keep, clear, or explicit by phase and name."""
    parameter_set: tuple[int, int] | None = None
    """(from, to): the edited parameters now belong to another set (another expert). None: the
    same set was changed, e.g. by a reset."""
    continues: bool = False
    """The new values go on from the old ones, as after many steps of learning (a consolidated copy
    takes over): what is known of the old ones, such as their importance, stays true."""
    before: Mapping[str, Mapping[str, torch.Tensor]] = field(default_factory=dict)
    """What the edited parameters were, as in `values`; filled in by the core when the edit is
    applied, so that `on_network_edited` can tell which entries changed."""


@dataclass(frozen=True)
class NetworkView:
    """What an edit is proposed on."""

    phases: Mapping[str, PhaseView]
    env_steps: int


@dataclass(frozen=True)
class EvaluationEvent:
    """One task is about to be evaluated."""

    evaluation: int
    label: str | None
    """Name of the task; None without TASK_LABEL."""
    phases: Mapping[str, PhaseView]
    lend: Callable[[Mapping[str, Mapping[str, torch.Tensor]]], AbstractContextManager[None]]
    """`with event.lend({"q": values}): ...`: put values in place for the body, then restore."""


@dataclass
class ActView:
    """One step of an evaluation, before the action."""

    observations: np.ndarray
    """(n_envs, ...)"""
    step: int
    """Env steps per environment since the evaluation of this task began."""
    previous: Mapping[str, np.ndarray] | None
    """`observations`, `actions`, `rewards`, `next_observations` of the step before, leading axis
    n_envs, without environments whose episode just ended; None at step 0."""
    lend: Callable[[Mapping[str, Mapping[str, torch.Tensor]]], None]
    """Put values in place until the end of this task's evaluation."""
    memory: dict[str, Any] = field(default_factory=dict)
    """Scratch of the component for this evaluation of this task."""
