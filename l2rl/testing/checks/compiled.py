"""A loss term that claims to compile does, as one graph and to the same value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch

from l2rl.component import Component
from l2rl.testing.checks.losses import terms_of
from l2rl.testing.lives import lived
from l2rl.testing.registry import check
from l2rl.testing.report import Finding, NotApplicable
from l2rl.testing.subject import Subject
from l2rl.testing.watching import SeenTerm


@check("compiles", "Its loss terms compile as one graph, if it claims so", slow=True)
def compiles(subject: Subject) -> Iterator[Finding]:
    if not subject.overrides("loss_terms"):
        raise NotApplicable("it has no loss term")
    if not subject.cls.compiles:
        raise NotApplicable("it does not claim to: `compiles = True` on the class")
    for kind, life in lived(subject):
        assert life.life.component is not None
        for seen in life.watch.terms.values():
            yield from _compile(kind, life.life.component, seen)


def _compile(kind: str, component: Component, seen: SeenTerm) -> Iterator[Finding]:
    def total(parameters: Mapping[str, torch.Tensor]) -> torch.Tensor:
        terms = list(terms_of(component, seen, parameters).values())
        return torch.stack(terms).sum()

    plain = float(total(seen.parameters).detach())
    torch._dynamo.reset()
    try:
        graph = torch.compile(total, fullgraph=True, backend="aot_eager")
        leaves = {n: p.clone().requires_grad_() for n, p in seen.parameters.items()}
        value = graph(leaves)
    except Exception as error:  # of dynamo's many kinds
        yield Finding(
            "torch.compile(fullgraph=True) takes the loss terms",
            f"{seen.phase}: {str(error).strip().splitlines()[0]}",
            "no `float()`, `.item()`, branch or print on a tensor's value in `loss_terms`: "
            "decide in `term_tensors`, or take `compiles = True` away",
            kind,
        )
        return
    if abs(float(value.detach()) - plain) > 1e-4 * max(1.0, abs(plain)):
        yield Finding(
            "the compiled loss terms have the same value",
            f"{float(value.detach()):.6g} instead of {plain:.6g}",
            "keep no state in `loss_terms`",
            kind,
        )
