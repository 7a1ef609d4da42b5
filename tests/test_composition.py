"""Components are matched, ordered and refused before anything runs."""

from __future__ import annotations

from typing import ClassVar

import pytest

from l2rl import capabilities as cap
from l2rl.component import Component
from l2rl.composition import Composition, CompositionError


def component(name: str, **facts: object) -> Component:
    made = type(name.title(), (Component,), facts)()
    made.name = name
    return made


def composed(*components: Component, offered: frozenset[str] = frozenset()) -> Composition:
    return Composition(components, learner="dqn", offered=offered)


def names(composition: Composition) -> list[str]:
    return [c.name for c in composition.components]


def test_the_order_of_listing_never_matters() -> None:
    parts = [
        component("anchor", needs=(cap.TASK_BELIEF,)),
        component("detector", provides=(cap.TASK_BELIEF,)),
        component("early", order=-1),
        component("b"),
        component("a"),
    ]
    expected = ["early", "a", "b", "detector", "anchor"]
    assert names(composed(*parts)) == names(composed(*reversed(parts))) == expected


def test_an_unmet_need_names_the_component_and_the_way_out() -> None:
    with pytest.raises(CompositionError, match=r"'ewc' needs TASK_BOUNDARY.*\n.*visibility"):
        composed(component("ewc", needs=(cap.TASK_BOUNDARY,)))


def test_any_of_is_met_by_one_of_them() -> None:
    either = component("ewc", needs=(cap.any_of(cap.TASK_BOUNDARY, cap.CHANGE_EVENTS),))
    detector = component("detector", provides=(cap.CHANGE_EVENTS,))
    assert names(composed(either, detector)) == ["detector", "ewc"]


def test_a_component_does_not_meet_its_own_need() -> None:
    selfish = component("selfish", needs=(cap.CHANGE_EVENTS,), provides=(cap.CHANGE_EVENTS,))
    with pytest.raises(CompositionError, match="nobody offers"):
        composed(selfish)


def test_two_owners_of_one_thing_are_refused_by_name() -> None:
    first, second = (component(n, provides=(cap.REPLAY_BUFFER,)) for n in ("one", "two"))
    with pytest.raises(CompositionError, match="'one' and 'two' both own REPLAY_BUFFER"):
        composed(first, second)


def test_a_learner_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(CompositionError, match=r"does not work with learner 'dqn'.*\n.*ppo"):
        composed(component("clear", learners=("ppo",)))


def test_a_declared_conflict_tells_its_reason() -> None:
    one = component("one", conflicts={"Two": "they pull in opposite directions"})
    with pytest.raises(CompositionError, match="opposite directions"):
        composed(one, component("two"))


def test_a_circle_of_needs_is_found() -> None:
    one = component("one", needs=("X",), provides=("Y",))
    other = component("other", needs=("Y",), provides=("X",))
    with pytest.raises(CompositionError, match="circle"):
        composed(one, other)


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(CompositionError) as caught:
        composed(component("a", needs=("X",)), component("b", learners=("sac",)))
    assert {p.component for p in caught.value.problems} == {"a", "b"}


def test_only_overridden_hooks_are_in_the_table() -> None:
    class Listener(Component):
        calls: ClassVar[list[str]] = []

        def on_transitions(self, batch: object) -> None:  # type: ignore[override]
            self.calls.append("seen")

    listener = Listener()
    listener.name = "listener"
    table = composed(listener, component("idle")).table
    assert table["on_transitions"] == (listener,)
    assert all(users == () for hook, users in table.items() if hook != "on_transitions")
