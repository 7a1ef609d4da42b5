"""Observation augmentation: each time an experience is learned from it looks a little different.

    images    a random shift: padded by `pad_pixels` with the border pixels, cropped back at a
              random place, so a translation by up to that many pixels (arXiv 2004.13649)
    vectors   noise: + N(0, noise_std^2), or scale: times one factor a row, uniform between
              `scale_low` and `scale_high` (random amplitude scaling, arXiv 2004.14990)

An observation with three axes (channels, height, width) is an image, whose channels and stacked
frames shift together; one with one axis is a vector. Augmentation alone keeps much of the
plasticity of a network that learns from pixels (arXiv 2310.07418).

Off-policy rows have two observations. As published (DrQ and DrQ-v2, arXiv 2107.09645) the next one
gets a draw of its own; `next_observations: shared` gives both the same one. PPO's probabilities and
values of the time of collection stay those of the observation as it was: its ratio is then also
that of the augmentation, which costs it some of its clip range and teaches it the invariance.

All rows of a batch are augmented, those that other components joined to it included. Acting and
evaluation see observations as they are.

Units: pixels; the unit of the observation; factors. Cost: for 256 images of 3x84x84 bytes 7 ms a
draw on one core, for vectors of 20 numbers 0.03 ms. With nothing to change (0 pixels, 0 noise,
factor 1) batches are the very same.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from gymnasium import spaces
from pydantic import Field, model_validator

from l2rl.component import Batch, Component, ComponentConfig
from l2rl.errors import UserError
from l2rl.views import AgentView, ComponentGenerators, UpdateView


def shifted(images: torch.Tensor, down: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """Each image moved by so many pixels, with its border pixels repeated where it left.

    `images` (batch, channels, height, width) of any dtype; `down`, `right` (batch,) int64.
    """
    count, channels, height, width = images.shape
    rows = (torch.arange(height) - down[:, None]).clamp(0, height - 1)
    columns = (torch.arange(width) - right[:, None]).clamp(0, width - 1)
    sources = (rows[:, :, None] * width + columns[:, None, :]).reshape(count, 1, -1)
    sources = sources.expand(-1, channels, -1).to(images.device)
    return images.reshape(count, channels, -1).gather(2, sources).reshape(images.shape)


class Augmentation(Component):
    """Augments the observations of every minibatch."""

    order = 10  # After what joins rows of its own.
    cost = "vectors 0.05 ms, images some ms per minibatch"

    class Config(ComponentConfig):
        pad_pixels: int = Field(4, ge=0, description="images: largest shift in pixels")
        vector_kind: Literal["noise", "scale"] = Field(
            "noise", description="vectors: add Gaussian noise, or scale each row by one factor"
        )
        noise_std: float = Field(
            0.01, ge=0, description="noise: standard deviation in units of the observation"
        )
        scale_low: float = Field(0.8, gt=0, description="scale: smallest factor")
        scale_high: float = Field(1.2, gt=0, description="scale: largest factor")
        next_observations: Literal["independent", "shared"] = Field(
            "independent", description="off-policy: a draw of its own for the next observation"
        )

        @model_validator(mode="after")
        def _check(self) -> Augmentation.Config:
            if self.scale_high < self.scale_low:
                raise ValueError("scale_high must not be smaller than scale_low")
            return self

    def bind(self, agent: AgentView, rng: ComponentGenerators) -> None:
        super().bind(agent, rng)
        space = agent.observation_space
        axes = len(space.shape or ())
        self._is_image = axes == 3
        if not isinstance(space, spaces.Box) or axes not in (1, 3):
            raise UserError(
                f"component {self.name!r} augments images and vectors, not observations of {space}"
                "\n  remove the component, or wrap the environment"
            )
        if not self._is_image and not np.issubdtype(space.dtype, np.floating):
            raise UserError(
                f"component {self.name!r} changes vectors of real numbers, not of {space.dtype}"
                "\n  remove the component, or make the observation float32"
            )

    @property
    def _changes_nothing(self) -> bool:
        config = self.config
        if self._is_image:
            return bool(config.pad_pixels == 0)
        if config.vector_kind == "noise":
            return bool(config.noise_std == 0)
        return bool(config.scale_low == config.scale_high == 1)

    def transform_batch(self, batch: Batch, view: UpdateView) -> Batch:
        if self._changes_nothing:
            return batch
        fields = [f for f in ("observations", "next_observations") if f in batch]
        drawn = self._draw(batch["observations"])
        changed: Batch = {}
        for number, field in enumerate(fields):
            if number and self.config.next_observations == "independent":
                drawn = self._draw(batch[field])
            changed[field] = self._applied(batch[field], drawn)
        return {**batch, **changed}

    def _draw(self, observations: torch.Tensor) -> torch.Tensor:
        """All that is random about one augmentation: (batch, 2) pixels, (batch, n) noise, or
        (batch, 1) factors."""
        config, count = self.config, len(observations)
        generator = self.rng.torch
        if self._is_image:
            pad = config.pad_pixels
            return torch.randint(-pad, pad + 1, (count, 2), generator=generator)
        if config.vector_kind == "noise":
            std: float = config.noise_std
            return std * torch.randn(observations.shape, generator=generator)
        low, high = float(config.scale_low), float(config.scale_high)
        return low + (high - low) * torch.rand((count, 1), generator=generator)

    def _applied(self, observations: torch.Tensor, drawn: torch.Tensor) -> torch.Tensor:
        if self._is_image:
            return shifted(observations, drawn[:, 0], drawn[:, 1])
        change = drawn.to(observations)
        return (
            observations + change if self.config.vector_kind == "noise" else observations * change
        )
