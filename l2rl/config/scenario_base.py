"""What scenarios have in common: chance, budgets, and what comes between learning blocks."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator
from pydantic_core import PydanticCustomError

from l2rl.config.blocks import AnyBlock, EvaluateBlock, LearnBlock, SleepBlock
from l2rl.config.document import Path
from l2rl.config.fields import Model, NonNegative, Positive
from l2rl.config.known_tasks import KnownTasks
from l2rl.config.problems import Finding
from l2rl.config.tasks import TaskNames

EXPERIMENT = "experiment"
SCENARIO: Path = ("curriculum", "scenario")


@dataclass(frozen=True)
class Birth:
    """What the experiment decides of its curriculum."""

    seed: int
    """The experiment's seed."""
    n_envs: int
    """Environments side by side: each makes this part of the env steps."""


@dataclass(frozen=True)
class Generated:
    """What a scenario makes of a curriculum."""

    known: KnownTasks
    """Its tasks, with those that the scenario adds."""
    learning: Iterable[LearnBlock]
    """Learning blocks in order, made one at a time: there may be too many of them."""


def _number_or_word(value: Any) -> str:
    return "<word>" if isinstance(value, str) else "<number>"


Seed = Annotated[
    Annotated[Literal["experiment"], Tag("<word>")]
    | Annotated[NonNegative, Field(lt=2**32), Tag("<number>")],
    Discriminator(_number_or_word),
]
"""A number of the scenario's own, or the experiment's seed."""


def _number_or_mapping(value: Any) -> str:
    return "<mapping>" if isinstance(value, dict) else "<number>"


PositivePerTask = Annotated[
    Annotated[dict[str, Positive], Tag("<mapping>")] | Annotated[Positive, Tag("<number>")],
    Discriminator(_number_or_mapping),
]
"""One number for all tasks, or one for each by name."""


class Scenario(Model):
    """A recipe for the blocks of a curriculum."""

    kind: str
    """Which recipe."""
    sleep: Positive | None = None
    """Gradient steps of sleep after each learning block, >= 1; null: none."""
    evaluate: TaskNames | None = None
    """Tasks measured after each learning block (and its sleep): `all` or names; null: none."""

    @abstractmethod
    def findings(self, known: KnownTasks) -> Iterator[Finding]:
        """What is wrong with it for these tasks."""

    @abstractmethod
    def generate(self, known: KnownTasks, birth: Birth) -> Generated:
        """Tasks and learning blocks; only if there are no findings."""

    def blocks(self, generated: Generated) -> Iterator[AnyBlock]:
        """All blocks: the learning blocks and what comes after each of them."""
        between: list[AnyBlock] = []
        if self.sleep is not None:
            between.append(SleepBlock(sleep=self.sleep))
        if self.evaluate is not None:
            wanted = self.evaluate
            names = wanted if isinstance(wanted, str) else list(generated.known.named(wanted))
            between.append(EvaluateBlock(evaluate=names))
        for block in generated.learning:
            yield block
            yield from between


class OrderedScenario(Scenario):
    """A scenario that puts tasks of the curriculum in an order."""

    tasks: TaskNames = "all"
    """Tasks to learn, `all` or a list; others of the curriculum are only evaluated."""
    env_steps: PositivePerTask | None = None
    """Env steps of each learning block, >= 1: a number, or `{task: number}`; or `episodes`."""
    episodes: PositivePerTask | None = None
    """Episodes of each learning block, >= 1: a number, or `{task: number}`; or `env_steps`."""

    @model_validator(mode="after")
    def _one_budget(self) -> OrderedScenario:
        check_one_budget(self.env_steps, self.episodes)
        return self

    @abstractmethod
    def order(self, tasks: tuple[str, ...], known: KnownTasks, birth: Birth) -> Iterator[str]:
        """The tasks of the learning blocks, one after the other."""

    def wrong_tasks(self, tasks: tuple[str, ...]) -> Iterator[Finding]:
        """What is wrong with the choice of tasks, all of them known."""
        return iter(())

    def findings(self, known: KnownTasks) -> Iterator[Finding]:
        """Names and budgets first; the kind's own demands when those are right."""
        wrong = list(known.wrong_names((*SCENARIO, "tasks"), self.tasks))
        if not wrong:
            tasks = known.named(self.tasks)
            for name in self.per_task():
                given = getattr(self, name)
                wrong += known.wrong_values((*SCENARIO, name), given, tasks)
            wrong += self.wrong_tasks(tasks)
        yield from wrong

    def per_task(self) -> tuple[str, ...]:
        """Names of the settings that may be given task by task."""
        return ("env_steps", "episodes")

    def generate(self, known: KnownTasks, birth: Birth) -> Generated:
        """The tasks as they are, in the kind's order."""
        tasks = known.named(self.tasks)
        unit = "episodes" if self.env_steps is None else "env_steps"
        budgets = known.values(getattr(self, unit), tasks)
        learn = {
            task: LearnBlock.model_validate({"learn": task, unit: budgets[task]}) for task in tasks
        }
        return Generated(known, (learn[task] for task in self.order(tasks, known, birth)))


class DrawnScenario(OrderedScenario):
    """A scenario whose order is drawn."""

    seed: Seed = 0
    """What the order is drawn from; `experiment`: each seed of the experiment meets its own."""

    def drawn_from(self, birth: Birth) -> int:
        """The seed as a number."""
        return seed_of(self.seed, birth)


def seed_of(seed: int | str, birth: Birth) -> int:
    """A scenario's seed as a number."""
    return birth.seed if isinstance(seed, str) else seed


def check_one_budget(env_steps: object, episodes: object) -> None:
    """Raise pydantic's error unless exactly one budget is given."""
    if (env_steps is None) == (episodes is None):
        raise PydanticCustomError(
            "one_budget", "a scenario needs a budget: `env_steps` or `episodes`, one of them"
        )
