"""What is to be drawn: one game's record and what people should know besides."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..engine import Engine
from ..functions import COLUMNS, POINTS, function_table
from ..sight import SCREEN
from ..spaces import ACTIONS, DIRECTIONS, FIRST_ATTACK, FIRST_MOVE
from ..state import (
    ALL,
    ATTACK,
    ATTACK_MOVE,
    GATHER,
    GROUP,
    HOLD,
    HOSTILE,
    IDLE,
    OWN,
)
from ..units import LOOPS_PER_SECOND

Action = int | np.integer[Any] | np.ndarray
"""A macro action, or a function call, (17,) whole numbers."""


@dataclass(frozen=True)
class Fallen:
    """A unit that has just died, drawn for a moment."""

    side: int
    kind: int
    x: float
    y: float
    loop: int
    """Game loop of its death."""


@dataclass(frozen=True)
class Scene:
    """One game at one moment. `game` is a record of `state.GAME`, `rule` one of `state.RULES`."""

    task: str
    game: np.void
    rule: np.void
    units: np.ndarray
    told: str = ""
    """The action under way in words, empty when there is none to tell of."""
    refused: bool = False
    """That action was not valid."""
    fallen: Sequence[Fallen] = ()

    @property
    def hides(self) -> bool:
        """Whether anything can be out of the agent's sight."""
        return bool(self.rule["fog"] or self.rule["camera"])

    @property
    def seconds_left(self) -> float:
        """Of the episode, game seconds."""
        return max(int(self.rule["limit"]) - int(self.game["loop"]), 0) / LOOPS_PER_SECOND

    def items(self) -> Iterator[int]:
        """Places of the items that are not used up."""
        return (k for k in range(self.game["items"]) if self.game["item_kind"][k] != 0)

    def alive(self, side: int) -> Iterator[int]:
        """Places of one side's living units."""
        return (j for j in range(self.game["places"][side]) if self.game["health"][side, j] > 0)

    def hidden(self, side: int, j: int) -> bool:
        """Whether the agent does not see a unit."""
        return side == HOSTILE and self.hides and not self.game["visible"][j]

    def selected(self, j: int) -> bool:
        """Whether a living own unit takes the next order."""
        chosen = int(self.game["selected"])
        return bool(self.game["chosen"][j]) if chosen == GROUP else chosen in (ALL, j)

    def full_health(self, side: int, j: int) -> float:
        """Health of this unit unhurt."""
        factor = float(self.game["enemy_health"]) if side == HOSTILE else 1.0
        return factor * float(self.units["health"][self.game["kind"][side, j]])

    def position(self, side: int, j: int) -> tuple[float, float]:
        """Where a unit is, map units."""
        return float(self.game["x"][side, j]), float(self.game["y"][side, j])

    def enemy_of(self, side: int, j: int) -> int:
        """The unit of the other side that this one is after, -1 without one."""
        target = int(self.game["target"][side, j])
        fights = self.game["order"][side, j] in (IDLE, ATTACK_MOVE, ATTACK, HOLD)
        return target if fights and 0 <= target < self.game["places"][1 - side] else -1

    def end_of_order(self, j: int) -> tuple[float, float] | None:
        """Where an own unit's order leads, None when it has none."""
        order = int(self.game["order"][OWN, j])
        if order in (IDLE, HOLD):
            return None
        target = int(self.game["target"][OWN, j])
        if order == ATTACK and target >= 0:
            return self.position(HOSTILE, target)
        if order == GATHER and 0 <= target < self.game["items"]:
            return float(self.game["item_x"][target]), float(self.game["item_y"][target])
        return float(self.game["order_x"][OWN, j]), float(self.game["order_y"][OWN, j])

    def facing(self, side: int, j: int) -> float:
        """Direction in radians: towards the enemy it is after, else along its order. Units have no
        direction in the simulation; this one is for the eye."""
        x, y = self.position(side, j)
        enemy = self.enemy_of(side, j)
        if enemy >= 0 and self.game["health"][1 - side, enemy] > 0:
            to_x, to_y = self.position(1 - side, enemy)
        elif side == OWN:
            to_x, to_y = self.end_of_order(j) or (x, y)
        else:
            to_x, to_y = float(self.game["order_x"][side, j]), float(self.game["order_y"][side, j])
        if math.hypot(to_x - x, to_y - y) < 1e-3:
            return 0.0 if side == OWN else math.pi
        return math.atan2(to_y - y, to_x - x)

    def sights(self) -> list[tuple[float, float, float]]:
        """(x, y, radius) of all that own units and structures see, map units."""
        sight = self.units["sight"]
        kinds = self.game["kind"][OWN]
        circles = [(*self.position(OWN, j), float(sight[kinds[j]])) for j in self.alive(OWN)]
        for j in range(self.game["structures"]):
            x, y = float(self.game["structure_x"][j]), float(self.game["structure_y"][j])
            circles.append((x, y, float(sight[self.game["structure_kind"][j]])))
        return circles

    def screen(self) -> tuple[float, float, float, float]:
        """The camera's rectangle: x0, y0, x1, y1."""
        x, y = float(self.game["camera_x"]), float(self.game["camera_y"])
        return x - SCREEN / 2, y - SCREEN / 2, x + SCREEN / 2, y + SCREEN / 2


