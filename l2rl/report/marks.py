"""What lies behind the curves: the blocks of the curriculum, true boundaries, detections."""

from __future__ import annotations

from collections.abc import Sequence

from l2rl.report.life import Life
from l2rl.report.style import (
    BOUNDARY,
    COLOURS,
    DETECTION,
    INK,
    Dict,
    axis_id,
    label,
    line_style,
    tinted,
)

LETTERS_ACROSS = 130
"""So many letters fit over the whole width of a figure."""
TRUE, DETECTED = "true change", "detected change"
SHOWN_MARKS = 1000
"""Lines of one kind; of more, every n-th: they would be one grey wall and make the page heavy."""
STRONG_MARKS = 30
FEWEST_LETTERS = 6
"""A name that must be cut to fewer says nothing and is left out."""


def block_shades(life: Life) -> list[Dict]:
    """One faint rectangle per learning block in its task's colour, one line per sleep block."""
    shapes: list[Dict] = []
    for block in life.blocks:
        place = {"xref": "x", "yref": "paper", "y0": 0, "y1": 1, "x0": block.start, "x1": block.end}
        if block.kind == "learn":
            colour = (
                line_style(life.tasks.index(block.task))["color"] if block.task else COLOURS[-1]
            )
            fill = tinted(colour, 0.09)
            shapes.append({"type": "rect", "layer": "below", "line": {"width": 0}, **place})
            shapes[-1]["fillcolor"] = fill
        elif block.kind == "sleep":
            line = {"color": "#8a8f98", "width": 2, "dash": "dot"}
            shapes.append({"type": "line", "layer": "below", "line": line, **place})
    return shapes


def block_names(life: Life) -> list[Dict]:
    """The name of the task above each block that is wide enough."""
    names = []
    for block in life.blocks:
        room = LETTERS_ACROSS * (block.end - block.start) // max(1, life.env_steps)
        text = block.task or block.kind
        # Sleep takes no env steps, yet its name is short and worth seeing.
        if room >= min(len(text), FEWEST_LETTERS) or block.kind == "sleep":
            place = (block.start + block.end) / 2
            names.append(_name(label(text, max(room, FEWEST_LETTERS)), place))
    return names


def change_lines(life: Life) -> list[Dict]:
    """Vertical lines over the whole height: true boundaries and detections.

    One shape each. Not traces: an axis of theirs over all panels would take the mouse from the
    curves below it.
    """
    true = {"color": BOUNDARY, "width": 1.5}
    detected = {"color": DETECTION, "width": 1.5, "dash": "dash"}
    return [*_lines(TRUE, life.boundaries(), true), *_lines(DETECTED, life.detections(), detected)]


def change_legend(life: Life) -> list[Dict]:
    """Traces without points, so that the legend shows those lines as lines and switches them."""
    common = {"type": "scatter", "mode": "lines", "x": [None], "y": [None], "hoverinfo": "skip"}
    return [
        {**common, "name": line["legendgroup"], "legendgroup": line["legendgroup"]}
        | {"line": line["line"]}
        for line in change_lines(life)
    ]


def panel_shades(life: Life, panel: int) -> list[Dict]:
    """The blocks behind the n-th panel of a grid, from 1."""
    place = {"xref": axis_id("x", panel), "yref": axis_id("y", panel) + " domain"}
    return [shape | place for shape in block_shades(life)]


def _lines(name: str, steps: Sequence[int], line: Dict) -> list[Dict]:
    shown = steps[:: -(-len(steps) // SHOWN_MARKS) or 1]
    path = " ".join(f"M {step},0 L {step},1" for step in shown)
    place = {"type": "path", "path": path, "xref": "x", "yref": "paper"}
    # Many strong lines would hide the curves.
    faint: Dict = {"layer": "below", "opacity": 0.4} if len(shown) > STRONG_MARKS else {}
    return [{**place, **faint, "line": line, "legendgroup": name}] if shown else []


def _name(text: str, x: float) -> Dict:
    return {
        "text": text,
        "x": x,
        "y": 1,
        "xref": "x",
        "yref": "paper",
        "yanchor": "bottom",
        "showarrow": False,
        "font": {"size": 12, "color": INK},
    }
