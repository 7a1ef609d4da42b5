"""Detects changes of task by an adaptive window over model errors (ADWIN, river's).

The window of errors is cut wherever its two sides have means that differ by more than Hoeffding's
bound allows at confidence `delta`; a cut whose later side is the higher one is an alarm. Errors are
those of a model of reward and dynamics (`model_error`) in units of their normal deviation
(`reference_window`). Source: A. Bifet, R. Gavaldà, SDM 2007. The bound is a safe one, so ADWIN is
slow, but a policy that improves over a long time is a change, too: the default is far stricter than
the usual 0.002, which gave a false alarm in each of three toy lives of 40,000 env steps.

Units: chunks of `chunk_env_steps`. Cost: that of the model, as `detection.loss_deviation`. Needs
the extra `river`.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from l2rl.component import ComponentConfig

from .model_error import StandardisedErrorConfig
from .river_test import RiverDetector, RiverTest


class AdwinConfig(StandardisedErrorConfig):
    """Settings of `detection.adwin`."""

    delta: float = Field(1e-7, gt=0, lt=1, description="Confidence of a cut: smaller is stricter.")
    check_interval_chunks: int = Field(1, ge=1, description="Chunks between two looks for a cut.")


class Adwin(RiverDetector):
    """Announces changes by an adaptive window over model errors, and keeps the belief."""

    Config: ClassVar[type[ComponentConfig]] = AdwinConfig
    config: AdwinConfig

    def fresh_test(self, part: str) -> RiverTest:
        config, drift = self.config, self.drift
        return RiverTest(
            lambda: drift.ADWIN(delta=config.delta, clock=config.check_interval_chunks),
            recent=self.evidence_chunks,
            **self.reference(part),
        )
