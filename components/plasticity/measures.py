"""Measures of how alive a network is, as pure functions of activations and parameters.

Activations are outputs of non-linearities, (batch, units) or, of a convolution,
(batch, channels, height, width): there a unit is a channel. All results are without unit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch

_SATURATION = 0.99
"""A tanh beyond it, or a sigmoid within 1 - it of an end, passes next to no gradient."""


def active(outputs: torch.Tensor, kind: str) -> torch.Tensor | None:
    """Where a non-linearity of class name `kind` passes a gradient: bool, shape of `outputs`.

    The ReLU family where it is above zero, saturating units where they are not saturated. None
    for kinds without a natural zero (GELU, SiLU, ELU, LeakyReLU, ...).
    """
    if kind in ("ReLU", "ReLU6", "CReLU"):
        return outputs > 0
    if kind == "Tanh":
        return outputs.abs() <= _SATURATION
    if kind == "Sigmoid":
        return (outputs >= 1 - _SATURATION) & (outputs <= _SATURATION)
    return None


def fraction_of_active_units(layers: Iterable[tuple[torch.Tensor, str]]) -> float | None:
    """Share of (sample, unit) pairs that are active, all layers pooled (arXiv 2310.07418).

    `layers`: outputs and class name of each. Not the share of units that are ever active. None if
    no layer is of a kind with a natural zero.
    """
    masks = [mask for outputs, kind in layers if (mask := active(outputs, kind)) is not None]
    if not masks:
        return None
    return sum(int(mask.sum()) for mask in masks) / sum(mask.numel() for mask in masks)


def unit_scores(outputs: torch.Tensor) -> torch.Tensor:
    """Each unit's mean |output| over that of its layer, (units,): s_i of arXiv 2302.12902.

    Mean over batch and space; a layer that is zero throughout scores zero.
    """
    by_unit = outputs.transpose(0, 1).flatten(1).abs().mean(dim=1, dtype=torch.float64)
    mean = by_unit.mean()
    return by_unit / mean if mean > 0 else torch.zeros_like(by_unit)


def dormant_ratio(layers: Iterable[torch.Tensor], threshold: float) -> float:
    """Share of units with a score of at most `threshold`, over all units of all layers.

    Not the mean of the layers' shares, in which a small layer weighs as much as a large one.
    """
    scores = torch.cat([unit_scores(outputs) for outputs in layers])
    return float((scores <= threshold).double().mean())


def singular_values(features: torch.Tensor) -> torch.Tensor:
    """Of (batch, width) features, without centring; (min(batch, width),) float64, descending."""
    values: torch.Tensor = torch.linalg.svdvals(features.flatten(1).double())
    return values


def effective_rank(values: torch.Tensor) -> float:
    """exp of the entropy of singular values as shares of their sum (Roy & Vetterli 2007)."""
    if not values.any():
        return 0.0
    shares = values / values.sum()
    return float(torch.special.entr(shares).sum().exp())


def srank(values: torch.Tensor, delta: float) -> float:
    """Number of singular values that make up 1 - delta of their sum (arXiv 2010.14498)."""
    if not values.any():
        return 0.0
    shares = values.cumsum(0) / values.sum()
    return float((shares < 1 - delta - 1e-12).sum() + 1)


def approximate_rank(values: torch.Tensor, delta: float) -> float:
    """Number of singular values that make up 1 - delta of the sum of their squares."""
    return srank(values.square(), delta)


def stable_rank(values: torch.Tensor) -> float:
    """Squared Frobenius norm over squared spectral norm."""
    if not values.any():
        return 0.0
    return float(values.square().sum() / values.max().square())


def mean_magnitude(parameters: Iterable[torch.Tensor]) -> float:
    """Mean |theta| over all entries."""
    return float(_row(parameters).abs().mean())


def norm(parameters: Iterable[torch.Tensor]) -> float:
    """Euclidean norm over all entries."""
    return float(_row(parameters).norm())


def drift_rms(now: Mapping[str, torch.Tensor], then: Mapping[str, torch.Tensor]) -> float:
    """Root mean square of the change since `then`, over all entries of the parameters in `now`."""
    return float(_row(now[name].detach() - then[name] for name in now).square().mean().sqrt())


def _row(parameters: Iterable[torch.Tensor]) -> torch.Tensor:
    return torch.cat([value.detach().reshape(-1) for value in parameters]).double()
