"""The lives that several checks look at, each lived once for a subject."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from l2rl.component import HOOKS, overrides
from l2rl.errors import UserError
from l2rl.testing.life import Life, Trace, generators_put_back
from l2rl.testing.report import NotApplicable
from l2rl.testing.subject import Subject
from l2rl.testing.watching import EditWitness, Watch
from l2rl.views import LossView

_HOOK_NAMES: Final = frozenset({*HOOKS, "bind", "term_tensors", "state_dict", "load_state_dict"})


@dataclass(frozen=True)
class Failed:
    """A life that did not come to its end."""

    error: Exception

    @property
    def refused(self) -> bool:
        """Whether the component said no, in words, rather than fail."""
        return isinstance(self.error, UserError)

    def __str__(self) -> str:
        """The error, and the innermost place in the author's own code."""
        frames = traceback.extract_tb(self.error.__traceback__)
        own = [f for f in frames if "/l2rl/testing/" not in f.filename.replace("\\", "/")]
        place = f" at {Path(own[-1].filename).name}:{own[-1].lineno}" if own else ""
        lines = [frame for frame in frames if frame.name in _HOOK_NAMES]
        hook = f" in `{lines[-1].name}`" if lines else ""
        first = str(self.error).partition("\n")[0]
        return f"{type(self.error).__name__}: {first}{hook}{place}"


def once(subject: Subject, key: Any, make: Callable[..., Any], *arguments: Any, **more: Any) -> Any:
    """What `make` gives, or the `Failed` it ended in, kept for the next who asks."""
    if key not in subject.memory:
        try:
            with generators_put_back():
                subject.memory[key] = make(*arguments, **more)
        except Exception as error:  # whatever the author's code raises
            subject.memory[key] = Failed(error)
    return subject.memory[key]


@dataclass(frozen=True)
class Watched:
    """A life under observation."""

    life: Life
    watch: Watch
    trace: Trace
    witness: EditWitness
    probes: dict[str, dict[str, float]]
    """After the step `end 0` and the like: value of each loss term on the last batch."""


def watched(subject: Subject, kind: str) -> Watched | Failed:
    """The usual life with every hook looked at."""

    def make() -> Watched:
        watch = subject.memory["watch", kind] = Watch(where=kind)
        witness = EditWitness(watch)
        beside = [witness]
        life = Life(subject, subject.usual_way(kind), beside=beside, on_built=watch.watch)
        probes: dict[str, dict[str, float]] = {}

        def after(step: tuple[str, int]) -> None:
            if step[0] in ("end", "start"):
                probes[f"{step[0]} {step[1]}"] = probe(life, witness.batches)

        life.live(after=after)
        return Watched(life, watch, life.finished(), witness, probes)

    found: Watched | Failed = once(subject, ("watched", kind), make)
    return found


def probe(life: Life, batches: Mapping[str, dict[str, Any]]) -> dict[str, float]:
    """The value of each loss term right now, by `phase/term`, on the given batch of its phase."""
    component = life.component
    assert component is not None
    values: dict[str, float] = {}
    if not overrides(component, "loss_terms"):
        return values
    for phase, batch in batches.items():
        tensors = type(component).term_tensors(component, phase)
        if tensors is None:
            continue
        live = life.agent._phases[phase]
        view = LossView(phase, live.parameters, batch, tensors, live.heads)
        for name, term in type(component).loss_terms(component, view).items():
            values[f"{phase}/{name}"] = float(term.detach())
    return values


def reference(subject: Subject, kind: str) -> Trace | Failed:
    """The usual life with nobody looking: what other lives are compared with."""

    def make() -> Trace:
        return Life(subject, subject.usual_way(kind)).whole()

    found: Trace | Failed = once(subject, ("reference", kind), make)
    return found


def lived(subject: Subject) -> Iterator[tuple[str, Watched]]:
    """The watched life on each kind of agent where it came to its end.

    Raises `NotApplicable` if it did on none.
    """
    some = False
    for kind in subject.kinds:
        found = watched(subject, kind)
        if isinstance(found, Watched):
            some = True
            yield kind, found
    if not some:
        raise NotApplicable("the component does not live: see `works`")


def references(subject: Subject) -> Iterator[tuple[str, Trace]]:
    """The reference life on one kind of agent for each learner, where it came to its end.

    Raises `NotApplicable` if it did on none.
    """
    some = False
    for kind in subject.main_kinds:
        if isinstance(watched(subject, kind), Failed):
            continue
        found = reference(subject, kind)
        if isinstance(found, Trace):
            some = True
            yield kind, found
    if not some:
        raise NotApplicable("the component does not live: see `works`")
