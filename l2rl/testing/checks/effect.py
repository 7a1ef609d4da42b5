"""What a component is there for happens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from l2rl.testing.compare import differences
from l2rl.testing.life import Trace, plain_life
from l2rl.testing.lives import lived, references
from l2rl.testing.registry import check
from l2rl.testing.report import Finding, NotApplicable
from l2rl.testing.subject import Subject

ACTING_HOOKS: Final = (
    "modify_network",
    "sleep_step",
    "collection_context",
    "make_replay_buffer",
    "transform_batch",
    "loss_terms",
    "transform_gradients",
    "weight_mask",
    "propose_replay_ratio",
    "propose_network_edit",
)
"""Hooks by which a component changes how the agent learns."""


@check("effect", "What it does changes what is learned")
def effect(subject: Subject) -> Iterator[Finding]:
    if subject.hints.silent:
        raise NotApplicable(subject.hints.silent)
    if subject.hints.null == {}:
        raise NotApplicable("it declares that it never changes anything")
    hooks = [hook for hook in ACTING_HOOKS if subject.overrides(hook)]
    if not hooks:
        raise NotApplicable("it has no hook that changes what is learned")
    unchanged = []
    for kind, trace in references(subject):
        if not _differs(trace, plain_life(subject, subject.usual_way(kind))):
            unchanged.append(kind)
    if unchanged:
        yield Finding(
            f"`{'`, `'.join(hooks)}` change what is learned",
            "after three tasks all parameters are those of an agent without the component, "
            "bit for bit",
            "look whether the hook is called and its answer not None; a method that needs longer "
            "than the kit's hundred env steps a task gets settings for short lives: "
            "Conformance(active={'interval_env_steps': 32, 'strength': 10.0})",
            ", ".join(unchanged),
        )


def _differs(trace: Trace, plain: Trace) -> bool:
    return bool(differences(plain.parameters, trace.parameters))


@check("anchored", "A penalty is zero where parameters are anchored, and not after they moved")
def anchored(subject: Subject) -> Iterator[Finding]:
    if not subject.overrides("loss_terms"):
        raise NotApplicable("it has no loss term")
    if not subject.hints.anchored:
        raise NotApplicable("it does not declare Conformance(anchored=True)")
    for kind, life in lived(subject):
        for term, values in life.watch.values.items():
            largest = max(map(abs, values))
            at_rest = _at_rest(life.probes, term)
            if largest == 0:
                yield Finding(
                    f"the term {term!r} is not zero once parameters have moved",
                    f"it was zero in all of {len(values)} gradient steps",
                    "look whether the importance is zero, or the anchor follows the parameters "
                    "(it must be a copy: `parameter.detach().clone()`)",
                    kind,
                )
            elif at_rest is not None and at_rest > 1e-6 * largest:
                yield Finding(
                    f"the term {term!r} is zero at the anchor, at the end or start of a task",
                    f"it is {at_rest:.6g} there, and up to {largest:.6g} elsewhere",
                    "anchor at the parameters of that moment, all of them and not those of before",
                    kind,
                )


def _at_rest(probes: Mapping[str, Mapping[str, float]], term: str) -> float | None:
    """The term's value where it was first anchored; None if it was never there at such a place.

    Only the first: from the second task on, anchors of several tasks may add up.
    """
    for places in (("end 0", "start 1"), ("end 1", "start 2"), ("end 2",)):
        values = [abs(probes[p][term]) for p in places if term in probes.get(p, {})]
        if values:
            return min(values)
    return None
