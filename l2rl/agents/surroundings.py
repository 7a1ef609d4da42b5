"""What a run offers the components of its agent, and how they are named when they object."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from l2rl import capabilities as cap
from l2rl.capabilities import options_of
from l2rl.component import Component
from l2rl.composition import CompositionError, CompositionProblem
from l2rl.curriculum import Visibility
from l2rl.engine.replay_ratio import ReplayRatioArbiter
from l2rl.errors import UserError

_OFFERED_BY_VISIBILITY: Mapping[Visibility, frozenset[str]] = {
    "labels": frozenset({cap.TASK_LABEL, cap.TASK_BOUNDARY}),
    "boundaries": frozenset({cap.TASK_BOUNDARY}),
    "hidden": frozenset(),
}
_BY_ANY_LEARNER = frozenset({cap.GRADIENTS, cap.ACTIVATIONS, cap.MAIN_GRADIENT, cap.NETWORK_BUILD})
_BY_LEARNERS_OF_OURS = frozenset({cap.PER_SAMPLE_LOSS, cap.MAIN_LOSS, cap.EXTRA_ROWS})
OFFERED_BY_LEARNER: Mapping[str, frozenset[str]] = {
    "ppo": _BY_ANY_LEARNER | _BY_LEARNERS_OF_OURS,
    "dqn": _BY_ANY_LEARNER | _BY_LEARNERS_OF_OURS | {cap.REPLAY, cap.SAMPLE_ERRORS},
    "sac": _BY_ANY_LEARNER | _BY_LEARNERS_OF_OURS | {cap.REPLAY, cap.SAMPLE_ERRORS},
    # Updates of other people's, through a facade of their optimisers (`l2rl.agents.facade`).
    "td3": _BY_ANY_LEARNER | {cap.REPLAY, cap.EXTRA_ROWS},
    "tqc": _BY_ANY_LEARNER | {cap.REPLAY},
    "qrdqn": _BY_ANY_LEARNER | {cap.REPLAY},
    "crossq": _BY_ANY_LEARNER | {cap.REPLAY},
}
"""What a learner offers its components."""


def learners_for(component: type[Component]) -> tuple[str, ...]:
    """The learners that offer what a component needs of a learner, as far as its class says."""
    offered_by_some = frozenset().union(*OFFERED_BY_LEARNER.values())
    of_learners = [
        frozenset(options_of(need))
        for need in component.needs
        if offered_by_some.issuperset(options_of(need))
    ]
    return tuple(
        learner
        for learner, offered in OFFERED_BY_LEARNER.items()
        if (not component.learners or learner in component.learners)
        and all(need & offered for need in of_learners)
    )


@dataclass(frozen=True)
class Surroundings:
    """What the run around an agent offers its components."""

    visibility: Visibility = "hidden"
    labels: tuple[str, ...] = ()
    """Names of the tasks to come; told only to components with TASK_LABEL, and only under
    `visibility: labels`."""
    has_sleep: bool = False
    replay_ratio: ReplayRatioArbiter = field(default_factory=ReplayRatioArbiter)

    def offered(self, learner: str) -> frozenset[str]:
        """Capabilities that the run and its learner offer, before any component adds its own."""
        offered = _OFFERED_BY_VISIBILITY[self.visibility] | OFFERED_BY_LEARNER[learner]
        if self.has_sleep:
            offered |= {cap.SLEEP}
        return offered


@contextmanager
def told_of(component: Component) -> Iterator[None]:
    """A component's own objection becomes a problem that names it."""
    try:
        yield
    except CompositionError:
        raise
    except UserError as error:
        message, _, way_out = str(error).partition("\n")
        problem = CompositionProblem(component.name, message, way_out.strip())
        raise CompositionError([problem]) from error


def named(components: Iterable[Component]) -> list[Component]:
    """Components with a unique name each; the class's name in lower case where none was given."""
    listed = list(components)
    for component in listed:
        component.name = component.name or type(component).__name__.lower()
    names = [c.name for c in listed]
    for name in sorted(set(names)):
        if names.count(name) > 1:
            raise CompositionError(
                [
                    CompositionProblem(
                        name,
                        f"{names.count(name)} components are called {name!r}",
                        "give each instance a name of its own",
                    )
                ]
            )
    return listed
