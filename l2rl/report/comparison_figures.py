"""Figures of a comparison: values, differences, effects and improvement as forests; profiles.

A forest has one small panel a metric and in it a row a variant: the estimate with its interval,
where there are some the single lifetimes behind it, and a line at the value that would mean
nothing (a difference of 0, a probability of one half).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from l2rl.metrics.comparison import Comparison, MetricInfo, profiles
from l2rl.metrics.statistics import Bootstrap, Estimate
from l2rl.metrics.two_groups import Profile
from l2rl.report.style import (
    BOUNDARY,
    COLOURS,
    DASHES,
    Dict,
    axis,
    axis_id,
    label,
    layout,
    tinted,
)

SYMBOLS = ("circle", "square", "diamond", "triangle-up", "triangle-down", "cross", "x", "star")
COLUMNS = 3
HEADING, TICKS, ROW = 34, 44, 24
"""Pixels: above a panel, below it, and of one of its rows."""
PROFILE_HEIGHT = 210
MANY = 4
"""Variants from which on their bands would hide each other."""
MOST_PROFILES = 12


@dataclass(frozen=True)
class Entry:
    """One row of one panel."""

    estimate: Estimate
    values: Sequence[float] = ()
    """The single lifetimes, drawn faintly."""


@dataclass(frozen=True)
class Panel:
    """One metric."""

    title: str
    hint: str
    """Below the axis: the unit, and which side is better."""
    entries: Mapping[str, Entry]
    """By row."""
    nothing: float | None = None
    """Where a line marks that there is no difference."""
    range: Sequence[float] | None = None


@dataclass
class Grid:
    """Where the n-th panel of a grid lies."""

    panels: int
    height: int
    """Pixels of the inside of a panel."""
    columns: int = COLUMNS
    gap: float = 0.05
    """Of the width, between two panels of a row."""
    rows: int = field(init=False)

    def __post_init__(self) -> None:
        self.columns = min(self.columns, self.panels)
        self.rows = -(-self.panels // self.columns)

    @property
    def pixels(self) -> int:
        """Of all panels with headings and ticks."""
        return self.rows * (self.height + HEADING + TICKS)

    def domains(self, index: int) -> tuple[list[float], list[float]]:
        """x and y domain of a panel, from the top left."""
        row, column = divmod(index, self.columns)
        width, step = 1 / self.columns, (self.height + HEADING + TICKS) / self.pixels
        left = column * width + (self.gap / 2 if column else 0)
        right = (column + 1) * width - (self.gap / 2 if column + 1 < self.columns else 0)
        top = 1 - row * step - HEADING / self.pixels
        return [left, right], [max(0.0, top - self.height / self.pixels), top]


def variant_style(index: int) -> Dict:
    """Colour, dash and symbol of the n-th variant: all three differ from its neighbours'."""
    return {
        "color": COLOURS[index % len(COLOURS)],
        "dash": DASHES[index % len(DASHES)],
        "symbol": SYMBOLS[index % len(SYMBOLS)],
    }


def values_figure(comparison: Comparison) -> Dict | None:
    """Every variant in every metric: the mean with its interval over the single lifetimes."""
    panels = []
    for info in comparison.metrics:
        entries = {}
        for group in comparison.groups:
            summary = comparison.cells[group.name, info.name].summary
            if summary is not None:
                single = np.concatenate(group.strata(info.name)).tolist()
                entries[group.name] = Entry(summary.mean, single)
        panels.append(Panel(info.name, _hint(info), entries))
    return forest(panels, [group.name for group in comparison.groups])


def differences_figure(comparison: Comparison) -> Dict | None:
    """Paired differences to the baseline."""
    rows = [g.name for g in comparison.groups if g.name != comparison.baseline]
    if not comparison.baseline:
        return None
    panels = []
    for info in comparison.metrics:
        found = {n: comparison.against[n, info.name].difference.summary for n in rows}
        entries = {n: Entry(summary.mean) for n, summary in found.items() if summary}
        panels.append(Panel(info.name, _hint(info), entries, 0.0))
    return forest(panels, rows, _places(comparison))


def effects_figure(comparison: Comparison) -> Dict | None:
    """What each component does, over all pairs of variants that differ by it alone."""
    rows = [effect.component for effect in comparison.effects]
    panels = []
    for info in comparison.metrics:
        found = {e.component: e.differences[info.name].summary for e in comparison.effects}
        entries = {n: Entry(summary.mean) for n, summary in found.items() if summary}
        panels.append(Panel(info.name, _hint(info), entries, 0.0))
    return forest(panels, rows)


