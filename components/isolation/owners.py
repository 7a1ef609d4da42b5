"""Who owns each weight of some layers: one int8 a weight, and what a task sees of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

import torch

MOST_OWNERS: Final = 127
"""Owners are numbered from 1 in an int8; 0 is nobody."""


class Owners:
    """Weights by name; every method speaks of all of them."""

    def __init__(self, weights: Mapping[str, torch.Tensor]) -> None:
        self.of = {n: torch.zeros_like(w, dtype=torch.int8) for n, w in weights.items()}

    def claim(self, weights: Mapping[str, torch.Tensor], owner: int, share: float) -> None:
        """Give `owner` this share of the free weights of each layer (rounded half up), those of
        the largest magnitude; of equal ones the first."""
        for name, owners in self.of.items():
            free = owners == 0
            size = torch.where(free, weights[name].detach().abs(), -1.0).reshape(-1)
            kept = int(int(free.sum()) * share + 0.5)
            largest = size.sort(descending=True, stable=True).indices[:kept]
            owners.view(-1)[largest] = owner

    def seen(self, owners: Collection[int]) -> dict[str, torch.Tensor]:
        """By name: bool, True where the weight belongs to one of these."""
        numbers = torch.tensor(sorted(owners), dtype=torch.int8)
        return {name: torch.isin(of, numbers.to(of.device)) for name, of in self.of.items()}

    def counts(self) -> torch.Tensor:
        """(MOST_OWNERS + 1,) int64: weights of each owner, all layers together."""
        every = torch.cat([of.reshape(-1) for of in self.of.values()])
        return torch.bincount(every.long(), minlength=MOST_OWNERS + 1)

    def state_dict(self) -> dict[str, Any]:
        return dict(self.of)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Give back what `state_dict` read."""
        self.of = {n: state[n].to(of.device, copy=True) for n, of in self.of.items()}
