"""A replay ratio that stays: so many gradient steps per env step.

The learner's own settings say the same only in whole numbers and per step of all environments
(`train_freq`, `gradient_steps`); this one counts env steps of all environments together, carries
fractions of a gradient step over, and so keeps the ratio to within one step whatever `n_envs` is:
a fair base line for the steered ratios of this family.

Units: gradient steps per env step. The warm-up (`learning_starts`) is not owed any. Cost: that of
the gradient steps.
"""

from __future__ import annotations

from pydantic import Field

from l2rl.capabilities import REPLAY, REPLAY_RATIO
from l2rl.component import Component, ComponentConfig
from l2rl.views import RatioView


class FixedReplayRatio(Component):
    """Keeps the learner's replay ratio at one value."""

    needs = (REPLAY,)
    provides = (REPLAY_RATIO,)
    cost = "that of `ratio` gradient steps per env step"

    class Config(ComponentConfig):
        ratio: float = Field(1.0, ge=0, description="gradient steps per env step")

    def propose_replay_ratio(self, view: RatioView) -> float:
        return float(self.config.ratio)
