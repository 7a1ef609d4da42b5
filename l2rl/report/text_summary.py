"""The summary of a run for the terminal."""

from __future__ import annotations

from io import StringIO

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from l2rl.metrics.compute import compute_metrics
from l2rl.metrics.run_log import RunLog
from l2rl.report.life import read_life
from l2rl.report.style import count
from l2rl.report.summary import TaskLine, Tile, task_lines, tiles
from l2rl.runs.run_directory import RunDirectory


def summary(run: RunDirectory) -> Group:
    """A rich renderable: the run in one line, a table of tasks, the verdicts with their cadence."""
    run_log = RunLog.open(run)
    life, metrics = read_life(run_log.table), compute_metrics(run_log)
    head = Text(f"{run.name}  seed {run.seed}  ", style="bold")
    head.append(f"{run.state}, {count(life.env_steps)} env steps", style="not bold")
    return Group(head, _tasks(task_lines(life, metrics)), _verdicts(tiles(metrics)))


def text_summary(run: RunDirectory, width: int = 100) -> str:
    """The same as plain text of at most `width` columns."""
    console = Console(file=StringIO(), width=width, force_terminal=False, color_system=None)
    with console.capture() as capture:
        console.print(summary(run))
    return capture.get()


def _tasks(lines: list[TaskLine]) -> Table:
    with_success = any(line.success for line in lines)
    table = Table("task", title_justify="left")
    for name in ("final", "best", "forgetting", *(["success"] if with_success else [])):
        table.add_column(name, justify="right")
    for line in lines:
        figures = [line.final, line.best, line.forgetting]
        figures += [line.success] if with_success else []
        # `Text`, so that brackets in a name are not read as markup.
        table.add_row(Text(line.name), *figures)
    return table


def _verdicts(verdicts: list[Tile]) -> Table:
    table = Table("metric", "", "")
    table.columns[1].justify = "right"
    for tile in verdicts:
        value = f"{tile.value}  {tile.success}".strip()
        why = tile.note if tile.value == "–" else tile.cadence
        table.add_row(tile.heading, value, Text(why))
    return table
