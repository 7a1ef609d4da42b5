"""Detects changes of task by the Page-Hinkley test of model errors (river's implementation).

The cumulative deviation of the errors from their running mean, less `tolerance` a chunk, minus its
minimum so far; an alarm when that exceeds `limit`. Errors are those of a model of reward and
dynamics (`model_error`) in units of their normal deviation (`reference_window`), so both settings
are in σ; old chunks fade by `fading`. Only rises are alarms. Source: E. S. Page, Biometrika 41,
1954; D. V. Hinkley, Biometrika 58, 1971.

Units: chunks of `chunk_env_steps`. Cost: that of the model, as `detection.loss_deviation`. Needs
the extra `river`.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from l2rl.component import ComponentConfig

from .model_error import StandardisedErrorConfig
from .river_test import RiverDetector, RiverTest


class PageHinkleyConfig(StandardisedErrorConfig):
    """Settings of `detection.page_hinkley`."""

    tolerance: float = Field(0.5, ge=0, description="δ: deviation a chunk, in σ, that is normal.")
    limit: float = Field(20.0, gt=0, description="λ: the sum, in σ, that makes an alarm.")
    fading: float = Field(0.9999, gt=0, le=1, description="α: share of the sum kept each chunk.")
    least_chunks: int = Field(30, ge=1, description="Chunks before the first alarm.")


class PageHinkley(RiverDetector):
    """Announces changes by Page-Hinkley's test of model errors, and keeps the belief."""

    Config: ClassVar[type[ComponentConfig]] = PageHinkleyConfig
    config: PageHinkleyConfig

    def fresh_test(self, part: str) -> RiverTest:
        config, drift = self.config, self.drift
        return RiverTest(
            lambda: drift.PageHinkley(
                min_instances=config.least_chunks,
                delta=config.tolerance,
                threshold=config.limit,
                alpha=config.fading,
                mode="up",
            ),
            recent=self.evidence_chunks,
            **self.reference(part),
        )
