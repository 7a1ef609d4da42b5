"""A pool of experts: one set of parameters per task, switched whole.

    event (label, boundary or detected change) -> key -> expert; unknown key -> new expert

At a switch the expert in force is put to rest (parameters, target networks, optimiser state),
and the other one comes back bit for bit, so that its training goes on as if never interrupted.
A new expert starts `fresh`, as the agent was born, or as a `copy` of the one in force. With
`max_experts` reached, further tasks share the expert in force. With `scope: heads` only the last
layer of each head belongs to the experts, the trunk is shared.

In an evaluation the expert of the task is put in place: by its label, or, without labels, by the
experience of that evaluation itself: the context that explains the latest transitions best
(`CONTEXT_ERRORS`) names the expert. Training is not touched.

Source: TAME, arXiv:2210.03869 (its selector and its pruning: `experts.tame`). The replay buffer is
not switched: without a buffer that keeps contexts apart, an expert replays other tasks too. Nor
are buffers of modules (statistics of batch normalisation), which no component can see.
Cost: no time but for the copy at a switch; 4 P (Adam, a target network) per expert at rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, ClassVar, Final, Literal

import numpy as np
import torch
from pydantic import Field, model_validator

from l2rl.capabilities import (
    CHANGE_EVENTS,
    CONTEXT_ERRORS,
    EXPERTS,
    TASK_BOUNDARY,
    TASK_LABEL,
    Need,
    any_of,
)
from l2rl.component import Component, ComponentConfig
from l2rl.views import (
    ActView,
    AgentView,
    ChangeEvent,
    ComponentGenerators,
    EvaluationEvent,
    NetworkEdit,
    NetworkView,
    TaskEvent,
)

Values = dict[str, dict[str, torch.Tensor]]
"""phase -> parameter name -> values."""
Signal = Literal["labels", "boundaries", "detector"]
Evaluation = Literal["labels", "context_errors", "current"]

_SIGNALS: Final[Mapping[str, tuple[str, ...]]] = {
    "auto": (TASK_LABEL, CHANGE_EVENTS, TASK_BOUNDARY),
    "labels": (TASK_LABEL,),
    "boundaries": (TASK_BOUNDARY,),
    "detector": (CHANGE_EVENTS,),
}
_FIELDS: Final = ("observations", "actions", "rewards", "next_observations")


class ExpertPoolConfig(ComponentConfig):
    """Settings of `experts.pool`."""

    scope: Literal["policy", "heads"] = Field(
        "policy", description="What an expert owns: all parameters, or the last layers only."
    )
    signal: Literal["auto", "labels", "boundaries", "detector"] = Field(
        "auto",
        description="What tells tasks apart. labels: one expert per label; boundaries: a new "
        "expert at each boundary; detector: one expert per context believed in; auto: labels if "
        "offered, else detector, else boundaries.",
    )
    initialise: Literal["fresh", "copy"] = Field(
        "fresh", description="A new expert starts as the agent was born, or as a copy."
    )
    max_experts: int = Field(
        16, ge=1, description="Most experts; further tasks share the expert in force."
    )
    evaluation: Literal["auto", "labels", "context_errors", "current"] = Field(
        "auto",
        description="What chooses the expert in an evaluation. current: the one in force; auto: "
        "labels with signal labels, context errors if a detector offers them, else current.",
    )
    probe_transitions: int = Field(
        64, ge=1, description="Transitions of an evaluation that are scored together."
    )
    probe_smoothing: float = Field(
        0.1, gt=0, le=1, description="Weight of the latest score once 1/weight of them are in."
    )

    @model_validator(mode="after")
    def _contexts_need_a_detector(self) -> ExpertPoolConfig:
        if self.evaluation == "context_errors" and self.signal in ("labels", "boundaries"):
            raise ValueError(
                f"evaluation: context_errors needs experts that belong to contexts, but signal is "
                f"{self.signal}: set signal: detector, or evaluation: labels or current"
            )
        return self


class ExpertPool(Component):
    """Owner of EXPERTS."""

    uses: ClassVar[tuple[str, ...]] = (CONTEXT_ERRORS,)
    provides: ClassVar[tuple[str, ...]] = (EXPERTS,)
    cost: ClassVar[str] = "~0 %, 4 P per expert at rest"
    stateful: ClassVar[tuple[str, ...]] = (
        "born",
        "resting",
        "count",
        "active",
        "expert_of_key",
        "expert_of_label",
        "label",
        "wish",
    )
    Config: ClassVar[type[ComponentConfig]] = ExpertPoolConfig
    config: ExpertPoolConfig

    def requirements(self) -> tuple[tuple[Need, ...], tuple[str, ...]]:
        """The signal, and what the evaluation needs."""
        needs: list[Need] = [any_of(*_SIGNALS[self.config.signal])]
        if self.config.evaluation == "labels":
            needs.append(TASK_LABEL)
        elif self.config.evaluation == "context_errors":
            needs += [CHANGE_EVENTS, CONTEXT_ERRORS]
        return tuple(needs), self.provides

    def bind(self, agent: AgentView, rng: ComponentGenerators) -> None:
        super().bind(agent, rng)
        self.signal = self._resolved_signal()
        self.evaluation = self._resolved_evaluation()
        self.names = {
            phase: [n for n in view.parameters if self._owns(n, view.output_layers)]
            for phase, view in agent.phases.items()
        }
        self.born = self._live_values()
        self.resting: dict[str, dict[str, Any]] = {}
        self.count = 1
        self.active = 0
        self.expert_of_key: dict[str, int] = {}
        self.expert_of_label: dict[str, int] = {}
        self.label: str | None = None
        self.wish: str | None = None

    def _owns(self, name: str, output_layers: frozenset[str]) -> bool:
        return self.config.scope == "policy" or name in output_layers

    def _resolved_signal(self) -> Signal:
        if self.config.signal != "auto":
            return self.config.signal
        if TASK_LABEL in self.agent.offered and self.config.evaluation != "context_errors":
            return "labels"
        return "detector" if CHANGE_EVENTS in self.agent.offered else "boundaries"

    def _resolved_evaluation(self) -> Evaluation:
        if self.config.evaluation != "auto":
            return self.config.evaluation
        if self.signal == "labels":
            return "labels"
        has_errors = CONTEXT_ERRORS in self.agent.offered
        return "context_errors" if self.signal == "detector" and has_errors else "current"

    # ---- what is wished for --------------------------------------------------------------
    # Events only note it: while they are handed round, everybody still sees the old expert.

    def on_task_start(self, event: TaskEvent) -> None:
        self.label = event.label
        if self.signal == "labels":
            self.wish = event.label
        elif self.signal == "boundaries":
            self.wish = str(event.index)

    def on_task_end(self, event: TaskEvent) -> None:
        if event.label is not None:
            self.expert_of_label[event.label] = self.active

    def on_change_detected(self, event: ChangeEvent) -> None:
        if self.signal == "detector":
            if not self.expert_of_key:
                self.expert_of_key[str(event.previous_belief)] = self.active
            self.wish = str(event.belief)

    # ---- switching -----------------------------------------------------------------------

    def propose_network_edit(self, view: NetworkView) -> NetworkEdit | None:
        wish, self.wish = self.wish, None
        if wish is None:
            return None
        previous, expert = self.active, self._expert_for(wish)
        if expert == previous:
            return None
        self.resting[str(previous)] = self._state_to_rest()
        edit = self._switch(previous, expert)
        self.active = expert
        self.count = max(self.count, expert + 1)
        self.agent.emit(edit.reason, expert=expert, previous=previous, key=wish)
        return edit

    def _expert_for(self, key: str) -> int:
        """The expert of a key, which becomes known."""
        if key not in self.expert_of_key:
            first, full = not self.expert_of_key, self.count >= self.config.max_experts
            if full and not first:
                self.agent.emit("experts_full", key=key, shared=self.active)
            self.expert_of_key[key] = self.active if first or full else self.count
        return self.expert_of_key[key]

    def _switch(self, previous: int, expert: int) -> NetworkEdit:
        resting = self.resting.pop(str(expert), None)
        if resting is not None:
            return NetworkEdit(
                "expert_switched",
                values=resting["parameters"],
                targets=resting["targets"],
                optimizer=resting["optimizer"],
                parameter_set=(previous, expert),
            )
        fresh = self.config.initialise == "fresh"
        return NetworkEdit(
            "expert_spawned",
            values=self.born if fresh else self._live_values(),
            targets="copy" if fresh else "keep",
            optimizer="clear",
            parameter_set=(previous, expert),
        )

    def _live_values(self) -> Values:
        """Copies of the live parameters in scope."""
        return {
            phase: {name: view.parameters[name].detach().clone() for name in self.names[phase]}
            for phase, view in self.agent.phases.items()
        }

    def _state_to_rest(self) -> dict[str, Any]:
        """Copies of all that the expert in force consists of, as it shall rest."""
        targets, optimizer = {}, {}
        for phase, view in self.agent.phases.items():
            names = self.names[phase]
            state = view.read_optimizer()
            targets[phase] = {n: view.targets[n].clone() for n in names if n in view.targets}
            optimizer[phase] = {n: state[n] for n in names if n in state}
        return {"parameters": self._live_values(), "targets": targets, "optimizer": optimizer}

    def resting_parameters(self) -> Mapping[str, Values]:
        """For users of EXPERTS: the parameters of every expert at rest, by its number, not copied;
        those of the trunk are not among them with `scope: heads`."""
        numbers = sorted(self.resting, key=int)
        return {number: self.resting[number]["parameters"] for number in numbers}

    # ---- evaluation ----------------------------------------------------------------------

    def evaluation_context(self, event: EvaluationEvent) -> AbstractContextManager[None]:
        """By label: the expert that last learned the task; a task never learned: no change."""
        if self.evaluation != "labels" or event.label is None or event.label == self.label:
            return nullcontext()
        expert = self.expert_of_label.get(event.label, self.active)
        if expert == self.active:
            return nullcontext()
        return event.lend(self.resting[str(expert)]["parameters"])

    def choose_expert(self, view: ActView) -> None:
        """By experience: the expert of the context that explains it best so far."""
        if self.evaluation != "context_errors":
            return
        memory = view.memory
        if not memory:
            memory.update(live=self._live_values(), expert=self.active, waiting=[], errors={}, n=0)
        if view.previous is None or len(view.previous["rewards"]) == 0:
            return
        memory["waiting"].append({name: view.previous[name].copy() for name in _FIELDS})
        if sum(len(w["rewards"]) for w in memory["waiting"]) >= self.config.probe_transitions:
            self._score(memory)
            expert = self._best_expert(memory)
            if expert != memory["expert"]:
                memory["expert"] = expert
                live = expert == self.active
                view.lend(memory["live"] if live else self.resting[str(expert)]["parameters"])

    def _score(self, memory: dict[str, Any]) -> None:
        """Every context's error on the waiting transitions, into its mean."""
        waiting, memory["waiting"] = memory["waiting"], []
        joined = {name: np.concatenate([w[name] for w in waiting]) for name in _FIELDS}
        memory["n"] += 1
        weight = max(1.0 / memory["n"], self.config.probe_smoothing)
        errors = memory["errors"]
        latest = self.agent.service(CONTEXT_ERRORS).context_errors(**joined)
        for context, error in latest.items():
            before = errors.get(context, error)
            errors[context] = before + weight * (error - before)

    def _best_expert(self, memory: Mapping[str, Any]) -> int:
        """Where two contexts are equally good, the expert stays."""
        chosen: int = memory["expert"]
        known = self.expert_of_key
        ranked = [
            (error, known[str(context)] != chosen, known[str(context)])
            for context, error in memory["errors"].items()
            if str(context) in known
        ]
        return min(ranked)[2] if ranked else chosen

    # ---- books ---------------------------------------------------------------------------

    def metrics(self) -> dict[str, float]:
        return {"experts": self.count, "active": self.active}
