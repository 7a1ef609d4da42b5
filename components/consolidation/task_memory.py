"""What components that hold on to outputs share: states of finished tasks, one memory per expert.

States are sampled while a task lasts (`recent_experience.py`) and filed under the task when it
ends: under its label where labels are visible, else under the context believed in. A task that
ends again has its states replaced, so a life of many returns does not grow the memory; where
boundaries alone are visible every block counts as a task of its own.

Under an exchange of parameter sets (`experts.pool`) each set has its own memory: what one expert
once answered is no aim for another. A reset changes nothing: it is the outputs that are held, so
what was drawn anew learns them again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from l2rl.capabilities import TASK_LABEL
from l2rl.views import AgentView, ComponentGenerators, NetworkEdit, TaskEvent, TransitionBatch

from ..recent_experience import RecentExperience, seen_by_networks
from .task_rows import TaskRows
from .trigger import TaskEndComponent


class TaskMemoryComponent(TaskEndComponent):
    """Keeps states of finished tasks and tells its subclass when one has ended.

    Its `Config` has `states_per_task`, `memory_env_steps` and `minimum_states`."""

    uses = (TASK_LABEL,)

    def bind(self, agent: AgentView, rng: ComponentGenerators) -> None:
        super().bind(agent, rng)
        capacity = self.config.states_per_task if self._keeps_states() else 1
        self._recent = RecentExperience(capacity, self.config.memory_env_steps, rng.numpy)
        self._tasks = TaskRows()
        self._away: dict[str, dict[str, Any]] = {}
        """State of the other experts, by the number of their set."""
        self._belief = 0
        self._label: str | None = None
        self._finished = 0

    def _keeps_states(self) -> bool:
        """Whether states are worth remembering at all."""
        return True

    def _is_on(self) -> bool:
        """Whether any strength is above zero."""
        raise NotImplementedError

    def _with_actions(self) -> bool:
        """Whether critics will be asked that need actions."""
        return False

    # ---- a task --------------------------------------------------------------------------

    def on_transitions(self, batch: TransitionBatch) -> None:
        if not self._is_on():
            return
        space = self.agent.action_space
        rows = seen_by_networks(batch, space, with_actions=self._with_actions())
        count = len(rows["observations"])
        rows["belief"] = np.full(count, batch.belief, np.int64)
        if batch.action_masks is not None:
            rows["action_masks"] = batch.flat(batch.action_masks)
        self._recent.add(rows)
        self._belief = batch.belief

    def on_task_end(self, event: TaskEvent) -> None:
        self._label = event.label
        super().on_task_end(event)
        self._label = None

    def _end_period(self) -> None:
        if not self._is_on():
            return
        states = self._recent.seen
        if states < self.config.minimum_states:
            self.agent.emit("consolidation_skipped", states=states)
        else:
            self._finish_task(f"context {self._belief}" if self._label is None else self._label)
            self._finished += 1
            self.agent.emit("consolidated", states=states, number=self._finished)
        self._recent.clear()

    def _finish_task(self, task: str) -> None:
        """File what is to be kept of the task in `_tasks`."""
        raise NotImplementedError

    def _recent_rows(self) -> dict[str, np.ndarray]:
        """The states of the task that ends."""
        fields = ("observations", "actions", "belief", "action_masks")
        return {f: self._recent.read(f) for f in fields if f in self._recent.fields}

    def _tensor(self, values: np.ndarray) -> torch.Tensor:
        return torch.as_tensor(values, device=self.agent.device)

    # ---- edits by others -----------------------------------------------------------------

    def on_network_edited(self, edit: NetworkEdit) -> None:
        """Another set of parameters brings the memory of its own tasks."""
        if edit.parameter_set is None:
            return
        leaving, coming = (str(number) for number in edit.parameter_set)
        self._away[leaving] = self._state_of_set()
        self._load_state_of_set(self._away.pop(coming, None))

    def _state_of_set(self) -> dict[str, Any]:
        """What belongs to the set of parameters in force."""
        return {"tasks": self._tasks.state_dict()}

    def _load_state_of_set(self, state: Mapping[str, Any] | None) -> None:
        """Give back what `_state_of_set` read; None for a set that is new."""
        self._tasks = TaskRows()
        if state is not None:
            self._tasks.load_state_dict(state["tasks"])

    # ---- books ---------------------------------------------------------------------------

    def metrics(self) -> Mapping[str, float]:
        """Tasks finished so far, and tasks and states remembered for the network in force."""
        return {
            "consolidations": float(self._finished),
            "tasks": float(len(self._tasks.counts)),
            "states": float(len(self._tasks)),
        }

    def state_dict(self) -> dict[str, Any]:
        return {
            "recent": self._recent.state_dict(),
            "set": self._state_of_set(),
            "away": self._away,
            "belief": self._belief,
            "finished": self._finished,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._recent.load_state_dict(state["recent"])
        self._load_state_of_set(state["set"])
        self._away = {number: _copied(kept) for number, kept in state["away"].items()}
        self._belief = state["belief"]
        self._finished = state["finished"]


def _copied(value: Any) -> Any:
    """A deep copy of nested state."""
    if isinstance(value, Mapping):
        return {key: _copied(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_copied(item) for item in value]
    if isinstance(value, np.ndarray):
        return value.copy()
    return value.clone() if isinstance(value, torch.Tensor) else value
