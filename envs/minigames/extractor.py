"""A small convolutional feature extractor for planes of 16, 32 or 64 cells.

Stable-Baselines3's NatureCNN needs at least 36 pixels. Use:
`DQN("CnnPolicy", env, policy_kwargs={"features_extractor_class": PlanesExtractor})`.
"""

from __future__ import annotations

import torch
from gymnasium import spaces
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import nn


class PlanesExtractor(BaseFeaturesExtractor):
    """Two or more stride-2 convolutions down to 4x4 cells, then one layer.

    Input (batch, 8, size, size) float32 in [0, 1], output (batch, features_dim) float32.
    """

    def __init__(self, observation_space: spaces.Box, features_dim: int = 128) -> None:
        super().__init__(observation_space, features_dim)
        channels, size, _ = observation_space.shape
        layers: list[nn.Module] = []
        while size > 4:
            layers += [nn.Conv2d(channels, 32, 3, stride=2, padding=1), nn.ReLU()]
            channels, size = 32, (size + 1) // 2
        flat = channels * size * size
        self.layers = nn.Sequential(*layers, nn.Flatten(), nn.Linear(flat, features_dim), nn.ReLU())

    def forward(self, observations: torch.Tensor) -> torch.Tensor:
        """(batch, 8, size, size) to (batch, features_dim)."""
        features: torch.Tensor = self.layers(observations)
        return features
