"""DefeatRoaches: marines against waves of roaches; +10 a roach, -1 a marine. Compiled.

A cleared wave brings marines at full health; survivors keep theirs. Everybody is put back on
opposite sides, drawn again, and roaches attack-move to the marines. Ends without marines.
"""

from __future__ import annotations

import numpy as np

from .chance import uniform
from .combat import fight
from .compiling import inner
from .field import add_unit, count_alive, keep_inside, nearest_alive, place_unit
from .state import ALL, ATTACK_MOVE, HOSTILE, OWN, Record
from .units import MARINE, ROACH

_SIDE_INSET, _SIDE_RISE = 3.975, 0.055
"""Centre of a starting region from the rectangle's edge and above its middle, map units."""
_FILE, _SPACING = 9, 0.8
"""Marines in one column, and map units between two."""
_HUNT_EVERY = 16
"""Game loops between two renewals of the roaches' attack-move."""


@inner
def start_roaches(game: Record, rule: Record, units: np.ndarray) -> None:
    """The first wave."""
    new_wave(game, rule.marines, rule, units)


@inner
def new_wave(game: Record, marines: int, rule: Record, units: np.ndarray) -> None:
    """Survivors and `marines` new ones on one side, new roaches on the other."""
    survivors = close_ranks(game)
    for _ in range(marines):
        add_unit(game, OWN, MARINE, 0.0, 0.0, units)
    right = uniform(game, 0.0, 2.0) >= 1.0
    if rule.marine_side >= 0:
        right = rule.marine_side == 1
    middle = 0.5 * (rule.y0 + rule.y1) + _SIDE_RISE
    left_x, right_x = rule.x0 + _SIDE_INSET, rule.x1 - _SIDE_INSET
    line_up_marines(game, right_x if right else left_x, middle, 1.0 if right else -1.0, rule)
    line_up_roaches(game, left_x if right else right_x, middle, rule, units)
    if survivors == 0:
        game.selected = ALL


@inner
def close_ranks(game: Record) -> int:
    """Give the survivors the first places, in their order; returns how many they are."""
    kept = 0
    selected = game.selected
    for j in range(game.places[OWN]):
        if game.health[OWN, j] > 0.0:
            game.health[OWN, kept] = game.health[OWN, j]
            game.kind[OWN, kept] = game.kind[OWN, j]
            if selected == j:
                game.selected = kept
            kept += 1
    game.places[OWN] = kept
    game.places[HOSTILE] = 0
    return kept


@inner
def line_up_marines(game: Record, x: float, y: float, back: float, rule: Record) -> None:
    """Columns of nine around (x, y), further columns behind; `back` is +1 to the east."""
    places = game.places[OWN]
    for j in range(places):
        column, row = j // _FILE, j % _FILE
        length = min(_FILE, places - column * _FILE)
        offset = (row - 0.5 * (length - 1)) * _SPACING
        place_unit(game, OWN, j, x + back * column * _SPACING, y + offset)
        keep_inside(game, OWN, j, rule)


@inner
def line_up_roaches(game: Record, x: float, y: float, rule: Record, units: np.ndarray) -> None:
    """One column, a map unit apart: four stand at +-0.5 and +-1.5."""
    spacing = min(1.0, (rule.y1 - rule.y0) / rule.roaches)
    for k in range(rule.roaches):
        add_unit(game, HOSTILE, ROACH, x, y + (k - 0.5 * (rule.roaches - 1)) * spacing, units)
    hunt(game)


@inner
def hunt(game: Record) -> None:
    """Every roach attack-moves to the nearest marine; one that fights already fights on."""
    for k in range(game.places[HOSTILE]):
        j = nearest_alive(game, OWN, game.x[HOSTILE, k], game.y[HOSTILE, k])
        if j >= 0:
            game.order[HOSTILE, k] = ATTACK_MOVE
            game.order_x[HOSTILE, k] = game.x[OWN, j]
            game.order_y[HOSTILE, k] = game.y[OWN, j]


@inner
def loop_roaches(game: Record, rule: Record, units: np.ndarray) -> None:
    """One game loop."""
    if game.loop % _HUNT_EVERY == 0:
        hunt(game)
    fight(game, rule, units)
    game.score += 10.0 * game.deaths[HOSTILE] - game.deaths[OWN]
    if game.deaths[OWN] > 0 and count_alive(game, OWN) == 0:
        game.over = True
    elif game.deaths[HOSTILE] > 0 and count_alive(game, HOSTILE) == 0:
        game.wave += 1
        new_wave(game, rule.reinforcements, rule, units)
