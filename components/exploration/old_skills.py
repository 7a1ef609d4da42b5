"""Exploration with old skills: at the start of a task earlier policies act for a while.

For the first `exploration_env_steps` of a new task the env steps are those of policies learned on
earlier tasks, one at a time. All that they see enters the replay buffer, from which the agent
learns off-policy; the network that learns is not touched. A *trial* of one policy lasts until every
environment has finished an episode that began in it, or `trial_env_steps`; then the next is chosen:

    uniform       any earlier policy, with equal probability
    best_return   first each once, in random order; then the one whose episodes in this task had
                  the highest mean return so far (of equal ones the more recent)

Source: ClonEx-SAC, arXiv 2209.13900 (10 000 env steps; there the earlier policies are heads of one
network, and a choice lasts one episode). Where a trial ends before any episode of it, the
reward collected in it counts as its return: our choice.

Earlier policies are snapshots of the parameters that decide actions, taken when a task ends: at
most `max_skills`, the oldest given up first, one for each label where labels are shown. With
`experts.pool` they are the experts at rest, at no further memory. With one output layer a task
(`multi_head`) the snapshot's own head acts, which takes labels.

The learner's own noise stays: SAC samples from the old policy, DQN takes a random action with
probability epsilon, so an exploration schedule that restarts at 1 (`schedules: {exploration:
per_task}`) leaves old skills little to do; the warm-up (`learning_starts`) none at all. PPO cannot
learn from what another network did.

After a detected change the snapshot is the network of a few updates into the new task.

Cost: 0.1 ms per collection while old skills act for a 64x64 network, 0.3 ms for a 256x256 one,
nothing afterwards; one set of acting parameters per snapshot.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, ClassVar, Final, Literal

import numpy as np
import torch
from pydantic import Field

from l2rl.capabilities import (
    CHANGE_EVENTS,
    EXPERTS,
    REPLAY,
    TASK_BOUNDARY,
    TASK_LABEL,
    Need,
    any_of,
)
from l2rl.component import Component, ComponentConfig
from l2rl.errors import UserError
from l2rl.views import (
    AgentView,
    ChangeEvent,
    CollectionView,
    ComponentGenerators,
    TaskEvent,
    TransitionBatch,
)

from .trials import Trials

Values = dict[str, dict[str, torch.Tensor]]
"""phase -> parameter name -> values."""
_HEAD: Final = re.compile(r"(^|\.)heads\.(\d+)\.")


class OldSkillsConfig(ComponentConfig):
    """Settings of `exploration.old_skills`."""

    exploration_env_steps: int = Field(
        10_000, ge=0, description="env steps at the start of a task that earlier policies take"
    )
    choice: Literal["best_return", "uniform"] = Field(
        "best_return", description="which of the earlier policies acts next"
    )
    trial_env_steps: int = Field(
        2_000, ge=1, description="longest trial of one policy, in env steps of all environments"
    )
    source: Literal["auto", "snapshots", "experts"] = Field(
        "auto",
        description="snapshots: copies taken when tasks end; experts: those at rest in a pool of "
        "experts; auto: experts where there are any",
    )
    max_skills: int = Field(8, ge=1, description="snapshots kept; the oldest is given up first")
    minimum_env_steps: int = Field(
        1_000, ge=0, description="a task that was shorter leaves no snapshot (false alarms)"
    )
    trigger: Literal["auto", "boundary", "detected"] = Field(
        "auto",
        description="what ends a task: the curriculum's boundaries, detected changes, or "
        "(auto) boundaries where the run offers them and detected changes elsewhere",
    )


class OldSkills(Component):
    """Lets policies of earlier tasks act at the start of a new one."""

    learners = ("dqn", "sac")
    uses = (TASK_LABEL, EXPERTS)
    cost: ClassVar[str] = "0.1-0.3 ms per collection while old skills act, 1 P per snapshot"
    stateful = ("skills", "started", "until", "label", "acted", "collected")
    Config: ClassVar[type[ComponentConfig]] = OldSkillsConfig
    config: OldSkillsConfig

    def requirements(self) -> tuple[tuple[Need, ...], tuple[str, ...]]:
        triggers: dict[str, Need] = {
            "auto": any_of(TASK_BOUNDARY, CHANGE_EVENTS),
            "boundary": TASK_BOUNDARY,
            "detected": CHANGE_EVENTS,
        }
        needs: tuple[Need, ...] = (REPLAY, triggers[self.config.trigger])
        return (*needs, EXPERTS) if self.config.source == "experts" else needs, ()

    def bind(self, agent: AgentView, rng: ComponentGenerators) -> None:
        super().bind(agent, rng)
        self._at_boundaries = self.config.trigger == "boundary" or (
            self.config.trigger == "auto" and TASK_BOUNDARY in agent.offered
        )
        self._experts = self.config.source == "experts" or (
            self.config.source == "auto" and EXPERTS in agent.offered
        )
        self._phases = [
            phase for phase, view in agent.phases.items() if "acting" in view.roles.values()
        ]
        self._has_heads = any(_HEAD.search(n) for p in self._phases for n in self._names(p))
        if self._has_heads and not agent.labels:
            raise UserError(
                f"component {self.name!r}: which head an earlier policy acts with is known by its "
                "label only\n  set `visibility: labels` in the curriculum, or `multi_head: false`"
            )
        self.skills: dict[str, dict[str, Any]] = {}
        """Snapshots by name, oldest first: `values`, and `head` or None."""
        self.started = 0
        """Env steps of the lifetime when the current task began."""
        self.until = 0
        """Env steps of the lifetime at which earlier policies have had their time."""
        self.label: str | None = None
        self.acted = 0
        """Env steps that earlier policies have taken, in all tasks together."""
        self.collected = 0
        self._trials = Trials(agent.n_envs, self.config.trial_env_steps, rng.numpy)

    def _names(self, phase: str) -> list[str]:
        roles = self.agent.phases[phase].roles
        return [name for name, role in roles.items() if role == "acting"]

    # ---- tasks end and begin -------------------------------------------------------------

    def on_task_start(self, event: TaskEvent) -> None:
        self.label = event.label
        if self._at_boundaries:
            self._begin(event.env_steps)

    def on_task_end(self, event: TaskEvent) -> None:
        if self._at_boundaries:
            self._end(event.env_steps)

    def on_change_detected(self, event: ChangeEvent) -> None:
        if not self._at_boundaries:
            self._end(event.env_steps)
            self._begin(event.env_steps)

    def _begin(self, env_steps: int) -> None:
        self.started = env_steps
        self.until = env_steps + self.config.exploration_env_steps
        self._trials.begin()

    def _end(self, env_steps: int) -> None:
        """Remember what acts now, unless experts do that."""
        if self._experts or env_steps - self.started < self.config.minimum_env_steps:
            return
        name = f"until_{env_steps}" if self.label is None else self.label
        self.skills.pop(name, None)
        values = {
            phase: {n: self.agent.phases[phase].parameters[n].detach().clone() for n in names}
            for phase in self._phases
            if (names := self._names(phase))
        }
        self.skills[name] = {"values": values, "head": self._head_of(self.label)}
        while len(self.skills) > self.config.max_skills:
            del self.skills[next(iter(self.skills))]

    def _head_of(self, label: str | None) -> int | None:
        labels = self.agent.labels or ()
        return labels.index(label) if self._has_heads and label in labels else None

    # ---- acting --------------------------------------------------------------------------

    def collection_context(self, view: CollectionView) -> AbstractContextManager[None]:
        self.collected = view.env_steps
        skills = self._candidates() if view.env_steps < self.until else {}
        if not skills:
            self._trials.acting = None
            return nullcontext()
        chosen = self._trials.choose(list(skills), self.config.choice)
        return view.lend(skills[chosen])

    def _candidates(self) -> dict[str, Values]:
        """Parameters of every earlier policy by name, to act in the current task."""
        if not self._experts:
            head = self._head_of(self.label)
            return {name: _with_head(skill, head) for name, skill in self.skills.items()}
        resting = self.agent.service(EXPERTS).resting_parameters()
        return {
            name: {phase: values[phase] for phase in self._phases if values.get(phase)}
            for name, values in resting.items()
        }

    def on_transitions(self, batch: TransitionBatch) -> None:
        if self._trials.acting is None:
            return
        self.acted += batch.rewards.size
        over = batch.env_steps >= self.until
        self._trials.watch(batch.rewards, np.asarray(batch.terminated | batch.truncated))
        if over:
            best = self._trials.best()
            self.agent.emit("old_skills_ended", best=best, **self._trials.summary())

    # ---- books ---------------------------------------------------------------------------

    def metrics(self) -> Mapping[str, float]:
        """Earlier policies there are, whether one acts, and the env steps they took so far."""
        known = len(self._candidates())
        acting = self._trials.acting is not None
        return {"skills": float(known), "acting": float(acting), "env_steps": float(self.acted)}

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "trials": self._trials.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        super().load_state_dict(state)
        self._trials.load_state_dict(state["trials"])


def _with_head(skill: Mapping[str, Any], head: int | None) -> Values:
    """A snapshot whose own head stands at the place of the current task's; no other heads."""
    source = skill["head"]
    values: Values = skill["values"]
    if source is None or head is None:
        return values
    moved: Values = {}
    for phase, by_name in values.items():
        moved[phase] = {}
        for name, value in by_name.items():
            found = _HEAD.search(name)
            if found is None:
                moved[phase][name] = value
            elif int(found[2]) == source:
                moved[phase][_HEAD.sub(rf"\g<1>heads.{head}.", name)] = value
    return moved
