"""The component under test: built fresh from its settings, and the ways in which it can live."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from l2rl import capabilities as cap
from l2rl.agents.surroundings import OFFERED_BY_LEARNER, Surroundings, learners_for
from l2rl.capabilities import options_of
from l2rl.component import Component, overrides
from l2rl.composition import Composition, CompositionError
from l2rl.curriculum import Visibility
from l2rl.errors import UserError
from l2rl.registry import component_class, component_names, did_you_mean
from l2rl.testing.hints import Conformance
from l2rl.testing.providers import STAND_INS, Script

KINDS: Final[Mapping[str, tuple[str, ...]]] = {
    "ppo": ("ppo", "ppo-box"),
    **{learner: (learner,) for learner in OFFERED_BY_LEARNER if learner != "ppo"},
}
"""Learner -> the small agents of `l2rl.testing.agents` that stand for it."""
MAIN_LEARNERS: Final = ("ppo", "dqn", "sac")
"""Those on which every check looks; on the others a component must live."""
_MOST_COMPANIONS: Final = 8


@dataclass(frozen=True)
class Way:
    """One way for a component to live: on which agent, told what, beside whom."""

    kind: str
    visibility: Visibility = "labels"
    sleep: bool = True
    companions: tuple[str, ...] = ()
    """Capabilities that others offer it."""
    multi_head: bool = False
    masks: bool = False

    @property
    def learner(self) -> str:
        return self.kind.partition("-")[0]

    def __str__(self) -> str:
        extras = [f"visibility {self.visibility}"]
        extras += ["sleep"] * self.sleep + ["one head a task"] * self.multi_head
        extras += ["action masks"] * self.masks
        extras += [f"beside a provider of {c}" for c in self.companions]
        return f"{self.kind}, {', '.join(extras)}"

    def surroundings(self, labels: tuple[str, ...]) -> Surroundings:
        return Surroundings(self.visibility, labels, has_sleep=self.sleep)


class Subject:
    """One component class with the settings it is tested under."""

    def __init__(
        self,
        cls: type[Component],
        *,
        name: str = "",
        settings: Mapping[str, Any] | None = None,
        hints: Conformance | None = None,
        learners: Sequence[str] | None = None,
    ) -> None:
        self.cls = cls
        self.name = name or cls.__name__
        self.hints: Conformance = hints or getattr(cls, "conformance", None) or Conformance()
        self.settings = dict(settings or {})
        able = learners_for(cls)
        main = [x for x in MAIN_LEARNERS if x in able] or able
        self.learners = tuple(x for x in learners or main if x in able)
        self.others = () if learners else tuple(x for x in able if x not in self.learners)
        """Learners on which it only must live."""
        self.memory: dict[Any, Any] = {}
        """Lives that several checks look at."""

    def fresh(self, settings: Mapping[str, Any] | None = None) -> Component:
        """A new instance, as the assembler makes it. `settings`: on top of the usual ones."""
        merged = {**self.hints.active, **self.settings, **(settings or {})}
        config = self.cls.Config
        component = self.cls(config(**merged)) if config is not None else self.cls()
        component.name = "subject"
        component.type_name = self.name
        return component

    def overrides(self, *hooks: str) -> bool:
        """Whether it takes part in any of these hooks."""
        return any(getattr(self.cls, h) is not getattr(Component, h) for h in hooks)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The small agents that it is tested on."""
        return tuple(kind for learner in self.learners for kind in KINDS[learner])

    @property
    def main_kinds(self) -> tuple[str, ...]:
        """One for each learner, for checks that compare whole lives."""
        return tuple(KINDS[learner][0] for learner in self.learners)

    def why_unbuildable(self) -> str | None:
        """What its constructor or its Config says to the settings; None if nothing."""
        try:
            self.fresh()
        except Exception as error:  # whatever the author's code raises
            return f"{type(error).__name__}: {error}"
        return None

    # ---- ways to live --------------------------------------------------------------------

    def usual_way(self, kind: str) -> Way:
        """Told everything, with sleep, beside whoever offers what it needs or uses."""
        component = self.fresh()
        needs, provides = component.requirements()
        offered = Surroundings("labels", has_sleep=True).offered(kind.partition("-")[0])
        wanted: list[str] = []
        for need in needs:
            if not any(option in offered for option in options_of(need)):
                wanted.append(options_of(need)[0])
        wanted += [used for used in component.uses if self._can_be_had(used)]
        if overrides(component, "on_change_detected"):
            wanted.append(cap.CHANGE_EVENTS)
        missing = [w for w in dict.fromkeys(wanted) if w not in offered and w not in provides]
        return Way(kind, companions=tuple(missing))

    def bare_ways(self, kind: str) -> Iterator[Way]:
        """Every option of every need by itself, and told nothing else."""
        component = self.fresh()
        needs, provides = component.requirements()
        choices = max((len(options_of(need)) for need in needs), default=1)
        for choice in range(choices):
            chosen = [options_of(n)[min(choice, len(options_of(n)) - 1)] for n in needs]
            visibility: Visibility = "hidden"
            if cap.TASK_BOUNDARY in chosen:
                visibility = "boundaries"
            if cap.TASK_LABEL in chosen:
                visibility = "labels"
            sleep = cap.SLEEP in chosen
            offered = Surroundings(visibility, has_sleep=sleep).offered(kind.partition("-")[0])
            missing = [c for c in dict.fromkeys(chosen) if c not in offered and c not in provides]
            yield Way(kind, visibility, sleep, tuple(missing))

    def _can_be_had(self, capability: str) -> bool:
        known = capability in STAND_INS or capability in self.hints.needs_with
        return known or any(_registered_providers(capability))

    def companions(self, way: Way, script: Script) -> list[Component]:
        """New instances of whoever offers what the way promises.

        Raises `UserError` if nobody is known who could.
        """
        companions: list[Component] = []
        wanted = list(way.companions)
        while wanted:
            capability = wanted.pop(0)
            if any(capability in c.requirements()[1] for c in companions):
                continue
            if len(companions) > _MOST_COMPANIONS:
                raise UserError(f"what offers {capability} needs ever more companions")
            companion = self._companion(capability, way, script)
            companions.append(companion)
            offered = way.surroundings(()).offered(way.learner)
            for need in companion.requirements()[0]:
                if not any(option in offered for option in options_of(need)):
                    wanted.append(options_of(need)[0])
        return companions

    def _companion(self, capability: str, way: Way, script: Script) -> Component:
        if capability in self.hints.needs_with:
            return _named(_class_of(self.hints.needs_with[capability])(), capability)
        if capability in STAND_INS:
            stand_in = STAND_INS[capability]()
            same_kind = [c for c in way.companions if STAND_INS.get(c) is STAND_INS[capability]]
            stand_in.offering = tuple(same_kind) or (capability,)
            stand_in.script = script
            return _named(stand_in, capability)
        for cls in _registered_providers(capability):
            if way.learner in learners_for(cls) and cls is not self.cls:
                return _named(cls(), capability)
        raise UserError(
            f"{self.name} needs {capability}, and no component is known that offers it\n"
            f"  name one: Conformance(needs_with={{{capability!r}: TheProvider}})"
        )

    def objection(self, way: Way) -> str | None:
        """Why the composition refuses this way, or None."""
        try:
            listed = [self.fresh(), *self.companions(way, ())]
            Composition(
                listed, learner=way.learner, offered=way.surroundings(()).offered(way.learner)
            )
        except CompositionError as error:
            return str(error)
        return None


