"""Detects changes of task by the distance between batches of experience (sliced Wasserstein).

Each context remembers what its experience looks like: a sample of rows (observation, action,
reward, change of the observation), normalised by the context's own scales, with the reward and the
change weighted by `outcome_weight`. The error of a chunk is its sliced Wasserstein distance to that
sample, and a deviation test (`deviation_test`) judges it against the context's own past distances.
On an alarm the chunks held back are compared with every known context: one whose distances they
fall within has come back ("recurring"), otherwise the context is "new" and is remembered, too.

A policy that learns changes its own experience, so the sample forgets: a transition is kept for
`memory_env_steps` on average. What this detector sees that one of prediction errors does not: a
change of where the agent is; what it confuses with one: a policy that changes fast. It needs
larger chunks. Source: distances and labels of contexts as in SWOKS, arXiv 2405.19047; the deviation
test in
place of its KS-like one, and the forgetting, are ours. It rolls nothing back.

Units: chunks of `chunk_env_steps`. Cost: `slices` sorts of the sample a chunk, about 2 ms for 64
slices of 1,024 rows: 1 % of a DQN with an update per 4 env steps; memory `memory_transitions` rows
a context.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from pydantic import Field

from l2rl.component import ComponentConfig
from l2rl.views import AgentView, ComponentGenerators

from ..recent_experience import RecentExperience
from .context_detector import ContextDetector, ContextDetectorConfig
from .deviation_test import DeviationTest
from .encoding import RowLayout
from .sliced_wasserstein import squared_distance, unit_directions

_MOST_DEVIATIONS = 5.0
"""Columns farther out than so many scales are clipped, or one would be the whole distance."""


class WassersteinConfig(ContextDetectorConfig):
    """Settings of `detection.wasserstein`."""

    chunk_env_steps: int = Field(
        256, ge=16, description="Env steps whose distance is one value of the test."
    )
    smoothing: float = Field(0.5, gt=0, le=1, description="α of the exponential smoothing.")
    deviations: float = Field(6.0, gt=0, description="Threshold in σ above the mean distance.")
    window_chunks: int = Field(60, ge=10, description="Distances that give μ and σ.")
    exceedances: int = Field(2, ge=1, description="Exceedances that make an alarm.")
    exceedances_among: int = Field(3, ge=1, description="Chunks among which they are counted.")
    least_rise: float = Field(
        0.05, ge=0, description="Smallest rise of the distance, in scales, that counts."
    )
    clip: float = Field(
        4.0, gt=1, description="Largest distance that counts, in thresholds above the mean."
    )
    outcome_weight: float = Field(
        1.0, ge=0, description="Weight of reward and change against observation and action."
    )
    slices: int = Field(64, ge=1, description="Random directions of the sliced distance.")
    memory_transitions: int = Field(1024, ge=16, description="Rows that each context remembers.")
    memory_env_steps: int = Field(
        10_000, ge=1, description="Mean age of remembered rows, once there are so many."
    )


class DistributionMemory:
    """What the experience of one context looks like."""

    def __init__(
        self,
        layout: RowLayout,
        config: WassersteinConfig,
        directions: torch.Tensor,
        generator: np.random.Generator,
    ) -> None:
        self.directions = directions
        self.kept = RecentExperience(config.memory_transitions, config.memory_env_steps, generator)
        weight = config.outcome_weight / max(1.0, layout.observation**0.5)
        self._weights = torch.ones(layout.width)
        self._weights[layout.inputs] = config.outcome_weight
        self._weights[layout.inputs + 1 :] = weight
        self._weights[: layout.inputs] = 1.0 / max(1.0, layout.inputs**0.5)

    def errors(self, rows: torch.Tensor) -> dict[str, float]:
        """Distance of a chunk of rows (n, width) to what is remembered, in scales."""
        if len(self.kept) == 0:
            return {"distance": 0.0}
        sample = torch.from_numpy(self.kept.read("rows"))
        scale = sample.std(dim=0, unbiased=False)
        # Columns that never varied get the typical scale, or a first flicker would be infinite.
        scale = torch.where(scale > 0, scale, scale[scale > 0].mean() if scale.any() else 1.0)
        center = sample.mean(dim=0)
        ours, theirs = (
            ((values - center) / scale).clamp(-_MOST_DEVIATIONS, _MOST_DEVIATIONS) * self._weights
            for values in (rows, sample)
        )
        # Times the columns: a translation by one scale of one weighted column counts as one.
        squared = squared_distance(ours, theirs, self.directions) * len(self.directions)
        return {"distance": float(squared.clamp_min(0.0).sqrt())}

    def learn(self, rows: torch.Tensor, generator: torch.Generator) -> None:
        """Offer a chunk of rows to the sample."""
        self.kept.add({"rows": rows.numpy()})

    def state_dict(self) -> dict[str, Any]:
        """The sample, live."""
        return self.kept.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Give back what `state_dict` read, as copies."""
        self.kept.load_state_dict(state)


class WassersteinDetector(ContextDetector):
    """Announces changes of the distribution of experience, and keeps the belief."""

    cost: ClassVar[str] = "1 % of DQN with an update per 4 env steps"
    Config: ClassVar[type[ComponentConfig]] = WassersteinConfig
    config: WassersteinConfig
    parts = ("distance",)

    def bind(self, agent: AgentView, rng: ComponentGenerators) -> None:
        self.evidence_chunks = self.config.exceedances_among
        self.directions: torch.Tensor | None = None
        super().bind(agent, rng)

    def context_memory(self) -> DistributionMemory:
        if self.directions is None:
            width = self.encoder.layout.width
            self.directions = unit_directions(width, self.config.slices, self.rng.torch)
        return DistributionMemory(self.encoder.layout, self.config, self.directions, self.rng.numpy)

    def fresh_test(self, part: str) -> DeviationTest:
        config = self.config
        return DeviationTest(
            smoothing=config.smoothing,
            deviations=config.deviations,
            window=config.window_chunks,
            needed=config.exceedances,
            among=config.exceedances_among,
            relative_floor=config.relative_sigma,
            least_rise=config.least_rise,
            clip=config.clip,
        )

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "directions": self.directions}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.directions = state["directions"].clone()
        super().load_state_dict(state)
