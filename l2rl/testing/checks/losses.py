"""A loss term is a pure function with a true gradient, and does without data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

import torch

from l2rl.component import Component
from l2rl.testing.life import MID_TASK, Life
from l2rl.testing.lives import Failed, lived, once, references
from l2rl.testing.providers import SleepsWithoutData
from l2rl.testing.registry import check
from l2rl.testing.report import Finding, NotApplicable
from l2rl.testing.subject import Subject
from l2rl.testing.watching import SeenTerm
from l2rl.views import LossView

_STEPS: Final = (1e-2, 1e-3, 1e-4, 1e-5)
"""Lengths of finite steps along the gradient, relative to the parameters' norm."""
_TOLERANCE: Final = 0.02


@check("pure_loss", "A loss term depends on parameters, batch and tensors alone")
def pure_loss(subject: Subject) -> Iterator[Finding]:
    _require_terms(subject)
    for _, life in lived(subject):
        yield from life.watch.findings.get("pure_loss", ())


def _require_terms(subject: Subject) -> None:
    if not subject.overrides("loss_terms"):
        raise NotApplicable("it has no loss term")


@check("loss_gradient", "The gradient of a loss term agrees with finite differences")
def loss_gradient(subject: Subject) -> Iterator[Finding]:
    _require_terms(subject)
    seen_any = False
    for kind, life in lived(subject):
        assert life.life.component is not None
        for seen in life.watch.terms.values():
            seen_any = True
            yield from _compare(kind, life.life.component, seen)
    if not seen_any:
        raise NotApplicable("no loss term was asked for in the kit's lives: see `effect`")


def _compare(kind: str, component: Component, seen: SeenTerm) -> Iterator[Finding]:
    """Along the gradient itself, the value must rise as fast as the gradient is long."""
    seen = _in_double(component, seen)
    names = terms_of(component, seen, seen.parameters)
    for name in names:
        gradient = gradient_of(component, seen, name)
        length = _norm(gradient)
        slopes = _slopes(component, seen, name, gradient)
        if any(abs(slope - length) <= _TOLERANCE * max(length, 1e-8) for slope in slopes):
            continue
        steepest = max(slopes, key=abs)
        if length == 0 and abs(steepest) <= 1e-6 * max(1.0, abs(float(names[name].detach()))):
            continue
        yield Finding(
            f"the gradient of {seen.phase}/{name!r} agrees with finite differences",
            f"the gradient says {length:.6g} per unit step, the values {slopes[1]:.6g}",
            "compute from `view.parameters` without `.detach()`, `.data` or `no_grad` on the way "
            "to the parameters",
            kind,
        )


def _in_double(component: Component, seen: SeenTerm) -> SeenTerm:
    """The call in double precision; as it was if the term cannot do it."""

    def wide(values: Mapping[str, Any]) -> dict[str, Any]:
        return {
            n: v.double() if isinstance(v, torch.Tensor) and v.is_floating_point() else v
            for n, v in values.items()
        }

    wider = replace(
        seen,
        parameters=wide(seen.parameters),
        batch=wide(seen.batch),
        tensors=wide(seen.tensors),
    )
    try:
        terms_of(component, wider, wider.parameters)
    except Exception:  # of whatever kind: then it is measured in single precision
        return seen
    return wider


def terms_of(
    component: Component, seen: SeenTerm, parameters: Mapping[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    """The terms of a remembered call with other parameters."""
    view = LossView(seen.phase, parameters, seen.batch, seen.tensors, seen.heads)
    return dict(type(component).loss_terms(component, view))


def gradient_of(component: Component, seen: SeenTerm, name: str) -> dict[str, torch.Tensor]:
    """The gradient of one term, by parameter; zeros where there is none."""
    leaves = {n: p.clone().requires_grad_() for n, p in seen.parameters.items()}
    term = terms_of(component, seen, leaves)[name]
    if not term.requires_grad:
        return {n: torch.zeros_like(p) for n, p in leaves.items()}
    found = torch.autograd.grad(term, list(leaves.values()), allow_unused=True)
    return {
        n: torch.zeros_like(p) if g is None else g
        for (n, p), g in zip(leaves.items(), found, strict=True)
    }


def _slopes(
    component: Component, seen: SeenTerm, name: str, gradient: dict[str, torch.Tensor]
) -> list[float]:
    """Central differences per unit length; along a fixed direction if the gradient is zero."""
    length = _norm(gradient)
    if length == 0:
        generator = torch.Generator().manual_seed(0)
        gradient = {n: torch.randn(g.shape, generator=generator) for n, g in gradient.items()}
        length = _norm(gradient)
    scale = _norm(seen.parameters) or 1.0
    slopes = []
    for step in _STEPS:
        far = step * scale
        moved = [
            {n: p + sign * far / length * gradient[n] for n, p in seen.parameters.items()}
            for sign in (1, -1)
        ]
        with torch.no_grad():
            high, low = (float(terms_of(component, seen, m)[name]) for m in moved)
        slopes.append((high - low) / (2 * far))
    return slopes


def _norm(values: Mapping[str, torch.Tensor]) -> float:
    return float(sum((v.double() ** 2).sum() for v in values.values()) ** 0.5)


@check("empty_batch", "A gradient step without data, as in sleep, is no trouble")
def empty_batch(subject: Subject) -> Iterator[Finding]:
    if not subject.overrides("loss_terms", "transform_gradients", "after_step", "transform_batch"):
        raise NotApplicable("it takes no part in gradient steps")
    for kind, _ in references(subject):
        found = once(subject, ("empty", kind), _slept, subject, kind)
        if isinstance(found, Failed):
            yield Finding(
                "a step of another component's `minimise` may come with an empty batch",
                str(found),
                "ask `if 'observations' not in view.batch: return {}` where your method needs data",
                kind,
            )


def _slept(subject: Subject, kind: str) -> Any:
    sleeper = SleepsWithoutData()
    sleeper.name = "sleeper"
    return Life(subject, subject.usual_way(kind), beside=[sleeper]).live(MID_TASK).finished()
