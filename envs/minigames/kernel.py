"""The compiled entry point of each game and kind of observation.

This is the one place that lists the games: a new one is a file with `start_...` and `loop_...`,
a code and an entry in `catalogue.py`, and its branches here. `build` closes over the game's code
and the kind of observation; numba drops the branches not taken, so a task compiles only what it
plays.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from .catalogue import (
    BUILD_MARINES,
    COLLECT_MINERAL_SHARDS,
    COLLECT_MINERALS_AND_GAS,
    FIND_AND_DEFEAT_ZERGLINGS,
    MOVE_TO_BEACON,
)
from .compiling import entry, inner
from .drift import follow_drift
from .field import clear_field
from .game_beacon import loop_beacon, start_beacon
from .game_economy import loop_build, loop_collect, start_economy
from .game_shards import loop_shards, start_shards
from .game_waves import loop_waves, start_waves
from .game_zerglings import loop_zerglings, start_zerglings
from .mask_economy import write_economy_mask
from .orders import command, write_mask
from .orders_economy import command_economy
from .see_economy import draw_structures, write_economy
from .see_planes import write_planes
from .see_vector import write_vector
from .sight import look_around
from .state import ALL, OWN, Record


class Kernel(NamedTuple):
    """What Python calls of a task, and the compiled functions that this runs."""

    advance: Callable[..., int]
    observe: Callable[..., None]
    compiled: tuple[Any, ...]


class Face(NamedTuple):
    """How a game is commanded and seen, for compiled code: `obey(game, action, mask, rule, units)`,
    `allow(game, rule, units, mask)`, `see(game, rule, units, seen)`."""

    obey: Callable[..., None]
    allow: Callable[..., None]
    see: Callable[..., None]


@inner
def first_invalid(actions: np.ndarray, n_actions: int) -> int:
    """Index of the first action outside [0, n_actions), -1 without one."""
    for i in range(actions.shape[0]):
        if actions[i] < 0 or actions[i] >= n_actions:
            return i
    return -1


@inner
def close_step(game: Record, before: float, rule: Record) -> float:
    """Book one env step; returns its reward."""
    reward: float = (game.score - before) * game.reward_scale
    game.episode_return += reward
    game.episode_length += 1
    game.lived += 1
    if rule.drift_env_steps > 0.0:
        follow_drift(game, rule)
    if game.selected >= 0 and game.health[OWN, game.selected] <= 0.0:
        game.selected = ALL
    return reward


@inner
def close_episode(game: Record) -> None:
    """Keep the episode's figures where the reset does not reach them."""
    game.last_return = game.episode_return
    game.last_length = game.episode_length
    game.last_invalid_actions = game.invalid_actions


@cache
def course(code: int) -> tuple[Callable[..., None], Callable[..., None]]:
    """How one game starts an episode, and one game loop of it."""

    @inner
    def start(game: Record, rule: Record, units: Record) -> None:
        """A new episode."""
        clear_field(game, rule)
        follow_drift(game, rule)
        if code == MOVE_TO_BEACON:
            start_beacon(game, rule, units)
        elif code == COLLECT_MINERAL_SHARDS:
            start_shards(game, rule, units)
        elif code == FIND_AND_DEFEAT_ZERGLINGS:
            start_zerglings(game, rule, units)
        elif code == COLLECT_MINERALS_AND_GAS:
            start_economy(game, rule, units, False)
        elif code == BUILD_MARINES:
            start_economy(game, rule, units, True)
        else:
            start_waves(game, rule, units)
        look_around(game, rule, units)

    @inner
    def loop(game: Record, rule: Record, units: Record) -> None:
        """One game loop."""
        if code == MOVE_TO_BEACON:
            loop_beacon(game, rule, units)
        elif code == COLLECT_MINERAL_SHARDS:
            loop_shards(game, rule, units)
        elif code == FIND_AND_DEFEAT_ZERGLINGS:
            loop_zerglings(game, rule, units)
        elif code == COLLECT_MINERALS_AND_GAS:
            loop_collect(game, rule, units)
        elif code == BUILD_MARINES:
            loop_build(game, rule, units)
        else:
            loop_waves(game, rule, units)

    return start, loop


