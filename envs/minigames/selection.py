"""What is selected, for function calls: units, structures, control groups. Compiled.

With function calls `selected` is always GROUP: `chosen` marks units, `structure_chosen` structures,
and `inspected` holds an enemy or item that was clicked on, which takes no orders. As in the game, a
click on an enemy replaces the selection, a click on nothing leaves it, a rectangle takes structures
only when it holds no unit, and those who join are not selected.

A *code* names anything on the map: units first, then structures, enemies and items.
"""

from __future__ import annotations

import numpy as np

from .compiling import inner
from .field import distance
from .screen import covers, lit, screen_to_world
from .see_planes import BEACON_RADIUS, SHARD_RADIUS
from .sight import on_screen
from .state import (
    BEACON_ITEM,
    CAPACITY,
    GROUP,
    HOSTILE,
    IDLE,
    MINERAL_ITEM,
    OWN,
    SHARD_ITEM,
    STRUCTURES,
    Record,
)
from .units import FIELD_RADIUS, SCV

NOTHING = -1
GEYSER_RADIUS = 1.6875
"""The refinery's, map units."""
FIRST_STRUCTURE = CAPACITY
FIRST_ENEMY = FIRST_STRUCTURE + STRUCTURES
FIRST_ITEM = FIRST_ENEMY + CAPACITY
SELECT, TOGGLE, ALL_OF_TYPE, ADD_ALL_OF_TYPE = range(4)
"""What `select_point` does."""
SINGLE, DESELECT, ONLY_TYPE, DESELECT_TYPE = range(4)
"""What `select_unit` does."""
RECALL, SET, APPEND, SET_AND_STEAL, APPEND_AND_STEAL = range(5)
"""What `select_control_group` does."""


@inner
def clear_interface(game: Record) -> None:
    """At the start of an episode nothing is selected and no control group is set."""
    deselect(game)
    for j in range(CAPACITY):
        game.unit_groups[j] = 0
        game.waiting[j] = 0
        game.patrols[j] = 0
    for s in range(STRUCTURES):
        game.structure_groups[s] = 0
    game.rallies = 0


@inner
def deselect(game: Record) -> None:
    """Select nothing."""
    game.selected = GROUP
    game.inspected = NOTHING
    for j in range(CAPACITY):
        game.chosen[j] = 0
    for s in range(STRUCTURES):
        game.structure_chosen[s] = 0


@inner
def unit_chosen(game: Record, j: int) -> bool:
    """Whether a place holds a living selected unit."""
    chosen: bool = (game.health[OWN, j] > 0.0) & (game.chosen[j] != 0)
    return chosen


@inner
def count_chosen(game: Record) -> int:
    """Own units and structures selected."""
    count = 0
    for j in range(game.places[OWN]):
        count += unit_chosen(game, j)
    for s in range(game.structures):
        count += game.structure_chosen[s] != 0
    return count


@inner
def is_worker(game: Record, j: int) -> bool:
    """Whether an own unit is a worker, which no army has."""
    worker: bool = game.kind[OWN, j] == SCV
    return worker


@inner
def is_idle_worker(game: Record, j: int) -> bool:
    """Whether a place holds a living worker without an order."""
    idle: bool = (game.health[OWN, j] > 0.0) & (game.order[OWN, j] == IDLE)
    return idle and is_worker(game, j)


@inner
def item_radius(kind: int) -> float:
    """How large an item is drawn, map units; 0 when it is used up."""
    if kind == 0:
        return 0.0
    if kind == BEACON_ITEM:
        return BEACON_RADIUS
    if kind == MINERAL_ITEM:
        return FIELD_RADIUS
    return SHARD_RADIUS if kind == SHARD_ITEM else GEYSER_RADIUS


@inner
def pick(game: Record, column: int, row: int, rule: Record, units: Record) -> int:
    """Code of what is drawn on a pixel of the screen, the nearest to it; NOTHING without."""
    x, y = screen_to_world(game, column, row, rule)
    best, least = NOTHING, np.inf
    for code in range(FIRST_ITEM + game.items):
        at_x, at_y, radius = place_of(game, code, units)
        if radius > 0.0 and covers(game, at_x, at_y, radius, column, row, rule):
            gap = distance(x, y, at_x, at_y)
            if gap < least and (code < FIRST_ENEMY or lit(game, at_x, at_y, rule, units)):
                best, least = code, gap
    return best


