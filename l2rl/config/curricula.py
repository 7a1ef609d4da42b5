"""The curriculum as it is written in YAML, and its translation to `l2rl.curriculum`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator
from pydantic_core import PydanticCustomError

from l2rl.config.fields import Model, Positive
from l2rl.curriculum import Block, Curriculum, Task, Visibility

ALL = "all"
MOST_BLOCKS = 100_000


class TaskConfig(Model):
    """One task; short form: only the environment, `beacon: minigames/MoveToBeacon`."""

    env: Annotated[str, Field(min_length=1)]
    """`suite/Task`, such as `minigames/MoveToBeacon`, or a Gymnasium id."""
    variant: Annotated[str, Field(min_length=1)] = "default"
    """Named set of parameters that the suite defines."""
    parameters: dict[str, Any] = Field(default_factory=dict)
    """Parameters of the environment, laid over those of the variant."""


def _only_env(value: Any) -> Any:
    return {"env": value} if isinstance(value, str) else value


TaskEntry = Annotated[
    TaskConfig, BeforeValidator(_only_env, json_schema_input_type=str | TaskConfig)
]


class LearnBlock(Model):
    """Train on one task: `{learn: beacon, env_steps: 100_000}`."""

    learn: str
    """Name of the task."""
    env_steps: Positive | None = None
    """Budget in env steps, all environments together, >= 1; or give `episodes`."""
    episodes: Positive | None = None
    """Budget in finished episodes, all environments together, >= 1; or give `env_steps`."""

    @model_validator(mode="after")
    def _one_budget(self) -> LearnBlock:
        if (self.env_steps is None) == (self.episodes is None):
            raise PydanticCustomError(
                "one_budget",
                "a learning block needs a budget: `env_steps` or `episodes`, one of them",
            )
        return self

    def block(self, names: tuple[str, ...]) -> Block:
        """The same as `l2rl.curriculum` has it."""
        if self.env_steps is not None:
            return Block("learn", (self.learn,), self.env_steps, "env_steps")
        return Block("learn", (self.learn,), self.episodes or 0, "episodes")


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


class EvaluateBlock(Model):
    """Measure tasks without learning: `{evaluate: all}`."""

    evaluate: TaskNames
    """`all`, or a list of names of tasks."""

    def block(self, names: tuple[str, ...]) -> Block:
        """The same as `l2rl.curriculum` has it; `names` are all tasks."""
        return Block("evaluate", names if self.evaluate == ALL else tuple(self.evaluate))


class SleepBlock(Model):
    """Let components consolidate without env steps: `{sleep: 500}`."""

    sleep: Positive
    """Gradient steps, >= 1."""

    def block(self, names: tuple[str, ...]) -> Block:
        """The same as `l2rl.curriculum` has it."""
        return Block("sleep", (), self.sleep)


BLOCKS: dict[str, type[LearnBlock | EvaluateBlock | SleepBlock]] = {
    "learn": LearnBlock,
    "evaluate": EvaluateBlock,
    "sleep": SleepBlock,
}


def _kind_of_block(value: Any) -> str | None:
    if isinstance(value, LearnBlock | EvaluateBlock | SleepBlock):
        return f"<{type(value).__name__}>"
    kinds = [kind for kind in BLOCKS if isinstance(value, dict) and kind in value]
    return f"<{BLOCKS[kinds[0]].__name__}>" if kinds else None


BlockConfig = Annotated[
    Annotated[LearnBlock, Tag("<LearnBlock>")]
    | Annotated[EvaluateBlock, Tag("<EvaluateBlock>")]
    | Annotated[SleepBlock, Tag("<SleepBlock>")],
    Discriminator(
        _kind_of_block,
        custom_error_type="block_kind",
        custom_error_message=(
            "a block is `{learn: task, env_steps: 1000}`, `{evaluate: all}` or `{sleep: 500}`"
        ),
    ),
]


class CurriculumConfig(Model):
    """Tasks and the sequence of blocks in which the agent meets them."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=100)]
    """Name in logs; default: the file's, or the experiment's."""
    summary: str = ""
    """What the curriculum is for, one line."""
    visibility: Visibility = "labels"
    """What the agent is told: `labels`, `boundaries` or `hidden`."""
    tasks: Annotated[dict[str, TaskEntry], Field(min_length=1)]
    """Name -> task. Tasks that no block learns are only evaluated."""
    blocks: Annotated[list[BlockConfig], Field(min_length=1)]
    """The sequence."""
    repeat: Positive = 1
    """How often the whole sequence is lived through, >= 1."""

    @model_validator(mode="after")
    def _lives_to_the_end(self) -> CurriculumConfig:
        """Repetitions are written out, so their number must fit into memory."""
        blocks = len(self.blocks) * self.repeat
        if blocks > MOST_BLOCKS:
            raise PydanticCustomError(
                "too_many_blocks",
                "{blocks} blocks are more than a curriculum may have ({most}): lower `repeat`",
                {"blocks": blocks, "most": MOST_BLOCKS},
            )
        return self

    def curriculum(self) -> Curriculum:
        """As plain data, with repetitions written out and `all` replaced by names."""
        names = tuple(self.tasks)
        blocks = tuple(block.block(names) for block in self.blocks) * self.repeat
        tasks = {
            name: Task(name, task.env, task.variant, dict(task.parameters))
            for name, task in self.tasks.items()
        }
        return Curriculum(self.name, tasks, blocks, self.visibility, self.summary)

    def resolved(self) -> dict[str, Any]:
        """Plain data that loads back to the same."""
        plain = self.model_dump()
        plain["blocks"] = [block.model_dump(exclude_none=True) for block in self.blocks]
        return plain
