"""Behavioural cloning memory (ClonEx): states of finished tasks with what was answered there.

    loss + strength * mean over a batch of remembered states of D(stored answer, answer now)

At the end of a task, states of it are kept together with what the acting network says on them then.
Every later gradient step of that network also clones a batch of these answers, drawn uniformly over
all states kept. D is KL(N_old || N_new) for Gaussian policies and T^2 KL of softened probabilities
for discrete ones; for DQN, whose values act, the squared difference or the KL of softened values
(`q_distance`; see distances.py). Stored answers never change, so there is no drift from one teacher
to the next. Value functions and critics are left alone. Source: ClonEx, arXiv 2209.13900 (its
exploration with earlier heads is not part of this), with 10 000 states a task, batches of 128,
strength 100 on SAC, and optimiser and replay buffer reset at each task (`at_boundary`).

With a head for each task (`multi_head`) the head of the state's own task is asked, and learns; on a
single head states of different tasks that look alike pull against each other.

A task is known by its label where labels are visible and else by the context believed in. One that
ends again has its states and answers replaced by newer ones. An expert of a pool has a memory of
its own.

Units: D in nats (squared values for regression); the term is in units of the loss. PPO and DQN clip
it together with their gradient. Memory: `states_per_task` observations a task, and as many while a
task lasts, in main memory and in every checkpoint.

Cost: one more forward and backward pass per step of the acting network, with the default batch
0.6 ms on one core for a network of 64x64 and 1.4 ms for 256x256; one forward pass over the states
at the end of a task.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch
from pydantic import Field

from l2rl.component import ComponentConfig
from l2rl.views import AgentView, ComponentGenerators, Head, LossView

from .distances import QDistance, distance_of, q_distance_field, temperature_field
from .task_memory import TaskMemoryComponent
from .trigger import Trigger, trigger_field

_AT_ONCE = 1024
"""States answered in one forward pass at the end of a task."""


class BehaviouralCloningMemory(TaskMemoryComponent):
    """Clones the answers that the agent gave on states of finished tasks."""

    cost = "0.6-1.4 ms per gradient step, `states_per_task` states per task"

    class Config(ComponentConfig):
        """Settings of `consolidation.bc_memory`."""

        strength: float = Field(100.0, ge=0, description="weight of the cloning term")
        batch_size: int = Field(128, ge=1, description="remembered states per gradient step")
        states_per_task: int = Field(
            10_000, ge=1, description="states kept of each task that has ended"
        )
        memory_env_steps: int = Field(
            100_000,
            ge=1,
            description="how far back those states go: uniform over a task of up to so many env "
            "steps, mean age so many in a longer one",
        )
        minimum_states: int = Field(
            64, ge=1, description="a task with fewer states is not remembered (false alarms)"
        )
        temperature: float = temperature_field()
        q_distance: QDistance = q_distance_field()
        trigger: Trigger = trigger_field()

    def bind(self, agent: AgentView, rng: ComponentGenerators) -> None:
        super().bind(agent, rng)
        self._phase = next(n for n, v in agent.phases.items() if "acting" in v.roles.values())
        self._distance = distance_of(agent, self.config)

    def _is_on(self) -> bool:
        return bool(self.config.strength > 0)

    def _finish_task(self, task: str) -> None:
        rows = self._recent_rows()
        self._tasks.put(task, {**rows, **self._answers(rows)})

    def _answers(self, rows: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """What the acting head says on states now: `values` and, of a Gaussian, `scale`."""
        view = self.agent.phases[self._phase]
        found: dict[str, list[np.ndarray]] = {}
        for start in range(0, len(rows["observations"]), _AT_ONCE):
            some = slice(start, start + _AT_ONCE)
            observations = self._tensor(rows["observations"][some])
            with torch.no_grad():
                heads = view.heads(
                    view.parameters, observations, None, self._tensor(rows["belief"][some])
                )
            head = _acting(heads)
            found.setdefault("values", []).append(head.values.cpu().numpy())
            if head.scale is not None:
                found.setdefault("scale", []).append(head.scale.cpu().numpy())
        return {name: np.concatenate(parts) for name, parts in found.items()}

    # ---- the loss ------------------------------------------------------------------------

    def term_tensors(self, phase: str) -> Mapping[str, torch.Tensor] | None:
        """A batch of states with their answers, another one for every step."""
        if phase != self._phase or len(self._tasks) == 0:
            return None
        rows = self._tasks.drawn(self.config.batch_size, self.rng.numpy)
        return {name: self._tensor(values) for name, values in rows.items()}

    def loss_terms(self, view: LossView) -> Mapping[str, torch.Tensor]:
        stored = view.tensors
        now = _acting(view.heads(view.parameters, stored["observations"], None, stored["belief"]))
        then = replace(now, values=stored["values"], scale=stored.get("scale"))
        distance = self._distance(then, now, stored.get("action_masks")).mean()
        return {"cloning": self.config.strength * distance}


def _acting(heads: Mapping[str, Head]) -> Head:
    """The head that decides actions; there is one."""
    return next(head for head in heads.values() if head.role == "acting")
