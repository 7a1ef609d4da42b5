"""What a component says of itself is well formed, and no hook of it is out of reach."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pydantic import BaseModel

from l2rl import capabilities as cap
from l2rl.agents.surroundings import OFFERED_BY_LEARNER
from l2rl.capabilities import AnyOf, options_of
from l2rl.component import HOOKS, Component
from l2rl.registry import nearest
from l2rl.testing.registry import check
from l2rl.testing.report import Finding
from l2rl.testing.subject import Subject

_REACHED_BY_NEED: Final[Mapping[str, tuple[str, ...]]] = {
    "on_task_start": (cap.TASK_BOUNDARY, cap.TASK_LABEL),
    "on_task_end": (cap.TASK_BOUNDARY, cap.TASK_LABEL),
    "modify_network": (cap.NETWORK_BUILD,),
}
"""Hook -> what must be needed or used by whoever has it."""
_REACHED_BY_OWNER: Final[Mapping[str, str]] = {
    "make_replay_buffer": cap.REPLAY_BUFFER,
    "propose_replay_ratio": cap.REPLAY_RATIO,
    "weight_mask": cap.WEIGHT_MASK,
    "choose_expert": cap.EXPERTS,
}
"""Hook -> what must be provided by whoever has it."""
_OTHER_NAMES: Final = frozenset({"bind", "requirements", "term_tensors", "state_dict"})
_CLOSE: Final = ("on_", "before_", "after_", "transform_", "propose_", "make_", "loss", "evaluat")


@check(
    "declaration",
    "Docstring, Config, needs, learners and cost are declared, and every hook can be reached",
    alone=True,
)
def declaration(subject: Subject) -> Iterator[Finding]:
    yield from _docs(subject.cls)
    yield from _config(subject)
    yield from _lists(subject.cls)
    yield from _hook_signatures(subject.cls)
    try:
        component = subject.fresh()
    except Exception as error:  # whatever the author's constructor raises
        yield Finding(
            "`Class(Class.Config(**settings))` builds the component",
            f"{type(error).__name__}: {error}",
            "give every setting a default, or tell the kit: Conformance(active={...})",
        )
        return
    yield from _reach(subject, component)
    for kind in subject.kinds:
        from l2rl.testing.lives import Watched, watched

        found = watched(subject, kind)
        if isinstance(found, Watched):
            yield from found.watch.findings.get("declaration", ())


def _docs(cls: type[Component]) -> Iterator[Finding]:
    if not (cls.__doc__ or "").strip() or cls.__doc__ == Component.__doc__:
        yield Finding(
            "the class has a docstring whose first line says what it does",
            "there is none",
            "write one line; `l2rl list components` shows it",
        )
    if not cls.cost:
        yield Finding(
            "`cost` says what the component costs relative to a plain update",
            "it is empty",
            "measure with `l2rl check` (check `cost`) and write, for example, "
            '`cost = "2 % of an update, 2 P"` (P: number of parameters)',
        )


def _config(subject: Subject) -> Iterator[Finding]:
    config: Any = subject.cls.Config
    if not (isinstance(config, type) and issubclass(config, BaseModel)):
        yield Finding(
            "`Config` is a subclass of `l2rl.component.ComponentConfig`",
            f"it is {config!r}",
            "class Config(ComponentConfig): strength: float = Field(1.0, ge=0, description=...)",
        )
        return
    if config.model_config.get("extra") != "forbid":
        yield Finding(
            "a misspelt setting is an error",
            f"Config has extra={config.model_config.get('extra')!r}",
            "derive it from `l2rl.component.ComponentConfig`",
        )
    bare = [name for name, field in config.model_fields.items() if not field.description]
    if bare:
        yield Finding(
            "every setting has a description, with its unit where it has one",
            f"none for {', '.join(bare)}",
            "`Field(100, ge=1, description='env steps between measurements')`",
        )


def _lists(cls: type[Component]) -> Iterator[Finding]:
    unknown = [learner for learner in cls.learners if learner not in OFFERED_BY_LEARNER]
    if unknown:
        yield Finding(
            f"`learners` names some of {', '.join(OFFERED_BY_LEARNER)}, or nothing for all",
            f"it is {cls.learners!r}",
            'for example `learners = ("dqn", "sac")`',
        )
    for attribute in ("needs", "uses", "provides", "stateful", "learners"):
        value = getattr(cls, attribute)
        if isinstance(value, str) or not all(isinstance(x, str | AnyOf) for x in value):
            yield Finding(
                f"`{attribute}` is a tuple of names",
                f"it is {value!r}",
                f"with one entry it needs a comma: `{attribute} = (NAME,)`",
            )


def _hook_signatures(cls: type[Component]) -> Iterator[Finding]:
    known = [*HOOKS, *_OTHER_NAMES]
    for name, value in vars(cls).items():
        if name.startswith("_") or not inspect.isfunction(value):
            continue
        if name in known:
            yield from _signature(name, value)
        elif name.startswith(_CLOSE) and (near := nearest(name, known)):
            yield Finding(
                "a method that looks like a hook is one",
                f"`{name}` is called by nobody",
                f"did you mean `{near}`? a method of your own may begin with an underscore",
            )


def _signature(name: str, function: Any) -> Iterator[Finding]:
    wanted = len(inspect.signature(getattr(Component, name)).parameters)
    parameters = inspect.signature(function).parameters.values()
    required = [p for p in parameters if p.default is p.empty and p.kind != p.VAR_POSITIONAL]
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    takes_more = any(p.kind == p.VAR_POSITIONAL for p in parameters)
    if len(required) > wanted or (len(positional) < wanted and not takes_more):
        signature = inspect.signature(getattr(Component, name))
        yield Finding(
            f"`{name}` takes what the contract gives it",
            f"its signature is {inspect.signature(function)}",
            f"write `def {name}{signature}`",
        )


def _reach(subject: Subject, component: Component) -> Iterator[Finding]:
    needs, provides = component.requirements()
    entitled = {option for need in needs for option in options_of(need)} | set(component.uses)
    # Needs that depend on the settings say nothing about hooks that do, too.
    by_need = {} if subject.overrides("requirements") else _REACHED_BY_NEED
    for hook, wanted in by_need.items():
        if subject.overrides(hook) and not entitled & {*wanted} and not {*wanted} & {*provides}:
            yield Finding(
                f"who has `{hook}` lists {' or '.join(wanted)} in `needs` or `uses`",
                f"needs {', '.join(map(str, needs)) or 'nothing'}, uses "
                f"{', '.join(component.uses) or 'nothing'}: it is never called",
                f"`needs = ({wanted[0]},)` where the method cannot do without, else `uses`",
            )
    for hook, owned in _REACHED_BY_OWNER.items():
        if subject.overrides(hook) and owned not in provides:
            yield Finding(
                f"who has `{hook}` is the owner of {owned}",
                f"provides {', '.join(provides) or 'nothing'}",
                f"`provides = ({owned},)`: there can be only one on an agent",
            )