@cache
def face(code: int, planes: bool) -> Face:
    """How one game is commanded with macro actions, and seen with one kind of observation."""

    @inner
    def obey(game: Record, action: int, mask: np.ndarray, rule: Record, units: Record) -> None:
        """The orders of one action."""
        if code >= COLLECT_MINERALS_AND_GAS:
            command_economy(game, action, mask, rule, units)
        else:
            command(game, action, mask, rule)

    @inner
    def allow(game: Record, rule: Record, units: Record, mask: np.ndarray) -> None:
        """Which actions are valid."""
        if code == COLLECT_MINERALS_AND_GAS:
            write_economy_mask(game, rule, units, mask, False)
        elif code == BUILD_MARINES:
            write_economy_mask(game, rule, units, mask, True)
        else:
            write_mask(game, rule, mask)

    @inner
    def see(game: Record, rule: Record, units: Record, seen: np.ndarray) -> None:
        """The observation."""
        if planes:
            write_planes(game, rule, units, seen)
            if code >= COLLECT_MINERALS_AND_GAS:
                draw_structures(game, rule, units, seen)
        else:
            write_vector(game, rule, units, seen)
            if code >= COLLECT_MINERALS_AND_GAS:
                write_economy(game, units, seen)

    return Face(obey, allow, see)


@cache
def build(code: int, planes: bool) -> Kernel:
    """The entry point of one game with one kind of observation."""
    start, loop = course(code)
    obey, allow, see = face(code, planes)

    @entry(code, planes)
    def play(
        games: Any,
        step: bool,
        restart: bool,
        actions: np.ndarray,
        dones: np.ndarray,
        rules: np.ndarray,
        unit_columns: np.ndarray,
        seen: np.ndarray,
        last_seen: np.ndarray,
        masks: np.ndarray,
        last_masks: np.ndarray,
        rewards: np.ndarray,
        truncated: np.ndarray,
    ) -> int:
        """One env step of every game, or without `step` only a new episode in those of `dones`;
        returns how many ended, or -1 - i for a bad action."""
        bad = first_invalid(actions, masks.shape[1])
        if bad >= 0:
            return -1 - bad
        # Records, not arrays, go further down: an array costs a count of references a call.
        rule, units = rules[0], unit_columns[0]
        ended = 0
        for i in range(games.shape[0]):
            game = games[i]
            if step:
                before = game.score
                obey(game, actions[i], masks[i], rule, units)
                for _ in range(rule.step_mul):
                    game.loop += 1
                    loop(game, rule, units)
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
                    if restart:
                        see(game, rule, units, last_seen[i])
                        allow(game, rule, units, last_masks[i])
            if dones[i] and restart:
                start(game, rule, units)
            see(game, rule, units, seen[i])
            allow(game, rule, units, masks[i])
        return ended

    advance, observe = faces_of(play)
    return Kernel(advance, observe, (play,))


def faces_of(play: Callable[..., int]) -> tuple[Callable[..., int], Callable[..., None]]:
    """`advance` and `observe` from the one compiled function: two would be compiled one by one,
    with all that a game is in each."""

    def advance(
        games: Any,
        actions: np.ndarray,
        rules: np.ndarray,
        unit_columns: np.ndarray,
        restart: bool,
        seen: np.ndarray,
        last_seen: np.ndarray,
        masks: np.ndarray,
        last_masks: np.ndarray,
        rewards: np.ndarray,
        dones: np.ndarray,
        truncated: np.ndarray,
    ) -> int:
        """One env step of every game; returns how many ended, or -1 - i for a bad action."""
        return play(
            games, True, restart, actions, dones, rules, unit_columns,
            seen, last_seen, masks, last_masks, rewards, truncated,
        )  # fmt: skip

    def observe(
        games: Any,
        chosen: np.ndarray,
        rules: np.ndarray,
        unit_columns: np.ndarray,
        seen: np.ndarray,
        masks: np.ndarray,
    ) -> None:
        """Start a new episode in every chosen game; observations and masks of all."""
        play(
            games, False, True, np.empty(0, np.int64), chosen, rules, unit_columns,
            seen, seen, masks, masks, np.empty(0, np.float32), chosen,
        )  # fmt: skip

    return advance, observe
