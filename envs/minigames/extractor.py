"""Small convolutional feature extractors: one for planes, one for pysc2's feature layers.

Stable-Baselines3's NatureCNN needs at least 36 pixels, and its extractor of dictionaries takes the
numbers of unit types as they are. Use:
`DQN("CnnPolicy", env, policy_kwargs={"features_extractor_class": PlanesExtractor})`,
`PPO("MultiInputPolicy", env, policy_kwargs={"features_extractor_class": FeaturesExtractor})`.
"""

from __future__ import annotations

import torch
from gymnasium import spaces
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import nn

from .features import MINIMAP_LAYERS, PLAYER, SCREEN_LAYERS
from .functions import N_FUNCTIONS


def _convolutions(channels: int, size: int) -> tuple[list[nn.Module], int]:
    """Stride-2 convolutions down to 4x4 cells, flattened, and how many numbers that gives."""
    layers: list[nn.Module] = []
    while size > 4:
        layers += [nn.Conv2d(channels, 32, 3, stride=2, padding=1), nn.ReLU()]
        channels, size = 32, (size + 1) // 2
    return [*layers, nn.Flatten()], channels * size * size


class PlanesExtractor(BaseFeaturesExtractor):
    """Two or more stride-2 convolutions down to 4x4 cells, then one layer.

    Input (batch, 8, size, size) float32 in [0, 1], output (batch, features_dim) float32.
    """

    def __init__(self, observation_space: spaces.Box, features_dim: int = 128) -> None:
        super().__init__(observation_space, features_dim)
        channels, size, _ = observation_space.shape
        layers, flat = _convolutions(channels, size)
        self.layers = nn.Sequential(*layers, nn.Linear(flat, features_dim), nn.ReLU())

    def forward(self, observations: torch.Tensor) -> torch.Tensor:
        """(batch, 8, size, size) to (batch, features_dim)."""
        features: torch.Tensor = self.layers(observations)
        return features


class FeaturesExtractor(BaseFeaturesExtractor):
    """What most agents need of the features: who stands where and how well, the player's numbers,
    and which functions are available.

    Input the Dict of `features.features_space` as float32, output (batch, features_dim) float32.
    """

    def __init__(self, observation_space: spaces.Dict, features_dim: int = 256) -> None:
        super().__init__(observation_space, features_dim)
        size = observation_space["feature_screen"].shape[1]  # type: ignore[index]
        screen, flat = _convolutions(6, size)
        minimap, map_flat = _convolutions(5, size)
        self.screen, self.minimap = nn.Sequential(*screen), nn.Sequential(*minimap)
        known = flat + map_flat + len(PLAYER) + N_FUNCTIONS
        self.last = nn.Sequential(nn.Linear(known, features_dim), nn.ReLU())

    def forward(self, observations: dict[str, torch.Tensor]) -> torch.Tensor:
        """A batch of features to (batch, features_dim)."""
        screen = _named(observations["feature_screen"], SCREEN_LAYERS)
        minimap = _named(observations["feature_minimap"], MINIMAP_LAYERS)
        extra = [screen["selected"], screen["unit_hit_points_ratio"] / 255]
        extra.append(screen["unit_density_aa"] / 255)
        map_extra = [minimap["camera"], minimap["visibility_map"] / 2]
        parts = (
            self.screen(torch.stack([*_whose(screen), *extra], dim=1)),
            self.minimap(torch.stack([*_whose(minimap), *map_extra], dim=1)),
            torch.log1p(observations["player"]) / 5,
            observations["available_actions"],
        )
        features: torch.Tensor = self.last(torch.cat(parts, dim=1))
        return features


def _named(layers: torch.Tensor, names: dict[str, int]) -> dict[str, torch.Tensor]:
    """(batch, layers, size, size) as one (batch, size, size) for each name."""
    return dict(zip(names, layers.unbind(dim=1), strict=True))


def _whose(layers: dict[str, torch.Tensor]) -> list[torch.Tensor]:
    """Own, neutral and hostile, each 0 or 1."""
    relative = layers["player_relative"]
    return [(relative == player).float() for player in (1, 3, 4)]
