"""The same seed gives the same life, whole or cut in the middle and gone on with from disk."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from l2rl.state_codec import StateError
from l2rl.testing.compare import differences, some
from l2rl.testing.life import MID_SLEEP, MID_TASK, Life, Trace
from l2rl.testing.lives import Failed, once, references
from l2rl.testing.registry import check
from l2rl.testing.report import Finding
from l2rl.testing.subject import Subject, Way

_ORDER_MEND: Final = (
    "draw from `self.rng` only; keep no state on the class or the module; do not depend on the "
    "clock, on `id()`, or on the order of a set"
)
_STATE_MEND: Final = (
    "everything that decides what comes next and is not configuration goes into `stateful` or "
    "`state_dict`: counters, running means, snapshots, what was last seen"
)


@check("deterministic", "Two runs with one seed agree, bit for bit")
def deterministic(subject: Subject) -> Iterator[Finding]:
    for kind, first in references(subject):
        way = subject.usual_way(kind)
        second = once(subject, ("again", kind), shorter, subject, way)
        if isinstance(second, Failed):
            yield Finding("a second run lives, too", str(second), _ORDER_MEND, kind)
            continue
        found = compared(first.middle, second)
        if found:
            yield Finding(
                "two runs with one seed agree", f"they differ in {some(found)}", _ORDER_MEND, kind
            )


def shorter(subject: Subject, way: Way, **others: Any) -> Trace:
    """A life up to the sleep after the second task."""
    return Life(subject, way, **others).live(MID_SLEEP).finished()


def compared(one: Trace | None, other: Trace) -> list[str]:
    """Where two lives ended differently; parameters first."""
    assert one is not None
    return [
        *differences(one.parameters, other.parameters),
        *differences(one.component["components"], other.component["components"], "its state"),
        *differences(one.component["generators"], other.component["generators"], "its generators"),
        *differences(one.state, other.state, "the agent's state"),
        *differences(one.metrics, other.metrics, "metrics"),
        *differences(one.events, other.events, "events"),
    ]


@check("resume", "Cut in mid-task and gone on with from disk, a life ends with the same bits")
def resume(subject: Subject) -> Iterator[Finding]:
    for kind, whole in references(subject):
        found = once(subject, ("resumed", kind), _resumed, subject, kind)
        if isinstance(found, Failed):
            yield _unwritten(kind, found)
            continue
        end, source = found
        different = compared(whole, end)
        if different:
            yield Finding(
                "a life that was cut in mid-task and gone on with ends as the whole one does",
                f"they differ in {some(different)}",
                _STATE_MEND,
                kind,
            )
        if source:
            yield Finding(
                "`load_state_dict` copies what it is given",
                f"the loaded state changed afterwards: {some(source)}",
                "clone tensors and copy dictionaries and lists when you load "
                "(`stateful` does it for you)",
                kind,
            )


def _resumed(subject: Subject, kind: str) -> tuple[Trace, list[str]]:
    """The end of the life that was cut twice; what changed in the state it was loaded from."""
    life = Life(subject, subject.usual_way(kind)).live(MID_TASK)
    life = life.through_disk(subject).live(MID_SLEEP)
    changed = differences(life.loaded_copy, life.loaded_state)
    life = life.through_disk(subject).live()
    changed += differences(life.loaded_copy, life.loaded_state)
    return life.finished(), [c for c in changed if c.startswith("subject")]


def _unwritten(kind: str, failed: Failed) -> Finding:
    if isinstance(failed.error, StateError):
        return Finding(
            "a state is nested dicts (keys strings or ints) and lists of numbers, strings, None, "
            "numpy arrays and tensors",
            str(failed.error),
            "turn objects into plain data in `state_dict`, and back in `load_state_dict`",
            kind,
        )
    return Finding("a new agent takes the state", str(failed), _STATE_MEND, kind)
