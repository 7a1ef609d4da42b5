"""The one gradient step that every phase of every learner takes.

    losses -> backward -> conflict rules, projections, masks -> clip -> step -> after-step

With no components this is exactly what Stable-Baselines3 does, operation by operation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import get_args

import torch

from l2rl.component import Batch, Component, GradientStage
from l2rl.composition import Composition
from l2rl.engine.phase import Phase
from l2rl.errors import UserError
from l2rl.views import GradientView, LossView, UpdateView

_STAGES: tuple[GradientStage, ...] = get_args(GradientStage)
_NOTHING: Mapping[str, torch.Tensor] = {}


class NonFiniteLossTerm(UserError):
    """A component's loss term became NaN or infinite."""


@dataclass
class StepHooks:
    """The components' share in gradient steps, laid out once."""

    loss_terms: tuple[Component, ...]
    transform_gradients: tuple[Component, ...]
    after_step: tuple[Component, ...]
    term_sums: dict[str, float] = field(default_factory=dict)
    """Sum of each loss term since the last `drain_terms`, for the log."""
    term_counts: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, composition: Composition) -> StepHooks:
        transforms = composition["transform_gradients"]
        staged = [c for stage in _STAGES for c in transforms if c.gradient_stage == stage]
        return cls(composition["loss_terms"], tuple(staged), composition["after_step"])

    def drain_terms(self) -> dict[str, float]:
        """Mean of each loss term since the last call, by `<component>/<term>`."""
        means = {name: total / self.term_counts[name] for name, total in self.term_sums.items()}
        self.term_sums.clear()
        self.term_counts.clear()
        return means


def gradient_step(
    phase: Phase,
    loss: torch.Tensor,
    batch: Batch,
    hooks: StepHooks,
    *,
    env_steps: int,
    activations: Mapping[str, torch.Tensor] = _NOTHING,
) -> None:
    """Move the parameters of one phase once. `loss` is the learner's own scalar loss."""
    if hooks.loss_terms:
        loss = _with_terms(phase, loss, batch, hooks)
    phase.optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    for parameter in phase.idle():
        parameter.grad = None
    if hooks.transform_gradients:
        _transform_gradients(phase, batch, hooks)
    if phase.max_grad_norm is not None:
        torch.nn.utils.clip_grad_norm_(phase.clip_parameters, phase.max_grad_norm)
    phase.optimizer.step()
    if hooks.after_step:
        view = UpdateView(
            phase.name, phase.parameters, batch, activations, phase.updates, env_steps
        )
        for component in hooks.after_step:
            component.after_step(view)
    phase.updates += 1


def _with_terms(phase: Phase, loss: torch.Tensor, batch: Batch, hooks: StepHooks) -> torch.Tensor:
    """The loss plus every component's terms, in order."""
    for component in hooks.loss_terms:
        tensors = component.term_tensors(phase.name)
        if tensors is None:
            continue
        view = LossView(phase.name, phase.parameters, batch, tensors, phase.heads)
        for name, term in component.loss_terms(view).items():
            _log_term(hooks, f"{component.name}/{name}", term, phase.name)
            loss = loss + term
    return loss


def _log_term(hooks: StepHooks, name: str, term: torch.Tensor, phase: str) -> None:
    value = float(term.detach())
    if value - value != 0.0:  # NaN and both infinities, without another tensor operation
        component = name.rsplit("/", 1)[0]
        raise NonFiniteLossTerm(
            f"component {component!r}: loss term {name!r} of phase {phase!r} is {value}\n"
            "  lower its strength, or look for a division by zero in it"
        )
    hooks.term_sums[name] = hooks.term_sums.get(name, 0.0) + value
    hooks.term_counts[name] = hooks.term_counts.get(name, 0) + 1


def _transform_gradients(phase: Phase, batch: Batch, hooks: StepHooks) -> None:
    gradients = {n: p.grad for n, p in phase.parameters.items() if p.grad is not None}
    view = GradientView(phase.name, phase.parameters, gradients, batch, phase.heads)
    for component in hooks.transform_gradients:
        component.transform_gradients(view)
