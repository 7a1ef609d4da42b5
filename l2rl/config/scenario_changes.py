"""Scenarios in which one task changes: in leaps (concept shift), or little by little (drift).

The task is a template. What is lived through are tasks made of it, `<task>_concept1`,
`<task>_level1` and so on, and the template's name stands for all of them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Annotated, Any, Final, Literal

from pydantic import Discriminator, Field, PlainValidator, Tag, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from l2rl.config.blocks import LearnBlock
from l2rl.config.fields import Flag, Positive
from l2rl.config.known_tasks import KnownTasks
from l2rl.config.problems import Finding
from l2rl.config.scenario_base import (
    SCENARIO,
    Birth,
    Generated,
    Scenario,
    Seed,
    check_one_budget,
    seed_of,
)
from l2rl.config.tasks import TaskConfig
from l2rl.curriculum import Task
from l2rl.errors import UserError

Parameters = dict[str, Any]


class ChangingTaskScenario(Scenario):
    """A scenario of tasks that are made of one."""

    task: str
    """The task that changes; its name stands for all tasks made of it."""
    env_steps: Positive | None = None
    """Env steps of each learning block, >= 1; or give `episodes`."""
    episodes: Positive | None = None
    """Episodes of each learning block, >= 1; or give `env_steps`."""

    @model_validator(mode="after")
    def _one_budget(self) -> ChangingTaskScenario:
        check_one_budget(self.env_steps, self.episodes)
        return self

    def findings(self, known: KnownTasks) -> Iterator[Finding]:
        """The task must be there, and be one."""
        yield from known.wrong_name((*SCENARIO, "task"), self.task)

    def learn(self, task: str) -> LearnBlock:
        """The learning block of a task."""
        return LearnBlock(learn=task, env_steps=self.env_steps, episodes=self.episodes)

    def in_place(self, known: KnownTasks, made: Mapping[str, TaskConfig]) -> KnownTasks:
        """All tasks, with those made of the template where it was, and its name for them."""
        tasks: dict[str, TaskConfig] = {}
        for name, task in known.tasks.items():
            tasks.update(made if name == self.task else {name: task})
        return KnownTasks(tasks, {**known.groups, self.task: tuple(made)})


def with_parameters(task: TaskConfig, parameters: Mapping[str, Any]) -> TaskConfig:
    """The task with more parameters laid over its own."""
    return TaskConfig(
        env=task.env, variant=task.variant, parameters={**task.parameters, **parameters}
    )


# ---- concept shift -------------------------------------------------------------------------

UNCHANGED: Final[Parameters] = {
    "action_remap": None,
    "reward_scale": 1.0,
    "observation_rotation": 0,
    "observation_mirror": False,
}
"""Parameters that the named shifts change, with what they are when nobody gives them."""


def _kind_of_shift(value: Any) -> str:
    return "<parameters>" if isinstance(value, dict) else "<word>"


Shift = Annotated[
    Annotated[
        Literal["action_remap", "reward_sign", "observation_rotation", "observation_mirror"],
        Tag("<word>"),
    ]
    | Annotated[dict[str, Any], Field(min_length=1), Tag("<parameters>")],
    Discriminator(_kind_of_shift),
]
"""One change of the concept: by name, or as parameters laid over what was there before."""


class ConceptShift(ChangingTaskScenario):
    """One task whose meaning changes in leaps: the same world, read or steered otherwise."""

    kind: Literal["concept_shift"]
    """`concept_shift`"""
    shifts: Annotated[list[Shift], Field(min_length=1)]
    """In turn: `action_remap`, `reward_sign`, `observation_rotation`, `observation_mirror`, or
    parameters such as `{limit_s: 60}`."""
    swaps: Annotated[Positive, Field(le=10_000)] | None = None
    """Number of leaps, one between two blocks, 1 to 10,000; null: each of `shifts` once."""
    back: Flag = False
    """Return to the first concept at the end."""
    seed: Seed = 0
    """What new meanings of actions are drawn from; `experiment`: each seed meets its own."""

    def generate(self, known: KnownTasks, birth: Birth) -> Generated:
        """One task for each concept, and the order in which they are met."""
        base = known.tasks[self.task]
        concepts = self._concepts(_effective(base), seed_of(self.seed, birth))
        names: dict[str, str] = {}
        made: dict[str, TaskConfig] = {}
        order: list[str] = []
        for concept in concepts:
            key = json.dumps(concept, sort_keys=True, default=str)
            name = names.setdefault(key, f"{self.task}_concept{len(names) + 1}")
            made.setdefault(name, with_parameters(base, concept))
            order.append(name)
        if self.back and order[-1] != order[0]:
            order.append(order[0])
        return Generated(self.in_place(known, made), map(self.learn, order))

    def _concepts(self, base: Parameters, seed: int) -> Iterator[Parameters]:
        """The parameters in which each concept differs from the first."""
        now = dict(base)
        yield {}
        for number in range(self.swaps or len(self.shifts)):
            now |= _changed(self.shifts[number % len(self.shifts)], now, seed, number)
            yield {k: v for k, v in now.items() if k not in base or v != base[k]}

    def findings(self, known: KnownTasks) -> Iterator[Finding]:
        """The template's own parameters must be known, and each leap must change something."""
        yield from super().findings(known)
        if self.task not in known.tasks:
            return
        try:
            base = _effective(known.tasks[self.task])
        except (UserError, ValueError) as error:
            message, _, hint = str(error).partition("\n")
            yield ("curriculum", "tasks", self.task), message, hint.strip()
            return
        for number, (before, after) in enumerate(pairwise(self._concepts(base, seed=0))):
            if before == after:
                shift = number % len(self.shifts)
                message = f"swap {number + 1} changes nothing: its parameters are there already"
                yield (*SCENARIO, "shifts", shift), message, "give other values, or fewer `swaps`"
                return


