"""The entry points of a task whose actions are function calls.

They are those of `kernel.py`, cut into pieces, so that what is the same for all games, doing the
calls and writing the observations, is compiled only once, and not at all for macro actions.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from .availability import write_available
from .calls import call
from .compiling import entry
from .kernel import Kernel, close_episode, close_step, course
from .order_queue import next_orders, rally_new
from .see_economy import draw_structures, write_economy
from .see_features import write_features
from .see_planes import write_planes
from .see_vector import write_vector
from .selection import clear_interface
from .sight import look_around
from .state import OWN


@entry()
def perform(
    games: Any, actions: np.ndarray, rules: np.ndarray, unit_columns: np.ndarray, masks: np.ndarray
) -> None:
    """Every game's call, (N, 17)."""
    rule, units = rules[0], unit_columns[0]
    for i in range(games.shape[0]):
        call(games[i], actions[i], masks[i], rule, units)


@entry()
def permit(
    games: Any, chosen: np.ndarray, rules: np.ndarray, unit_columns: np.ndarray, masks: np.ndarray
) -> None:
    """Which functions are available in the chosen games, into the first places of their masks."""
    rule, units = rules[0], unit_columns[0]
    for i in range(games.shape[0]):
        if chosen[i]:
            write_available(games[i], rule, units, masks[i])


@entry()
def see_features(
    games: Any, chosen: np.ndarray, rules: np.ndarray, unit_columns: np.ndarray, seen: Any
) -> None:
    """The features of the chosen games."""
    rule, units = rules[0], unit_columns[0]
    for i in range(games.shape[0]):
        if chosen[i]:
            write_features(games[i], rule, units, seen, i)


@entry()
def see_vector(
    games: Any, chosen: np.ndarray, rules: np.ndarray, unit_columns: np.ndarray, seen: Any
) -> None:
    """The vectors of the chosen games."""
    rule, units = rules[0], unit_columns[0]
    for i in range(games.shape[0]):
        game = games[i]
        if chosen[i]:
            write_vector(game, rule, units, seen[i])
            if game.structures > 0:
                write_economy(game, units, seen[i])


@entry()
def see_planes(
    games: Any, chosen: np.ndarray, rules: np.ndarray, unit_columns: np.ndarray, seen: Any
) -> None:
    """The planes of the chosen games."""
    rule, units = rules[0], unit_columns[0]
    for i in range(games.shape[0]):
        game = games[i]
        if chosen[i]:
            write_planes(game, rule, units, seen[i])
            if game.structures > 0:
                draw_structures(game, rule, units, seen[i])


_SEE = {"features": see_features, "vector": see_vector, "planes": see_planes}


@cache
def course_entries(code: int) -> tuple[Callable[..., None], Callable[..., int]]:
    """One game's part: starting episodes, and playing one env step."""
    start, loop = course(code)

    @entry(code)
    def begin(games: Any, chosen: np.ndarray, rules: np.ndarray, unit_columns: np.ndarray) -> None:
        """A new episode in every chosen game, with nothing selected."""
        rule, units = rules[0], unit_columns[0]
        for i in range(games.shape[0]):
            game = games[i]
            if chosen[i]:
                start(game, rule, units)
                clear_interface(game)

    @entry(code)
    def play(
        games: Any,
        rules: np.ndarray,
        unit_columns: np.ndarray,
        rewards: np.ndarray,
        dones: np.ndarray,
        truncated: np.ndarray,
    ) -> int:
        """One env step of every game after its call; returns how many ended."""
        rule, units = rules[0], unit_columns[0]
        ended = 0
        for i in range(games.shape[0]):
            game = games[i]
            before = game.score
            for _ in range(rule.step_mul):
                game.loop += 1
                next_orders(game, rule)
                places = game.places[OWN]
                loop(game, rule, units)
                rally_new(game, places, rule)
                if game.over or game.loop >= rule.limit:
                    break
            look_around(game, rule, units)
            rewards[i] = close_step(game, before, rule)
            done = game.over or game.loop >= rule.limit
            dones[i] = done
            truncated[i] = done and not game.over
            if done:
                ended += 1
                close_episode(game)
        return ended

    return begin, play


@cache
def build_functions(code: int, observation: str) -> Kernel:
    """The entry points of one game with one kind of observation."""
    begin, play = course_entries(code)
    see = _SEE[observation]

    def advance(
        games: Any,
        actions: np.ndarray,
        rules: np.ndarray,
        unit_columns: np.ndarray,
        restart: bool,
        seen: Any,
        last_seen: Any,
        masks: np.ndarray,
        last_masks: np.ndarray,
        rewards: np.ndarray,
        dones: np.ndarray,
        truncated: np.ndarray,
    ) -> int:
        """One env step of every game; returns how many ended."""
        perform(games, actions, rules, unit_columns, masks)
        ended = play(games, rules, unit_columns, rewards, dones, truncated)
        if ended and restart:
            see(games, dones, rules, unit_columns, last_seen)
            permit(games, dones, rules, unit_columns, last_masks)
            begin(games, dones, rules, unit_columns)
        everyone = np.ones_like(dones)
        see(games, everyone, rules, unit_columns, seen)
        permit(games, everyone, rules, unit_columns, masks)
        return int(ended)

    def observe(
        games: Any,
        chosen: np.ndarray,
        rules: np.ndarray,
        unit_columns: np.ndarray,
        seen: Any,
        masks: np.ndarray,
    ) -> None:
        """Start a new episode in every chosen game; observations and masks of all."""
        begin(games, chosen, rules, unit_columns)
        everyone = np.ones_like(chosen)
        see(games, everyone, rules, unit_columns, seen)
        permit(games, everyone, rules, unit_columns, masks)

    return Kernel(advance, observe, (perform, play, begin, see, permit))
