"""Traces of a static figure: lines, markers, bands, intervals and heat maps."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import to_rgba
from matplotlib.lines import Line2D

from l2rl.report.static_axes import POINTS_PER_PIXEL, PlainAxis
from l2rl.report.style import Dict

Colour = tuple[float, float, float, float]
DASHES: Mapping[str, Any] = {
    "solid": "solid",
    "dash": (0, (4, 2)),
    "dot": (0, (1, 1.5)),
    "dashdot": (0, (4, 1.5, 1, 1.5)),
    "longdash": (0, (7, 2)),
    "longdashdot": (0, (7, 1.5, 1, 1.5)),
}
SYMBOLS: Mapping[str, str] = {
    "circle": "o",
    "square": "s",
    "diamond": "D",
    "triangle-up": "^",
    "triangle-down": "v",
    "triangle-left": "<",
    "triangle-right": ">",
    "cross": "P",
    "x": "X",
    "star": "*",
    "pentagon": "p",
    "hexagon": "h",
    "line-ns": "|",
    "line-ew": "_",
}
FRONT = 3.0
"""Above the grid and what lies behind the curves."""


def colour(text: str) -> Colour:
    """`#rrggbb`, `rgba(r,g,b,a)` or a name. Raises `ValueError` for anything else."""
    numbers = re.fullmatch(r"rgba?\(([^)]*)\)", text.replace(" ", ""))
    if numbers is None:
        red, green, blue, alpha = to_rgba(text)
        return red, green, blue, alpha
    parts = [float(part) for part in numbers[1].split(",")]
    return parts[0] / 255, parts[1] / 255, parts[2] / 255, parts[3] if len(parts) > 3 else 1.0


def draw_trace(axes: Axes, trace: Dict, x: PlainAxis, y: PlainAxis) -> ScalarMappable | None:
    """One trace; a heat map is returned for its colour bar.

    Raises `ValueError` for a kind of trace that this package's figures do not use.
    """
    if trace["type"] == "heatmap":
        return _heat(axes, trace, y)
    if trace["type"] != "scatter":
        raise ValueError(f"a static figure cannot draw a trace of type {trace['type']!r}")
    across, up = x.numbers(trace.get("x", [])), y.numbers(trace.get("y", []))
    clipped = bool(trace.get("cliponaxis", True))
    if trace.get("fill"):
        if trace["fill"] != "toself":
            raise ValueError(f"a static figure cannot fill {trace['fill']!r}")
        axes.fill(across, up, facecolor=colour(trace["fillcolor"]), linewidth=0, zorder=FRONT - 1)
        return None
    _intervals(axes, trace, across, up)
    mode = str(trace.get("mode", "lines"))
    if "lines" in mode:
        axes.plot(across, up, zorder=FRONT, clip_on=clipped, **line_style(trace))
    if "markers" in mode:
        _markers(axes, trace, across, up, clipped)
    return None


def legend_handle(trace: Dict) -> Artist:
    """What stands for a trace in the legend."""
    mode = str(trace.get("mode", "lines"))
    style: Dict = line_style(trace) if "lines" in mode else {"linestyle": "none"}
    style.pop("drawstyle", None)
    if "markers" in mode:
        style |= _marker_style(_one_point(trace, 0))
    return Line2D([], [], **style)


def line_style(trace: Mapping[str, Any]) -> Dict:
    """Of a trace's or a shape's line."""
    line = trace.get("line", {})
    steps = {"hv": "steps-post", "vh": "steps-pre", "hvh": "steps-mid"}
    return {
        "color": colour(str(line.get("color", "#0072B2"))),
        "linewidth": float(line.get("width", 2)) * POINTS_PER_PIXEL,
        "linestyle": DASHES[str(line.get("dash", "solid"))],
        "drawstyle": steps.get(str(line.get("shape")), "default"),
        "dash_capstyle": "butt",
    }


def _markers(axes: Axes, trace: Dict, x: np.ndarray, y: np.ndarray, clipped: bool) -> None:
    marker = trace.get("marker", {})
    if any(isinstance(value, list) for value in marker.values()):
        for index in range(len(x)):
            one = slice(index, index + 1)
            _markers(axes, _one_point(trace, index), x[one], y[one], clipped)
        return
    style = _marker_style(trace)
    axes.plot(x, y, linestyle="none", zorder=FRONT + 1, clip_on=clipped, **style)


def _one_point(trace: Dict, index: int) -> Dict:
    """The trace with the marker of its n-th point, where each has its own."""
    marker = trace.get("marker", {})
    own = {k: v[index] if isinstance(v, list) and v else v for k, v in marker.items()}
    return {**trace, "marker": own}


def _marker_style(trace: Mapping[str, Any]) -> Dict:
    marker = trace.get("marker", {})
    symbol = str(marker.get("symbol", "circle"))
    fallback = trace.get("line", {}).get("color", "#0072B2")
    paint = colour(str(marker.get("color", fallback)))
    name = symbol.removesuffix("-open")
    hollow = symbol.endswith("-open") or name.startswith("line-")
    outline = marker.get("line", {})
    width = float(outline.get("width", 1.5 if hollow else 0))
    return {
        "marker": SYMBOLS[name],
        "markersize": float(marker.get("size", 6)) * POINTS_PER_PIXEL,
        "markerfacecolor": "none" if hollow else paint,
        "markeredgecolor": colour(str(outline["color"])) if outline.get("color") else paint,
        "markeredgewidth": width * POINTS_PER_PIXEL,
    }


def _intervals(axes: Axes, trace: Dict, x: np.ndarray, y: np.ndarray) -> None:
    for letter in "xy":
        error = trace.get(f"error_{letter}")
        if error:
            ends = np.array([error.get("arrayminus", error["array"]), error["array"]], dtype=float)
            reach: dict[str, Any] = {f"{letter}err": ends}
            axes.errorbar(
                x,
                y,
                **reach,
                fmt="none",
                ecolor=colour(str(error["color"])),
                elinewidth=float(error.get("thickness", 2)) * POINTS_PER_PIXEL,
                capsize=float(error.get("width", 4)) * POINTS_PER_PIXEL,
                capthick=float(error.get("thickness", 2)) * POINTS_PER_PIXEL,
                zorder=FRONT,
            )


def _heat(axes: Axes, trace: Dict, y: PlainAxis) -> ScalarMappable:
    values = np.array([[np.nan if v is None else v for v in row] for row in trace["z"]], float)
    columns, rows = np.arange(values.shape[1] + 1) - 0.5, np.arange(values.shape[0] + 1) - 0.5
    first = float(trace["x"][0]) if trace.get("x") else 0.0
    gap = max(float(trace.get("xgap", 0)), 0.0) * POINTS_PER_PIXEL
    mesh = axes.pcolormesh(
        columns + first,
        rows,
        values,
        cmap=str(trace["colorscale"]).lower(),
        vmin=trace.get("zmin"),
        vmax=trace.get("zmax"),
        edgecolors="white" if gap else "none",
        linewidth=gap,
        # Neighbours without a line between them would show the paper through the seam.
        antialiased=bool(gap),
        zorder=FRONT - 2,
    )
    for row in range(1, values.shape[0]):
        axes.axhline(row - 0.5, color="white", linewidth=1.2, zorder=FRONT - 1)
    return mesh
