"""Axes of a static figure: plotly's axes as plain data, with their ranges, ticks and places.

Only what the figures of this package use is known here; see `static_figure`.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, MultipleLocator

from l2rl.report.style import Dict

POINTS_PER_PIXEL = 0.55
"""A page's figure is about 1060 pixels wide, 180 mm of paper are 510 points: letters of 13 pixels
become 7 points, whatever the width."""
AIR = 0.05
"""Share of the range that is left free at both ends of an axis that has none of its own."""


@dataclass
class PlainAxis:
    """One axis of the layout, with the range that its traces need."""

    letter: str
    settings: Dict
    categories: list[str] = field(default_factory=list)
    low: float = 0.0
    high: float = 1.0

    @property
    def visible(self) -> bool:
        """An overlay for marks has none of its own."""
        return bool(self.settings.get("visible", True))

    @property
    def domain(self) -> tuple[float, float]:
        """Share of the plot area."""
        low, high = self.settings.get("domain", (0.0, 1.0))
        return float(low), float(high)

    def numbers(self, values: Sequence[Any]) -> np.ndarray:
        """(n,) places of values; categories are counted from 0, None is NaN."""
        if self.categories:
            return np.array([self.categories.index(str(value)) for value in values], dtype=float)
        return np.array([np.nan if v is None else float(v) for v in values], dtype=float)


def plain_axes(figure: Dict) -> dict[str, PlainAxis]:
    """Every axis that a trace or a shape uses, by its name in traces: `x`, `y`, `x2`, `y99`."""
    axes: dict[str, PlainAxis] = {}
    for letter in "xy":
        for name in _names(figure, letter):
            axes[name] = PlainAxis(letter, settings_of(figure, name))
    for name, axis in axes.items():
        key = f"{axis.letter}axis"
        _fit(axis, [trace for trace in figure["data"] if trace.get(key, axis.letter) == name])
    return axes


def axis_pairs(figure: Dict) -> list[tuple[str, str]]:
    """(x, y) of every panel, in order of appearance."""
    pairs = [(t.get("xaxis", "x"), t.get("yaxis", "y")) for t in figure["data"]]
    return list(dict.fromkeys(pairs))


def place_axes(
    fig: Figure, area: tuple[float, float, float, float], x: PlainAxis, y: PlainAxis
) -> Axes:
    """Empty axes at their domains of the plot area (left, bottom, width, height of the figure)."""
    left, bottom, width, height = area
    (x0, x1), (y0, y1) = x.domain, y.domain
    rectangle = (left + x0 * width, bottom + y0 * height, (x1 - x0) * width, (y1 - y0) * height)
    axes = fig.add_axes(rectangle)
    axes.set_facecolor("none")
    axes.set_xlim(x.low, x.high)
    axes.set_ylim(y.low, y.high)
    return axes


def dress(axes: Axes, x: PlainAxis, y: PlainAxis, with_x: bool) -> None:
    """Ticks, grid, titles and frame. `with_x`: this panel carries the labels of its x axis."""
    size = 12 * POINTS_PER_PIXEL
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    if not y.visible:
        axes.set_axis_off()
        return
    for axis, plain in ((axes.xaxis, x), (axes.yaxis, y)):
        shown = with_x if plain is x else plain.settings.get("showticklabels", True)
        axis.set_tick_params(
            color=plain.settings.get("linecolor", "#9aa1a9"),
            labelsize=size,
            length=4 * POINTS_PER_PIXEL if plain.settings.get("ticks", "outside") else 0,
            width=0.5,
            pad=2,
        )
        _ticks(axis, plain, shown)
        if plain.settings.get("showgrid", True):
            axis.grid(True, color=plain.settings.get("gridcolor", "#e7e9ec"), linewidth=0.5)
        title = plain.settings.get("title", {})
        if shown and title.get("text"):
            font, (text, colour) = title.get("font", {}), title_text(title["text"])
            axis.set_label_text(
                text,
                fontsize=font.get("size", 13) * POINTS_PER_PIXEL,
                color=colour or font.get("color", "#1f2328"),
                parse_math=False,
            )
    for spine in axes.spines.values():
        spine.set_color("#9aa1a9")
        spine.set_linewidth(0.5)
    axes.set_axisbelow(True)


def carries_x(figure: Dict, x: str, y: str) -> bool:
    """Whether a panel is the one under which the labels of its x axis stand."""
    return bool(settings_of(figure, x).get("anchor", "y") == y)


def settings_of(figure: Dict, name: str) -> Dict:
    """Of the axis that traces call `x` or `x2`; the layout may call the first one `xaxis1`."""
    layout, key = figure["layout"], f"{name[0]}axis{name[1:]}"
    found: Dict = layout.get(key) or (layout.get(f"{key}1") if name[1:] == "" else None) or {}
    return found


def plain_text(text: str) -> str:
    """Text without the little HTML that plotly reads."""
    return html.unescape(re.sub(r"<[^>]*>", "", re.sub(r"<br\s*/?>", "\n", text)))


def title_text(text: str) -> tuple[str, str]:
    """(text, colour or "") of a title that may begin with a coloured square: on paper the letters
    themselves have the colour."""
    found = re.search(r"color:\s*(#[0-9A-Fa-f]{6})", text)
    return plain_text(text).removeprefix("■").strip(), found[1] if found else ""


def tick_text(value: float, _: object = None) -> str:
    """Such as `20k`, as plotly writes it."""
    for size, letter in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size * 0.9999999:
            return f"{value / size:.4g}{letter}".replace("-", "−")
    return f"{0.0 if abs(value) < 1e-12 else value:.4g}".replace("-", "−")


def _names(figure: Dict, letter: str) -> Iterator[str]:
    found = [str(trace.get(f"{letter}axis", letter)) for trace in figure["data"]]
    for mark in (*figure["layout"].get("shapes", []), *figure["layout"].get("annotations", [])):
        reference = str(mark.get(f"{letter}ref", letter)).split(" ")[0]
        if reference != "paper":
            found.append(reference)
    yield from dict.fromkeys(found)


def _fit(axis: PlainAxis, traces: Sequence[Mapping[str, Any]]) -> None:
    """Categories and range from the settings, and what they leave open from the data."""
    values = [v for t in traces for v in (t.get(axis.letter) or []) if v is not None]
    words = axis.settings.get("type") == "category" or any(isinstance(v, str) for v in values)
    if words:
        known = [str(v) for v in axis.settings.get("categoryarray", [])]
        axis.categories = list(dict.fromkeys([*known, *map(str, values)]))
        axis.low, axis.high = -0.5, len(axis.categories) - 0.5
    elif values:
        axis.low, axis.high = _around(traces, axis, np.array(values, dtype=float))
    if axis.settings.get("range") is not None:
        axis.low, axis.high = (float(end) for end in axis.settings["range"])
    elif axis.settings.get("autorange") == "reversed":
        axis.low, axis.high = axis.high, axis.low


def _around(
    traces: Sequence[Mapping[str, Any]], axis: PlainAxis, values: np.ndarray
) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    if any(trace["type"] == "heatmap" for trace in traces):
        return low - 0.5, high + 0.5
    if axis.settings.get("rangemode") == "tozero":
        low, high = min(low, 0.0), max(high, 0.0)
    air = AIR * (high - low) or 0.5 * abs(low) or 1.0
    marked = any("markers" in str(trace.get("mode", "")) for trace in traces)
    if axis.letter == "x" and not marked:
        air = 0.0 if high > low else air
    below = 0.0 if axis.settings.get("rangemode") == "tozero" and low == 0.0 else air
    return low - below, high + air


def _ticks(axis: Any, plain: PlainAxis, shown: bool) -> None:
    settings = plain.settings
    if plain.categories:
        axis.set_major_locator(FixedLocator(list(range(len(plain.categories)))))
        texts = [plain_text(text) for text in plain.categories]
    elif settings.get("tickvals") is not None:
        axis.set_major_locator(FixedLocator(list(settings["tickvals"])))
        given = settings.get("ticktext") or settings["tickvals"]
        texts = [plain_text(str(text)) for text in given]
    else:
        step = settings.get("dtick")
        most = int(settings.get("nticks", 6))
        axis.set_major_locator(MultipleLocator(step) if step else MaxNLocator(most, min_n_ticks=2))
        axis.set_major_formatter(FuncFormatter(tick_text if shown else lambda *_: ""))
        return
    axis.set_ticklabels(texts if shown else [""] * len(texts), parse_math=False)