def _named(component: Component, capability: str) -> Component:
    component.name = f"offers_{capability.lower()}"
    return component


def _class_of(wanted: Any) -> Callable[[], Component]:
    return component_class(wanted) if isinstance(wanted, str) else wanted


def _registered_providers(capability: str) -> Iterator[type[Component]]:
    """Registered classes that declare to offer a capability, by name."""
    for name in component_names():
        try:
            cls = component_class(name)
        except UserError:
            continue
        if capability in cls.provides:
            yield cls


def subject_of(
    wanted: type[Component] | str,
    *,
    settings: Mapping[str, Any] | None = None,
    hints: Conformance | None = None,
    learners: Sequence[str] | None = None,
) -> Subject:
    """From a class, a registered name or `package.module:Class`.

    Raises `UserError` if there is no such component, or it works with none of the learners.
    """
    name, cls = _found(wanted)
    if not (isinstance(cls, type) and issubclass(cls, Component)):
        raise UserError(f"`{name}` is not a component\n  derive it from l2rl.component.Component")
    unknown = [x for x in learners or () if x not in KINDS]
    if unknown:
        raise UserError(f"there is no learner `{unknown[0]}`\n  known: {', '.join(KINDS)}")
    subject = Subject(cls, name=name, settings=settings, hints=hints, learners=learners)
    if not subject.learners:
        raise UserError(
            f"`{name}` does not work with learner {' or '.join(learners or ())}\n"
            f"  it works with: {', '.join(learners_for(cls)) or 'none'}"
        )
    if settings:
        _check_settings(subject, settings)
    return subject


def _check_settings(subject: Subject, settings: Mapping[str, Any]) -> None:
    """A slip in given settings is the caller's and not the component's."""
    known = getattr(subject.cls.Config, "model_fields", {})
    for key in settings:
        if known and key not in known:
            raise UserError(
                f"`{subject.name}` has no setting `{key}`\n  {did_you_mean(key, known)}"
            )
    try:
        subject.fresh()
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise UserError(
            f"setting `{where}` of `{subject.name}`: {first['msg']}\n"
            f"  `l2rl show {subject.name}` lists the settings"
        ) from error


def _found(wanted: type[Component] | str) -> tuple[str, Any]:
    if isinstance(wanted, str):
        from l2rl.registry import full_component_name

        return full_component_name(wanted), component_class(wanted)
    for name in component_names():
        try:
            if component_class(name) is wanted:
                return name, wanted
        except UserError:
            continue
    return f"{wanted.__module__}:{wanted.__qualname__}", wanted


def import_string(cls: type[Component]) -> str:
    """`package.module:Class`, by which another process can import it.

    Raises `UserError` for a class that cannot be found under its own name.
    """
    found: Any = importlib.import_module(cls.__module__)
    for part in cls.__qualname__.split("."):
        found = getattr(found, part, None)
    if found is not cls:
        raise UserError(f"{cls.__qualname__} is not at the top of a module\n  move it there")
    return f"{cls.__module__}:{cls.__qualname__}"
