"""The one arbiter of the replay ratio: gradient steps per env step, of off-policy learners."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass
class ReplayRatioArbiter:
    """Turns a proposed ratio into a number of gradient steps, without losing fractions.

    A proposal is clamped to [minimum, maximum]; one that differs from the ratio in force by no
    more than `hysteresis` is ignored. Fractions of a gradient step are carried over, so that
    updates / env steps equals the ratio to within one step.
    """

    minimum: float = 0.0
    maximum: float = 16.0
    hysteresis: float = 0.0
    ratio: float | None = None
    """Ratio in force; None before the first proposal."""
    credit: float = 0.0
    """Gradient steps owed."""
    updates: int = 0
    env_steps: int = 0
    """What was realised while the arbiter was in charge."""

    def propose(self, ratio: float | None) -> bool:
        """Take a proposal; True if the ratio in force changed."""
        if ratio is None:
            return False
        ratio = min(max(float(ratio), self.minimum), self.maximum)
        if self.ratio is not None and abs(ratio - self.ratio) <= self.hysteresis:
            return False
        changed = ratio != self.ratio
        self.ratio = ratio
        return changed

    def gradient_steps(self, env_steps: int) -> int:
        """How many gradient steps are due after `env_steps` more env steps."""
        self.credit += (self.ratio or 0.0) * env_steps
        due = int(self.credit)
        self.credit -= due
        self.updates += due
        self.env_steps += env_steps
        return due

    @property
    def realised(self) -> float:
        """Updates per env step so far; 0 before the first."""
        return self.updates / self.env_steps if self.env_steps else 0.0

    def state_dict(self) -> dict[str, Any]:
        return {
            "ratio": self.ratio,
            "credit": self.credit,
            "updates": self.updates,
            "env_steps": self.env_steps,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.ratio = state["ratio"]
        self.credit = state["credit"]
        self.updates = state["updates"]
        self.env_steps = state["env_steps"]
