"""Masks: what may not move stays, momentum and all."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from l2rl.engine.step import gradient_step
from l2rl.testing.lives import Watched, lived
from l2rl.testing.registry import check
from l2rl.testing.report import Finding, NotApplicable
from l2rl.testing.subject import Subject


@check("masks", "Masked weights and their momentum stay still")
def masks(subject: Subject) -> Iterator[Finding]:
    masks_gradients = (
        subject.overrides("transform_gradients") and subject.cls.gradient_stage == "mask"
    )
    if not masks_gradients and not subject.overrides("weight_mask"):
        raise NotApplicable("it masks nothing")
    for kind, life in lived(subject):
        yield from life.watch.findings.get("masks", ())
        if subject.overrides("weight_mask") and life.watch.masked == 0:
            yield Finding(
                "`weight_mask` holds something still within three tasks",
                "every entry was free all the time",
                "settings for short lives: Conformance(active={...})",
                kind,
            )
        yield from _stay_still(kind, life)


def _stay_still(kind: str, life: Watched) -> Iterator[Finding]:
    """A step with a full gradient behind large moments: whatever is masked must not move."""
    agent, component = life.life.agent, life.life.component
    assert component is not None
    for name, phase in agent._phases.items():
        seen: dict[str, torch.Tensor] = {}
        hook = type(component).transform_gradients

        def noting(view, component=component, hook=hook, seen=seen):  # type: ignore[no-untyped-def]
            before = {n: g.clone() for n, g in view.gradients.items()}
            hook(component, view)
            for n, g in view.gradients.items():
                seen[n] = (before[n] != 0) & (g == 0)

        for parameter in phase.parameters.values():
            for value in phase.optimizer.state.get(parameter, {}).values():
                if isinstance(value, torch.Tensor) and value.shape == parameter.shape:
                    value.fill_(0.5)
        if component in agent.host.hooks.transform_gradients:
            component.transform_gradients = noting  # type: ignore[method-assign]
        owned = component.weight_mask(name) if component in agent.host.hooks.weight_mask else None
        for n, mask in (owned or {}).items():
            seen[n] = ~mask
        before = {n: p.detach().clone() for n, p in phase.parameters.items()}
        loss = sum((p * torch.ones_like(p)).sum() for p in phase.parameters.values())
        assert isinstance(loss, torch.Tensor)
        gradient_step(phase, loss, {}, agent.host.hooks, env_steps=agent.num_timesteps)
        for n, still in seen.items():
            moved = still & (before[n] != phase.parameters[n].detach())
            if bool(moved.any()):
                yield Finding(
                    "entries whose gradient is masked do not move",
                    f"{name}/{n}: {int(moved.sum())} of {int(still.sum())} masked entries moved, "
                    "by the optimiser's momentum",
                    "own WEIGHT_MASK and say what is free in `weight_mask`: the core then keeps "
                    "the others and their moments still",
                    kind,
                )
                return