def scene_of(
    engine: Engine,
    i: int,
    action: Action | None = None,
    refused: bool = False,
    fallen: Sequence[Fallen] = (),
) -> Scene:
    """Game i of an engine, as it is now (not copied)."""
    game, rule = engine.games[i], engine.rules[0]
    told = "" if action is None else action_words(action, rule)
    return Scene(engine.task, game, rule, engine.units, told, refused, fallen)


def action_words(action: Action, rule: np.void) -> str:
    """An action in words: a macro action, of which a remapped direction says where it really goes,
    or a function with its points."""
    if np.ndim(action):
        return _call_words(np.asarray(action))
    number = int(action)
    words = ACTIONS[number].replace("_", " ")
    for first in (FIRST_MOVE, FIRST_ATTACK):
        if first <= number < first + len(DIRECTIONS):
            real = DIRECTIONS[rule["direction"][number - first]]
            if real != DIRECTIONS[number - first]:
                words += f" (goes {real})"
    return words


def _call_words(call: np.ndarray) -> str:
    """`Move screen (23, 40)`."""
    function = function_table()[int(call[0])]
    points = [call[COLUMNS[name]].tolist() for name in function.arguments if name in POINTS]
    return " ".join([function.name.replace("_", " "), *(f"({x}, {y})" for x, y in points)])


def twists(scene: Scene) -> list[str]:
    """What sets this variant's reading, control or reward apart, in words: the picture itself shows
    the world as it is."""
    rule, game = scene.rule, scene.game
    found = []
    # A mirror turns left into right: its matrix has a negative determinant.
    mirrored = rule["turn"][0, 0] * rule["turn"][1, 1] < rule["turn"][0, 1] * rule["turn"][1, 0]
    if mirrored:
        found.append("seen mirrored")
    mirror = -1 if mirrored else 1
    angle = math.degrees(math.atan2(rule["turn"][1, 0] * mirror, rule["turn"][0, 0] * mirror))
    # What is seen is turned by the angle first, then mirrored, then turned.
    angle = (angle + mirror * math.degrees(float(game["angle"]))) % 360
    if round(angle):
        found.append(f"seen turned by {angle:.0f}°")
    if (rule["direction"] != np.arange(8)).any():
        found.append("directions remapped")
    if game["reward_scale"] != 1:
        found.append(f"reward × {game['reward_scale']:.3g}")
    for name, what in _FACTORS:
        if game[name] != 1:
            found.append(f"{what} × {game[name]:.3g}")
    return found


_FACTORS = (
    ("own_speed", "own speed"),
    ("enemy_speed", "enemy speed"),
    ("enemy_health", "enemy health"),
    ("enemy_damage", "enemy damage"),
)


def clock(seconds: float) -> str:
    """`1:05`."""
    whole = math.ceil(seconds)
    return f"{whole // 60}:{whole % 60:02d}"
