"""No label leaks: who did not ask for labels cannot tell them from other labels."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from l2rl.capabilities import TASK_LABEL
from l2rl.composition import entitled
from l2rl.testing.checks.same_again import compared, shorter
from l2rl.testing.compare import some
from l2rl.testing.life import LABELS
from l2rl.testing.lives import Failed, once, references
from l2rl.testing.registry import check
from l2rl.testing.report import Finding, NotApplicable
from l2rl.testing.subject import Subject

_MEND: Final = (
    "use `event.label` only with TASK_LABEL in `needs` or `uses`; number the tasks yourself "
    "(`event.index`), or follow the belief of a detector"
)


@check("labels", "Without TASK_LABEL, other names of the tasks change nothing")
def labels(subject: Subject) -> Iterator[Finding]:
    if entitled(subject.fresh(), TASK_LABEL):
        raise NotApplicable("it asks for TASK_LABEL")
    renamed = LABELS[::-1]
    for kind, trace in references(subject):
        way = subject.usual_way(kind)
        found = once(
            subject,
            ("renamed", kind),
            shorter,
            subject,
            way,
            labels=renamed,
        )
        if isinstance(found, Failed):
            yield Finding("it lives under other labels", str(found), _MEND, kind)
            continue
        different = compared(trace.middle, found)
        if different:
            yield Finding(
                "the same life under exchanged names of the tasks ends with the same bits",
                f"they differ in {some(different)}",
                _MEND,
                kind,
            )
        told = [word for word in LABELS if word in _told(trace)]
        if told and not different:
            yield Finding(
                "no name of a task is in the component's events, metrics or state",
                f"{told[0]!r} is in there",
                _MEND,
                kind,
            )


def _told(trace: Any) -> str:
    return json.dumps([trace.events, trace.metrics, _words(trace.component)], default=str)


def _words(state: Any) -> Any:
    """Nested state without its tensors and arrays."""
    if isinstance(state, Mapping):
        return {str(key): _words(value) for key, value in state.items()}
    if isinstance(state, list | tuple):
        return [_words(value) for value in state]
    return state if isinstance(state, str) else ""
