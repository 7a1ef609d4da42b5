"""A grid of panels set anew in fewer columns, for narrow paper.

On a page three panels stand beside each other. One column of a journal is half as wide, and its
letters are not smaller: so the panels go below each other, each as high as it was, and the figure
grows taller instead.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from l2rl.report.static_axes import axis_pairs, settings_of
from l2rl.report.style import Dict

NARROWEST_PANEL_MM = 55.0
"""Below this width the ticks of a panel run into each other."""
GAP = 0.08
"""Of the width, between two columns."""
_CLOSE = 0.02
"""Domains that differ by less belong to one row or column."""


@dataclass
class _Panel:
    """A panel with its place in the plot area; y grows upwards."""

    x: str
    y: str
    left: float
    right: float
    bottom: float
    top: float
    row: int = 0
    column: int = 0


def reflowed(figure: Dict, width_mm: float) -> Dict:
    """The figure with as many columns as `width_mm` has room for; itself if it has no more."""
    panels = _panels(figure)
    columns = len(_distinct([panel.left for panel in panels]))
    room = max(1, int(width_mm / NARROWEST_PANEL_MM))
    if columns <= room:
        return figure
    rows = len(_distinct([panel.top for panel in panels]))
    new_rows = -(-len(panels) // room)
    changed = deepcopy(figure)
    layout = changed["layout"]
    given = layout.get("margin", {})
    around = given.get("t", 58) + given.get("b", 46)
    # A row keeps its height, so all of them grow with their number.
    growth = new_rows / rows
    layout["height"] = around + (layout["height"] - around) * growth
    moved = {}
    for index, old in enumerate(panels):
        row, column = divmod(index, room)
        moved[old.x, old.y] = (old, _placed(old, row, column, room, new_rows, rows))
        _write(changed, moved[old.x, old.y][1])
    for note in layout.get("annotations", []):
        _carry(note, list(moved.values()), growth)
    return changed


def _panels(figure: Dict) -> list[_Panel]:
    """Visible panels, row by row from the top left."""
    found = []
    for x, y in axis_pairs(figure):
        down = settings_of(figure, y)
        if down.get("visible", True):
            (left, right), (bottom, top) = (
                axis.get("domain", (0.0, 1.0)) for axis in (settings_of(figure, x), down)
            )
            found.append(_Panel(x, y, left, right, bottom, top))
    tops = _distinct([panel.top for panel in found])
    found.sort(key=lambda p: (-min(range(len(tops)), key=lambda i: abs(tops[i] - p.top)), p.left))
    return found


def _distinct(values: list[float]) -> list[float]:
    kept: list[float] = []
    for value in sorted(values):
        if not kept or value - kept[-1] > _CLOSE:
            kept.append(value)
    return kept


def _placed(old: _Panel, row: int, column: int, room: int, new_rows: int, rows: int) -> _Panel:
    """The same panel in its new row and column."""
    shrink = rows / new_rows
    # How far below the top of its row the panel began, and how high it was, in old pixels.
    offset = _offset(old, rows)
    top = 1.0 - row / new_rows - offset * shrink
    bottom = top - (old.top - old.bottom) * shrink
    width = (1.0 - GAP * (room - 1)) / room
    left = column * (width + GAP)
    return _Panel(old.x, old.y, left, left + width, max(0.0, bottom), top, row, column)


def _offset(old: _Panel, rows: int) -> float:
    """From the top of its row to the top of the panel, as a share of the old plot area."""
    pitch = 1.0 / rows
    return min((1.0 - old.top) % pitch, pitch - (old.top - old.bottom))


def _write(figure: Dict, panel: _Panel) -> None:
    across, down = settings_of(figure, panel.x), settings_of(figure, panel.y)
    across["domain"], down["domain"] = [panel.left, panel.right], [panel.bottom, panel.top]
    if "showticklabels" in down:
        down["showticklabels"] = panel.column == 0


def _carry(note: Any, moved: list[tuple[_Panel, _Panel]], growth: float) -> None:
    """A heading goes with its panel; what stands below all panels stays there."""
    if note.get("xref") != "paper" or note.get("yref") != "paper" or note["y"] <= 0.0:
        return

    def distance(pair: tuple[_Panel, _Panel]) -> float:
        return float(abs(note["x"] - pair[0].left) + abs(note["y"] - pair[0].top))

    old, new = min(moved, key=distance)
    note["y"] = new.top + (note["y"] - old.top) / growth
    share = (note["x"] - old.left) / (old.right - old.left)
    note["x"] = new.left + share * (new.right - new.left)
