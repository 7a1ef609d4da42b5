"""The one gradient step that every phase of every learner takes.

    losses -> backward -> conflict rules, projections, masks -> clip -> step -> frozen entries
    put back -> after-step

With no components this is exactly what Stable-Baselines3 does, operation by operation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import get_args

import torch

from l2rl import capabilities as cap
from l2rl.component import Batch, Component, GradientStage
from l2rl.composition import Composition
from l2rl.engine.frozen import frozen_entries, masks_of
from l2rl.engine.phase import Phase
from l2rl.errors import UserError
from l2rl.views import GradientView, LossView, UpdateView

_STAGES: tuple[GradientStage, ...] = get_args(GradientStage)
_NOTHING: Mapping[str, torch.Tensor] = {}
GradientsOn = Callable[[Batch], dict[str, torch.Tensor]]


class NonFiniteLossTerm(UserError):
    """A component's loss term became NaN or infinite."""


@dataclass
class StepHooks:
    """The components' share in gradient steps, laid out once."""

    loss_terms: tuple[Component, ...]
    transform_gradients: tuple[Component, ...]
    after_step: tuple[Component, ...]
    weight_mask: tuple[Component, ...] = ()
    keeps_main_gradient: bool = False
    """Whether somebody must see the gradient of the learner's own loss by itself."""
    tells_errors: bool = False
    """Whether somebody wants the TD errors of a batch."""
    term_sums: dict[str, float] = field(default_factory=dict)
    """Sum of each loss term since the last `drain_terms`, for the log."""
    term_counts: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, composition: Composition) -> StepHooks:
        transforms = composition["transform_gradients"]
        staged = [c for stage in _STAGES for c in transforms if c.gradient_stage == stage]
        return cls(
            composition["loss_terms"],
            tuple(staged),
            composition["after_step"],
            composition["weight_mask"],
            keeps_main_gradient=composition.needed(cap.MAIN_GRADIENT),
            tells_errors=composition.needed(cap.SAMPLE_ERRORS),
        )

    def drain_terms(self) -> dict[str, float]:
        """Mean of each loss term since the last call, by `<component>/<term>`."""
        means = {name: total / self.term_counts[name] for name, total in self.term_sums.items()}
        self.term_sums.clear()
        self.term_counts.clear()
        return means


@dataclass(frozen=True)
class OwnLoss:
    """What else can be told of a loss that is the learner's own."""

    gradients_on: GradientsOn | None = None
    """Its gradients on another batch; None where they cannot be had."""
    errors: Callable[[], torch.Tensor] | None = None
    """TD error of each sample, (batch,); None where there is none."""


def gradient_step(
    phase: Phase,
    loss: torch.Tensor,
    batch: Batch,
    hooks: StepHooks,
    *,
    env_steps: int,
    belief: int = 0,
    activations: Mapping[str, torch.Tensor] = _NOTHING,
    own: OwnLoss | None = None,
) -> None:
    """Move the parameters of one phase once.

    `loss` is the learner's own scalar loss, about which `own` tells more, or (`own=None`) that of
    a component.
    """
    terms = _terms(phase, batch, hooks)
    phase.optimizer.zero_grad()
    main_gradients = None
    if own is not None and hooks.keeps_main_gradient:
        loss.backward()  # type: ignore[no-untyped-call]
        main_gradients = {n: g.clone() for n, g in _gradients(phase).items()}
        _backward(terms)
    else:
        _backward([loss, *terms])
    _finish(phase, batch, hooks, env_steps, belief, activations, own, main_gradients)


def finish_step(
    phase: Phase,
    batch: Batch,
    hooks: StepHooks,
    *,
    env_steps: int,
    belief: int,
    activations: Mapping[str, torch.Tensor] = _NOTHING,
) -> None:
    """The rest of a gradient step whose own backward somebody else has done: loss terms, rules,
    clip, step. For learners that are not ours (`l2rl.agents.facade`)."""
    main_gradients = None
    if hooks.keeps_main_gradient:
        main_gradients = {n: g.clone() for n, g in _gradients(phase).items()}
    _backward(_terms(phase, batch, hooks))
    _finish(phase, batch, hooks, env_steps, belief, activations, OwnLoss(), main_gradients)


def _backward(losses: list[torch.Tensor]) -> None:
    """Backward of a sum, added in order."""
    if losses:
        total = sum(losses[1:], losses[0])
        if total.requires_grad:
            total.backward()  # type: ignore[no-untyped-call]


def _finish(
    phase: Phase,
    batch: Batch,
    hooks: StepHooks,
    env_steps: int,
    belief: int,
    activations: Mapping[str, torch.Tensor],
    own: OwnLoss | None,
    main_gradients: Mapping[str, torch.Tensor] | None,
) -> None:
    """From gradients to moved parameters."""
    for parameter in phase.idle():
        parameter.grad = None
    if hooks.transform_gradients:
        _transform_gradients(phase, batch, hooks, main_gradients, own)
    with frozen_entries(phase, masks_of(hooks.weight_mask, phase.name)):
        if phase.max_grad_norm is not None:
            torch.nn.utils.clip_grad_norm_(phase.clip_parameters, phase.max_grad_norm)
        phase.optimizer.step()
    if hooks.after_step:
        errors = own.errors() if own and own.errors and hooks.tells_errors else None
        view = UpdateView(
            phase.name,
            phase.parameters,
            batch,
            activations,
            phase.updates,
            env_steps,
            belief,
            errors,
        )
        for component in hooks.after_step:
            component.after_step(view)
    phase.forget_asked()
    phase.updates += 1


def _gradients(phase: Phase) -> dict[str, torch.Tensor]:
    """Live gradients by name, without those of idle parameters."""
    idle = {id(parameter) for parameter in phase.idle()}
    return {
        name: parameter.grad
        for name, parameter in phase.parameters.items()
        if parameter.grad is not None and id(parameter) not in idle
    }


def _terms(phase: Phase, batch: Batch, hooks: StepHooks) -> list[torch.Tensor]:
    """Every component's loss terms, in order."""
    terms = []
    for component in hooks.loss_terms:
        tensors = component.term_tensors(phase.name)
        if tensors is None:
            continue
        view = LossView(phase.name, phase.parameters, batch, tensors, phase.heads)
        for name, term in component.loss_terms(view).items():
            _log_term(hooks, f"{component.name}/{name}", term, phase.name)
            terms.append(term)
    return terms


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


def _transform_gradients(
    phase: Phase,
    batch: Batch,
    hooks: StepHooks,
    main_gradients: Mapping[str, torch.Tensor] | None,
    own: OwnLoss | None,
) -> None:
    gradients = {n: p.grad for n, p in phase.parameters.items() if p.grad is not None}
    view = GradientView(
        phase.name,
        phase.parameters,
        gradients,
        batch,
        phase.heads,
        main_gradients,
        own.gradients_on if own else None,
    )
    for component in hooks.transform_gradients:
        component.transform_gradients(view)
