"""The outline of a curriculum: tasks, blocks, when each task is learned, and what it all costs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from l2rl.config import LoadedExperiment
from l2rl.curriculum import Block, Curriculum, Task
from l2rl.curriculum_outline import Run, Totals, blocks_per_sign, cycle, runs, strip, totals
from l2rl.errors import UserError
from l2rl.task_environments import episode_limit, suite_of

FEW_BLOCKS = 8
"""As many are listed one by one."""
SIGNS = 50
_TASKS_NAMED = 8
_UNITS = {"env_steps": "env steps", "episodes": "episodes"}


def outline(loaded: LoadedExperiment) -> Iterator[RenderableType]:
    """Everything about a loaded curriculum. Raises `ConfigError` for a task that cannot be."""
    curriculum = loaded.curriculum
    found = totals(curriculum, {name: _limit(loaded, name) for name in curriculum.tasks})
    yield _facts(loaded, sum(found.values(), Totals()))
    yield _tasks(curriculum, found)
    yield _blocks(curriculum)
    if len(curriculum.blocks) > FEW_BLOCKS:
        yield from _strips(curriculum)
    if any(t.env_steps.estimated or t.episodes.estimated for t in found.values()):
        yield Text(
            "~ is an estimate, as if every episode lasted until its time limit: where episodes end "
            "earlier there are more of them, or fewer env steps",
            style="dim",
        )


def _limit(loaded: LoadedExperiment, name: str) -> int | None:
    """Env steps of a task's longest episode, if its suite is there to tell."""
    task = loaded.curriculum.tasks[name]
    try:
        suite, _ = suite_of(task)
        return None if suite.missing() else episode_limit(task)
    except (ValueError, UserError) as error:
        raise loaded.error(("curriculum", "tasks", name), f"task `{name}`: {error}") from error


def _facts(loaded: LoadedExperiment, total: Totals) -> Table:
    curriculum = loaded.curriculum
    table = Table(show_header=False, box=None, title=Text(f"curriculum {curriculum.name}"))
    table.add_column(style="bold")
    if curriculum.summary:
        table.add_row("summary", Text(curriculum.summary))
    table.add_row("scenario", Text(_scenario(loaded.config.curriculum.generated_by)))
    if (loaded.config.curriculum.generated_by or {}).get("continuous"):
        # The speed of the drift depends on it.
        table.add_row("environments", f"{loaded.config.agent.n_envs} side by side")
    table.add_row("visibility", curriculum.visibility)
    table.add_row("blocks", _count(curriculum.blocks))
    table.add_row("env steps", str(total.env_steps))
    table.add_row("episodes", str(total.episodes))
    return table


def _scenario(generated_by: Mapping[str, Any] | None) -> str:
    if generated_by is None:
        return "none: the blocks are written one by one"
    settings = {k: v for k, v in generated_by.items() if k != "kind"}
    return f"{generated_by.get('kind', 'unnamed')}: {_settings(settings)}"


def _count(blocks: Sequence[Block]) -> str:
    kinds = {kind: sum(b.kind == kind for b in blocks) for kind in ("learn", "sleep", "evaluate")}
    return f"{len(blocks):,}: " + ", ".join(f"{n:,} {kind}" for kind, n in kinds.items() if n)


def _tasks(curriculum: Curriculum, found: Mapping[str, Totals]) -> Table:
    table = Table(title="tasks", show_footer=True)
    table.add_column("task", "total")
    table.add_column("environment", overflow="fold")
    table.add_column("variant, parameters")
    total = sum(found.values(), Totals())
    table.add_column("blocks", f"{total.blocks:,}", justify="right")
    table.add_column("env steps", str(total.env_steps), justify="right")
    table.add_column("episodes", str(total.episodes), justify="right")
    for name, task in curriculum.tasks.items():
        mine = found[name]
        learned = (str(mine.blocks), str(mine.env_steps), str(mine.episodes))
        only_evaluated = ("-", "-", "-")
        table.add_row(
            Text(name),
            Text(task.env),
            Text(_variant(task)),
            *(learned if mine.blocks else only_evaluated),
        )
    return table


