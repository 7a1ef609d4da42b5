"""What is to be drawn: one arm's record, its rules, and where its places are in the world."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..engine import Engine
from ..scoring import distance_to_go

Point = tuple[float, float]


@dataclass(frozen=True)
class Scene:
    """One arm at one moment. `arm` is a record of `state.ARM`, `rule` one of `state.RULES`."""

    task: str
    arm: Any
    rule: Any
    distance_to_go: float
    """Metres."""

    @classmethod
    def of(cls, engine: Engine, i: int) -> Scene:
        """Arm i of an engine, as it is now (not copied)."""
        arm, rule = engine.arms[i], engine.rules[0]
        return cls(engine.task, arm, rule, _distance(arm, rule))

    def world(self, x: float, y: float) -> Point:
        """A place of the arm's frame in the world, metres."""
        turn = self.arm["turn"]
        return (
            float(turn[0, 0] * x + turn[0, 1] * y),
            float(turn[1, 0] * x + turn[1, 1] * y),
        )

    def place(self, name: str) -> Point:
        """`tool`, `object`, `base` or `goal` in the world."""
        return self.world(float(self.arm[f"{name}_x"]), float(self.arm[f"{name}_y"]))

    @property
    def elbow(self) -> Point:
        """Where the links meet, in the world."""
        upper, angle = float(self.rule["upper"]), float(self.arm["joint_1"])
        return self.world(upper * math.cos(angle), upper * math.sin(angle))

    def along(self, way: float) -> Point:
        """Where the handle is with so much of its way behind it, in the world."""
        arm, rule = self.arm, self.rule
        x, y = float(arm["base_x"]), float(arm["base_y"])
        lever, angle = float(rule["lever"]), float(arm["base_angle"])
        reach = way
        if lever > 0.0:
            reach, angle = lever, angle + way / lever
        return self.world(x + reach * math.cos(angle), y + reach * math.sin(angle))


def _distance(arm: np.void, rule: np.void) -> float:
    """`distance_to_go`, run as Python on a record's fields."""
    plain: Any = distance_to_go
    return float(plain.py_func(_Fields(arm), _Fields(rule)))


class _Fields:
    """A record with its fields as attributes, as compiled code has them."""

    def __init__(self, record: np.void) -> None:
        self._record = record

    def __getattr__(self, name: str) -> Any:
        return self._record[name]
