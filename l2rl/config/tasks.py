"""The tasks of a curriculum as they are written in YAML, and how lists name them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag

from l2rl.config.fields import Model

ALL = "all"


def _one_name(value: Any) -> Any:
    return [value] if isinstance(value, str) and value != ALL else value


TaskNames = Annotated[
    Annotated[
        Annotated[Literal["all"], Tag("<all>")]
        | Annotated[list[str], Field(min_length=1), Tag("<names>")],
        Discriminator(lambda value: "<all>" if isinstance(value, str) else "<names>"),
    ],
    BeforeValidator(_one_name, json_schema_input_type=str | list[str]),
]
"""`all`, one name, or a list of names."""


class TaskConfig(Model):
    """One task; short form: only the environment, `beacon: minigames/MoveToBeacon`."""

    env: Annotated[str, Field(min_length=1)]
    """`suite/Task`, such as `minigames/MoveToBeacon`, or a Gymnasium id."""
    variant: Annotated[str, Field(min_length=1)] = "default"
    """Named set of parameters that the suite defines."""
    parameters: dict[str, Any] = Field(default_factory=dict)
    """Parameters of the environment, laid over those of the variant."""


class TaskGroupConfig(Model):
    """A task for each of several variants: `roaches: {env: ..., variants: [few, many]}` stands
    for `roaches_few` and `roaches_many`, and its name for all of them."""

    env: Annotated[str, Field(min_length=1)]
    """`suite/Task`, such as `minigames/MoveToBeacon`."""
    variants: TaskNames
    """`all` that the suite names, or a list; one task each, called `<name>_<variant>`."""
    parameters: dict[str, Any] = Field(default_factory=dict)
    """Parameters of all of them, laid over those of the variant."""


def _only_env(value: Any) -> Any:
    return {"env": value} if isinstance(value, str) else value


def _kind_of_task(value: Any) -> str:
    several = isinstance(value, TaskGroupConfig) or (
        isinstance(value, dict) and "variants" in value
    )
    return "<TaskGroupConfig>" if several else "<TaskConfig>"


TaskEntry = Annotated[
    Annotated[
        Annotated[TaskConfig, Tag("<TaskConfig>")]
        | Annotated[TaskGroupConfig, Tag("<TaskGroupConfig>")],
        Discriminator(_kind_of_task),
    ],
    BeforeValidator(_only_env, json_schema_input_type=str | TaskConfig | TaskGroupConfig),
]
"""A task, or one for each of several variants."""