def _variant(task: Task) -> str:
    return ", ".join(filter(None, [task.variant, _settings(task.parameters)]))


def _settings(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}: {_value(value)}" for name, value in values.items())


def _value(value: Any) -> str:
    """As it would be written in YAML."""
    if isinstance(value, Mapping):
        return f"{{{_settings(value)}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return f"{value:_}"
    return str(value)


# ---- blocks --------------------------------------------------------------------------------


def _blocks(curriculum: Curriculum) -> Table:
    blocks, everyone = curriculum.blocks, len(curriculum.tasks)
    table = Table(title="blocks")
    table.add_column("block", justify="right", no_wrap=True)
    table.add_column("times", justify="right")
    table.add_column("what")
    table.add_column("tasks")
    if len(blocks) <= FEW_BLOCKS:
        for index, block in enumerate(blocks):
            table.add_row(str(index), "1", _what(block, everyone), Text(", ".join(block.tasks)))
        return table
    for run in runs(blocks):
        first, last = run.block_range
        number = f"{first}-{last}" if last > first else str(first)
        table.add_row(number, str(run.times), _pattern(run, everyone), Text(_order(run.learning)))
    return table


def _pattern(run: Run, everyone: int) -> str:
    """What happens once in a run; lengths of learning as a range where they differ."""
    lines = []
    for place, stretch in enumerate(run.pattern):
        alike = [s.learn for s in run.stretches[place :: len(run.pattern)] if s.learn is not None]
        rest = stretch.blocks
        if alike:
            budgets = sorted({block.budget for block in alike})
            lines.append(f"learn {_range(budgets)} {_UNITS[alike[0].unit]}")
            rest = stretch.blocks[1:]
        lines += [_what(block, everyone) for block in rest]
    return "\n".join(lines)


def _range(budgets: Sequence[int]) -> str:
    if len(budgets) == 1:
        return f"{budgets[0]:,}"
    return f"{budgets[0]:,} to {budgets[-1]:,}"


def _what(block: Block, everyone: int) -> str:
    if block.kind == "learn":
        return f"learn {block.budget:,} {_UNITS[block.unit]}"
    if block.kind == "sleep":
        return f"sleep {block.budget:,} gradient steps"
    return f"evaluate {'all' if len(block.tasks) == everyone else len(block.tasks)} tasks"


def _order(learning: Sequence[Block]) -> str:
    """The tasks of a run in order, if they can be said in few words."""
    order = [block.task for block in learning]
    once = cycle([(block.task, block.budget) for block in learning])
    if len(once) < len(order) and len(once) <= _TASKS_NAMED:
        return f"{', '.join(task for task, _ in once)}, {len(order) // len(once)} times"
    if len(order) <= _TASKS_NAMED:
        return ", ".join(order)
    return f"{len(set(order))} tasks, in the order below"


def _strips(curriculum: Curriculum) -> Iterator[RenderableType]:
    count = sum(1 for _ in curriculum.learning_blocks())
    per_sign = blocks_per_sign(count, SIGNS)
    signs = -(-count // per_sign)
    each = "a learning block" if per_sign == 1 else f"{per_sign} learning blocks"
    yield Text(f"when each task is learned; a sign is {each}", style="italic")
    table = Table(box=None)
    table.add_column("")
    table.add_column(Text(_ruler(signs, per_sign)), no_wrap=True)
    for task in curriculum.learned_tasks():
        table.add_row(Text(task), Text(strip(curriculum, task, SIGNS)))
    yield table


def _ruler(signs: int, per_sign: int) -> str:
    """The number of the learning block over each tenth sign."""
    marks = "".join(f"{sign * per_sign:<10}" for sign in range(0, signs, 10))
    return marks[:signs] if signs >= len(marks.rstrip()) else marks.rstrip()
