"""Detects changes of task by a cumulative sum of model errors (CUSUM).

    S ← max(0, S + z - k),    alarm  ⇔  S > h

with z the error of a chunk in units of its normal deviation (`reference_window`), of a model of
reward and dynamics (`model_error`), one sum for each part. With k = 1/2 and h = 5, independent
Gaussian errors give a false alarm every 938 chunks and a rise of one σ is seen after 10.3
(Siegmund's approximation; E. S. Page, Biometrika 41, 1954). Errors of a model are correlated, so
the defaults here are stricter. While S lies above h/2 the chunks are held back from the model.

Units: chunks of `chunk_env_steps`. Cost: that of the model, as `detection.loss_deviation`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from l2rl.component import ComponentConfig

from .model_error import StandardisedErrorConfig, StandardisedErrorDetector
from .reference_window import StandardisedTest


class Cusum:
    """The bare sum, of standardised values."""

    def __init__(self, slack: float = 0.5, limit: float = 5.0) -> None:
        """`slack` k and `limit` h, in deviations."""
        self.slack = slack
        self.limit = limit
        self.total = 0.0

    def update(self, z: float) -> bool:
        """Take one value; True on an alarm, which stays until `total` is set back."""
        self.total = max(0.0, self.total + z - self.slack)
        return self.total > self.limit


class CusumTest(StandardisedTest):
    """The sum over standardised errors."""

    def __init__(self, slack: float, limit: float, **settings: Any) -> None:
        super().__init__(**settings)
        self.sum = Cusum(slack, limit)

    def _take(self, z: float) -> bool:
        return self.sum.update(z)

    @property
    def is_suspicious(self) -> bool:
        return self.sum.total > self.sum.limit / 2

    def restart(self) -> None:
        self.sum.total = 0.0

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "total": self.sum.total}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        super().load_state_dict(state)
        self.sum.total = state["total"]


class CusumConfig(StandardisedErrorConfig):
    """Settings of `detection.cusum`."""

    slack: float = Field(0.7, ge=0, description="k: so many σ above the mean add nothing.")
    limit: float = Field(10.0, gt=0, description="h: the sum, in σ, that makes an alarm.")
    clip: float = Field(6.0, gt=0, description="Largest error that counts, in σ above the mean.")


class CusumDetector(StandardisedErrorDetector):
    """Announces changes by the cumulative sum of model errors, and keeps the belief."""

    Config: ClassVar[type[ComponentConfig]] = CusumConfig
    config: CusumConfig

    def fresh_test(self, part: str) -> CusumTest:
        config = self.config
        return CusumTest(
            config.slack,
            config.limit,
            **self.reference(part),
        )
