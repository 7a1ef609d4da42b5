"""Which layers of a network a generator of features stands in for."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Literal

import numpy as np
import torch
from gymnasium import spaces

from l2rl.views import PhaseView, Role


def blank(space: spaces.Space[Any], rows: int, device: torch.device) -> torch.Tensor:
    """Zeros of a space's shape and dtype, (rows, ...)."""
    dtype = np.float32 if space.dtype is None else space.dtype
    return torch.as_tensor(np.zeros((rows, *(space.shape or ())), dtype), device=device)


def feature_layers(
    view: PhaseView,
    which: Literal["first", "last"],
    roles: Collection[Role],
    observations: torch.Tensor,
    actions: torch.Tensor | None,
) -> dict[str, int]:
    """Name of each layer -> its units: the first or the last non-linearity with a flat output in
    each branch of the network that serves one of `roles`. Layers of a feature extractor count only
    where nothing follows it. Empty for a network without such layers.

    Looks at the outputs for `observations` (batch, ...), without any effect.
    """
    outputs = view.activations(observations, actions)
    branches: dict[str, list[str]] = {}
    for name, output in outputs.items():
        branch = name.rpartition(".")[0]
        if output.dim() == 2 and _serves(view, branch, roles):
            branches.setdefault(branch, []).append(name)
    above = {b: names for b, names in branches.items() if "features_extractor" not in b}
    chosen = [names[0 if which == "first" else -1] for names in (above or branches).values()]
    return {name: outputs[name].shape[1] for name in chosen}


def _serves(view: PhaseView, branch: str, roles: Collection[Role]) -> bool:
    """Whether a branch has parameters of these roles."""
    return any(role in roles for name, role in view.roles.items() if name.startswith(f"{branch}."))


def split(features: torch.Tensor, layers: Mapping[str, int]) -> dict[str, torch.Tensor]:
    """Features of all layers side by side (n, units) -> by layer."""
    return dict(zip(layers, torch.split(features, list(layers.values()), 1), strict=True))
