"""Tables of a page: every one can be sorted by its headers and leaves the page as CSV.

`tables.html` has the macro that writes one, `tables.js` the sorting and the CSV. Both work from
what the cells carry: the exact value beside the text for readers.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from l2rl.report.style import count, number


@dataclass(frozen=True)
class Column:
    """One column."""

    title: str
    numeric: bool = False
    """Right-aligned, and sorted as numbers."""
    tip: str = ""
    """What it means, shown on hovering and read out."""


@dataclass(frozen=True)
class Cell:
    """One cell: what is read, and what is sorted and downloaded."""

    text: str
    value: str | float | None = None
    """The exact value; None: there is none, so the text stands for it, or nothing if numeric."""
    colour: str = ""
    """CSS background."""
    dot: str = ""
    """CSS colour of a dot before the text, or ""."""
    spark: str = ""
    """Points of an SVG polyline in the dot's colour in place of the text, or ""."""
    strong: bool = False
    """Outlined and bold."""
    tip: str = ""
    """Shown on hovering."""

    @property
    def carried(self) -> str:
        """What `data-value` says: the shortest text that gives the number back, "" for none."""
        if isinstance(self.value, float):
            return repr(self.value) if math.isfinite(self.value) else ""
        return "" if self.value is None else str(self.value)


@dataclass(frozen=True)
class Table:
    """A table; the first cell of each row is its heading."""

    name: str
    """Of the element and of the CSV file: letters, digits, `-`."""
    caption: str
    """What it is, for those who do not see the heading above it."""
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    filtered: bool = False
    """With a field to search it."""
    look: str = "wide"
    """CSS class: `wide`, or `matrix` for coloured cells."""


def words(text: str, tip: str = "") -> Cell:
    """A cell of text."""
    return Cell(text, text, tip=tip)


def figure_cell(value: float | None, digits: int = 4, tip: str = "") -> Cell:
    """A number rounded for readers, exact for sorting; a dash for none."""
    return Cell(number(value, digits), None if value is None else float(value), tip=tip)


def count_cell(value: float | None) -> Cell:
    """A whole number with thousands apart, such as env steps; a dash for none."""
    return Cell(count(value), None if value is None else round(value))


def columns(titles: Iterable[str], numeric: Iterable[str] = ()) -> list[Column]:
    """Columns by title; those named in `numeric` hold numbers."""
    numbers = set(numeric)
    return [Column(title, title in numbers) for title in titles]
