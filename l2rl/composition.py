"""From a list of components to one agent: needs met, owners unique, order fixed, hooks tabled.

The order of calls never depends on the order of listing:

1. whoever provides a capability comes before whoever needs it;
2. among the rest the smaller `order` comes first, then the name.

How several answers to one hook are merged is written in the hook's docstring in
`l2rl.component`, and done in `l2rl.engine` and `l2rl.agents`.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from l2rl.capabilities import EXCLUSIVE, WAYS_OUT, options_of
from l2rl.component import HOOKS, Component, overrides
from l2rl.errors import UserError


@dataclass(frozen=True)
class CompositionProblem:
    """One reason why these components cannot be one agent."""

    component: str
    """Instance name of the component to point at."""
    message: str
    way_out: str


class CompositionError(UserError):
    """The components do not fit together; holds every problem found."""

    def __init__(self, problems: Sequence[CompositionProblem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(f"{p.message}\n  {p.way_out}" for p in problems))


class Composition:
    """Components in their order of call, and the dispatch table."""

    def __init__(self, components: Iterable[Component], *, learner: str, offered: frozenset[str]):
        listed = list(components)
        problems = [
            *_wrong_learners(listed, learner),
            *_unmet_needs(listed, offered),
            *_double_owners(listed, offered),
            *_declared_conflicts(listed),
        ]
        if problems:
            raise CompositionError(problems)
        self.components: tuple[Component, ...] = tuple(_in_order(listed))
        self.offered = offered | {c for x in listed for c in x.requirements()[1]}
        self.table: Mapping[str, tuple[Component, ...]] = {
            hook: tuple(c for c in self.components if overrides(c, hook)) for hook in HOOKS
        }

    def __getitem__(self, hook: str) -> tuple[Component, ...]:
        """The components that override a hook, in their order of call."""
        return self.table[hook]

    def provider(self, capability: str) -> Component | None:
        """The (first) component that provides a capability."""
        return next((c for c in self.components if capability in c.requirements()[1]), None)

    def needed(self, capability: str) -> bool:
        """Whether some component needs or uses a capability."""
        return any(entitled(component, capability) for component in self.components)


def entitled(component: Component, capability: str) -> bool:
    """Whether a component asked for a capability: it needs it, as the only way or as one of
    several, or uses it where it is offered."""
    needed = component.requirements()[0]
    return capability in component.uses or any(capability in options_of(n) for n in needed)


def _wrong_learners(components: Sequence[Component], learner: str) -> Iterable[CompositionProblem]:
    for component in components:
        if component.learners and learner not in component.learners:
            yield CompositionProblem(
                component.name,
                f"component {component.name!r} does not work with learner {learner!r}",
                component.ways_out.get(learner)
                or f"use one of: {', '.join(component.learners)}; or remove the component",
            )


def _unmet_needs(
    components: Sequence[Component], offered: frozenset[str]
) -> Iterable[CompositionProblem]:
    for component in components:
        others = {c for x in components if x is not component for c in x.requirements()[1]}
        for need in component.requirements()[0]:
            options = options_of(need)
            if not any(option in offered or option in others for option in options):
                ways = [WAYS_OUT.get(o, f"add a component that provides {o}") for o in options]
                yield CompositionProblem(
                    component.name,
                    f"component {component.name!r} needs {need}, which nobody offers",
                    "; or ".join(ways),
                )


def _double_owners(
    components: Sequence[Component], offered: frozenset[str]
) -> Iterable[CompositionProblem]:
    for capability in sorted(EXCLUSIVE):
        owners = sorted(c.name for c in components if capability in c.requirements()[1])
        if len(owners) > 1:
            yield CompositionProblem(
                owners[-1],
                f"components {' and '.join(map(repr, owners))} both own {capability}",
                "there can be only one owner: remove all but one of them",
            )


def _declared_conflicts(components: Sequence[Component]) -> Iterable[CompositionProblem]:
    for component in components:
        for other in components:
            reason = component.conflicts.get(type_name(other)) if other is not component else None
            if reason is not None:
                yield CompositionProblem(
                    component.name,
                    f"components {component.name!r} and {other.name!r} cannot be on one agent: "
                    f"{reason}",
                    f"remove {component.name!r} or {other.name!r}",
                )


def type_name(component: Component) -> str:
    """The registered name of a component's type; its class name where it has none."""
    return component.type_name or type(component).__name__


def _in_order(components: Sequence[Component]) -> list[Component]:
    """Providers before users; then `order`; then name. Kahn's algorithm with a heap."""
    by_name = {component.name: component for component in components}
    before: dict[str, set[str]] = {
        c.name: {p.name for p in components if p is not c and _serves(p, c)} for c in components
    }
    ready = [(c.order, c.name) for c in components if not before[c.name]]
    heapq.heapify(ready)
    result: list[Component] = []
    while ready:
        _, name = heapq.heappop(ready)
        result.append(by_name[name])
        for other, waits in before.items():
            if name in waits:
                waits.discard(name)
                if not waits:
                    heapq.heappush(ready, (by_name[other].order, other))
    if len(result) < len(components):
        stuck = sorted(set(by_name) - {c.name for c in result})
        raise CompositionError(
            [
                CompositionProblem(
                    stuck[0],
                    f"components {', '.join(map(repr, stuck))} need each other in a circle",
                    "remove one of them",
                )
            ]
        )
    return result


def _serves(provider: Component, user: Component) -> bool:
    return any(entitled(user, capability) for capability in provider.requirements()[1])
