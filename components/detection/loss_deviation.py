"""Detects changes of task from the errors of an online model of reward and dynamics.

The losses of a learner drift and are correlated in time. The errors of a small model that predicts
(reward, next observation) from (observation, action) are nearly stationary while the task is, even
while the policy improves (`context_model`). Experience is cut into chunks of `chunk_env_steps`;
each part of a chunk's error, measured *before* the model learns it, goes through a test of its own

    s ← α·error + (1-α)·s,    alarm  ⇔  s > μ + k·σ  in m of the last n chunks

(`deviation_test`; three tests, so that the noise of one part does not hide the others). Chunks
that look suspicious are held back from the model. On an alarm every known context scores the
chunks held back. If one explains them within its own limits, it has come back ("recurring");
otherwise the context is "new" and gets a model of its own. Models of contexts that are not
believed in stand still. If the suspicion passes, the chunks go to the current model.

Source: TAME, arXiv:2210.03869, whose test (α = 0.2, k = 3, W = 100) runs on the training loss; the
model in its place, m of n, the frozen window and the times of grace are ours. The defaults were
chosen on minigames learned by DQN; on five other seeds (three games, then the first again, 30 000
env steps each) every change was seen after 256 env steps and every return recognised, with one
false alarm in 600 000 env steps. What cannot be seen: a change in states which the policy no
longer visits, and one within `warmup_env_steps` of the change before.

Units: env steps of all environments together. Cost: per chunk one scoring and `gradient_steps`
steps of a small network, 10-12 % of a DQN that makes one update per four env steps, about 35 % of
PPO on an environment that costs nothing (longer chunks are cheaper and slower to alarm); each
context remembers `memory_transitions` rows. PPO hears of a change when its rollout is complete.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from l2rl.component import ComponentConfig
from l2rl.views import AgentView, ComponentGenerators

from .deviation_test import DeviationTest
from .model_error import ModelErrorConfig, ModelErrorDetector


class LossDeviationConfig(ModelErrorConfig):
    """Settings of `detection.loss_deviation`."""

    smoothing: float = Field(0.2, gt=0, le=1, description="α of the exponential smoothing.")
    deviations: float = Field(5.0, gt=0, description="k: threshold in σ above the mean.")
    window_chunks: int = Field(100, ge=10, description="W: smoothed errors that give μ and σ.")
    exceedances: int = Field(3, ge=1, description="m: exceedances that make an alarm.")
    exceedances_among: int = Field(5, ge=1, description="n: chunks among which they are counted.")
    clip: float = Field(
        4.0, gt=1, description="Largest error that counts, in distances of the threshold from μ."
    )


class LossDeviation(ModelErrorDetector):
    """Announces changes, keeps the belief, and scores experience under every known context."""

    cost: ClassVar[str] = "10-12 % of DQN with an update per 4 env steps"
    Config: ClassVar[type[ComponentConfig]] = LossDeviationConfig
    config: LossDeviationConfig

    def bind(self, agent: AgentView, rng: ComponentGenerators) -> None:
        self.evidence_chunks = self.config.exceedances_among
        super().bind(agent, rng)

    def fresh_test(self, part: str) -> DeviationTest:
        config = self.config
        return DeviationTest(
            smoothing=config.smoothing,
            deviations=config.deviations,
            window=config.window_chunks,
            needed=config.exceedances,
            among=config.exceedances_among,
            relative_floor=config.relative_sigma,
            least_rise=self.least_rise(part),
            clip=config.clip,
        )
