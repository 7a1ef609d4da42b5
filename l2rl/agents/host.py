"""The components' place on one agent: it binds them, calls their hooks, and merges the answers."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback, CallbackList
from torch import nn

from l2rl import capabilities as cap
from l2rl.action_masks import mask_parts
from l2rl.agents.network_build import modify_networks
from l2rl.agents.own_loss import LossOn, gradients_on_batch
from l2rl.agents.surroundings import Surroundings, named, told_of
from l2rl.agents.transition_tap import TransitionTap
from l2rl.component import Batch, Component
from l2rl.composition import Composition, CompositionError, CompositionProblem, entitled
from l2rl.engine.edits import apply_edit, lent, put
from l2rl.engine.frozen import spared
from l2rl.engine.phase import Phase
from l2rl.engine.step import OwnLoss, StepHooks, finish_step, gradient_step
from l2rl.views import (
    ActView,
    AgentView,
    BufferView,
    ChangeEvent,
    CollectionView,
    ComponentGenerators,
    EvaluationEvent,
    NetworkView,
    PhaseView,
    RatioView,
    SleepView,
    TaskEvent,
    UpdateView,
)


@dataclass(frozen=True)
class AgentEvent:
    """Something worth a line in the log."""

    name: str
    env_steps: int
    detail: Mapping[str, Any]


class ComponentHost:
    """Everything about components that one agent needs. Built before the learner, bound after."""

    def __init__(
        self,
        learner: str,
        components: Iterable[Component] = (),
        *,
        seed: int | None = None,
        surroundings: Surroundings | None = None,
    ) -> None:
        self.learner = learner
        self.surroundings = surroundings or Surroundings()
        self.seed = secrets.randbits(32) if seed is None else seed
        self.composition = Composition(
            named(components), learner=learner, offered=self.surroundings.offered(learner)
        )
        self.hooks = StepHooks.of(self.composition)
        self.records_activations = self.composition.needed(cap.ACTIVATIONS)
        self.arbiter = self.surroundings.replay_ratio
        self.events: list[AgentEvent] = []
        self.change_listeners: list[Callable[[ChangeEvent], None]] = []
        self.belief = 0
        self.sets_exchanged = 0
        """How often an edit put another set of parameters in place."""
        self._changes: list[ChangeEvent] = []
        self._transitions_seen = 0
        self._tap = TransitionTap() if self.composition["on_transitions"] else None

    # ---- birth ---------------------------------------------------------------------------

    def bind(self, agent: BaseAlgorithm, phases: Mapping[str, Phase]) -> None:
        """Show the finished learner to every component."""
        self.agent = agent
        self.phases = dict(phases)
        self.phase_views: dict[str, PhaseView] = {n: p.view() for n, p in phases.items()}
        self.generators = {
            c.name: ComponentGenerators(self.seed, c.name) for c in self.composition.components
        }
        self._refuse_nested_observations()
        for component in self.composition.components:
            with told_of(component):
                component.bind(self._agent_view(component), self.generators[component.name])

    def _refuse_nested_observations(self) -> None:
        listeners = self.composition["on_transitions"]
        if listeners and isinstance(self.agent.observation_space, spaces.Dict):
            raise CompositionError(
                [
                    CompositionProblem(
                        component.name,
                        f"component {component.name!r} listens to transitions, which cannot be "
                        "had from a dictionary observation space",
                        "flatten the observation, or remove the component",
                    )
                    for component in listeners
                ]
            )

    def modify_networks(self, agent: BaseAlgorithm, networks: Mapping[str, nn.Module]) -> bool:
        """Let components change the structure of networks; whether any of them may have."""
        builders = self.composition["modify_network"]
        for component in builders:
            with told_of(component):
                modify_networks(component, agent, networks, self.seed)
        return bool(builders)

    def _agent_view(self, component: Component) -> AgentView:
        return AgentView(
            learner=self.learner,
            phases=self.phase_views,
            observation_space=self.agent.observation_space,
            action_space=self.agent.action_space,
            n_envs=self.agent.n_envs,
            gamma=float(getattr(self.agent, "gamma", 1.0)),
            device=self.agent.device,
            offered=self.composition.offered,
            labels=self.surroundings.labels if self._sees_labels(component) else None,
            env_steps=lambda: self.agent.num_timesteps,
            emit=partial(self._emit_for, component.name),
            announce_change=partial(self._announce, component),
            service=partial(self._service, component),
            minimise=self._minimise,
            train_on_replay=getattr(self.agent, "train_on_replay", None),
        )

    def _sees_labels(self, component: Component) -> bool:
        return self.surroundings.visibility == "labels" and entitled(component, cap.TASK_LABEL)

    def _service(self, component: Component, capability: str) -> Component:
        provider = self.composition.provider(capability)
        if provider is None or not entitled(component, capability):
            raise LookupError(
                f"component {component.name!r} asked for {capability} without being entitled to "
                "it: list it in `needs` or `uses`"
            )
        return provider

    def make_replay_buffer(self, capacity: int) -> Any:
        """The owner's replay buffer, or None to keep the learner's."""
        owners = self.composition["make_replay_buffer"]
        if not owners:
            return None
        view = BufferView(
            capacity=capacity,
            observation_space=self.agent.observation_space,
            action_space=self.agent.action_space,
            n_envs=self.agent.n_envs,
            device=self.agent.device,
            belief=lambda: self.belief,
            mask_size=self._mask_size(),
        )
        with told_of(owners[0]):
            return owners[0].make_replay_buffer(view)

    def _mask_size(self) -> int:
        masks = getattr(self.agent, "action_masks", False)
        return sum(mask_parts(self.agent.action_space)) if masks else 0

    # ---- life of a curriculum ------------------------------------------------------------

    def start_task(self, index: int, label: str) -> None:
        """A learning block begins. What components learn of it depends on the visibility."""
        if self.surroundings.visibility != "hidden":
            if index > 0 and self.composition.provider(cap.TASK_BELIEF) is None:
                self.belief = index
            self._task_event("on_task_start", index, label)
            # A detector that is told of boundaries announces before experience comes in.
            self._deliver_changes()
        self.settle()

    def end_task(self, index: int, label: str) -> None:
        """A learning block ends."""
        if self.surroundings.visibility != "hidden":
            self._task_event("on_task_end", index, label)
        self.settle()

    def _task_event(self, hook: str, index: int, label: str) -> None:
        for component in self.composition[hook]:
            if not (entitled(component, cap.TASK_BOUNDARY) or self._sees_labels(component)):
                continue
            shown = label if self._sees_labels(component) else None
            getattr(component, hook)(TaskEvent(index, self.agent.num_timesteps, shown))

    def sleep(self, remaining: int, steps: int) -> Iterator[int]:
        """The last `remaining` of a sleep block's `steps`; the caller can pause after each."""
        for step in range(steps - remaining, steps):
            view = SleepView(step, steps, self.phase_views, self._minimise)
            for component in self.composition["sleep_step"]:
                component.sleep_step(view)
            self.settle()
            yield step

    def _minimise(self, phase: str, loss: torch.Tensor, batch: Batch | None = None) -> None:
        self.step(self.phases[phase], loss, batch or {})

    # ---- data ----------------------------------------------------------------------------

    @contextmanager
    def collecting(self) -> Iterator[None]:
        """Every component's collection context, entered in order and left in reverse."""
        with ExitStack() as stack:
            for component in self.composition["collection_context"]:
                view = CollectionView(
                    self.agent.num_timesteps, self.belief, self.phase_views, self._lend_to_act
                )
                stack.enter_context(component.collection_context(view))
            yield

    def _lend_to_act(
        self, values: Mapping[str, Mapping[str, torch.Tensor]]
    ) -> AbstractContextManager[None]:
        if self.learner == "ppo":
            raise LookupError("PPO cannot learn from what another network did: lend nothing to it")
        return lent(self.phases, values)

    def listening(self, callback: BaseCallback) -> BaseCallback:
        """The caller's callback, together with the tap if a component listens."""
        if self._tap is None:
            return callback
        self._tap.model = self.agent
        both = CallbackList([callback, self._tap])
        # Not `init_callback`: that would initialise the caller's callback a second time.
        both.model = self.agent
        return both

    def collected(self) -> None:
        """A collection ended: hand out its transitions, then whatever follows from them."""
        if self._tap is not None:
            batch = self._tap.take(
                belief=self.belief,
                first_index=self._transitions_seen,
                env_steps=self.agent.num_timesteps,
            )
            if batch is not None:
                self._transitions_seen += batch.rewards.size
                for component in self.composition["on_transitions"]:
                    component.on_transitions(batch)
        self._deliver_changes()
        self.settle()

    def transformed(self, batch: Batch, phase: Phase) -> Batch:
        """The batch after every component's `transform_batch`, chained in order."""
        for component in self.composition["transform_batch"]:
            view = UpdateView(
                phase.name,
                phase.parameters,
                batch,
                {},
                phase.updates,
                self.agent.num_timesteps,
                self.belief,
            )
            batch = component.transform_batch(batch, view)
        return batch

    # ---- updates -------------------------------------------------------------------------

    def recording(self, phase: Phase) -> AbstractContextManager[dict[str, torch.Tensor]]:
        """Around the forward pass of a phase's main loss."""
        if self.records_activations and phase.network is not None:
            return phase.recorder.recording()
        return nullcontext({})

    def step(
        self,
        phase: Phase,
        loss: torch.Tensor,
        batch: Batch,
        activations: Mapping[str, torch.Tensor] | None = None,
        own: OwnLoss | None = None,
    ) -> None:
        """One gradient step of one phase, with the components' share in it."""
        gradient_step(
            phase,
            loss,
            batch,
            self.hooks,
            env_steps=self.agent.num_timesteps,
            belief=self.belief,
            activations=activations or {},
            own=own,
        )

    def finish_step(
        self, phase: Phase, batch: Batch, activations: Mapping[str, torch.Tensor]
    ) -> None:
        """The rest of a gradient step after the backward of a learner that is not ours."""
        finish_step(
            phase,
            batch,
            self.hooks,
            env_steps=self.agent.num_timesteps,
            belief=self.belief,
            activations=activations,
        )

    @property
    def offered(self) -> frozenset[str]:
        """Every capability that somebody offers on this agent."""
        return self.composition.offered

    def own_loss(
        self,
        phase: Phase,
        loss_on: LossOn | None = None,
        errors: Callable[[], torch.Tensor] | None = None,
    ) -> OwnLoss:
        """What components may ask about a loss of the learner's: `loss_on` gives it for another
        batch, `errors` the TD errors of this one."""
        gradients_on = loss_on and partial(
            gradients_on_batch,
            phase,
            loss_on,
            self.seed,
            self.agent.task_heads,  # type: ignore[attr-defined]
        )
        return OwnLoss(gradients_on, errors)

    def gradient_steps(self, default: int, env_steps: int, *, updates: int, episodes: int) -> int:
        """Gradient steps due after `env_steps` more env steps; `default` without an owner."""
        owners = self.composition["propose_replay_ratio"]
        if not owners:
            return default
        current = self.arbiter.ratio or 0.0
        view = RatioView(self.agent.num_timesteps, updates, episodes, current)
        proposed = owners[0].propose_replay_ratio(view)
        if self.arbiter.propose(proposed):
            ratio = self.arbiter.ratio
            detail = {"ratio": ratio, "before": current, "proposed": proposed}
            self._emit_for(owners[0].name, "replay_ratio_changed", **detail)
        return self.arbiter.gradient_steps(env_steps)

    def settle(self) -> None:
        """Ask for network edits, one at a time, and apply each before the next is asked."""
        for component in self.composition["propose_network_edit"]:
            view = NetworkView(self.phase_views, self.agent.num_timesteps)
            edit = component.propose_network_edit(view)
            if edit is None:
                continue
            if component not in self.hooks.weight_mask:
                edit = spared(edit, self.phases, self.hooks.weight_mask)
            applied = apply_edit(self.phases, edit)
            self.sets_exchanged += edit.parameter_set is not None
            for other in self.composition["on_network_edited"]:
                other.on_network_edited(applied)

    # ---- changes and events --------------------------------------------------------------

    def _emit_for(self, component: str, name: str, /, **detail: Any) -> None:
        self.events.append(
            AgentEvent(name, self.agent.num_timesteps, {"component": component, **detail})
        )

    def _announce(self, component: Component, event: ChangeEvent) -> None:
        if cap.CHANGE_EVENTS not in component.requirements()[1]:
            raise LookupError(
                f"component {component.name!r} announced a change without providing CHANGE_EVENTS"
            )
        self._changes.append(event)

    def _deliver_changes(self) -> None:
        changes, self._changes = self._changes, []
        for event in changes:
            owner = self.composition.provider(cap.TASK_BELIEF)
            if owner is not None and owner.name == event.detector:
                self.belief = event.belief
            self._emit_for(
                event.detector,
                "change_detected",
                kind=event.kind,
                belief=event.belief,
                previous_belief=event.previous_belief,
                confidence=event.confidence,
            )
            for component in self.composition["on_change_detected"]:
                component.on_change_detected(event)
            for listener in self.change_listeners:
                listener(event)

    def drain_events(self) -> list[AgentEvent]:
        """Events since the last call."""
        events, self.events = self.events, []
        return events

    # ---- evaluation ----------------------------------------------------------------------

    @contextmanager
    def evaluating(self, evaluation: int, label: str) -> Iterator[None]:
        """Every component's evaluation context, entered in order and left in reverse."""
        with ExitStack() as stack:
            for component in self.composition["evaluation_context"]:
                shown = label if self._sees_labels(component) else None
                event = EvaluationEvent(
                    evaluation, shown, self.phase_views, partial(lent, self.phases)
                )
                stack.enter_context(component.evaluation_context(event))
            if self.composition["choose_expert"]:
                stack.enter_context(lent(self.phases, self._all_values()))
            yield

    def _all_values(self) -> dict[str, dict[str, torch.Tensor]]:
        return {
            name: {n: p.detach() for n, p in phase.parameters.items()}
            for name, phase in self.phases.items()
        }

    def choose_expert(
        self,
        observations: np.ndarray,
        step: int,
        previous: Mapping[str, np.ndarray] | None,
        memory: dict[str, dict[str, Any]],
    ) -> None:
        """Before an action of an evaluation; `memory` is the caller's, one dict a component."""
        for component in self.composition["choose_expert"]:
            scratch = memory.setdefault(component.name, {})
            view = ActView(observations, step, previous, partial(put, self.phases), scratch)
            component.choose_expert(view)

    # ---- books ---------------------------------------------------------------------------

    def metrics(self) -> dict[str, float]:
        """Every component's metrics as `<component>/<name>`, and the realised replay ratio."""
        result = {
            f"{component.name}/{name}": float(value)
            for component in self.composition["metrics"]
            for name, value in component.metrics().items()
        }
        if self.composition["propose_replay_ratio"]:
            result["replay_ratio/realised"] = self.arbiter.realised
            result["replay_ratio/in_force"] = self.arbiter.ratio or 0.0
        return result

    def state_dict(self) -> dict[str, Any]:
        """The components' states, their generators, and the host's own."""
        return {
            "belief": self.belief,
            "transitions_seen": self._transitions_seen,
            "arbiter": self.arbiter.state_dict(),
            "phase_updates": {name: phase.updates for name, phase in self.phases.items()},
            "components": {c.name: c.state_dict() for c in self.composition.components},
            "generators": {name: g.state_dict() for name, g in self.generators.items()},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.belief = state["belief"]
        self._transitions_seen = state["transitions_seen"]
        self.arbiter.load_state_dict(state["arbiter"])
        for name, phase in self.phases.items():
            phase.updates = state["phase_updates"][name]
        for component in self.composition.components:
            component.load_state_dict(state["components"][component.name])
        for name, generators in self.generators.items():
            generators.load_state_dict(state["generators"][name])
