"""It lives: on each declared learner, in each way its needs can be met, and ends finite."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import torch
from gymnasium import spaces

from l2rl.component import HOOKS
from l2rl.testing.agents import ACTIONS
from l2rl.testing.life import MID_TASK, Life, Trace
from l2rl.testing.lives import Failed, Watched, once, watched
from l2rl.testing.registry import check
from l2rl.testing.report import Finding, NotApplicable
from l2rl.testing.subject import Subject, Way

_MEND: Final = (
    "run `l2rl check` under `python -m pdb`, or build the agent with "
    "`l2rl.testing.agents.small_agent(kind, component)` and call `learn`"
)


@check("works", "It lives on each declared learner, in each way its needs can be met", alone=True)
def works(subject: Subject) -> Iterator[Finding]:
    try:
        subject.fresh()
    except Exception as error:  # whatever the author's constructor raises
        raise NotApplicable("it cannot be built: see `declaration`") from error
    refusals = []
    for kind in subject.kinds:
        found = watched(subject, kind)
        if isinstance(found, Failed) and found.refused:
            refusals.append(str(found))
        elif isinstance(found, Failed):
            yield from subject.memory["watch", kind].findings.get("works", ())
            yield _finding(subject.usual_way(kind), found)
        else:
            yield from found.watch.findings.get("works", ())
            yield from _end(kind, found)
            # Where writing was tried, other lives end in an error that `read_only` tells better.
            if "read_only" not in found.watch.findings:
                yield from _other_ways(subject, kind)
    if any(isinstance(watched(subject, kind), Watched) for kind in subject.kinds):
        yield from _other_learners(subject)
    if len(refusals) == len(subject.kinds):
        yield Finding(
            f"it works with {' and '.join(subject.learners)}, as it declares",
            f"it refuses all of them: {refusals[0]}",
            "take what it cannot work with out of `learners`, or tell the kit which settings and "
            "companions it needs: Conformance(active={...}, needs_with={...})",
        )


def _other_learners(subject: Subject) -> Iterator[Finding]:
    for kind in subject.others:
        found = once(subject, ("other", kind), _half_life_on, subject, kind)
        if isinstance(found, Failed) and not found.refused:
            yield _finding(subject.usual_way(kind), found)
        elif isinstance(found, Trace) and not _finite(found):
            yield Finding("parameters stay finite", "some are not", _MEND, kind)


def _half_life_on(subject: Subject, kind: str) -> Trace:
    return _half_life(subject, subject.usual_way(kind))


def _finding(way: Way, failed: Failed) -> Finding:
    return Finding("it lives through three tasks", str(failed), _MEND, str(way))


def _end(kind: str, found: Watched) -> Iterator[Finding]:
    for phase, values in found.trace.parameters.items():
        bad = [name for name, value in values.items() if not bool(torch.isfinite(value).all())]
        if bad:
            yield Finding(
                "parameters stay finite",
                f"{phase}/{bad[0]} is not at the end of the life",
                "look for a division by zero, a logarithm of zero or a strength too large",
                kind,
            )
    metrics = [m for visit in found.trace.metrics for m in visit.items()]
    wrong = [n for n, v in metrics if not isinstance(v, float | int)]
    if wrong:
        yield Finding(
            "metrics are numbers", f"{wrong[0]} is not", "return `float(value)` by name", kind
        )


def _other_ways(subject: Subject, kind: str) -> Iterator[Finding]:
    """Shorter lives: told less, by another detector, with one head a task, under masks."""
    for way in _ways(subject, kind):
        found = once(subject, ("works", way), _half_life, subject, way)
        if isinstance(found, Failed) and not found.refused:
            yield _finding(way, found)
        elif isinstance(found, Trace) and not _finite(found):
            yield Finding("parameters stay finite", "some are not", _MEND, str(way))


def _half_life(subject: Subject, way: Way) -> Trace:
    return Life(subject, way).live(MID_TASK).finished()


def _ways(subject: Subject, kind: str) -> Iterator[Way]:
    usual = subject.usual_way(kind)
    yield from (way for way in subject.bare_ways(kind) if way != usual)
    if kind == "ppo-box" or not subject.overrides(*HOOKS):
        return
    yield replace(usual, multi_head=True, sleep=False)
    if isinstance(ACTIONS[kind], spaces.Discrete):
        yield replace(usual, masks=True, sleep=False)


def _finite(trace: Trace) -> bool:
    return all(
        bool(torch.isfinite(value).all())
        for values in trace.parameters.values()
        for value in values.values()
    )
