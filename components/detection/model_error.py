"""Detectors on the errors of an online model of reward and dynamics (`context_model`).

The losses of a learner drift and are correlated in time. The errors of a small model that predicts
(reward, next observation) from (observation, action) are nearly stationary while the task is, even
while the policy improves. The error has three parts, each with a test of its own, so that the noise
of one does not hide the others.
"""

from __future__ import annotations

from typing import ClassVar

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