@inner
def place_of(game: Record, code: int, units: Record) -> tuple[float, float, float]:
    """Where something is, and its radius: 0 when its place is empty."""
    if code >= FIRST_ITEM:
        k = code - FIRST_ITEM
        if k >= game.items:
            return 0.0, 0.0, 0.0
        return game.item_x[k], game.item_y[k], item_radius(game.item_kind[k])
    if FIRST_STRUCTURE <= code < FIRST_ENEMY:
        s = code - FIRST_STRUCTURE
        if s >= game.structures:
            return 0.0, 0.0, 0.0
        radius = units.radius[game.structure_kind[s]]
        return game.structure_x[s], game.structure_y[s], radius
    side = OWN if code < FIRST_STRUCTURE else HOSTILE
    j = code if side == OWN else code - FIRST_ENEMY
    if j >= game.places[side] or game.health[side, j] <= 0.0:
        return 0.0, 0.0, 0.0
    return game.x[side, j], game.y[side, j], units.radius[game.kind[side, j]]


@inner
def select_point(
    game: Record, act: int, column: int, row: int, rule: Record, units: Record
) -> None:
    """A click on the screen."""
    code = pick(game, column, row, rule, units)
    if code == NOTHING:
        return
    if code >= FIRST_ENEMY:
        if act != TOGGLE:
            deselect(game)
            game.inspected = code
        return
    if act in (SELECT, ALL_OF_TYPE):
        deselect(game)
    game.inspected = NOTHING
    if act == TOGGLE:
        mark(game, code, not is_marked(game, code))
    elif act == SELECT:
        mark(game, code, True)
    else:
        mark_type(game, code, True, True)


@inner
def mark(game: Record, code: int, chosen: bool) -> None:
    """Select an own unit or structure, or take it out of the selection."""
    if code < FIRST_STRUCTURE:
        game.chosen[code] = chosen
    else:
        game.structure_chosen[code - FIRST_STRUCTURE] = chosen


@inner
def is_marked(game: Record, code: int) -> bool:
    """Whether an own unit or structure is selected."""
    if code < FIRST_STRUCTURE:
        return unit_chosen(game, code)
    marked: bool = game.structure_chosen[code - FIRST_STRUCTURE] != 0
    return marked


@inner
def mark_type(game: Record, code: int, chosen: bool, only_screen: bool) -> None:
    """`mark` all of one's kind: those on the screen, or those selected."""
    if code < FIRST_STRUCTURE:
        for j in range(game.places[OWN]):
            if game.health[OWN, j] > 0.0 and game.kind[OWN, j] == game.kind[OWN, code]:
                shown = on_screen(game, game.x[OWN, j], game.y[OWN, j])
                if shown if only_screen else unit_chosen(game, j):
                    game.chosen[j] = chosen
        return
    kind = game.structure_kind[code - FIRST_STRUCTURE]
    for s in range(game.structures):
        if game.structure_kind[s] == kind:
            shown = on_screen(game, game.structure_x[s], game.structure_y[s])
            if shown if only_screen else game.structure_chosen[s] != 0:
                game.structure_chosen[s] = chosen


@inner
def select_rect(
    game: Record, add: bool, corner: np.ndarray, other: np.ndarray, rule: Record, units: Record
) -> None:
    """A rectangle drawn on the screen; its corners are pixels (column, row) and belong to it."""
    x0, y1 = screen_to_world(game, min(corner[0], other[0]), min(corner[1], other[1]), rule)
    x1, y0 = screen_to_world(game, max(corner[0], other[0]), max(corner[1], other[1]), rule)
    first, last = 0, FIRST_STRUCTURE
    if not any_touched(game, first, last, x0, y0, x1, y1, units):
        first, last = FIRST_STRUCTURE, FIRST_ENEMY
        if not any_touched(game, first, last, x0, y0, x1, y1, units):
            return
    if not add:
        deselect(game)
    game.inspected = NOTHING
    for code in range(first, last):
        if touched(game, code, x0, y0, x1, y1, units):
            mark(game, code, True)


@inner
def any_touched(
    game: Record,
    first: int,
    last: int,
    x0: float,
    y0: float,
    x1: float,
    y1: float,
    units: Record,
) -> bool:
    """Whether something with a code from `first` to `last` is in a rectangle of the map."""
    found = False
    for code in range(first, last):
        found = found or touched(game, code, x0, y0, x1, y1, units)
    return found


