"""Task, Variant, Block, Curriculum: what the agent will live through, as plain data.

A curriculum is a sequence of blocks. A learning block trains on one task for a budget; an
evaluation block measures tasks; a sleep block lets components consolidate without env steps.
What the *agent* is told of it is the curriculum's `visibility`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Visibility = Literal["labels", "boundaries", "hidden"]
"""`labels`: boundaries and which task it is; `boundaries`: only that something changed;
`hidden`: nothing."""

BlockKind = Literal["learn", "evaluate", "sleep"]
BudgetUnit = Literal["env_steps", "episodes"]


@dataclass(frozen=True)
class Task:
    """One task: an environment with a variant and parameters, under a name of the curriculum."""

    name: str
    """Name in this curriculum and in every log, such as `beacon`."""
    env: str
    """`suite/Task`, such as `minigames/MoveToBeacon`, or any Gymnasium id."""
    variant: str = "default"
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """Overlaid on the variant's parameters."""


@dataclass(frozen=True)
class Block:
    """One stretch of the curriculum."""

    kind: BlockKind
    tasks: tuple[str, ...] = ()
    """Names of tasks: one for `learn`, those to measure for `evaluate`, none for `sleep`."""
    budget: int = 0
    """`learn`: env steps or episodes, all environments together; `sleep`: gradient steps."""
    unit: BudgetUnit = "env_steps"

    @property
    def task(self) -> str:
        """The task of a learning block."""
        return self.tasks[0]


@dataclass(frozen=True)
class Curriculum:
    """The whole sequence."""

    name: str
    tasks: Mapping[str, Task]
    blocks: tuple[Block, ...]
    visibility: Visibility = "labels"
    summary: str = ""
    scenario: str = ""
    """Kind of the scenario that generated the blocks; empty if they were written one by one."""

    def learning_blocks(self) -> Iterator[tuple[int, Block]]:
        """`(index, block)` of every learning block, in order."""
        return ((i, b) for i, b in enumerate(self.blocks) if b.kind == "learn")

    def learned_tasks(self) -> tuple[str, ...]:
        """Tasks in the order in which they are first learned."""
        return tuple(dict.fromkeys(block.task for _, block in self.learning_blocks()))

    def total_env_steps(self) -> int | None:
        """Sum of the learning budgets, or None if one of them counts episodes."""
        blocks = [block for _, block in self.learning_blocks()]
        if any(block.unit != "env_steps" for block in blocks):
            return None
        return sum(block.budget for block in blocks)
