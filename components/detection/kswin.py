"""Detects changes of task by comparing distributions of model errors (KSWIN, river's).

A Kolmogorov-Smirnov test between the latest `recent_chunks` errors and as many drawn at random
from the rest of a sliding window; an alarm at significance `alpha` if the latest are the higher
ones. Errors are those of a model of reward and dynamics (`model_error`) in units of their normal
deviation (`reference_window`). Source: C. Raab et al., Neurocomputing 416, 2020.

The test runs each chunk, so `alpha` is a rate of false alarms per chunk; correlated errors make it
larger. Units: chunks of `chunk_env_steps`. Cost: that of the model, as `detection.loss_deviation`,
and about 1 ms a chunk and part. Needs the extra `river`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from l2rl.component import ComponentConfig
from l2rl.views import AgentView, ComponentGenerators

from .model_error import StandardisedErrorConfig
from .river_test import RiverDetector, RiverTest


class KswinConfig(StandardisedErrorConfig):
    """Settings of `detection.kswin`."""

    alpha: float = Field(3e-5, gt=0, lt=1, description="Significance of one test.")
    recent_chunks: int = Field(12, ge=5, description="Latest errors that are compared.")
    sliding_chunks: int = Field(60, ge=10, description="The window, the latest errors included.")


class Kswin(RiverDetector):
    """Announces changes by a test of the distribution of model errors, and keeps the belief."""

    cost: ClassVar[str] = "12-15 % of DQN with an update per 4 env steps"
    Config: ClassVar[type[ComponentConfig]] = KswinConfig
    config: KswinConfig

    def bind(self, agent: AgentView, rng: ComponentGenerators) -> None:
        self._seed = int(rng.numpy.integers(2**31))
        super().bind(agent, rng)

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "seed": self._seed}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._seed = state["seed"]
        super().load_state_dict(state)

    def fresh_test(self, part: str) -> RiverTest:
        config, drift, seed = self.config, self.drift, self._seed
        return RiverTest(
            lambda: drift.KSWIN(
                alpha=config.alpha,
                window_size=config.sliding_chunks,
                stat_size=config.recent_chunks,
                seed=seed,
            ),
            recent=config.recent_chunks,
            **self.reference(part),
        )