@inner
def touched(
    game: Record, code: int, x0: float, y0: float, x1: float, y1: float, units: Record
) -> bool:
    """Whether a disc reaches into a rectangle of the map."""
    x, y, radius = place_of(game, code, units)
    dx, dy = max(x0 - x, x - x1, 0.0), max(y0 - y, y - y1, 0.0)
    reaches: bool = (radius > 0.0) & (dx * dx + dy * dy <= radius * radius)
    return reaches


@inner
def select_army(game: Record, add: bool) -> None:
    """All units that are not workers."""
    if not add:
        deselect(game)
    game.inspected = NOTHING
    for j in range(game.places[OWN]):
        if game.health[OWN, j] > 0.0 and not is_worker(game, j):
            game.chosen[j] = 1


@inner
def select_idle_workers(game: Record, act: int) -> None:
    """The idle worker after the one selected, or all of them; acts 1 and 3 add."""
    first = 0
    for j in range(game.places[OWN]):
        if unit_chosen(game, j) and is_idle_worker(game, j):
            first = j + 1
    if act == 0 or act == 2:
        deselect(game)
    game.inspected = NOTHING
    places = game.places[OWN]
    for step in range(places):
        j = (first + step) % places
        if is_idle_worker(game, j):
            game.chosen[j] = 1
            if act < 2:
                return


@inner
def chosen_at(game: Record, index: int) -> int:
    """Code of the selected unit or structure at a place of the selection's list, or NOTHING."""
    for code in range(FIRST_STRUCTURE + game.structures):
        if (code < game.places[OWN] or code >= FIRST_STRUCTURE) and is_marked(game, code):
            if index == 0:
                return code
            index -= 1
    return NOTHING


@inner
def select_unit(game: Record, act: int, index: int) -> bool:
    """One place of the selection's list; False when the list is shorter."""
    code = chosen_at(game, index)
    if code == NOTHING:
        return False
    if act == SINGLE:
        deselect(game)
        mark(game, code, True)
    elif act == DESELECT:
        mark(game, code, False)
    elif act == DESELECT_TYPE:
        mark_type(game, code, False, False)
    else:
        keep_type(game, code)
    return True


@inner
def keep_type(game: Record, code: int) -> None:
    """Deselect all that is not of one's kind."""
    unit = code < FIRST_STRUCTURE
    for j in range(game.places[OWN]):
        if not unit or game.kind[OWN, j] != game.kind[OWN, code]:
            game.chosen[j] = 0
    for s in range(game.structures):
        if unit or game.structure_kind[s] != game.structure_kind[code - FIRST_STRUCTURE]:
            game.structure_chosen[s] = 0


@inner
def control_group(game: Record, act: int, group: int) -> None:
    """Recall a control group, or put the selection into it."""
    bit = 1 << group
    if act == RECALL:
        recall(game, bit)
        return
    if count_chosen(game) == 0:
        return
    replace = act in (SET, SET_AND_STEAL)
    steal = act in (SET_AND_STEAL, APPEND_AND_STEAL)
    for j in range(game.places[OWN]):
        game.unit_groups[j] = grouped(
            game.unit_groups[j], bit, unit_chosen(game, j), replace, steal
        )
    for s in range(game.structures):
        chosen = game.structure_chosen[s] != 0
        game.structure_groups[s] = grouped(game.structure_groups[s], bit, chosen, replace, steal)


@inner
def grouped(groups: int, bit: int, chosen: bool, replace: bool, steal: bool) -> int:
    """A unit's control groups after the selection went into one."""
    if not chosen:
        return groups & ~bit if replace else groups
    return bit if steal else groups | bit


@inner
def recall(game: Record, bit: int) -> None:
    """Select a control group; an empty one changes nothing."""
    found = False
    for j in range(game.places[OWN]):
        found |= game.health[OWN, j] > 0.0 and game.unit_groups[j] & bit != 0
    for s in range(game.structures):
        found |= game.structure_groups[s] & bit != 0
    if not found:
        return
    deselect(game)
    for j in range(game.places[OWN]):
        game.chosen[j] = game.unit_groups[j] & bit != 0
    for s in range(game.structures):
        game.structure_chosen[s] = game.structure_groups[s] & bit != 0
