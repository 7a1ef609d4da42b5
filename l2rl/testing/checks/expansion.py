"""Parameters that others added at birth are parameters like all others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import nn

from l2rl.capabilities import NETWORK_BUILD
from l2rl.component import Component
from l2rl.testing.checks.losses import gradient_of, terms_of
from l2rl.testing.life import MID_SLEEP, Life, Trace, plain_life
from l2rl.testing.lives import Failed, Watched, lived, once
from l2rl.testing.registry import check
from l2rl.testing.report import Finding
from l2rl.testing.subject import Subject
from l2rl.testing.watching import EditWitness, Watch
from l2rl.views import NetworkBuildView


class Widens(Component):
    """Puts one more layer, of the identity at first, before each network's first layer."""

    needs = (NETWORK_BUILD,)
    name = "widens"
    order = 100

    def modify_network(self, view: NetworkBuildView) -> None:
        for network in view.networks.values():
            for module in list(network.modules()):
                if isinstance(module, nn.Sequential) and len(module):
                    first = module[0]
                    if isinstance(first, nn.Linear):
                        module[0] = nn.Sequential(_identity(first.in_features), first)


def _identity(size: int) -> nn.Linear:
    layer = nn.Linear(size, size)
    nn.init.eye_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


@check("expansion", "Parameters added at birth learn, and its terms cover those of others")
def expansion(subject: Subject) -> Iterator[Finding]:
    for kind, life in lived(subject):
        yield from _own_parameters(subject, kind, life.trace)
        if kind not in subject.main_kinds:
            continue
        found = once(subject, ("widened", kind), _widened, subject, kind)
        if isinstance(found, Failed) and not found.refused:
            yield Finding(
                "it lives on a network that another component widened at birth",
                str(found),
                "take names and shapes from `view.parameters`, never from the layers of one kind "
                "of network",
                kind,
            )
        elif isinstance(found, tuple):
            yield from _covered(kind, life, *found)


def _own_parameters(subject: Subject, kind: str, trace: Trace) -> Iterator[Finding]:
    """What it added itself moved, unless it is meant not to."""
    plain = plain_life(subject, subject.usual_way(kind))
    for phase, born in trace.born.items():
        new = [n for n in born if n not in plain.born.get(phase, {})]
        still = [n for n in new if torch.equal(born[n], trace.parameters[phase][n])]
        if new and len(still) == len(new) and not subject.overrides("weight_mask"):
            yield Finding(
                "parameters that a component adds to a network learn",
                f"none of {len(new)} new parameters of {phase!r} has moved, such as {new[0]!r}",
                "put the new layer in the way of the forward pass; an input it is multiplied "
                "with that is always zero gives no gradient",
                kind,
            )


def _widened(subject: Subject, kind: str) -> tuple[Component, Watch]:
    watch = Watch(where=kind)
    witness = EditWitness(watch)
    life = Life(
        subject, subject.usual_way(kind), beside=[Widens(), witness], on_built=watch.watch
    ).live(MID_SLEEP)
    assert life.component is not None
    return life.component, watch


def _covered(kind: str, plain: Watched, component: Component, watch: Watch) -> Iterator[Finding]:
    """If a term reached every weight of a role before, it reaches the new ones, too."""
    assert plain.life.component is not None
    for phase, seen in watch.terms.items():
        before = plain.watch.terms.get(phase)
        if before is None:
            continue
        old = _reached(plain.life.component, before)
        now = _reached(component, seen)
        new = {n for n in now if n not in old and n.endswith("weight")}
        kin = {n for n in old if n.endswith("weight")}
        missed = sorted(n for n in new if not now[n])
        whole = all(old[n] for n in kin)
        if whole and missed:
            yield Finding(
                "a term that reaches every weight reaches those that another component added",
                f"it passes over {phase}/{missed[0]}",
                "take the parameters from `view.parameters` when you anchor, not by name",
                kind,
            )


def _reached(component: Component, seen: Any) -> Mapping[str, bool]:
    """By parameter: whether the gradient of some term is not zero."""
    reached = dict.fromkeys(seen.parameters, False)
    for name in terms_of(component, seen, seen.parameters):
        for parameter, gradient in gradient_of(component, seen, name).items():
            reached[parameter] |= bool(gradient.any())
    return reached
