"""Network edits: the component's own are clean, and it follows those of others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import torch

from l2rl.capabilities import EXPERTS
from l2rl.testing.life import SCRIPT, Life
from l2rl.testing.lives import Failed, lived, once, probe, references
from l2rl.testing.providers import EditsOnDemand
from l2rl.testing.registry import check
from l2rl.testing.report import Finding, NotApplicable
from l2rl.testing.subject import Subject
from l2rl.testing.watching import EditWitness, Watch
from l2rl.views import NetworkEdit

_FOLLOW = (
    "implement `on_network_edited(edit)`: after a reset (`edit.parameter_set is None`) let go of "
    "what changed; with `parameter_set` keep one anchor a set (components/consolidation/anchor.py)"
)
Values = Mapping[str, Mapping[str, torch.Tensor]]


@check("moments", "The optimiser moments of what it resets are cleared, and of nothing else")
def moments(subject: Subject) -> Iterator[Finding]:
    if not subject.overrides("propose_network_edit"):
        raise NotApplicable("it proposes no network edits")
    if subject.hints.own_moments:
        raise NotApplicable(subject.hints.own_moments)
    edits = 0
    for _, life in lived(subject):
        edits += life.witness.edits
        yield from life.watch.findings.get("moments", ())
    if edits == 0:
        raise NotApplicable("it proposed no edit in the kit's lives: see `effect`")


@dataclass
class EditedLife:
    """What was seen around the edits of somebody else: terms by `phase/name`."""

    edited: frozenset[str] = frozenset()
    """Phases whose parameters were reset and exchanged: those that have initialisers."""
    largest: dict[str, float] = field(default_factory=dict)
    """Largest size of each term, all the time."""
    after_reset: dict[str, float] = field(default_factory=dict)
    before_exchange: dict[str, float] = field(default_factory=dict)
    after_exchange: dict[str, float] = field(default_factory=dict)
    after_return: dict[str, float] = field(default_factory=dict)


@check("edits", "It goes on, and its anchors follow, when others reset or exchange parameters")
def edits(subject: Subject) -> Iterator[Finding]:
    for kind, _ in references(subject):
        found = once(subject, ("edited", kind), _edited, subject, kind)
        if isinstance(found, Failed):
            yield Finding(
                "it lives on after somebody reset all parameters and exchanged experts",
                str(found),
                _FOLLOW,
                kind,
            )
        elif subject.hints.anchored:
            yield from _anchors_followed(kind, found)


def _anchors_followed(kind: str, seen: EditedLife) -> Iterator[Finding]:
    for term, largest in seen.largest.items():
        if term.partition("/")[0] not in seen.edited:
            continue
        small = 1e-5 * max(largest, 1e-12)
        if seen.after_reset.get(term, 0.0) > small:
            yield Finding(
                "right after all parameters were drawn anew, nothing pulls them back",
                f"{term} is {seen.after_reset[term]:.6g}",
                _FOLLOW,
                kind,
            )
        if seen.after_exchange.get(term, 0.0) > small:
            yield Finding(
                "another expert, never anchored, is not tied to the one that left",
                f"{term} is {seen.after_exchange[term]:.6g} right after the exchange",
                _FOLLOW,
                kind,
            )
        before, back = seen.before_exchange.get(term, 0.0), seen.after_return.get(term, 0.0)
        if abs(before - back) > 1e-4 * max(before, back):
            yield Finding(
                "an expert that comes back finds its own anchors",
                f"{term} was {before:.6g} when it left and is {back:.6g} now that it is back",
                _FOLLOW,
                kind,
            )


def _edited(subject: Subject, kind: str) -> EditedLife:
    """A life with a reset in the second task, and another expert for the middle of the third."""
    watch, editor = Watch(where=kind), EditsOnDemand()
    witness = EditWitness(watch)
    editor.name = "editor"
    owned = subject.fresh().requirements()[1]
    exchanges = EXPERTS not in owned
    way = subject.usual_way(kind)
    if exchanges and EXPERTS not in way.companions:
        editor.offering = (EXPERTS,)
    life = Life(subject, way, beside=[editor, witness])
    generator = torch.Generator().manual_seed(7)
    seen = EditedLife(frozenset(_fresh(life, generator)))
    for step in SCRIPT:
        life.live(life.position + 1)
        _note(seen.largest, probe(life, witness.batches))
        if step == ("evaluate", 0):
            _apply(life, editor, _edit("scripted_reset", _fresh(life, generator)))
            seen.after_reset = _now(life, witness)
        elif step == ("start", 2) and exchanges:
            _exchange(life, editor, witness, seen, generator)
    _require_finite(life)
    return seen


def _exchange(
    life: Life,
    editor: EditsOnDemand,
    witness: EditWitness,
    seen: EditedLife,
    generator: torch.Generator,
) -> None:
    """Another expert comes, learns, ends a task of its own, and goes."""
    life.agent.iterate(life.callback)
    seen.before_exchange = _now(life, witness)
    leaving = {n: _copies(p.parameters) for n, p in life.agent._phases.items()}
    _apply(life, editor, _edit("scripted_exchange", _fresh(life, generator), (0, 1)))
    seen.after_exchange = _now(life, witness)
    life.agent.iterate(life.callback)
    life.agent.end_task(2, life.labels[0])
    life.agent.start_task(3, life.labels[0])
    life.agent.iterate(life.callback)
    leaving = {n: v for n, v in leaving.items() if n in seen.edited}
    _apply(life, editor, _edit("scripted_return", leaving, (1, 0)))
    seen.after_return = _now(life, witness)


def _edit(reason: str, values: Values, change: tuple[int, int] | None = None) -> NetworkEdit:
    return NetworkEdit(reason, values, parameter_set=change)


def _fresh(life: Life, generator: torch.Generator) -> dict[str, dict[str, torch.Tensor]]:
    drawn = {n: p.fresh_parameters(generator) for n, p in life.agent._phases.items()}
    return {name: values for name, values in drawn.items() if values}


def _copies(parameters: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {n: p.detach().clone() for n, p in parameters.items()}


def _apply(life: Life, editor: EditsOnDemand, edit: NetworkEdit) -> None:
    editor.due.append(edit)
    life.agent.host.settle()


def _now(life: Life, witness: EditWitness) -> dict[str, float]:
    return {term: abs(value) for term, value in probe(life, witness.batches).items()}


def _note(largest: dict[str, float], values: Mapping[str, float]) -> None:
    for term, value in values.items():
        largest[term] = max(largest.get(term, 0.0), abs(value))


def _require_finite(life: Life) -> None:
    for name, phase in life.agent._phases.items():
        for parameter_name, parameter in phase.parameters.items():
            if not bool(torch.isfinite(parameter).all()):
                raise FloatingPointError(f"{name}/{parameter_name} is not finite after the edits")
