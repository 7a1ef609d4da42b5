"""The blocks of a curriculum as they are written in YAML."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Discriminator, Tag, model_validator
from pydantic_core import PydanticCustomError

from l2rl.config.fields import Model, Positive
from l2rl.config.tasks import ALL, TaskNames
from l2rl.curriculum import Block


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


AnyBlock = LearnBlock | EvaluateBlock | SleepBlock
BLOCKS: dict[str, type[AnyBlock]] = {
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
