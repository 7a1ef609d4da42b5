"""A component leaves alone what is not its own: generators, batches, and learning by evaluation."""

from __future__ import annotations

from collections.abc import Iterator

from l2rl.testing.compare import differences, some
from l2rl.testing.life import MID_SLEEP, Life, Trace
from l2rl.testing.lives import Failed, lived, once, reference, references
from l2rl.testing.registry import check
from l2rl.testing.report import Finding
from l2rl.testing.subject import Subject


@check("generators", "No hook touches a global generator")
def generators(subject: Subject) -> Iterator[Finding]:
    for _, life in lived(subject):
        yield from life.watch.findings.get("generators", ())


@check("read_only", "Hooks do not write to what they are shown")
def read_only(subject: Subject) -> Iterator[Finding]:
    for _, life in lived(subject):
        yield from life.watch.findings.get("read_only", ())


@check("evaluation", "Evaluation leaves the agent and the component as they were")
def evaluation(subject: Subject) -> Iterator[Finding]:
    mend = (
        "in `evaluation_context` put back in a `finally` what you change, or use `event.lend`; "
        "in `choose_expert` keep what you need in `view.memory`, not on yourself"
    )
    for kind, trace in references(subject):
        if trace.disturbed:
            yield Finding(
                "the agent's whole state is the same before and after an evaluation",
                f"an evaluation changed {some(trace.disturbed)}",
                mend,
                kind,
            )
            continue
        found = once(subject, ("unevaluated", kind), _pair, subject, kind)
        if isinstance(found, Failed):
            yield Finding("it lives without evaluation, too", str(found), mend, kind)
        elif found:
            yield Finding(
                "a life with an evaluation goes on as one without",
                f"afterwards they differ in {some(found)}: something outside the state remembers",
                mend,
                kind,
            )


def _pair(subject: Subject, kind: str) -> list[str]:
    """Differences between the first half of a life with and without evaluation."""
    if not subject.overrides("evaluation_context", "choose_expert"):
        return []
    way = subject.usual_way(kind)
    evaluated = reference(subject, kind)
    assert isinstance(evaluated, Trace)
    assert evaluated.middle is not None
    other = Life(subject, way).live(MID_SLEEP, without=("evaluate",)).finished()
    return differences(evaluated.middle.state, other.state)
