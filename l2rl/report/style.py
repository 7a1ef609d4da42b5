"""How figures look: colours that colour-blind readers and printers keep apart, one layout."""

from __future__ import annotations

import html
import math
from typing import Any

# Okabe & Ito 2008, without yellow, which is too faint as a line on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#555555")
DASHES = ("solid", "dash", "dot", "dashdot")
BOUNDARY = "#333333"
DETECTION = "#D55E00"
INK = "#1f2328"
GRID = "#e7e9ec"
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"

Dict = dict[str, Any]


def line_style(index: int) -> Dict:
    """Colour and dash of the n-th task or network: both change before one repeats."""
    dash = DASHES[(index // len(COLOURS)) % len(DASHES)]
    return {"color": COLOURS[index % len(COLOURS)], "dash": dash, "width": 2}


def line_apart(index: int) -> Dict:
    """As `line_style`, for curves over each other: neighbours differ in their dashes, too."""
    dash = DASHES[(index % len(COLOURS) + index // len(COLOURS)) % len(DASHES)]
    return line_style(index) | {"dash": dash}


def tinted(colour: str, opacity: float) -> str:
    """`#rrggbb` as an rgba colour."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity:g})"


def label(text: str, limit: int = 40) -> str:
    """Text for plotly, which reads a little HTML: escaped, and cut if very long."""
    short = text if len(text) <= limit else text[: limit - 1] + "…"
    return html.escape(short, quote=False)


def axis_id(letter: str, number: int) -> str:
    """The name of the n-th axis, from 1, as traces and shapes use it: `y`, `y2`, `y3`."""
    return letter if number == 1 else f"{letter}{number}"


def axis(**settings: Any) -> Dict:
    """An axis with the common look; `settings` win."""
    return {
        "gridcolor": GRID,
        "zeroline": False,
        "linecolor": "#9aa1a9",
        "ticks": "outside",
        "ticklen": 4,
        "tickcolor": "#9aa1a9",
        "automargin": True,
        **settings,
    }


def env_step_axis(last_env_steps: int, **settings: Any) -> Dict:
    """The x axis of nearly every figure: the whole lifetime, from 0."""
    return axis(
        title={"text": "env steps of the lifetime", "standoff": 8},
        range=[0, max(1, last_env_steps)],
        **settings,
    )


def layout(height: int, **settings: Any) -> Dict:
    """The common layout; `height` in pixels."""
    return {
        "height": height,
        "font": {"family": FONT, "size": 13, "color": INK},
        "paper_bgcolor": "white",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "margin": {"l": 64, "r": 20, "t": 58, "b": 46},
        "hoverlabel": {"font": {"family": FONT}},
        "legend": {
            "orientation": "h",
            "x": 0,
            "xanchor": "left",
            "y": 1,
            "yanchor": "top",
            "yref": "container",
        },
        **settings,
    }


def number(value: float | None, digits: int = 4) -> str:
    """A figure for readers: four significant digits, thousands apart; a dash for none."""
    if value is None or not math.isfinite(value):
        return "–"
    if abs(value) >= 1000:
        return f"{value:,.0f}".replace(",", "\u202f")
    text = f"{value:.{digits}g}"
    return "0" if text == "-0" else text


def count(value: float | None) -> str:
    """A whole number with thousands apart, such as env steps."""
    return "–" if value is None else f"{round(value):,}".replace(",", "\u202f")
