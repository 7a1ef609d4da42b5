"""The module that normalises observations, shared by all networks of an agent and their targets."""

from __future__ import annotations

import torch
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import nn


class ObservationNorm(nn.Module):
    """clip((x - mean) * scale); `mean`, `scale` float32 of an observation's shape."""

    mean: torch.Tensor
    scale: torch.Tensor

    def __init__(self, shape: tuple[int, ...], clip: float, device: torch.device) -> None:
        super().__init__()
        self.clip = clip
        self.register_buffer("mean", torch.zeros(shape, device=device))
        self.register_buffer("scale", torch.ones(shape, device=device))
        self.of_rows: tuple[torch.Tensor, torch.Tensor] | None = None
        """Mean and scale of each row (batch, ...) of the minibatch under way, where it mixes
        tasks. A batch of another size gets those in force."""

    def forward(self, observations: torch.Tensor) -> torch.Tensor:
        mean, scale = self.mean, self.scale
        if self.of_rows is not None and len(self.of_rows[0]) == len(observations):
            mean, scale = self.of_rows
        return ((observations - mean) * scale).clamp(-self.clip, self.clip)


class NormalisedExtractor(BaseFeaturesExtractor):
    """A features extractor that gets normalised observations."""

    def __init__(self, norm: ObservationNorm, inner: BaseFeaturesExtractor) -> None:
        super().__init__(inner._observation_space, inner.features_dim)
        self.norm = norm
        self.inner = inner

    def forward(self, observations: torch.Tensor) -> torch.Tensor:
        features: torch.Tensor = self.inner(self.norm(observations))
        return features
