"""A generator of hidden features: one low-rank Gaussian per context.

    f = mean + z A + noise * e,   z ~ N(0, I_rank), e ~ N(0, I_units)

A holds the `rank` largest principal axes of the features that it was fitted to, scaled by their
standard deviations, and `noise` what variance is left in each unit, so that mean and variance of
every unit are those of the features. Closed form: no training, no iteration.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import torch

_RANGES: Final[Mapping[str, tuple[float | None, float | None]]] = {
    "ReLU": (0.0, None),
    "ReLU6": (0.0, 6.0),
    "Softplus": (0.0, None),
    "Tanh": (-1.0, 1.0),
    "Hardtanh": (-1.0, 1.0),
    "Sigmoid": (0.0, 1.0),
    "ELU": (-1.0, None),
}
"""What a non-linearity can put out; generated features are clipped to it."""


class FeatureGaussian:
    """Mean (units,), axes (rank, units) and noise (units,), float32."""

    def __init__(self, mean: torch.Tensor, axes: torch.Tensor, noise: torch.Tensor) -> None:
        self.mean, self.axes, self.noise = mean, axes, noise

    @classmethod
    def fitted(cls, features: torch.Tensor, rank: int) -> FeatureGaussian:
        """To features (n, units); axes that the features do not have are zero."""
        mean = features.mean(0)
        centred = (features - mean) / max(len(features), 1) ** 0.5
        _, scales, directions = torch.linalg.svd(centred, full_matrices=False)
        axes = features.new_zeros(rank, features.shape[1])
        kept = min(rank, len(scales))
        axes[:kept] = scales[:kept, None] * directions[:kept]
        left = centred.square().sum(0) - axes.square().sum(0)
        return cls(mean, axes, left.clamp_min(0.0).sqrt())

    def state_dict(self) -> dict[str, Any]:
        return {"mean": self.mean, "axes": self.axes, "noise": self.noise}

    @classmethod
    def of_state(cls, state: Mapping[str, Any], device: torch.device) -> FeatureGaussian:
        """What `state_dict` read."""
        return cls(*(state[n].to(device, copy=True) for n in ("mean", "axes", "noise")))


def drawn_features(
    gaussians: Sequence[FeatureGaussian], chosen: torch.Tensor, generator: torch.Generator
) -> torch.Tensor:
    """One draw for each of `chosen` (n,) int64, numbers of Gaussians; (n, units)."""
    mean = torch.stack([g.mean for g in gaussians])[chosen]
    axes = torch.stack([g.axes for g in gaussians])[chosen]
    noise = torch.stack([g.noise for g in gaussians])[chosen]
    common = torch.randn(len(chosen), 1, axes.shape[1], generator=generator).to(mean.device)
    own = torch.randn(mean.shape, generator=generator).to(mean.device)
    return mean + (common @ axes).squeeze(1) + noise * own


def clipped(features: torch.Tensor, non_linearity: str) -> torch.Tensor:
    """Features within the range of a non-linearity, by its class name."""
    low, high = _RANGES.get(non_linearity, (None, None))
    return features if low is None and high is None else features.clamp(low, high)
