"""The evaluation matrix as a picture, and as a table of what was left after each block."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from l2rl.report.life import Life
from l2rl.report.style import COLOURS, Dict, axis, count, label, layout, number, tinted
from l2rl.runs.log_views import BlockSpan

HEAT_COLUMNS = 400
"""At most so many evaluations in the heat map; beyond, every n-th."""


@dataclass(frozen=True)
class Cell:
    """One value of the end-of-block table."""

    text: str
    value: float
    colour: str
    """CSS background; stronger where the task is nearer to its own best."""
    learned_here: bool


@dataclass(frozen=True)
class BlockRow:
    """The performance on every task at the end of one block."""

    name: str
    env_steps: str
    at: int
    """The same as a number."""
    cells: tuple[Cell, ...]


def heat_figure(life: Life) -> Dict | None:
    """Tasks by evaluations, each task on its own scale; None when nothing was evaluated."""
    matrix = life.matrix
    if not matrix.tasks or len(matrix.env_steps) == 0:
        return None
    chosen = np.arange(0, len(matrix.env_steps), -(-len(matrix.env_steps) // HEAT_COLUMNS))
    shares, values = own_scale(matrix.performance)[chosen], matrix.performance[chosen]
    steps = matrix.env_steps[chosen]
    trace = {
        "type": "heatmap",
        "z": _rows(shares),
        "customdata": _rows(values),
        "x": list(range(len(chosen))),
        "y": [label(task, 24) for task in matrix.tasks],
        "text": [[count(step) for step in steps]] * len(matrix.tasks),
        "hovertemplate": "%{y}<br>%{text} env steps<br>%{customdata:.4g}<extra></extra>",
        "colorscale": "Cividis",
        "zmin": 0,
        "zmax": 1,
        "xgap": 1 if len(chosen) <= 100 else 0,
        "ygap": 2,
        "colorbar": {"tickvals": [0, 1], "ticktext": ["worst", "best"], "thickness": 12},
    }
    ticks = np.unique(np.linspace(0, len(chosen) - 1, min(9, len(chosen))).astype(int))
    across = axis(
        title={"text": "env steps of the lifetime at each evaluation"},
        tickvals=ticks.tolist(),
        ticktext=[count(steps[i]) for i in ticks],
        showgrid=False,
    )
    down = axis(autorange="reversed", showgrid=False, type="category")
    lines = _phase_lines(life, matrix.first_row[chosen])
    height = 80 + 44 * len(matrix.tasks)
    margin = {"l": 64, "r": 20, "t": 26, "b": 46}
    return {
        "data": [trace],
        "layout": layout(height, xaxis=across, yaxis=down, shapes=lines, margin=margin),
    }


def block_rows(life: Life) -> list[BlockRow]:
    """Before learning, and after every learning or sleep block in which something was measured."""
    matrix = life.matrix
    if not matrix.tasks:
        return []
    shares = own_scale(matrix.performance)
    blocks = [block for block in life.blocks if block.kind in ("learn", "sleep")]
    starts = [block.start_row for block in blocks]
    first = matrix.first_row < (starts[0] if starts else np.iinfo(np.int64).max)
    rows: list[tuple[str, BlockSpan | None, np.ndarray]] = [
        ("before learning", None, np.flatnonzero(first))
    ]
    for block, end in zip(blocks, [*starts[1:], np.iinfo(np.int64).max], strict=False):
        inside = (matrix.first_row >= block.start_row) & (matrix.first_row < end)
        rows.append((_block_name(block), block, np.flatnonzero(inside)))
    return [
        _block_row(life, shares, name, block, int(found[-1]))
        for name, block, found in rows
        if found.size
    ]


def own_scale(performance: np.ndarray) -> np.ndarray:
    """Every column from 0 (its worst) to 1 (its best); one half if it never changed."""
    finite = np.where(np.isfinite(performance), performance, np.nan)
    lowest = np.min(finite, axis=0, where=np.isfinite(finite), initial=np.inf)
    highest = np.max(finite, axis=0, where=np.isfinite(finite), initial=-np.inf)
    span = np.where(highest > lowest, highest - lowest, 1.0)
    shares: np.ndarray = np.where(highest > lowest, (finite - lowest) / span, finite * 0 + 0.5)
    return shares


def _block_row(
    life: Life, shares: np.ndarray, name: str, block: BlockSpan | None, evaluation: int
) -> BlockRow:
    cells = tuple(
        Cell(
            text=number(life.matrix.performance[evaluation, column]),
            value=float(life.matrix.performance[evaluation, column]),
            colour=tinted(COLOURS[0], float(np.nan_to_num(shares[evaluation, column])) * 0.45),
            learned_here=block is not None and block.task == task,
        )
        for column, task in enumerate(life.matrix.tasks)
    )
    at = int(life.matrix.env_steps[evaluation])
    return BlockRow(name, count(at), at, cells)


def _block_name(block: BlockSpan) -> str:
    if block.kind == "sleep":
        return "after sleep"
    return f"after learning {block.task}" if block.finished else f"learning {block.task}, so far"


def _rows(values: np.ndarray) -> list[list[float | None]]:
    """`(evaluations, tasks)` as one list per task, with null where there is no number."""
    return [[float(f"{v:.6g}") if np.isfinite(v) else None for v in column] for column in values.T]


def _phase_lines(life: Life, first_rows: np.ndarray) -> list[Dict]:
    """A white line before the first evaluation of every learning block but the first."""
    places = {int(np.searchsorted(first_rows, b.start_row)) for b in life.learning_blocks[1:]}
    # Of many blocks the lines must not hide what lies between them.
    line = {"color": "white", "width": 4 if len(places) <= 12 else 2 if len(places) <= 40 else 1}
    return [
        {
            "type": "line",
            "x0": place - 0.5,
            "x1": place - 0.5,
            "y0": 0,
            "y1": 1,
            "yref": "paper",
            "line": line,
        }
        for place in sorted(places)
        if 0 < place < len(first_rows)
    ]
