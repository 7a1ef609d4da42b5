"""What the components did: detections, experts, replay ratio; and their traces in small panels."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from l2rl.report.curves import thinned, xy
from l2rl.report.life import Life
from l2rl.report.marks import LETTERS_ACROSS, SHOWN_MARKS, block_names, block_shades, panel_shades
from l2rl.report.style import (
    BOUNDARY,
    COLOURS,
    DETECTION,
    Dict,
    axis,
    axis_id,
    env_step_axis,
    label,
    layout,
    line_apart,
)
from l2rl.runs.log_views import Event, Series

SHOWN_SHADES = 600
"""Rectangles in a grid of panels; with more, the blocks are left out of it."""
DETECTION_SYMBOLS = {"new": "triangle-up", "recurring": "diamond", "unknown": "circle"}

RATIO_STYLES: tuple[Dict, ...] = (
    {"color": COLOURS[3], "width": 1.5, "dash": "dot"},
    {"color": COLOURS[1], "width": 1.5, "dash": "dash"},
    {"color": COLOURS[6], "width": 1.5, "dash": "dashdot"},
)
EVENT_SYMBOLS = ("square", "star", "pentagon", "hexagon", "cross", "x")
SHOWN_EVENT_NAMES = 8
OWN_ROWS = frozenset(
    {
        "task_boundary",
        "change_detected",
        "expert_spawned",
        "expert_switched",
        "replay_ratio_changed",
    }
)
"""Events that the timeline shows in rows of their own."""

QUANTITIES: tuple[tuple[str, str], ...] = (
    (r"fau", "share of active units"),
    (r"dormant", "share of dormant units"),
    (r"effective_rank", "effective rank of the features"),
    (r"s(table_)?rank|rank", "rank of the features"),
    (r"drift", "drift of the weights"),
    (r"weight|norm", "size of the weights"),
)
"""Order and headings of the plasticity panels: the first pattern that a quantity's name holds."""


@dataclass(frozen=True)
class Panel:
    """One small plot: a heading and its curves by name."""

    title: str
    curves: Mapping[str, Series]


def timeline_figure(life: Life) -> Dict | None:
    """Changes, the expert in use and the replay ratio over one axis; None if none was logged."""
    rows = [_change_row(life), _expert_row(life), _ratio_row(life), _other_events_row(life)]
    shown = [(title, traces) for title, traces in rows if traces]
    if not shown:
        return None
    axes: Dict = {"xaxis": env_step_axis(life.env_steps, anchor=axis_id("y", len(shown)))}
    data: list[Dict] = []
    for index, (title, traces) in enumerate(shown):
        bottom, top = 1 - (index + 1) / len(shown), 1 - index / len(shown)
        domain = [bottom + (0.06 if index + 1 < len(shown) else 0), top - 0.01]
        axes[f"yaxis{index + 1}"] = axis(
            domain=domain, title={"text": title}, **_ticks(title, traces)
        )
        data += [{**trace, "yaxis": axis_id("y", index + 1)} for trace in traces]
    marks = {"shapes": block_shades(life), "annotations": block_names(life)}
    return {"data": data, "layout": layout(110 + 130 * len(shown), **axes, **marks)}


def plasticity_panels(life: Life) -> list[Panel]:
    """One panel per quantity of the plasticity components, a curve per network."""
    found: dict[str, dict[str, Series]] = {}
    for name, series in life.scalars.items():
        if name.startswith("plasticity") and "/" in name:
            _, *networks, quantity = name.split("/")
            found.setdefault(quantity, {})["/".join(networks) or "all"] = series
    ordered = sorted(found, key=lambda quantity: (_place(quantity), quantity))
    return [Panel(_heading(quantity), found[quantity]) for quantity in ordered]


def learner_panels(life: Life) -> list[Panel]:
    """One panel per scalar of the learner."""
    return [
        Panel(name.removeprefix("train/"), {name: series})
        for name, series in life.scalars.items()
        if name.startswith("train/")
    ]


def other_panels(life: Life) -> list[Panel]:
    """One panel per scalar that no other section shows."""
    shown = ("train/", "plasticity", "replay_ratio/")
    return [
        Panel(name, {name: series})
        for name, series in life.scalars.items()
        if not name.startswith(shown)
    ]


