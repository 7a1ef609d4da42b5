"""The figures of the pages as PNG, SVG and PDF for papers, without a browser.

The pages carry their figures as plain data in plotly's terms; this draws the same data with
matplotlib. Nothing is drawn here that is not on the page, and what this package's figures do not
use is refused with `ValueError` instead of left out. Letters keep their size whatever the width,
fonts are embedded, and the same figure gives the same bytes.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from itertools import groupby
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from l2rl.report.static_axes import (
    POINTS_PER_PIXEL,
    PlainAxis,
    axis_pairs,
    carries_x,
    dress,
    place_axes,
    plain_axes,
    plain_text,
)
from l2rl.report.static_reflow import reflowed
from l2rl.report.static_traces import colour, draw_trace, legend_handle, line_style
from l2rl.report.style import Dict

FORMATS = ("pdf", "png", "svg")
TWO_COLUMNS_MM = 180.0
ONE_COLUMN_MM = 89.0
NARROWEST_MM, WIDEST_MM = 40.0, 1000.0
DOTS_PER_INCH = 300
"""Of PNG."""
LINE_HEIGHT = 1.25
"""Of the size of its letters."""
MOST_SKETCHES = 4
EDGE = 3.0
"""Points between what is drawn and the edge of the figure."""
_POINTS_PER_INCH = 72.0
_MM_PER_INCH = 25.4
_NO_DATES: dict[str, dict[str, Any]] = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}


@dataclass(frozen=True)
class Margins:
    """Points between the plot area and the edges of the figure."""

    left: float
    right: float
    top: float
    bottom: float

    def hold(self, others: Margins) -> bool:
        """Whether others are no more than half a point away."""
        pairs = zip(astuple(self), astuple(others), strict=True)
        return all(abs(mine - its) < 0.5 for mine, its in pairs)


def drawn(figure: Dict, format_: str, width_mm: float = TWO_COLUMNS_MM) -> bytes:
    """A figure of a page as a file of one of `FORMATS`, `width_mm` wide.

    Raises `ValueError` for a trace or a mark that this module cannot draw.
    """
    with _look():
        fig = _composed(reflowed(figure, width_mm), width_mm / _MM_PER_INCH * _POINTS_PER_INCH)
        file = io.BytesIO()
        fig.savefig(file, format=format_, dpi=DOTS_PER_INCH, metadata=_NO_DATES[format_])
    return file.getvalue()


@contextmanager
def _look() -> Iterator[None]:
    settings: dict[str, Any] = {
        "font.family": "DejaVu Sans",
        "font.size": 13 * POINTS_PER_PIXEL,
        "text.color": "#1f2328",
        "xtick.labelcolor": "#1f2328",
        "ytick.labelcolor": "#1f2328",
        "text.usetex": False,
        "axes.unicode_minus": True,
        "pdf.fonttype": 42,
        "svg.fonttype": "path",
        "svg.hashsalt": "l2rl",
        "path.simplify": True,
    }
    with mpl.rc_context():
        mpl.rcdefaults()
        for name, value in settings.items():
            mpl.rcParams[name] = value  # type: ignore[index]
        yield


def _composed(figure: Dict, width: float) -> Figure:
    """Drawn again until the margins hold what hangs over the plot area, since narrower panels
    leave less room for their headings."""
    margins = Margins(20.0, 8.0, 8.0, 20.0)
    for _ in range(MOST_SKETCHES):
        sketch = _Sketch(figure, width, margins)
        wanted = sketch.wanted_margins()
        if margins.hold(wanted):
            return sketch.fig
        margins = wanted
    return _Sketch(figure, width, margins).fig


class _Sketch:
    """One drawing with given margins; lengths in points."""

    def __init__(self, figure: Dict, width: float, margins: Margins) -> None:
        layout = figure["layout"]
        given = layout.get("margin", {})
        inside = layout["height"] - given.get("t", 58) - given.get("b", 46)
        self.figure, self.margins, self.width = figure, margins, width
        self.inside = max(20.0, inside * POINTS_PER_PIXEL)
        self.height = self.inside + margins.top + margins.bottom
        self.fig = Figure(figsize=(width / _POINTS_PER_INCH, self.height / _POINTS_PER_INCH))
        FigureCanvasAgg(self.fig)
        self.axes: dict[tuple[str, str], Axes] = {}
        self.overlays: set[tuple[str, str]] = set()
        self.bars: list[Axes] = []
        self.plain = plain_axes(figure)
        self._shapes()
        self._traces()
        notes = layout.get("annotations", [])
        self.annotations = [text for note in notes for text in self._annotation(note)]
        self.legend = self._legend()

    @property
    def area(self) -> tuple[float, float, float, float]:
        """Plot area as shares of the figure: left, bottom, width, height."""
        m, wide = self.margins, self.width - self.margins.left - self.margins.right
        return (
            m.left / self.width,
            m.bottom / self.height,
            max(0.05, wide / self.width),
            self.inside / self.height,
        )

    def wanted_margins(self) -> Margins:
        """What hangs over the plot area on each side, the legend on top of it."""
        canvas = self.fig.canvas
        canvas.draw()
        renderer = canvas.get_renderer()  # type: ignore[attr-defined]
        scale = _POINTS_PER_INCH / self.fig.dpi
        left, bottom, width, height = self.area
        boxes = [box for box in self._boxes(renderer) if box is not None and box.width < 1e6]
        x0 = min(box.x0 for box in boxes) * scale
        x1 = max(box.x1 for box in boxes) * scale
        y0 = min(box.y0 for box in boxes) * scale
        y1 = max(box.y1 for box in boxes) * scale
        above = max(0.0, y1 - (bottom + height) * self.height)
        legend = self.legend.get_window_extent(renderer).height * scale if self.legend else 0.0
        return Margins(
            left=max(0.0, left * self.width - x0) + EDGE,
            right=max(0.0, x1 - (left + width) * self.width) + EDGE,
            top=above + legend + EDGE * (2 if legend else 1),
            bottom=max(0.0, bottom * self.height - y0) + EDGE,
        )

    def _boxes(self, renderer: Any) -> Iterator[Bbox | None]:
        for pair, axes in self.axes.items():
            if pair not in self.overlays:
                yield axes.get_tightbbox(renderer)
        for axes in self.bars:
            yield axes.get_tightbbox(renderer)
        for text in self.annotations:
            yield text.get_window_extent(renderer)

    def _panel(self, x: str, y: str) -> Axes:
        if (x, y) not in self.axes:
            axes = place_axes(self.fig, self.area, self.plain[x], self.plain[y])
            dress(axes, self.plain[x], self.plain[y], carries_x(self.figure, x, y))
            axes.set_zorder(1 if self.plain[y].visible else 2)
            self.axes[x, y] = axes
            if not self.plain[y].visible:
                self.overlays.add((x, y))
        return self.axes[x, y]

    def _whole_height(self, x: str, behind: bool) -> Axes:
        """Axes over the whole height, for marks behind or before all panels of an x axis."""
        whole = PlainAxis("y", {"visible": False})
        axes = place_axes(self.fig, self.area, self.plain[x], whole)
        axes.set_axis_off()
        axes.set_zorder(0 if behind else 3)
        return axes

    def _traces(self) -> None:
        for pair in axis_pairs(self.figure):
            self._panel(*pair)
        for trace in self.figure["data"]:
            x, y = str(trace.get("xaxis", "x")), str(trace.get("yaxis", "y"))
            heat = draw_trace(self._panel(x, y), trace, self.plain[x], self.plain[y])
            # Whatever was drawn must not move what the page shows.
            self.axes[x, y].set_xlim(self.plain[x].low, self.plain[x].high)
            self.axes[x, y].set_ylim(self.plain[y].low, self.plain[y].high)
            if heat is not None and trace.get("colorbar"):
                self._colour_bar(heat, trace["colorbar"])

    def _colour_bar(self, heat: ScalarMappable, settings: Dict) -> None:
        left, bottom, width, height = self.area
        thick = float(settings.get("thickness", 12)) * POINTS_PER_PIXEL / self.width
        place = (left + width + 6.0 / self.width, bottom, thick, height)
        self.bars.append(self.fig.add_axes(place))
        bar = self.fig.colorbar(heat, cax=self.bars[-1], ticks=settings.get("tickvals"))
        bar.outline.set_visible(False)
        bar.ax.tick_params(labelsize=12 * POINTS_PER_PIXEL, length=0)
        if settings.get("ticktext"):
            bar.ax.set_yticklabels(settings["ticktext"], parse_math=False)

    def _shapes(self) -> None:
        shapes = self.figure["layout"].get("shapes", [])

        def where(shape: Dict) -> tuple[str, str, bool]:
            below = shape.get("layer") == "below"
            return str(shape.get("xref", "x")), str(shape.get("yref", "y")), below

        for (x, y, below), found in groupby(sorted(shapes, key=where), key=where):
            whole = y == "paper"
            panel = y.removesuffix(" domain")
            axes = self._whole_height(x, below) if whole else self._panel(x, panel)
            across = axes.get_xaxis_transform() if whole or y != panel else axes.transData
            for shape in found:
                self._shape(axes, shape, across)

    def _shape(self, axes: Axes, shape: Dict, transform: Any) -> None:
        common: Dict = {
            "transform": transform,
            "zorder": 0.5 if shape.get("layer") == "below" else 2.5,
            "alpha": shape.get("opacity"),
        }
        if shape["type"] == "rect":
            corners = [float(shape[key]) for key in ("x0", "y0", "x1", "y1")]
            paint = colour(str(shape["fillcolor"]))
            size = corners[2] - corners[0], corners[3] - corners[1]
            box = Rectangle((corners[0], corners[1]), *size, facecolor=paint, linewidth=0)
            box.set(**common)
            axes.add_patch(box)
            return
        for points in _strokes(shape):
            axes.plot(*zip(*points, strict=True), **common, **line_style(shape))

    def _annotation(self, note: Dict) -> Iterator[Text]:
        """One text a line, since each has its own weight and size."""
        x = self._place("x", str(note.get("xref", "paper")), note["x"])
        y = self._place("y", str(note.get("yref", "paper")), note["y"])
        y += float(note.get("yshift", 0)) * POINTS_PER_PIXEL / self.height
        x += float(note.get("xshift", 0)) * POINTS_PER_PIXEL / self.width
        up = {"bottom": "bottom", "top": "top"}.get(str(note.get("yanchor", "middle")), "center")
        along = {"left": "left", "right": "right"}.get(str(note.get("xanchor")), "center")
        font = note.get("font", {})
        lines = re.split(r"<br\s*/?>", note["text"])
        # Upwards from the last line if the text stands on its place, else down from the first.
        for line in reversed(lines) if up == "bottom" else lines:
            own = re.search(r"font-size:\s*([\d.]+)px", line)
            size = float(own[1] if own else font.get("size", 13)) * POINTS_PER_PIXEL
            yield self.fig.text(
                x,
                y,
                plain_text(line),
                ha=along,
                va=up,
                fontsize=size,
                color=colour(str(font.get("color", "#1f2328"))),
                fontweight="bold" if "<b>" in line else "normal",
                parse_math=False,
            )
            y += LINE_HEIGHT * size / self.height * (1 if up == "bottom" else -1)

    def _place(self, letter: str, reference: str, value: Any) -> float:
        """A coordinate as a share of the figure."""
        left, bottom, width, height = self.area
        begin, length = (left, width) if letter == "x" else (bottom, height)
        name, _, domain = reference.partition(" ")
        if name == "paper":
            return begin + float(value) * length
        axis = self.plain[name]
        low, high = axis.domain
        share = float(value) if domain else _share(axis, value)
        return begin + (low + share * (high - low)) * length

    def _legend(self) -> Legend | None:
        shown = _legend_entries(self.figure)
        if not shown:
            return None
        handles = [legend_handle(trace) for trace in shown]
        names = [plain_text(str(trace["name"])) for trace in shown]
        size = 12 * POINTS_PER_PIXEL
        # A letter is about 0.6 of its height wide; the handle and its gaps take five heights.
        widest = (5 + 0.6 * max(map(len, names))) * size
        columns = max(1, min(len(names), math.floor((self.width - 2 * EDGE) / widest)))
        legend = self.fig.legend(
            handles,
            names,
            loc="upper left",
            bbox_to_anchor=(0.0, 1.0 - EDGE / self.height),
            ncols=columns,
            frameon=False,
            fontsize=size,
            handlelength=2.6,
            columnspacing=1.4,
            borderpad=0.2,
            borderaxespad=0.2,
        )
        for text in legend.get_texts():
            text.set_parse_math(False)
        return legend


def _strokes(shape: Dict) -> Iterator[list[tuple[float, float]]]:
    """The points of each straight stroke of a line, or of a path of `M x,y L x,y`."""
    if shape["type"] == "line":
        yield [(float(shape[f"x{end}"]), float(shape[f"y{end}"])) for end in "01"]
    elif shape["type"] == "path" and not re.search(r"[^MLe\d\s.,+-]", shape["path"]):
        for stroke in shape["path"].split("M")[1:]:
            pairs = (point.split(",") for point in stroke.replace("L", " ").split())
            yield [(float(x), float(y)) for x, y in pairs]
    else:
        raise ValueError(f"a static figure cannot draw a shape of type {shape['type']!r}")


def _share(axis: PlainAxis, value: Any) -> float:
    """Where a value lies between the ends of its axis."""
    place = float(axis.numbers([value])[0])
    return (place - axis.low) / (axis.high - axis.low)


def _legend_entries(figure: Dict) -> Sequence[Dict]:
    """Traces of the legend: none where the layout says so, nor of a single unnamed curve."""
    if figure["layout"].get("showlegend") is False:
        return []
    return [
        trace
        for trace in figure["data"]
        if trace.get("showlegend", True) and trace.get("name") and trace["type"] == "scatter"
    ]