def improvement_figure(comparison: Comparison) -> Dict | None:
    """The probability that a run of a variant is better than one of the baseline."""
    rows = [g.name for g in comparison.groups if g.name != comparison.baseline]
    if not comparison.baseline:
        return None
    panels = []
    for info in comparison.metrics:
        found = {n: comparison.against[n, info.name].improvement for n in rows}
        entries = {n: Entry(better) for n, better in found.items() if better}
        hint = f"P(better than {label(comparison.baseline, 24)})"
        panels.append(Panel(info.name, hint, entries, 0.5, [-0.03, 1.03]))
    return forest(panels, rows, _places(comparison))


def forest(
    panels: Sequence[Panel], rows: Sequence[str], places: Mapping[str, int] | None = None
) -> Dict | None:
    """Panels with entries side by side; None if there are none.

    `places`: the number of each row's style, by default its place.
    """
    shown = [panel for panel in panels if panel.entries]
    if not shown or not rows:
        return None
    grid = Grid(len(shown), ROW * len(rows) + 14)
    places = places or {name: index for index, name in enumerate(rows)}
    data: list[Dict] = []
    axes: Dict = {}
    shapes: list[Dict] = []
    headings: list[Dict] = []
    for index, panel in enumerate(shown):
        x, y = grid.domains(index)
        axes |= _panel_axes(panel, index, rows, x, y, first=index % grid.columns == 0)
        headings.append(heading_at(panel.title, x[0], y[1]))
        shapes += _nothing_line(panel, index)
        for place, name in enumerate(rows):
            if name in panel.entries:
                style = variant_style(places[name])
                data += _entry_traces(panel.entries[name], name, place, style, index)
    marks = {"annotations": headings, "shapes": shapes, "showlegend": False}
    margin = {"l": 20, "r": 14, "t": 6, "b": 6}
    return {"data": data, "layout": layout(grid.pixels + 12, **axes, **marks, margin=margin)}


def profiles_figure(comparison: Comparison, bootstrap: Bootstrap) -> Dict | None:
    """Share of the lifetimes above each threshold, of the metrics in which some are better."""
    drawn = [
        (info, profiles(comparison, info.name, points=61, bootstrap=bootstrap))
        for info in comparison.metrics
        if info.direction != "neither"
    ]
    shown = [(info, found) for info, found in drawn if found][:MOST_PROFILES]
    if not shown:
        return None
    grid = Grid(len(shown), PROFILE_HEIGHT - HEADING - TICKS, gap=0.06)
    places = _places(comparison)
    data: list[Dict] = []
    axes: Dict = {}
    headings: list[Dict] = []
    named: set[str] = set()
    for index, (info, found) in enumerate(shown):
        x, y = grid.domains(index)
        axes[f"xaxis{index + 1}"] = small_axis(x, axis_id("y", index + 1), _hint(info))
        axes[f"yaxis{index + 1}"] = axis(
            domain=y, anchor=axis_id("x", index + 1), range=[-0.03, 1.03], nticks=3
        )
        headings.append(heading_at(info.name, x[0], y[1]))
        for name, profile in found.items():
            style = variant_style(places[name])
            traces = _profile_traces(name, profile, style, index, len(found) > MANY)
            # In the legend once, though not every metric has values of every variant.
            traces[-1]["showlegend"] = name not in named
            named.add(name)
            data += traces
    size = {"margin": {"l": 46, "r": 14, "t": 40, "b": 6}, "annotations": headings}
    return {"data": data, "layout": layout(grid.pixels + 46, **axes, **size)}


def band(
    x: Sequence[float], low: Sequence[float], high: Sequence[float], colour: str, many: bool = False
) -> Dict:
    """A filled outline: along the top, back along the bottom; fainter where `many` overlap."""
    return {
        "type": "scatter",
        "x": [*x, *reversed(x)],
        "y": [*high, *reversed(low)],
        "mode": "lines",
        "line": {"width": 0},
        "fill": "toself",
        "fillcolor": tinted(colour, 0.07 if many else 0.14),
        "hoverinfo": "skip",
        "showlegend": False,
    }


def small_axis(domain: list[float], anchor: str, title: str, **settings: object) -> Dict:
    """The x axis of one of many panels."""
    text = {"text": title, "font": {"size": 11}, "standoff": 4}
    return axis(domain=domain, anchor=anchor, nticks=5, title=text, **settings)


def heading_at(text: str, x: float, y: float) -> Dict:
    """A bold heading right above the top left corner of a panel."""
    place = {"x": x, "y": y, "xref": "paper", "yref": "paper"}
    anchors = {"xanchor": "left", "yanchor": "bottom", "showarrow": False}
    return {"text": f"<b>{label(text, 60)}</b>", "font": {"size": 12}, **place, **anchors}


def rounded(values: np.ndarray) -> list[float]:
    """Six significant digits, more than a screen shows."""
    return [float(f"{value:.6g}") for value in values.tolist()]


def _places(comparison: Comparison) -> dict[str, int]:
    return {group.name: index for index, group in enumerate(comparison.groups)}