def panel_figure(life: Life, panels: list[Panel], columns: int) -> Dict | None:
    """A grid of small plots over the lifetime; None if there are none."""
    if not panels:
        return None
    rows = -(-len(panels) // columns)
    names = list(dict.fromkeys(name for panel in panels for name in panel.curves))
    # One curve a panel needs no legend: its heading says it.
    several = any(len(panel.curves) > 1 for panel in panels)
    data: list[Dict] = []
    axes: Dict = {}
    headings: list[Dict] = []
    shades: list[Dict] = []
    for index, panel in enumerate(panels):
        x, y = _cell(index, rows, columns)
        axes[f"xaxis{index + 1}"] = env_step_axis(
            life.env_steps, domain=x, anchor=axis_id("y", index + 1), nticks=5
        )
        axes[f"xaxis{index + 1}"]["title"] = {"text": ""}
        axes[f"yaxis{index + 1}"] = axis(
            domain=y, anchor=axis_id("x", index + 1), nticks=5, **_constant_range(panel)
        )
        headings.append(_heading_at(_fitted(panel.title, columns), x[0], y[1]))
        shades += panel_shades(life, index + 1)
        data += _panel_traces(panel, index, names if several else [], data)
    marks = {"annotations": headings, "shapes": shades if len(shades) <= SHOWN_SHADES else []}
    margin = {"l": 52, "r": 10, "t": 34 if several else 10, "b": 10}
    height = margin["t"] + margin["b"] + 185 * rows
    return {
        "data": data,
        "layout": layout(height, **axes, **marks, margin=margin, showlegend=several),
    }


def _constant_range(panel: Panel) -> Dict:
    """Plotly shows a constant 0.0003 on an axis from -1 to 1; here it stands halfway up from 0."""
    values = {float(v) for series in panel.curves.values() for v in set(series.values.tolist())}
    constant = next(iter(values)) if len(values) == 1 else math.nan
    if not math.isfinite(constant) or constant == 0.0:
        return {}
    return {"range": sorted([0.0, 2.0 * constant])}


def _panel_traces(panel: Panel, index: int, names: list[str], before: list[Dict]) -> list[Dict]:
    known = {trace["name"] for trace in before}
    return [
        {
            "type": "scatter",
            "mode": "lines",
            **xy(thinned(series)),
            "name": label(name),
            "legendgroup": label(name),
            "showlegend": label(name) not in known,
            "line": line_apart(names.index(name) if names else 0) | {"width": 1.6},
            "xaxis": axis_id("x", index + 1),
            "yaxis": axis_id("y", index + 1),
        }
        for name, series in panel.curves.items()
    ]


def _cell(index: int, rows: int, columns: int) -> tuple[list[float], list[float]]:
    """Domains of the n-th cell, from the top left, with room for headings and ticks."""
    row, column = divmod(index, columns)
    width, height = 1 / columns, 1 / rows
    left = column * width + (0.06 if column else 0)
    right = (column + 1) * width - (0.02 if column + 1 < columns else 0)
    top = 1 - row * height - 0.17 * height
    return [left, right], [1 - (row + 1) * height + 0.13 * height, top]


def _fitted(title: str, columns: int) -> str:
    """The end of a name is what tells it from its neighbours."""
    limit = LETTERS_ACROSS // columns
    return title if len(title) <= limit else "…" + title[1 - limit :]


def _heading_at(text: str, x: float, y: float) -> Dict:
    place = {"x": x, "y": y, "xref": "paper", "yref": "paper"}
    anchors = {"xanchor": "left", "yanchor": "bottom", "showarrow": False}
    return {"text": f"<b>{label(text, 60)}</b>", "font": {"size": 12}, **place, **anchors}


def _change_row(life: Life) -> tuple[str, list[Dict]]:
    detected = life.named("change_detected")
    if not detected:
        return "changes", []
    true_steps = life.boundaries()
    true = _dots("true change", true_steps, "true", "line-ns", BOUNDARY, ["true change"])
    traces = [true] if true_steps else []
    for kind, symbol in DETECTION_SYMBOLS.items():
        chosen = [e for e in detected if _kind(e) == kind]
        steps, texts = [e.env_steps for e in chosen], [_told(e) for e in chosen]
        if chosen:
            name = f"detected: {kind}" if kind != "unknown" else "detected"
            traces.append(_dots(name, steps, "detected", symbol, DETECTION, texts))
    return "changes", traces


def _dots(
    name: str, steps: list[int], row: str, symbol: str, colour: str, texts: list[str]
) -> Dict:
    stride = -(-len(steps) // SHOWN_MARKS) or 1
    texts = (texts * len(steps) if len(texts) == 1 else texts)[::stride]
    steps = steps[::stride]
    marker: Dict = {"symbol": symbol, "size": 11, "color": colour}
    # The symbol `line-ns` consists of its outline.
    marker["line"] = {"width": 2.5 if symbol == "line-ns" else 0, "color": colour}
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": steps,
        "y": [row] * len(steps),
        "marker": marker,
        "text": texts,
        "hovertemplate": "%{text}<br>%{x:,} env steps<extra></extra>",
    }


def _kind(event: Event) -> str:
    kind = str(event.detail.get("kind", "unknown"))
    return kind if kind in DETECTION_SYMBOLS else "unknown"


def _told(event: Event) -> str:
    detector = label(str(event.detail.get("detector", "")))
    return f"{detector} {_kind(event)}, confidence {event.value:.3g}".strip()


def _expert_row(life: Life) -> tuple[str, list[Dict]]:
    # A new expert takes over at once, so both events say who is in use from then on.
    switched = _with_value(life, "expert_spawned") + _with_value(life, "expert_switched")
    if not switched:
        return "expert in use", []
    switched.sort(key=lambda event: event.row)
    first = switched[0]
    born = replace(first, env_steps=0, value=float(first.detail.get("previous", 0)))
    trace = _staircase([born, *switched], life.env_steps, "expert in use", COLOURS[2])
    return "expert in use", [trace]


def _ratio_row(life: Life) -> tuple[str, list[Dict]]:
    changed = _with_value(life, "replay_ratio_changed")
    traces = []
    if changed:
        traces.append(_staircase(changed, life.env_steps, "replay ratio set", COLOURS[0]))
    for name, series in life.scalars.items():
        if name.startswith("replay_ratio/"):
            style = RATIO_STYLES[len(traces) % len(RATIO_STYLES)]
            words = label("replay ratio " + name.removeprefix("replay_ratio/").replace("_", " "))
            line = {"type": "scatter", "mode": "lines", "name": words, "line": style}
            traces.append({**line, **xy(thinned(series))})
    return "replay ratio", traces


def _other_events_row(life: Life) -> tuple[str, list[Dict]]:
    """Resets, edits of the network and whatever else was announced, a line of marks a name."""
    names = [n for n in dict.fromkeys(e.name for e in life.events) if n not in OWN_ROWS]
    traces = []
    for index, name in enumerate(names[:SHOWN_EVENT_NAMES]):
        steps = [event.env_steps for event in life.named(name)]
        text, symbol = label(name.replace("_", " ")), EVENT_SYMBOLS[index % len(EVENT_SYMBOLS)]
        colour = COLOURS[index % len(COLOURS)]
        traces.append(_dots(text, steps, text, symbol, colour, [text]))
        traces[-1]["showlegend"] = False
    return "events", traces


def _with_value(life: Life, name: str) -> list[Event]:
    return [event for event in life.named(name) if math.isfinite(event.value)]


def _staircase(changes: list[Event], end: int, name: str, colour: str) -> Dict:
    """Values that hold until the next change, the last one until the end."""
    values = [event.value for event in changes]
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": [event.env_steps for event in changes] + [end],
        "y": [*values, values[-1]],
        "line": {"shape": "hv", "color": colour, "width": 2},
        "cliponaxis": False,
    }


def _ticks(title: str, traces: list[Dict]) -> Dict:
    if title == "changes":
        return {"type": "category", "categoryarray": ["detected", "true"], "range": [-0.6, 1.6]}
    if title == "events":
        return {"type": "category", "range": [-0.6, len(traces) - 0.4]}
    steps = {"dtick": 1 + int(max(traces[0]["y"])) // 5} if title == "expert in use" else {}
    return {"nticks": 5, "rangemode": "tozero", **steps}


def _place(quantity: str) -> int:
    matches = [i for i, (pattern, _) in enumerate(QUANTITIES) if re.search(pattern, quantity)]
    return matches[0] if matches else len(QUANTITIES)


def _heading(quantity: str) -> str:
    place = _place(quantity)
    return f"{QUANTITIES[place][1]} ({quantity})" if place < len(QUANTITIES) else quantity
