"""DefeatRoaches and DefeatZerglingsAndBanelings: marines against waves of enemies. Compiled.

A roach is worth +10, a zergling or baneling +5, a marine -1. A cleared wave brings marines at full
health; survivors keep theirs. Everybody is put back on opposite sides, drawn again, and the enemies
attack-move to the marines. Ends without marines.
"""

from __future__ import annotations

import math

from ..batched.chance import uniform
from .combat import fight
from .compiling import inner
from .field import (
    add_unit,
    clamp,
    count_alive,
    distance,
    keep_inside,
    nearest_alive,
    nearest_unit,
    place_unit,
)
from .state import (
    ALL,
    ATTACK_MOVE,
    HOSTILE,
    OPPOSITE,
    OWN,
    SURROUND,
    Record,
)
from .units import BANELING, MARINE, ROACH, ZERGLING

_SIDE_INSET, _SIDE_RISE = 3.975, 0.055
"""Centre of a starting region from the rectangle's edge and above its middle, map units."""
_FILE, _SPACING = 9, 0.8
"""Marines in one column, and map units between two."""
_GROUP_SPACING = 5.0
"""Map units between two groups on one side, where there is room."""
_CLUTTER = 0.5
"""Zerglings and banelings come at one point: within so many map units of it, each way."""
_LEAST_DISTANCE = 8.0
"""Of a group placed at random from the marines, map units."""
_RING = 0.42
"""Of the rectangle's width and height: where groups stand that surround the marines."""
_HUNT_EVERY = 16
"""Game loops between two renewals of the enemies' attack-move."""


@inner
def start_waves(game: Record, rule: Record, units: Record) -> None:
    """The first wave."""
    new_wave(game, rule.marines, rule, units)


@inner
def new_wave(game: Record, marines: int, rule: Record, units: Record) -> None:
    """Survivors and `marines` new ones on one side, new enemies on the other."""
    survivors = close_ranks(game)
    for _ in range(marines):
        add_unit(game, OWN, MARINE, 0.0, 0.0, units)
    right = uniform(game, 0.0, 2.0) >= 1.0
    if rule.marine_side >= 0:
        right = rule.marine_side == 1
    middle_x = 0.5 * (rule.x0 + rule.x1)
    middle_y = 0.5 * (rule.y0 + rule.y1) + _SIDE_RISE
    left_x, right_x = rule.x0 + _SIDE_INSET, rule.x1 - _SIDE_INSET
    x = middle_x if rule.placement == SURROUND else (right_x if right else left_x)
    line_up_marines(game, x, middle_y, 1.0 if right else -1.0, rule)
    enemy_x = left_x if right else right_x
    turned = uniform(game, 0.0, 2.0 * math.pi) if rule.placement == SURROUND else 0.0
    for group in range(rule.groups):
        at_x, at_y = group_place(game, group, enemy_x, middle_y, turned, rule)
        add_group(game, group, at_x, at_y, rule, units)
    hunt(game)
    if survivors == 0:
        game.selected = ALL


@inner
def close_ranks(game: Record) -> int:
    """Give the survivors the first places, in their order; returns how many they are."""
    kept = 0
    selected = game.selected
    if selected >= 0:
        # The one selected may have fallen: its place is about to be another's.
        game.selected = ALL
    for j in range(game.places[OWN]):
        if game.health[OWN, j] > 0.0:
            game.health[OWN, kept] = game.health[OWN, j]
            game.kind[OWN, kept] = game.kind[OWN, j]
            game.tag[OWN, kept] = game.tag[OWN, j]
            game.chosen[kept] = game.chosen[j]
            game.unit_groups[kept] = game.unit_groups[j]
            if selected == j:
                game.selected = kept
            kept += 1
    for j in range(kept, game.places[OWN]):
        game.chosen[j] = 0
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
def group_place(
    game: Record, group: int, x: float, y: float, turned: float, rule: Record
) -> tuple[float, float]:
    """Where the middle of an enemy group stands; (x, y) is the middle of the enemies' side."""
    if rule.placement == OPPOSITE:
        spacing = min(_GROUP_SPACING, (rule.y1 - rule.y0 - 4.0) / rule.groups)
        return x, y + (group - 0.5 * (rule.groups - 1)) * spacing
    middle_x, middle_y = 0.5 * (rule.x0 + rule.x1), 0.5 * (rule.y0 + rule.y1)
    if rule.placement == SURROUND:
        angle = turned + 2.0 * math.pi * group / rule.groups
        across = _RING * (rule.x1 - rule.x0) * math.cos(angle)
        return middle_x + across, middle_y + _RING * (rule.y1 - rule.y0) * math.sin(angle)
    best_x, best_y, best = x, y, -1.0
    for _ in range(20):
        to_x, to_y = (
            uniform(game, rule.x0 + 2.0, rule.x1 - 2.0),
            uniform(game, rule.y0 + 2.0, rule.y1 - 2.0),
        )
        j = nearest_alive(game, OWN, to_x, to_y)
        gap = distance(to_x, to_y, game.x[OWN, j], game.y[OWN, j])
        if gap > best:
            best_x, best_y, best = to_x, to_y, gap
        if gap >= _LEAST_DISTANCE:
            break
    return best_x, best_y


@inner
def add_group(game: Record, group: int, x: float, y: float, rule: Record, units: Record) -> None:
    """This group's share: roaches in a column, a map unit apart; the others at one point."""
    roaches = share(rule.roaches, group, rule.groups)
    spacing = min(1.0, (rule.y1 - rule.y0) / max(roaches, 1))
    for k in range(roaches):
        at_y = y + (k - 0.5 * (roaches - 1)) * spacing
        add_unit(game, HOSTILE, ROACH, x, clamp(at_y, rule.y0, rule.y1), units)
    for _ in range(share(rule.zerglings, group, rule.groups)):
        add_near(game, ZERGLING, x, y, rule, units)
    for _ in range(share(rule.banelings, group, rule.groups)):
        add_near(game, BANELING, x, y, rule, units)


@inner
def share(count: int, group: int, groups: int) -> int:
    """How many of `count` come with a group, as even as possible."""
    return count // groups + (1 if group < count % groups else 0)


@inner
def add_near(game: Record, kind: int, x: float, y: float, rule: Record, units: Record) -> None:
    """One enemy at a point, give or take."""
    at_x = clamp(x + uniform(game, -_CLUTTER, _CLUTTER), rule.x0, rule.x1)
    at_y = clamp(y + uniform(game, -_CLUTTER, _CLUTTER), rule.y0, rule.y1)
    add_unit(game, HOSTILE, kind, at_x, at_y, units)


@inner
def hunt(game: Record) -> None:
    """Every enemy attack-moves to the nearest marine; one that fights already fights on."""
    for k in range(game.places[HOSTILE]):
        j = nearest_unit(game, OWN, game.x[HOSTILE, k], game.y[HOSTILE, k])
        if j >= 0:
            game.order[HOSTILE, k] = ATTACK_MOVE
            game.order_x[HOSTILE, k] = game.x[OWN, j]
            game.order_y[HOSTILE, k] = game.y[OWN, j]


@inner
def loop_waves(game: Record, rule: Record, units: Record) -> None:
    """One game loop."""
    if game.loop % _HUNT_EVERY == 0:
        hunt(game)
    fight(game, rule, units)
    if game.deaths[OWN] > 0 and count_alive(game, OWN) == 0:
        game.over = True
    elif game.deaths[HOSTILE] > 0 and count_alive(game, HOSTILE) == 0:
        game.wave += 1
        new_wave(game, rule.reinforcements, rule, units)
