"""Who and what is in a scene, row by row: the panel's legend and the one-line caption."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from ...batched import palette
from ...batched.canvas import Canvas
from ..state import GEYSER_ITEM, HOSTILE, MINERAL_ITEM, OWN
from .bodies import HOSTILE_PAINT, NAMES, OWN_PAINT, draw_body
from .items import ITEMS
from .scene import Scene, clock

NEUTRAL = -1


@dataclass(frozen=True)
class Row:
    """One kind of thing."""

    name: str
    value: str
    side: int
    draw: Callable[[Canvas, float, float, float], None]
    """(canvas, x, y, size) draws its shape."""


def rows(scene: Scene) -> Iterator[Row]:
    """The economy if there is one, units of both sides, items."""
    if scene.game["structures"]:
        yield from _economy(scene)
    for side in (OWN, HOSTILE):
        yield from _units(scene, side)
    yield from _items(scene)


def _units(scene: Scene, side: int) -> Iterator[Row]:
    """One row a kind: how many, and their health; of enemies those in sight too."""
    kinds = scene.game["kind"][side]
    paint = OWN_PAINT if side == OWN else HOSTILE_PAINT
    places = list(scene.alive(side))
    for kind in dict.fromkeys(int(kinds[j]) for j in places):
        mine = [j for j in places if kinds[j] == kind]
        value = f"{len(mine)}  {_health(scene, side, mine):.0%}"
        if side == HOSTILE and scene.hides:
            seen = sum(not scene.hidden(side, j) for j in mine)
            value = f"{seen} of {len(mine)} seen"
        yield Row(NAMES[kind], value, side, partial(_shape, kind, paint))


def _shape(kind: int, paint: object, canvas: Canvas, x: float, y: float, size: float) -> None:
    draw_body(canvas, kind, x, y, 0.85 * size, 0.0, paint)  # type: ignore[arg-type]


def _health(scene: Scene, side: int, places: list[int]) -> float:
    full = sum(scene.full_health(side, j) for j in places)
    return float(scene.game["health"][side][places].sum()) / max(full, 1e-9)


def _items(scene: Scene) -> Iterator[Row]:
    """One row a kind; of resources what is left in them."""
    game = scene.game
    places = list(scene.items())
    for kind in sorted({int(game["item_kind"][k]) for k in places}):
        draw, _, name = ITEMS[kind]
        mine = [k for k in places if game["item_kind"][k] == kind]
        value = str(len(mine))
        if kind in (MINERAL_ITEM, GEYSER_ITEM):
            value += f"  {int(game['item_left'][mine].sum()):,}"
        yield Row(name, value, NEUTRAL, partial(_item, draw))


def _item(draw: Callable[..., None], canvas: Canvas, x: float, y: float, size: float) -> None:
    draw(canvas, x, y, 0.85 * size, False)


def _economy(scene: Scene) -> Iterator[Row]:
    """What is owned and what may still be trained."""
    game = scene.game
    taken, given = supply(scene)
    yield Row("minerals", f"{int(game['minerals']):,}", NEUTRAL, _mineral)
    if any(game["item_kind"][k] == GEYSER_ITEM for k in scene.items()):
        yield Row("gas", f"{int(game['vespene']):,}", NEUTRAL, _drop)
    yield Row("supply", f"{taken} / {given}", NEUTRAL, _bars)
    if game["marines_built"]:
        yield Row("marines built", str(int(game["marines_built"])), NEUTRAL, _tick)


def supply(scene: Scene) -> tuple[int, int]:
    """(supply taken by units, supply given by finished structures)."""
    game, price = scene.game, scene.units["supply"]
    taken = sum(int(price[game["kind"][OWN, j]]) for j in scene.alive(OWN))
    finished = [j for j in range(game["structures"]) if game["structure_left"][j] <= 0]
    given = sum(max(-int(price[game["structure_kind"][j]]), 0) for j in finished)
    return taken, given


def _mineral(canvas: Canvas, x: float, y: float, size: float) -> None:
    diamond = [(x, y + size), (x + 0.66 * size, y), (x, y - size), (x - 0.66 * size, y)]
    canvas.polygon(diamond, palette.MINERAL, palette.MINERAL_EDGE, 1.0)


def _drop(canvas: Canvas, x: float, y: float, size: float) -> None:
    canvas.disc(x, y, 0.75 * size, palette.GAS, palette.GAS_EDGE, 1.0)


def _bars(canvas: Canvas, x: float, y: float, size: float) -> None:
    for place, high in ((-0.6, 0.5), (0.0, 0.9), (0.6, 1.3)):
        left = x + (place - 0.2) * size
        canvas.box(
            left, y - 0.7 * size, left + 0.4 * size, y + (high - 0.7) * size, palette.TEXT_DIM
        )


def _tick(canvas: Canvas, x: float, y: float, size: float) -> None:
    tick = [
        (x - 0.6 * size, y),
        (x - 0.15 * size, y - 0.5 * size),
        (x + 0.7 * size, y + 0.6 * size),
    ]
    canvas.line(tick, palette.OWN_LIGHT, 2.0)


def caption(scene: Scene) -> str:
    """The scene in one line: score, clock, counts, the action."""
    parts = [f"score {float(scene.game['score']):g}", f"{clock(scene.seconds_left)} left"]
    parts += [f"{row.name} {row.value.replace('  ', ' ')}" for row in rows(scene)]
    if scene.told:
        parts.append(scene.told + (" (not possible)" if scene.refused else ""))
    return " · ".join(parts)
