"""Detectors on the errors of an online model of reward and dynamics (`context_model`).

The losses of a learner drift and are correlated in time. The errors of a small model that predicts
(reward, next observation) from (observation, action) are nearly stationary while the task is, even
while the policy improves. The error has three parts, each with a test of its own, so that the noise
of one does not hide the others.
"""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from l2rl.component import ComponentConfig

from .context_detector import ContextDetector, ContextDetectorConfig
from .context_model import PARTS, ContextModel, ModelSettings


class ModelErrorConfig(ContextDetectorConfig):
    """Settings of every detector on the errors of a model."""

    reward_rise: float = Field(
        0.25, gt=0, description="Smallest rise of the reward error that counts (1: all of it)."
    )
    dynamics_rise: float = Field(
        0.1, gt=0, description="Smallest rise of the dynamics error that counts (1: all of it)."
    )
    observation_rise: float = Field(
        0.12, gt=0, description="Smallest rise of the observation error that counts (1: all)."
    )
    clip: float = Field(
        4.0, gt=1, description="Largest error that counts, in distances of the threshold from μ."
    )
    model: ModelSettings = Field(ModelSettings(), description="The model of each context.")


class ModelErrorDetector(ContextDetector):
    """A context is a model of reward and dynamics; a subclass chooses the test of its errors."""

    Config: ClassVar[type[ComponentConfig]] = ModelErrorConfig
    parts = PARTS

    def context_memory(self) -> ContextModel:
        return ContextModel(self.encoder.layout, self.config.model, self.rng.torch)

    def least_rise(self, part: str) -> float:
        """Smallest rise of a part of the error that counts."""
        return float(getattr(self.config, f"{part}_rise"))


class StandardisedErrorConfig(ModelErrorConfig):
    """Settings of every detector on errors in units of their normal deviation."""

    deviations: float = Field(
        5.0, gt=0, description="A rise of so many σ is not normal, where contexts are compared."
    )
    window_chunks: int = Field(100, ge=10, description="Normal errors that give μ and σ.")
    clip: float = Field(10.0, gt=0, description="Largest error that counts, in σ above the mean.")


class StandardisedErrorDetector(ModelErrorDetector):
    """A detector whose test is a `reference_window.StandardisedTest`."""

    cost: ClassVar[str] = "10-12 % of DQN with an update per 4 env steps"
    Config: ClassVar[type[ComponentConfig]] = StandardisedErrorConfig

    def reference(self, part: str) -> dict[str, Any]:
        """How the errors of a part are standardised: arguments of a `StandardisedTest`."""
        config = self.config
        return {
            "window": config.window_chunks,
            "deviations": config.deviations,
            "relative_floor": config.relative_sigma,
            "least_rise": self.least_rise(part),
            "clip": config.clip,
        }
