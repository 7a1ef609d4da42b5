"""Orders that wait behind the one a unit follows, and patrols: for function calls only. Compiled.

An idle unit follows a queued order at once. A worker that gathers never comes to an end; it takes
its next order when what it carries or digs for has been brought home.
"""

from __future__ import annotations

from .compiling import inner
from .construction import construction_of, send_to_build
from .economy import leave_work, send_to_item
from .orders import set_order
from .selection import is_worker
from .state import (
    ATTACK,
    ATTACK_MOVE,
    BUILD,
    GATHER,
    HOSTILE,
    IDLE,
    MOVE,
    OWN,
    RETURN,
    WAITING,
    Record,
)

NO_ONE = -1
"""An order without a target."""


@inner
def issue(
    game: Record, j: int, order: int, x: float, y: float, target: int, queued: bool, rule: Record
) -> None:
    """Give a unit an order now, or put it behind those that it has.

    A worker at its structure takes no other order until that stands. Where five wait already a
    further one is lost.
    """
    waiting = game.waiting[j]
    if queued and (game.order[OWN, j] != IDLE or waiting > 0):
        if waiting < WAITING:
            game.waiting_order[j, waiting] = order
            game.waiting_target[j, waiting] = target
            game.waiting_x[j, waiting] = x
            game.waiting_y[j, waiting] = y
            game.waiting[j] = waiting + 1
    elif construction_of(game, j) < 0:
        game.waiting[j] = 0
        game.patrols[j] = 0
        follow(game, j, order, x, y, target, rule)


@inner
def follow(game: Record, j: int, order: int, x: float, y: float, target: int, rule: Record) -> None:
    """Put an order into force."""
    if order == GATHER:
        send_to_item(game, j, target)
    elif order == RETURN:
        bring_home(game, j)
    elif order == BUILD:
        send_to_build(game, j, target, x, y)
    else:
        if is_worker(game, j):
            leave_work(game, j)
        set_order(game, j, order, x, y, rule)
        if target >= 0:
            game.target[OWN, j] = target


@inner
def bring_home(game: Record, j: int) -> None:
    """A worker carries its load to the command centre, and works on where it did."""
    order, item = game.order[OWN, j], game.target[OWN, j]
    leave_work(game, j)
    game.order[OWN, j] = RETURN
    game.order_x[OWN, j] = game.structure_x[0]
    game.order_y[OWN, j] = game.structure_y[0]
    game.target[OWN, j] = item if order in (GATHER, RETURN) else NO_ONE


@inner
def attack_move(game: Record) -> int:
    """The order that walks and fights; where there is nobody to fight it is a walk."""
    return ATTACK_MOVE if game.places[HOSTILE] > 0 else MOVE


@inner
def next_orders(game: Record, rule: Record) -> None:
    """At the start of a game loop: who is done takes the next order, those on patrol go back."""
    for j in range(game.places[OWN]):
        if game.waiting[j] > 0:
            if game.health[OWN, j] > 0.0 and is_done(game, j):
                take_next(game, j, rule)
        elif game.patrols[j] != 0 and game.order[OWN, j] == IDLE:
            x, y = game.patrol_x[j], game.patrol_y[j]
            game.patrol_x[j] = game.order_x[OWN, j]
            game.patrol_y[j] = game.order_y[OWN, j]
            follow(game, j, attack_move(game), x, y, NO_ONE, rule)


@inner
def is_done(game: Record, j: int) -> bool:
    """Whether a unit is at the end of an order."""
    order = game.order[OWN, j]
    if order == GATHER:
        digs: bool = game.item_worker[game.target[OWN, j]] == j
        return not digs
    done: bool = order == IDLE
    return done


@inner
def take_next(game: Record, j: int, rule: Record) -> None:
    """Follow the order that has waited longest; one to attack the dead is dropped."""
    order, target = game.waiting_order[j, 0], game.waiting_target[j, 0]
    x, y = game.waiting_x[j, 0], game.waiting_y[j, 0]
    game.waiting[j] -= 1
    game.patrols[j] = 0
    for place in range(game.waiting[j]):
        game.waiting_order[j, place] = game.waiting_order[j, place + 1]
        game.waiting_target[j, place] = game.waiting_target[j, place + 1]
        game.waiting_x[j, place] = game.waiting_x[j, place + 1]
        game.waiting_y[j, place] = game.waiting_y[j, place + 1]
    if order != ATTACK or game.health[HOSTILE, target] > 0.0:
        follow(game, j, order, x, y, target, rule)


@inner
def rally_new(game: Record, first: int, rule: Record) -> None:
    """Workers that have come since place `first` was free go where the command centre sends
    them."""
    if game.rallies == 0:
        return
    for j in range(first, game.places[OWN]):
        if game.rally_item >= 0:
            send_to_item(game, j, game.rally_item)
        else:
            follow(game, j, MOVE, game.rally_x, game.rally_y, NO_ONE, rule)
