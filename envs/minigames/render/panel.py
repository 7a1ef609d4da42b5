"""The panel beside the arena: score, clock, who is there, what is being done, and the minimap."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image, ImageDraw

from ...batched import palette
from ...batched.canvas import Canvas, font
from ...batched.palette import Colour
from ..state import HOSTILE, OWN
from .minimap import minimap
from .roll import Row, rows
from .scene import Scene, clock, twists

_DESIGN_HEIGHT = 432
"""Pixels at which the sizes below are meant."""
_MARGIN = 10.0


@dataclass(frozen=True)
class Text:
    """A line of text: its upper edge and one end, pixels."""

    x: float
    y: float
    words: str
    size: float
    colour: Colour
    right: bool = False
    """`x` is where it ends."""


class Panel:
    """One panel being filled from the top; the minimap keeps its place at the bottom."""

    def __init__(self, scene: Scene, size: tuple[int, int]) -> None:
        self.scene, self.size = scene, size
        self.unit = size[1] / _DESIGN_HEIGHT
        # Pixels as map units, so that the legend shows the very shapes of the arena.
        self.canvas = Canvas(size, (size[0] / 2, -size[1] / 2), 1.0, palette.PANEL)
        self.texts: list[Text] = []
        self.row = _MARGIN * self.unit
        self.left, self.right = _MARGIN * self.unit, size[0] - _MARGIN * self.unit
        self.map_side = round(min(self.right - self.left, 0.36 * size[1]))

    def drawn(self) -> Image.Image:
        """The finished panel."""
        self._title()
        self._score()
        self._clock()
        self._action()
        for row in rows(self.scene):
            self._roll(row)
        for words in twists(self.scene):
            self._line(words, 12, palette.WARNING)
        image = self.canvas.finished()
        draw = ImageDraw.Draw(image)
        for text in self.texts:
            anchor = "ra" if text.right else "la"
            draw.text((text.x, text.y), text.words, text.colour, font(text.size), anchor)
        place = (round((self.size[0] - self.map_side) / 2), self._map_top())
        image.paste(minimap(self.scene, self.map_side), place)
        return image

    def _map_top(self) -> int:
        return round(self.size[1] - self.map_side - (self.size[0] - self.map_side) / 2)

    def _room(self, height: float) -> bool:
        return self.row + height * self.unit <= self._map_top() - 2

    def _text(
        self, words: str, size: float, colour: Colour, *, right: bool = False, x: float = 0.0
    ) -> None:
        """Text at the present row, made smaller when it is too long."""
        pixels = size * self.unit
        start = self.right if right else self.left + x
        while pixels > 7 and font(pixels).getlength(words) > self.right - self.left - x:
            pixels -= 0.5
        self.texts.append(Text(start, self.row, words, pixels, colour, right))

    def _line(self, words: str, size: float, colour: Colour) -> None:
        """A line of text of its own, where there is room."""
        if self._room(size + 3):
            self._text(words, size, colour)
            self.row += (size + 3) * self.unit

    def _title(self) -> None:
        self._text(self.scene.task, 13, palette.TEXT)
        self.row += 20 * self.unit

    def _score(self) -> None:
        game = self.scene.game
        self._text(f"{float(game['score']):g}", 26, palette.TEXT, right=True)
        self.row += 9 * self.unit
        self._text("score", 12, palette.TEXT_DIM)
        self.row += 24 * self.unit

    def _clock(self) -> None:
        scene = self.scene
        self._text("time left", 12, palette.TEXT_DIM)
        self._text(clock(scene.seconds_left), 12, palette.TEXT, right=True)
        self.row += 16 * self.unit
        limit = max(int(scene.rule["limit"]), 1)
        share = max(1 - int(scene.game["loop"]) / limit, 0.0)
        bottom = self.row + 4 * self.unit
        wide = self.right - self.left
        self.canvas.box(self.left, -self.row, self.right, -bottom, palette.PANEL_LINE)
        self.canvas.box(self.left, -self.row, self.left + wide * share, -bottom, palette.TEXT_DIM)
        self.row += 11 * self.unit

    def _action(self) -> None:
        """The action; a refused one stands out."""
        scene = self.scene
        bottom = self.row + 18 * self.unit
        fill = (
            palette.WARNING
            if scene.refused
            else palette.mixed(palette.PANEL, palette.PANEL_LINE, 0.6)
        )
        self.canvas.box(self.left, -self.row, self.right, -bottom, fill)
        self.row += 2.0 * self.unit
        words = scene.told + (" - not possible" if scene.refused else "")
        colour = palette.UNSEEN if scene.refused else palette.TEXT
        self._text(words or "-", 12, colour, x=5 * self.unit)
        self.row += 21 * self.unit

    def _roll(self, row: Row) -> None:
        """One kind: its shape, its name, how many."""
        if not self._room(17):
            return
        reach = 6.0 * self.unit
        row.draw(self.canvas, self.left + reach, -(self.row + 7.5 * self.unit), reach)
        colours = {OWN: palette.OWN_LIGHT, HOSTILE: palette.HOSTILE_LIGHT}
        self._text(row.name, 12, colours.get(row.side, palette.TEXT), x=18 * self.unit)
        self._text(row.value, 12, palette.TEXT, right=True)
        self.row += 16.5 * self.unit


def panel(scene: Scene, size: tuple[int, int]) -> Image.Image:
    """The panel of a scene, (width, height) pixels."""
    return Panel(scene, size).drawn()
