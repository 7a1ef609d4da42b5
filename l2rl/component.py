"""The standard API: a component is one class in one file that overrides the hooks it needs.

    class MyPenalty(Component):
        \"\"\"What it does, the equation, the source (arXiv id), units, cost.\"\"\"

        needs = (TASK_BOUNDARY,)

        class Config(ComponentConfig):
            strength: float = Field(1.0, ge=0, description="weight of the penalty")

        def loss_terms(self, view): ...

Rules that hold for every component, and that the framework relies on:

* Only overridden hooks are ever called; the dispatch table is made once, when the agent is built.
* A hook sees a *view* of what it needs, never the agent.
* A loss term is a pure function of `view.parameters`, `view.batch` and `view.tensors`: no Python
  branch on a value, no other state. So the same code can be compiled and batched over seeds.
* Random numbers come from `self.rng`, derived from (seed, name). Global generators are left alone.
* `state_dict` / `load_state_dict` round-trip in mid-task, bit for bit.
* The order of listing never matters: see `l2rl.composition` for the order of calls, and the
  docstring of each hook for how several answers are merged.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, TypeVar

import torch
from pydantic import BaseModel, ConfigDict

from l2rl.capabilities import Need

if TYPE_CHECKING:
    from stable_baselines3.common.buffers import ReplayBuffer

    from l2rl.views import (
        ActView,
        AgentView,
        BufferView,
        ChangeEvent,
        CollectionView,
        ComponentGenerators,
        EvaluationEvent,
        GradientView,
        LossView,
        NetworkBuildView,
        NetworkEdit,
        NetworkView,
        RatioView,
        SleepView,
        TaskEvent,
        TransitionBatch,
        UpdateView,
    )

Batch = dict[str, Any]
"""One minibatch, field name -> tensor with a leading batch axis. Off-policy: `observations`,
`actions`, `next_observations`, `rewards`, `dones`, and `belief`, `index` where the buffer keeps
them. PPO: `observations`, `actions`, `old_values`, `old_log_prob`, `advantages`, `returns`.
`discounts` (batch, 1) where the buffer keeps one for each sample (n-step returns).
`weights` (batch,) float32, where present, scale each sample's share of the main loss.
A batch of a step that is not the learner's own (`minimise`) may be empty.
Under `action_masks: true` also `next_action_masks` (DQN) or `action_masks` (PPO), (batch, n) bool,
True where an action is valid; whoever adds rows to a batch adds their masks, all True where none
are known."""

GradientStage = Literal["conflict", "projection", "mask"]


class ComponentConfig(BaseModel):
    """Base of every component's settings: unknown keys are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Component:
    """Base class. Override what you need; each hook's docstring has its merge rule."""

    needs: ClassVar[tuple[Need, ...]] = ()
    """Capabilities that must be offered by the run or by another component."""
    uses: ClassVar[tuple[str, ...]] = ()
    """Capabilities it takes where they are offered, and does without elsewhere."""
    provides: ClassVar[tuple[str, ...]] = ()
    """Capabilities this component publishes or owns."""
    conflicts: ClassVar[Mapping[str, str]] = {}
    """Name of another component -> why the two cannot be on one agent."""
    learners: ClassVar[tuple[str, ...]] = ()
    """Learners on which the method makes sense; none named: all that offer what it needs."""
    ways_out: ClassVar[Mapping[str, str]] = {}
    """Another learner -> what to do there instead."""
    order: ClassVar[int] = 0
    """Place among components that do not depend on each other: lower first, then by name."""
    gradient_stage: ClassVar[GradientStage] = "conflict"
    """When `transform_gradients` runs: conflict rules, then projections, then masks."""
    stateful: ClassVar[tuple[str, ...]] = ()
    """Attributes that `state_dict` carries: nested dicts and lists of numbers, strings, None,
    numpy arrays and tensors."""
    cost: ClassVar[str] = ""
    """Declared cost relative to a plain update, such as `2-5 %, 2 P`."""
    budget_ms_per_step: ClassVar[float | None] = None
    """Declared milliseconds that an update costs more, on a 64x64 network and a batch of 64; held
    by the conformance kit (l2rl.testing). None: nothing is promised in numbers."""
    compiles: ClassVar[bool] = False
    """Whether `loss_terms` claims to go through `torch.compile(fullgraph=True)`."""
    conformance: ClassVar[Any] = None
    """Hints for the conformance kit: an `l2rl.testing.Conformance`."""

    Config: ClassVar[type[ComponentConfig]] = ComponentConfig

    name: str = ""
    """Instance name, unique on the agent; set by the assembler."""
    type_name: str = ""
    """Registered name of its type, such as `consolidation.ewc`; set by the assembler."""
    rng: ComponentGenerators
    agent: AgentView

    def __init__(self, config: Any = None) -> None:
        self.config: Any = self.Config() if config is None else config

    def requirements(self) -> tuple[tuple[Need, ...], tuple[str, ...]]:
        """(needs, provides) of this instance; override where they depend on the settings."""
        return self.needs, self.provides

    # ---- birth ---------------------------------------------------------------------------

    def modify_network(self, view: NetworkBuildView) -> None:
        """Change networks in place while the agent is built; called in order, before `bind`.

        Needs NETWORK_BUILD. What it does may depend on the settings and the view only: a resumed
        run builds its agent anew and then fills in parameters and buffers, which belong to the
        agent's state.
        """

    def bind(self, agent: AgentView, rng: ComponentGenerators) -> None:
        """Called once, after the learner exists and before anything runs. Call super()."""
        self.agent = agent
        self.rng = rng

    # ---- life of a curriculum ------------------------------------------------------------

    def on_task_start(self, event: TaskEvent) -> None:
        """A task begins. Only with TASK_BOUNDARY; `event.label` only with TASK_LABEL."""

    def on_task_end(self, event: TaskEvent) -> None:
        """A task ends, the network still being the one that learned it."""

    def on_change_detected(self, event: ChangeEvent) -> None:
        """A detector announced a change. Called in order, before any network edit."""

    def evaluation_context(self, event: EvaluationEvent) -> AbstractContextManager[None]:
        """Entered around the evaluation of one task, left in reverse order (a stack).

        Whatever it changes it must change back, bit for bit.
        """
        return nullcontext()

    def sleep_step(self, view: SleepView) -> None:
        """One gradient step's worth of consolidation in a sleep block. Called in order."""

    # ---- data ----------------------------------------------------------------------------

    def collection_context(self, view: CollectionView) -> AbstractContextManager[None]:
        """Entered around each collection in order, left in reverse order (a stack)."""
        return nullcontext()

    def make_replay_buffer(self, view: BufferView) -> ReplayBuffer:
        """The buffer the learner shall use. Only the one owner of REPLAY_BUFFER is asked."""
        raise NotImplementedError

    def on_transitions(self, batch: TransitionBatch) -> None:
        """New experience, once per collection. Called in order; the arrays are read-only."""

    def transform_batch(self, batch: Batch, view: UpdateView) -> Batch:
        """A new batch from a batch. Chained in order: each sees the one before's answer."""
        return batch

    # ---- one phase of one update ---------------------------------------------------------

    def term_tensors(self, phase: str) -> Mapping[str, torch.Tensor] | None:
        """The tensors that `loss_terms` will find in `view.tensors`; None: no term now.

        This is the place for the branches that a loss term must not have. Asked before every
        gradient step, so keep the dictionary and hand out the same one until it changes.
        """
        return {}

    def loss_terms(self, view: LossView) -> Mapping[str, torch.Tensor]:
        """Scalars to add to the loss of `view.phase`, by name.

        All terms add up, in order. Each is logged as `<component>/<term>`. A non-finite one is
        an error that names this component.
        """
        return {}

    def transform_gradients(self, view: GradientView) -> None:
        """Rewrite `view.gradients` in place, before the clip. Stage by stage, then in order."""

    def weight_mask(self, phase: str) -> Mapping[str, torch.Tensor] | None:
        """Which entries may move: bool tensors of the parameters' shapes by name, True where free;
        a parameter without one is free, None: all are. Only the one owner of WEIGHT_MASK is asked,
        before every gradient step and edit, so keep the dictionary until it changes.

        What is not free stays bit for bit, whatever the optimiser (momentum, weight decay) or
        another component's edit would do; its optimiser moments are zero. The owner's own edits
        are not masked."""
        return None

    def after_step(self, view: UpdateView) -> None:
        """The optimiser has stepped. Called in order."""

    # ---- control -------------------------------------------------------------------------

    def propose_replay_ratio(self, view: RatioView) -> float | None:
        """Gradient steps per env step, or None. Only the one owner of REPLAY_RATIO is asked;
        the core clamps it, applies the hysteresis and logs what was realised."""
        return None

    def propose_network_edit(self, view: NetworkView) -> NetworkEdit | None:
        """New parameter values. Asked in order after events and updates; each edit is applied
        whole (or not at all), with optimiser state and targets, before the next is asked."""
        return None

    def on_network_edited(self, edit: NetworkEdit) -> None:
        """Somebody's edit was applied: anchors and snapshots follow. Called in order."""

    def choose_expert(self, view: ActView) -> None:
        """Before each action in an evaluation: the owner of EXPERTS may put another set of
        parameters in place, through `view.lend`."""

    # ---- books ---------------------------------------------------------------------------

    def metrics(self) -> Mapping[str, float]:
        """Scalars for the log, by name. Asked every `logging.interval_env_steps`."""
        return {}

    def state_dict(self) -> dict[str, Any]:
        """Everything that a resumed run needs beyond configuration."""
        return {name: getattr(self, name) for name in self.stateful}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Give back what `state_dict` read; copies, so that the source stays untouched."""
        for name in self.stateful:
            setattr(self, name, copy.deepcopy(state[name]))


HOOKS: Final = (
    "modify_network",
    "on_task_start",
    "on_task_end",
    "on_change_detected",
    "evaluation_context",
    "sleep_step",
    "collection_context",
    "make_replay_buffer",
    "on_transitions",
    "transform_batch",
    "loss_terms",
    "transform_gradients",
    "weight_mask",
    "after_step",
    "propose_replay_ratio",
    "propose_network_edit",
    "on_network_edited",
    "choose_expert",
    "metrics",
)
"""Every hook that goes through the dispatch table, in the order in which they occur."""

ComponentType = TypeVar("ComponentType", bound=Component)


def overrides(component: Component, hook: str) -> bool:
    """Whether a component has its own version of a hook."""
    return getattr(type(component), hook) is not getattr(Component, hook)


def overridden_hooks(component: Component) -> Iterable[str]:
    """The hooks a component takes part in, in the order in which they occur."""
    return (hook for hook in HOOKS if overrides(component, hook))
