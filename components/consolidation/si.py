"""Synaptic intelligence: importance is what each parameter's way contributed to the task's loss.

    every gradient step    omega_i <- omega_i - g_i (theta_i after - theta_i before)
    the end of a task      Omega_i <- Omega_i + max(0, omega_i / ((theta_i - start_i)^2 + damping))
    penalty = strength * sum_i Omega_i (theta_i - anchor_i)^2

g is the gradient of the learner's own loss, before its clip and without any component's term; the
change is the one that the optimiser really made, whatever clip, momentum, masks and penalties made
of g (with Adam, -learning rate * g would be another quantity). `start` is where the task began,
the anchor where the last one ended. On a quadratic loss of curvature a, Omega approaches a/2, which
is what EWC's 1/2 F is there. Source: arXiv 1703.04200.

Only the learner's own gradient steps count, also those on its replay buffer between tasks. Sleep
and other components' steps, a reset and an exchange of experts are no learning: they move neither
omega nor, for entries that stay, the start. A reset entry begins anew, and each expert of a pool
has its own omega, start and anchor.

The loss of an RL learner is not one function: DQN's targets move, PPO's holds for one rollout. So
omega is noisier than in supervised learning and can be negative; the maximum drops such entries.

Units: omega is in units of the loss, Omega in that per squared parameter, the penalty in units of
the loss; PPO and DQN clip it together with their gradient.

Cost: 0.2 ms per gradient step on one core for a network of 64x64, 0.3 ms for 256x256, with the
second backward pass of the penalty; 6 P.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from pydantic import Field

from l2rl.capabilities import MAIN_GRADIENT, PARAMETER_IMPORTANCE
from l2rl.component import ComponentConfig
from l2rl.views import GradientView, UpdateView

from .anchor import Anchor
from .quadratic import TaskPenalty
from .trigger import Trigger, trigger_field


class PathAnchor(Anchor):
    """An anchor that also integrates the way of the parameters through the task's loss."""

    rows = ("importance", "values", "path", "start")

    path: torch.Tensor
    """omega, (P,)."""
    start: torch.Tensor
    """Where the task began, (P,)."""
    started = False
    """Whether a step has been taken; a run may load parameters before the first."""
    _step: tuple[torch.Tensor, torch.Tensor] | None = None

    def before_step(self, gradients: Mapping[str, torch.Tensor]) -> None:
        """`gradients` of the learner's own loss by name; a parameter without one has no part."""
        before = self.live()
        if not self.started:
            self.start, self.started = before.clone(), True
        present = [gradients.get(name) for name in self.names]
        shapes = self._parameters.values()
        rows = [
            torch.zeros_like(p) if g is None else g for g, p in zip(present, shapes, strict=True)
        ]
        self._step = torch.cat([row.detach().reshape(-1) for row in rows]), before

    def after_step(self) -> None:
        """Add what the step contributed, if it was one of learning."""
        if self._step is not None:
            gradient, before = self._step
            self.path -= gradient * (self.live() - before)
            self._step = None

    def end_task(self, damping: float) -> None:
        """Turn the way into importance, anchor here and begin the next task."""
        if not self.started:
            return
        gained = self.path / ((self.live() - self.start).square() + damping)
        self.replace(gained.clamp_min(0.0), decay=1.0)
        self.path = torch.zeros_like(self.path)
        self.start = self.live()

    def exchange(self, name: str, leaving: int, coming: int, value: torch.Tensor) -> None:
        if self.started:
            super().exchange(name, leaving, coming, value)

    def follow(self, name: str, value: torch.Tensor, before: torch.Tensor | None) -> None:
        """The move is no learning: the start moves along."""
        super().follow(name, value, before)
        if before is not None:
            self._of(name)["start"].add_((value - before).reshape(-1))

    def _begin(self, rows: Mapping[str, torch.Tensor], value: torch.Tensor) -> None:
        super()._begin(rows, value)
        rows["path"].zero_()
        rows["start"].copy_(value)

    def _redrawn(
        self, rows: Mapping[str, torch.Tensor], changed: torch.Tensor, values: torch.Tensor
    ) -> None:
        super()._redrawn(rows, changed, values)
        rows["path"][changed] = 0.0
        rows["start"][changed] = values

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "started": self.started}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        super().load_state_dict(state)
        self.started = bool(state["started"])


class SynapticIntelligence(TaskPenalty):
    """Ties parameters to their values at the end of the last task, by what their way gained."""

    needs = (MAIN_GRADIENT,)
    provides = (PARAMETER_IMPORTANCE,)
    cost = "0.2-0.3 ms per gradient step, 6 P"
    anchor_type = PathAnchor

    class Config(ComponentConfig):
        """Settings of `consolidation.si`."""

        strength: float = Field(
            1.0, ge=0, description="weight of the penalty on parameters that decide actions"
        )
        critic_strength: float = Field(
            0.0, ge=0, description="the same for parameters that only judge actions; 0: left free"
        )
        damping: float = Field(
            1e-3,
            gt=0,
            description="xi, added to the squared way: keeps the importance of parameters that "
            "hardly moved finite; in squared parameters",
        )
        trigger: Trigger = trigger_field()

    def transform_gradients(self, view: GradientView) -> None:
        """Look at the gradient of the learner's own loss; nothing is rewritten."""
        path = self._anchors.get(view.phase)
        if path is not None and view.main_gradients is not None:
            path.before_step(view.main_gradients)

    def after_step(self, view: UpdateView) -> None:
        path = self._anchors.get(view.phase)
        if path is not None:
            path.after_step()

    def _renew(self, phase: str) -> None:
        self._anchors[phase].end_task(self.config.damping)

    def metrics(self) -> Mapping[str, float]:
        """As of every quadratic penalty, and per phase the sum of omega since the task began."""
        paths = {f"{p}/path_sum": float(a.path.sum()) for p, a in self._anchors.items()}
        return {**super().metrics(), **paths}