def _hint(info: MetricInfo) -> str:
    better = {"higher": "higher is better →", "lower": "← lower is better", "neither": ""}
    return label(
        ", ".join(filter(None, ["" if info.unit == "1" else info.unit, better[info.direction]])), 60
    )


def _panel_axes(
    panel: Panel, index: int, rows: Sequence[str], x: list[float], y: list[float], first: bool
) -> Dict:
    down = axis(
        domain=y,
        anchor=axis_id("x", index + 1),
        range=[len(rows) - 0.4, -0.6],
        tickvals=list(range(len(rows))),
        ticktext=[label(name, 34) for name in rows],
        showticklabels=first,
        ticks="",
    )
    across = small_axis(x, axis_id("y", index + 1), panel.hint)
    across["range"] = _across(panel)
    return {f"xaxis{index + 1}": across, f"yaxis{index + 1}": down}


def _across(panel: Panel) -> list[float]:
    """From the lowest to the highest of all that is drawn, with a little air on both sides."""
    if panel.range is not None:
        return list(panel.range)
    drawn = [] if panel.nothing is None else [panel.nothing]
    for entry in panel.entries.values():
        ends = [entry.estimate.value, entry.estimate.low, entry.estimate.high, *entry.values]
        drawn += [end for end in ends if end is not None]
    low, high = min(drawn), max(drawn)
    air = 0.06 * (high - low) or 0.5 * abs(low) or 1.0
    return rounded(np.array([low - air, high + air]))


def _nothing_line(panel: Panel, index: int) -> list[Dict]:
    if panel.nothing is None:
        return []
    place: Dict = {"xref": axis_id("x", index + 1), "yref": axis_id("y", index + 1) + " domain"}
    place |= {"x0": panel.nothing, "x1": panel.nothing, "y0": 0, "y1": 1}
    line = {"color": BOUNDARY, "width": 1, "dash": "dot"}
    return [{"type": "line", "layer": "below", "line": line, **place}]


def _entry_traces(entry: Entry, name: str, place: int, style: Dict, index: int) -> list[Dict]:
    """The lifetimes faintly, then the estimate with its interval."""
    axes = {"xaxis": axis_id("x", index + 1), "yaxis": axis_id("y", index + 1)}
    common: Dict = {"type": "scatter", "mode": "markers", "name": label(name), **axes}
    estimate = entry.estimate
    said = f"{label(name)}<br>{_told(estimate)}<extra></extra>"
    main: Dict = {
        **common,
        "x": rounded(np.array([estimate.value])),
        "y": [place],
        "marker": {"size": 9, "symbol": style["symbol"], "color": style["color"]},
        "hovertemplate": said,
    }
    if estimate.low is not None and estimate.high is not None:
        main["error_x"] = {
            "type": "data",
            "symmetric": False,
            "array": rounded(np.array([max(0.0, estimate.high - estimate.value)])),
            "arrayminus": rounded(np.array([max(0.0, estimate.value - estimate.low)])),
            "color": style["color"],
            "thickness": 2,
            "width": 4,
        }
    faint: Dict = {
        **common,
        "x": rounded(np.array(entry.values)),
        "y": [place + 0.26] * len(entry.values),
        "marker": {"size": 4, "color": tinted(style["color"], 0.45)},
        "hovertemplate": f"{label(name)}<br>%{{x:.4g}}<extra></extra>",
    }
    return [faint, main] if len(entry.values) else [main]


def _told(estimate: Estimate) -> str:
    if estimate.low is None:
        return f"{estimate.value:.4g}<br>{label(estimate.reason or '', 80)}"
    return f"{estimate.value:.4g} [{estimate.low:.4g}, {estimate.high:.4g}]"


def _profile_traces(name: str, profile: Profile, style: Dict, index: int, many: bool) -> list[Dict]:
    axes = {"xaxis": axis_id("x", index + 1), "yaxis": axis_id("y", index + 1)}
    x = rounded(profile.thresholds)
    line: Dict = {
        "type": "scatter",
        "mode": "lines",
        "x": x,
        "y": rounded(profile.share),
        "name": label(name, 34),
        "legendgroup": label(name),
        "line": {"color": style["color"], "dash": style["dash"], "width": 2},
        "hovertemplate": f"{label(name)}<br>%{{y:.0%}} above %{{x:.4g}}<extra></extra>",
        **axes,
    }
    if many or profile.low is None or profile.high is None:
        return [line]
    low, high = rounded(profile.low), rounded(profile.high)
    outline = band(x, low, high, style["color"])
    return [{**outline, "legendgroup": label(name), **axes}, line]


FIGURES: Mapping[str, Callable[[Comparison], Dict | None]] = {
    "values": values_figure,
    "differences": differences_figure,
    "effects": effects_figure,
    "improvement": improvement_figure,
}
"""All that need the comparison alone."""
