"""Averaged gradient episodic memory: no step that harms earlier tasks on average.

    g' = g - (g . g_ref / |g_ref|^2) g_ref    if g . g_ref < 0,    g' = g otherwise

g is the gradient about to be taken, with the loss terms of all components; g_ref that of the
learner's own loss on rows of earlier tasks, equally many of each, drawn anew for every step. g' is
the nearest gradient that does not point against g_ref. Source: arXiv 1812.00420, equation 11.

Each phase has a projection of its own, over all parameters that take part: those that decide
actions (`project_acting`) and those that only judge them (`project_critic`). Both by default, as
Continual World has it (arXiv 2105.10919); where it retained little, so this is a base line rather
than a remedy. SAC's entropy weight is left alone. PPO's rows keep the advantages and probabilities
of then: see `replay.task_balanced`, which says what is kept, and when a task has ended.

A rule of the stage `conflict`: it runs before projections and masks, and before the clip.

Units: rows. Cost: a forward and backward pass on `memory_batch_size` rows per step and phase: with
128 beside a batch of 64, 2 ms a step of DQN's on a 64x64 or 256x256 network (1-2 ms without) and
5-8 ms of SAC's (3-7 ms), once a task has ended. Memory: `capacity_per_task` rows a task.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from pydantic import Field

from l2rl.capabilities import GRADIENTS, MAIN_LOSS
from l2rl.views import AgentView, ComponentGenerators, GradientView

from ..replay.earlier_tasks import EarlierTasks, EarlierTasksConfig


def without_conflict(gradient: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """The gradient (P,) nearest to `gradient` (P,) with no component against `reference` (P,)."""
    inner = torch.dot(gradient, reference)
    norm = torch.dot(reference, reference)
    harm = torch.where(norm > 0, inner.clamp_max(0.0) / norm, torch.zeros_like(norm))
    return gradient - harm * reference


class AveragedGradientEpisodicMemory(EarlierTasks):
    """Takes from each gradient what would raise the loss on earlier tasks."""

    needs = (GRADIENTS, MAIN_LOSS)
    order = -20  # Keeps rows as the learner has them, before others join or change them.
    gradient_stage = "conflict"
    cost = "once a task has ended 100-200 % of an update, by memory_batch_size"

    class Config(EarlierTasksConfig):
        """Settings of `gradient.agem`."""

        memory_batch_size: int = Field(
            128, ge=1, description="rows of earlier tasks behind each reference gradient"
        )
        project_acting: bool = Field(
            True, description="project gradients of parameters that decide actions"
        )
        project_critic: bool = Field(
            True, description="project gradients of parameters that only judge actions"
        )

    def bind(self, agent: AgentView, rng: ComponentGenerators) -> None:
        super().bind(agent, rng)
        roles = {"acting": self.config.project_acting, "value": self.config.project_critic}
        self._selected = {
            phase: frozenset(n for n, role in view.roles.items() if roles.get(role, False))
            for phase, view in agent.phases.items()
        }
        self._books: dict[str, dict[str, float]] = {}
        """Phase -> steps, projections and sum of cosines since the task began."""

    def another_task(self) -> None:
        self._books = {}

    def transform_gradients(self, view: GradientView) -> None:
        names = [name for name in view.gradients if name in self._selected[view.phase]]
        if view.gradients_on is None or not names:
            return
        memory = self.replayed(self.config.memory_batch_size)
        if memory is None:
            return
        found = view.gradients_on(memory)
        gradient = _flat(view.gradients, names, view.gradients)
        reference = _flat(found, names, view.gradients)
        _write(view.gradients, names, without_conflict(gradient, reference))
        self._note(view.phase, gradient, reference)

    def _note(self, phase: str, gradient: torch.Tensor, reference: torch.Tensor) -> None:
        cosine = float(torch.nn.functional.cosine_similarity(gradient, reference, dim=0))
        book = self._books.setdefault(phase, {"steps": 0.0, "projections": 0.0, "cosines": 0.0})
        book["steps"] += 1
        book["projections"] += cosine < 0
        book["cosines"] += cosine

    def metrics(self) -> Mapping[str, float]:
        """Beside the memory's: how often a step of this task was projected, per phase, and the
        mean cosine between gradient and reference."""
        result = dict(super().metrics())
        for phase, book in self._books.items():
            result[f"{phase}/projected_share"] = book["projections"] / book["steps"]
            result[f"{phase}/cosine_mean"] = book["cosines"] / book["steps"]
        return result

    def state_dict(self) -> dict[str, Any]:
        books = {phase: dict(book) for phase, book in self._books.items()}
        return {**super().state_dict(), "books": books}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        super().load_state_dict(state)
        self._books = {phase: dict(book) for phase, book in state["books"].items()}


def _flat(
    by_name: Mapping[str, torch.Tensor], names: list[str], shapes: Mapping[str, torch.Tensor]
) -> torch.Tensor:
    """(P,) of the named entries; zeros where there is none."""
    rows = [by_name.get(n, torch.zeros_like(shapes[n])) for n in names]
    return torch.cat([row.reshape(-1) for row in rows])


def _write(gradients: Mapping[str, torch.Tensor], names: list[str], values: torch.Tensor) -> None:
    """Put a row (P,) back into the live gradients."""
    start = 0
    for name in names:
        live = gradients[name]
        live.copy_(values[start : start + live.numel()].reshape(live.shape))
        start += live.numel()
