"""What components that replay earlier tasks have in common: whose rows are kept, and when."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from pydantic import Field

from l2rl.capabilities import TASK_LABEL, Need
from l2rl.component import Batch, Component, ComponentConfig
from l2rl.views import (
    AgentView,
    ChangeEvent,
    ComponentGenerators,
    TaskEvent,
    TransitionBatch,
    UpdateView,
)

from ..task_changes import TRIGGER_DESCRIPTION, TaskKeys, Trigger, trigger_needs
from .learner_rows import FirstEpoch, OffPolicyRows, as_batch, on_policy_rows
from .task_memory import TaskMemory


class EarlierTasksConfig(ComponentConfig):
    """Settings of every component that replays earlier tasks."""

    capacity_per_task: int = Field(1000, ge=1, description="rows kept of each task")
    trigger: Trigger = Field("auto", description=TRIGGER_DESCRIPTION)


class EarlierTasks(Component):
    """Keeps a uniform sample of each task's rows, and offers those of all but the present one."""

    uses = (TASK_LABEL,)
    Config = EarlierTasksConfig

    def requirements(self) -> tuple[tuple[Need, ...], tuple[str, ...]]:
        return (*self.needs, *trigger_needs(self.config.trigger)), self.provides

    def bind(self, agent: AgentView, rng: ComponentGenerators) -> None:
        super().bind(agent, rng)
        self.memory = TaskMemory(self.config.capacity_per_task, rng.numpy)
        self.keys = TaskKeys(self.config.trigger, agent)
        self._first_epoch = FirstEpoch()
        self._transitions = OffPolicyRows(agent.action_space)

    # ---- what is kept --------------------------------------------------------------------

    def on_task_start(self, event: TaskEvent) -> None:
        self._offer(self._transitions.release())
        if self.keys.task_starts(event):
            self.another_task()

    def on_change_detected(self, event: ChangeEvent) -> None:
        if self.keys.change_detected(event):
            self.another_task()

    def another_task(self) -> None:
        """Another task than before is going on."""

    def on_transitions(self, batch: TransitionBatch) -> None:
        if self.agent.learner == "ppo":
            self._first_epoch.rollout_collected(batch)
        else:
            self._offer(self._transitions.take(batch))

    def transform_batch(self, batch: Batch, view: UpdateView) -> Batch:
        if self._first_epoch.expected:
            self._offer(self._first_epoch.take(on_policy_rows(batch, view.belief)))
        return batch

    def _offer(self, rows: Mapping[str, np.ndarray]) -> None:
        if rows:
            self.memory.offer(self.keys.current, rows)

    # ---- what is replayed ----------------------------------------------------------------

    def replayed(self, count: int) -> Batch | None:
        """`count` rows of earlier tasks, equally many of each, marked; None without any."""
        earlier = self.memory.tasks(without=self.keys.current)
        if not earlier or count == 0:
            return None
        return as_batch(self.memory.draw(count, earlier), self.agent.device, self.name)

    # ---- books ---------------------------------------------------------------------------

    def metrics(self) -> Mapping[str, float]:
        """Tasks of which rows are kept, and how many rows in all."""
        tasks = self.memory.tasks()
        return {
            "tasks": float(len(tasks)),
            "rows": float(sum(self.memory.size(task) for task in tasks)),
        }

    def state_dict(self) -> dict[str, Any]:
        return {
            **super().state_dict(),
            "memory": self.memory.state_dict(),
            "task": self.keys.current,
            "expected": self._first_epoch.expected,
            "held": self._transitions.held,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        super().load_state_dict(state)
        self.memory.load_state_dict(state["memory"])
        self.keys.current = state["task"]
        self._first_epoch.expected = state["expected"]
        self._transitions.held = {n: np.array(values) for n, values in state["held"].items()}
