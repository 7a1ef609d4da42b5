"""What the lifetime cost, against the number of tasks met: does the agent grow as it lives?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from l2rl.report.style import COLOURS, Dict, axis, axis_id, label, layout
from l2rl.report.tables import Cell, Column, Table, count_cell, figure_cell, words

MARKERS = ("circle", "square", "diamond", "triangle-up", "x", "star")
SHOWN_PARTS = 6
"""Parts of the bytes with a curve of their own; the others only count in the total."""


@dataclass(frozen=True)
class Curve:
    """One cost of every block."""

    name: str
    values: Sequence[float | None]


def cost_rows(
    costs: Sequence[Mapping[str, Any]], timing: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """The rows of `block_costs` with the seconds of each block, null where no clock was kept."""
    known = timing["wall_s"] > 0
    seconds = {block["block"]: block for block in timing["blocks"]} if known else {}
    steps_before = 0
    rows = []
    for cost in costs:
        steps = max(cost["gradient_steps"].values(), default=0)
        spent = seconds.get(cost["block"], {})
        rows.append(
            {
                **cost,
                "updates": steps - steps_before,
                "wall_s": spent.get("wall_s"),
                "cpu_s": spent.get("cpu_s"),
            }
        )
        steps_before = steps
    return rows


def cost_figure(rows: Sequence[Mapping[str, Any]]) -> Dict | None:
    """Four panels over the tasks met; None if no block has ended with its costs known."""
    if not rows:
        return None
    panels = [
        ("parameters that the optimisers move", _curves(rows, "parameters")),
        ("bytes of everything the agent keeps", _byte_curves(rows)),
        ("gradient steps of the block", _curves(rows, "updates")),
        ("seconds of the block", [*_curves(rows, "wall_s"), *_curves(rows, "cpu_s")]),
    ]
    data: list[Dict] = []
    settings: Dict = {"annotations": []}
    for index, (title, curves) in enumerate(panels):
        x, y = _cell(index)
        met = {"text": "tasks met", "standoff": 4}
        settings[f"xaxis{index + 1}"] = axis(
            domain=x, anchor=axis_id("y", index + 1), title=met, **_whole_numbers(rows)
        )
        settings[f"yaxis{index + 1}"] = axis(
            domain=y, anchor=axis_id("x", index + 1), nticks=5, rangemode="tozero"
        )
        settings["annotations"].append(_heading(title, x[0], y[1]))
        data += [_trace(rows, curve, n, index, len(curves) > 1) for n, curve in enumerate(curves)]
    margin = {"l": 60, "r": 12, "t": 48, "b": 44}
    return {"data": data, "layout": layout(520, margin=margin, **settings)}


def cost_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """The same in numbers, with every component's bytes."""
    components = sorted({name for row in rows for name in row["component_bytes"]})
    parts = sorted({name for row in rows for name in row["state_bytes"]})
    heads = [
        Column("block"),
        Column("tasks met", True),
        Column("env steps", True, "Of the block."),
        Column("parameters", True),
        Column("gradient steps", True, "Of the block, in the phase of the update that took most."),
        Column("wall seconds", True),
        Column("cpu seconds", True),
        Column("bytes", True, "Of policy, optimisers, learner and components together."),
        *(Column(f"bytes of {name}", True) for name in (*parts, *components)),
    ]
    body = [_cost_row(row, parts, components) for row in rows]
    return Table("costs", "Cost of every finished block", heads, body)


def _cost_row(
    row: Mapping[str, Any], parts: Sequence[str], components: Sequence[str]
) -> list[Cell]:
    sizes = [row["state_bytes"].get(name) for name in parts]
    sizes += [row["component_bytes"].get(name) for name in components]
    return [
        words(f"{row['block']} {row['task'] or row['kind']}"),
        count_cell(row["tasks_met"]),
        count_cell(row["end"] - row["start"]),
        count_cell(row["parameters"]),
        count_cell(row["updates"]),
        figure_cell(row["wall_s"]),
        figure_cell(row["cpu_s"]),
        count_cell(row["total_bytes"]),
        *(count_cell(size) for size in sizes),
    ]


def _curves(rows: Sequence[Mapping[str, Any]], key: str) -> list[Curve]:
    names = {"wall_s": "seconds by the clock", "cpu_s": "seconds of the processor"}
    values = [row[key] for row in rows]
    return [Curve(names.get(key, key), values)] if any(v is not None for v in values) else []


def _byte_curves(rows: Sequence[Mapping[str, Any]]) -> list[Curve]:
    """The total, and the parts that weigh most in the end."""
    last = {**rows[-1]["state_bytes"], **rows[-1]["component_bytes"]}
    heaviest = sorted(last, key=lambda name: (-last[name], name))[:SHOWN_PARTS]
    curves = [Curve("bytes in all", [row["total_bytes"] for row in rows])]
    for name in heaviest:
        values = [{**row["state_bytes"], **row["component_bytes"]}.get(name) for row in rows]
        curves.append(Curve(name, values))
    return curves


def _trace(
    rows: Sequence[Mapping[str, Any]], curve: Curve, number: int, panel: int, legend: bool
) -> Dict:
    """Filled where a task was met, hollow where one was met again or the agent slept."""
    colour, symbol = COLOURS[number % len(COLOURS)], MARKERS[number % len(MARKERS)]
    before = [0, *(row["tasks_met"] for row in rows)]
    new = [row["tasks_met"] > met for row, met in zip(rows, before, strict=False)]
    symbols = [symbol if first else f"{symbol}-open" for first in new]
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": label(curve.name),
        "showlegend": legend,
        "x": [row["tasks_met"] for row in rows],
        "y": list(curve.values),
        "text": [label(f"block {row['block']}: {row['task'] or row['kind']}") for row in rows],
        "hovertemplate": f"{label(curve.name)}<br>%{{text}}<br>%{{y:,.6g}}<extra></extra>",
        "line": {"color": colour, "width": 1.4, "dash": "solid" if number == 0 else "dot"},
        "marker": {"symbol": symbols, "size": 8, "color": colour},
        "xaxis": axis_id("x", panel + 1),
        "yaxis": axis_id("y", panel + 1),
    }


def _whole_numbers(rows: Sequence[Mapping[str, Any]]) -> Dict:
    most = rows[-1]["tasks_met"]
    return {"dtick": max(1, -(-most // 10)), "range": [0.5, most + 0.5]}


def _cell(index: int) -> tuple[list[float], list[float]]:
    row, column = divmod(index, 2)
    return [column * 0.54, 0.46 + column * 0.54], [0.6 - row * 0.6, 0.94 - row * 0.6]


def _heading(text: str, x: float, y: float) -> Dict:
    place = {"x": x, "y": y, "xref": "paper", "yref": "paper", "yshift": 3}
    anchors = {"xanchor": "left", "yanchor": "bottom", "showarrow": False}
    return {"text": f"<b>{text}</b>", "font": {"size": 12}, **place, **anchors}
