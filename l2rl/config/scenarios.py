"""Scenarios as they are written in YAML: a closed set of kinds, each a model with its settings.

scenario: {kind: alternating, tasks: [a, b], env_steps: 50_000, cycles: 3}
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from typing import Annotated, Any, Final, Literal

from pydantic import Discriminator, Field, Tag, model_validator
from pydantic_core import PydanticCustomError

from l2rl import scenarios as orders
from l2rl.config.fields import Flag, NonNegative, Number, Positive
from l2rl.config.known_tasks import KnownTasks
from l2rl.config.problems import Finding
from l2rl.config.scenario_base import SCENARIO, Birth, DrawnScenario, Scenario
from l2rl.config.scenario_changes import ConceptShift, Drift

Many = Annotated[Positive, Field(le=100_000)]


class ListedScenario(DrawnScenario):
    """Tasks in the order of the list, or in one that is drawn."""

    shuffle: Flag = False
    """Draw the order of the tasks from `seed`, instead of taking that of the list."""

    def ordered(self, tasks: tuple[str, ...], birth: Birth) -> tuple[str, ...]:
        """The tasks, shuffled if that is wanted."""
        return orders.shuffled(tasks, self.drawn_from(birth)) if self.shuffle else tasks

    def wrong_tasks(self, tasks: tuple[str, ...]) -> Iterator[Finding]:
        """At least two are needed."""
        if len(tasks) < 2:
            yield (*SCENARIO, "tasks"), f"`{self.kind}` needs two tasks or more", ""


class Pairwise(ListedScenario):
    """One task, then another: A B, or A B A."""

    kind: Literal["pairwise"]
    """`pairwise`"""
    back: Flag = False
    """Return to the first task at the end."""

    def wrong_tasks(self, tasks: tuple[str, ...]) -> Iterator[Finding]:
        """Exactly two are needed."""
        if len(tasks) != 2:
            hint = "name two, such as `tasks: [a, b]`; `alternating` takes more"
            yield (*SCENARIO, "tasks"), f"a pair has two tasks, and these are {len(tasks)}", hint

    def order(self, tasks: tuple[str, ...], known: KnownTasks, birth: Birth) -> Iterator[str]:
        """A B, or A B A."""
        first, second = self.ordered(tasks, birth)
        yield from (first, second, first) if self.back else (first, second)


class Alternating(ListedScenario):
    """The tasks in turn, several times: A B A B A B."""

    kind: Literal["alternating"]
    """`alternating`"""
    cycles: Many
    """How often each task is met, 1 to 100,000."""

    def order(self, tasks: tuple[str, ...], known: KnownTasks, birth: Birth) -> Iterator[str]:
        """The tasks in the same order, `cycles` times."""
        order = self.ordered(tasks, birth)
        for _ in range(self.cycles):
            yield from order


class Condensed(DrawnScenario):
    """Every task (or variant) once, in random order."""

    kind: Literal["condensed"]
    """`condensed`"""

    def order(self, tasks: tuple[str, ...], known: KnownTasks, birth: Birth) -> Iterator[str]:
        """One permutation."""
        yield from orders.shuffled(tasks, self.drawn_from(birth))


class Dispersed(DrawnScenario):
    """Superblocks: each of them every task once, in a fresh random order."""

    kind: Literal["dispersed"]
    """`dispersed`"""
    superblocks: Many
    """How often each task is met, 1 to 100,000."""

    def order(self, tasks: tuple[str, ...], known: KnownTasks, birth: Birth) -> Iterator[str]:
        """One permutation after the other."""
        return orders.dispersed(tasks, self.superblocks, self.drawn_from(birth))


class Permuted(DrawnScenario):
    """Every task once, in a permutation of the list that is drawn or given by its number."""

    kind: Literal["permuted"]
    """`permuted`"""
    index: NonNegative | None = None
    """Which permutation, 0 (the list's order) to n! - 1; null: drawn from `seed`."""

    def wrong_tasks(self, tasks: tuple[str, ...]) -> Iterator[Finding]:
        """A permutation that does not exist."""
        count = math.factorial(len(tasks))
        if self.index is not None and self.index >= count:
            message = f"{len(tasks)} tasks have {count} permutations, and none is {self.index}"
            yield (*SCENARIO, "index"), message, f"`index`: 0 to {count - 1}"

    def order(self, tasks: tuple[str, ...], known: KnownTasks, birth: Birth) -> Iterator[str]:
        """The permutation."""
        if self.index is not None:
            yield from orders.permutation(tasks, self.index)
        else:
            yield from orders.shuffled(tasks, self.drawn_from(birth))


Frequency = Annotated[Number, Field(gt=0, le=1)]


def _number_or_mapping(value: Any) -> str:
    return "<mapping>" if isinstance(value, dict) else "<number>"


FrequencyPerTask = Annotated[
    Annotated[dict[str, Frequency], Tag("<mapping>")] | Annotated[Frequency, Tag("<number>")],
    Discriminator(_number_or_mapping),
]
"""One number for all tasks, or one for each by name."""


class Recurring(DrawnScenario):
    """Periods, in each of which some of the tasks are met: each returns with its frequency."""

    kind: Literal["recurring"]
    """`recurring`"""
    periods: Many
    """Number of periods, 1 to 100,000."""
    per_period: Positive | None = None
    """Tasks in each period, c of N: each returns after N / c periods; or give `frequency`."""
    frequency: FrequencyPerTask | None = None
    """Share of periods with the task, > 0, <= 1: a number, or `{task: number}`."""
    spacing: Literal["random", "regular"] = "random"
    """`random`: drawn anew for each period; `regular`: always after 1 / frequency periods."""

    @model_validator(mode="after")
    def _one_frequency(self) -> Recurring:
        if (self.per_period is None) == (self.frequency is None):
            raise PydanticCustomError(
                "one_frequency",
                "a recurring scenario needs `per_period` or `frequency`, one of them",
            )
        return self

    def per_task(self) -> tuple[str, ...]:
        """Names of the settings that may be given task by task."""
        return (*super().per_task(), "frequency")

    def wrong_tasks(self, tasks: tuple[str, ...]) -> Iterator[Finding]:
        """More tasks in a period than there are."""
        if self.per_period is not None and self.per_period > len(tasks):
            message = f"`per_period` is {self.per_period}, and there are {len(tasks)} tasks"
            yield (*SCENARIO, "per_period"), message, f"`per_period`: 1 to {len(tasks)}"

    def order(self, tasks: tuple[str, ...], known: KnownTasks, birth: Birth) -> Iterator[str]:
        """The tasks of one period after the other."""
        if self.spacing == "regular":
            return orders.recurring_regularly(tasks, self._shares(tasks, known), self.periods)
        seed = self.drawn_from(birth)
        if self.per_period is not None:
            return orders.recurring_sample(tasks, self.per_period, self.periods, seed)
        frequency = known.values(self.frequency or 1.0, tasks)
        return orders.recurring_by_chance(tasks, frequency, self.periods, seed)

    def _shares(self, tasks: tuple[str, ...], known: KnownTasks) -> dict[str, Fraction]:
        """Frequencies as exact as they are written: 0.1 is a tenth."""
        if self.per_period is not None:
            return dict.fromkeys(tasks, Fraction(self.per_period, len(tasks)))
        written = known.values(self.frequency or 1.0, tasks)
        return {task: Fraction(str(value)) for task, value in written.items()}


SCENARIOS: Final[dict[str, type[Scenario]]] = {
    "pairwise": Pairwise,
    "alternating": Alternating,
    "condensed": Condensed,
    "dispersed": Dispersed,
    "permuted": Permuted,
    "recurring": Recurring,
    "concept_shift": ConceptShift,
    "drift": Drift,
}


def _kind_of_scenario(value: Any) -> str | None:
    kind = value.get("kind") if isinstance(value, dict) else getattr(value, "kind", None)
    scenario = SCENARIOS.get(kind) if isinstance(kind, str) else None
    return f"<{scenario.__name__}>" if scenario is not None else None


ScenarioConfig = Annotated[
    Annotated[Pairwise, Tag("<Pairwise>")]
    | Annotated[Alternating, Tag("<Alternating>")]
    | Annotated[Condensed, Tag("<Condensed>")]
    | Annotated[Dispersed, Tag("<Dispersed>")]
    | Annotated[Permuted, Tag("<Permuted>")]
    | Annotated[Recurring, Tag("<Recurring>")]
    | Annotated[ConceptShift, Tag("<ConceptShift>")]
    | Annotated[Drift, Tag("<Drift>")],
    Discriminator(
        _kind_of_scenario,
        custom_error_type="scenario_kind",
        custom_error_message="a `scenario` needs a `kind`: " + ", ".join(SCENARIOS),
    ),
]