def _changed(shift: str | Parameters, now: Parameters, seed: int, number: int) -> Parameters:
    """The parameters after one leap, as far as they change."""
    if isinstance(shift, dict):
        return shift
    if shift == "action_remap":
        from l2rl.randomness import derive_seed

        # Small, because people will read it; never twice the same in a row.
        drawn = derive_seed(seed, "scenario", "concept_shift", number) % 9_999
        before = now[shift] if isinstance(now[shift], int) else -1
        return {shift: drawn + (drawn >= before)}
    if shift == "reward_sign":
        return {"reward_scale": -now["reward_scale"]}
    if shift == "observation_rotation":
        return {shift: (now[shift] + 90) % 360}
    return {shift: not now[shift]}


def _effective(task: TaskConfig) -> Parameters:
    """The task's parameters with its variant's. Raises `ValueError` and `UserError`."""
    from l2rl.task_environments import parameters_of

    given = parameters_of(Task("", task.env, task.variant, task.parameters))
    return {**UNCHANGED, **given}


# ---- drift ---------------------------------------------------------------------------------


def _span(value: Any) -> list[int | float]:
    """Two finite numbers."""
    if isinstance(value, list) and len(value) == 2 and all(map(_is_number, value)):
        return list(value)
    raise PydanticCustomError("span", "must be two numbers")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


Span = Annotated[
    list[int | float],
    PlainValidator(_span),
    WithJsonSchema({"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}),
]
"""`[first, last]`"""


class Drift(ChangingTaskScenario):
    """One task whose parameters move from one value to another: level by level, or all the time."""

    kind: Literal["drift"]
    """`drift`"""
    parameters: Annotated[dict[str, Span], Field(min_length=1)]
    """Name -> `[first, last]`; two whole numbers move in whole numbers, else write `1.0`."""
    levels: Annotated[Positive, Field(ge=2, le=10_000)] | None = None
    """Number of steps from the first values to the last, one block each, 2 to 10,000."""
    continuous: Flag = False
    """One block in which the environment itself moves them, by its parameter `drift`."""
    over_env_steps: Positive | None = None
    """`continuous`: env steps of each environment until the last values, >= 1; null: its share
    of the block."""

    @model_validator(mode="after")
    def _levels_or_continuous(self) -> Drift:
        if self.continuous == (self.levels is not None):
            raise PydanticCustomError(
                "drift_mode", "a drift has `levels`, or is `continuous: true`, one of them"
            )
        if self.over_env_steps is not None and not self.continuous:
            raise PydanticCustomError(
                "drift_length", "`over_env_steps` is for `continuous: true`; levels have budgets"
            )
        if self.continuous and self.env_steps is None and self.over_env_steps is None:
            raise PydanticCustomError(
                "drift_length", "a continuous drift over episodes needs `over_env_steps`"
            )
        return self

    def findings(self, known: KnownTasks) -> Iterator[Finding]:
        """Two levels after each other must differ."""
        yield from super().findings(known)
        for number, (before, after) in enumerate(pairwise(self._values())):
            if before == after:
                message = f"levels {number + 1} and {number + 2} are the same: {_told(before)}"
                yield (*SCENARIO, "levels"), message, "lower `levels`, or move further"
                return

    def generate(self, known: KnownTasks, birth: Birth) -> Generated:
        """A task for each level; or one that moves, and one, only evaluated, as it is at the end.

        Evaluations of the one that moves begin at the first values, like every new environment.
        """
        base = known.tasks[self.task]
        if self.continuous:
            moving = f"{self.task}_drifting"
            last = {name: values[1] for name, values in self.parameters.items()}
            made = {
                moving: with_parameters(base, {"drift": self._drift(birth)}),
                f"{self.task}_last": with_parameters(base, last),
            }
            return Generated(self.in_place(known, made), iter([self.learn(moving)]))
        made = {
            f"{self.task}_level{number}": with_parameters(base, values)
            for number, values in enumerate(self._values(), start=1)
        }
        return Generated(self.in_place(known, made), map(self.learn, made))

    def _drift(self, birth: Birth) -> Parameters:
        share = -(-(self.env_steps or 0) // birth.n_envs)
        return {"over_env_steps": self.over_env_steps or share, **self.parameters}

    def _values(self) -> Iterator[Parameters]:
        """The parameters of each level."""
        levels = self.levels or 0
        for number in range(levels):
            share = number / (levels - 1)
            yield {
                name: _between(first, last, share)
                for name, (first, last) in self.parameters.items()
            }


def _between(first: float, last: float, share: float) -> int | float:
    """The value after a share of the way; a whole number between whole numbers."""
    value = first + (last - first) * share
    if isinstance(first, int) and isinstance(last, int):
        return round(value)
    # Twelve digits are more than any parameter means, and spare readers 0.30000000000000004.
    return float(f"{value:.12g}")


def _told(values: Parameters) -> str:
    return ", ".join(f"{name}={value}" for name, value in values.items())
