"""What a sleeping agent remembers: states of contexts just lived, a few of those long past."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from .generator import FeatureGaussian


@dataclass
class OldContext:
    """A context that a sleep has consolidated."""

    belief: int
    """Under which its heads answer."""
    rows: dict[str, np.ndarray]
    """A few of its states: `observations` (n, ...) and, where critics learn, `actions`."""
    gaussians: dict[str, FeatureGaussian] = field(default_factory=dict)
    """By phase."""

    def state_dict(self) -> dict[str, Any]:
        generators = {phase: g.state_dict() for phase, g in self.gaussians.items()}
        return {"belief": self.belief, "rows": dict(self.rows), "gaussians": generators}

    @classmethod
    def of_state(cls, state: Mapping[str, Any], device: torch.device) -> OldContext:
        """What `state_dict` read."""
        return cls(
            state["belief"],
            {name: np.array(values) for name, values in state["rows"].items()},
            {n: FeatureGaussian.of_state(g, device) for n, g in state["gaussians"].items()},
        )


@dataclass(frozen=True)
class Rows:
    """States of several contexts, side by side."""

    fields: dict[str, torch.Tensor]
    """`observations` (n, ...), `beliefs` (n,), and `actions` (n, ...) or not."""
    starts: np.ndarray
    sizes: np.ndarray

    @classmethod
    def of(
        cls, contexts: Sequence[tuple[int, Mapping[str, np.ndarray]]], device: torch.device
    ) -> Rows | None:
        """From (belief, rows) of each context; None without any."""
        if not contexts:
            return None
        sizes = np.array([len(rows["observations"]) for _, rows in contexts])
        names = contexts[0][1].keys()
        joined = {n: np.concatenate([rows[n] for _, rows in contexts]) for n in names}
        joined["beliefs"] = np.repeat([belief for belief, _ in contexts], sizes)
        fields = {n: torch.as_tensor(values, device=device) for n, values in joined.items()}
        return cls(fields, np.cumsum(sizes) - sizes, sizes)

    def draw(self, count: int, generator: np.random.Generator) -> dict[str, torch.Tensor]:
        """Uniform over contexts, then over the states of each."""
        chosen = generator.integers(0, len(self.sizes), count)
        inside = (generator.random(count) * self.sizes[chosen]).astype(np.int64)
        return self.at(torch.as_tensor(self.starts[chosen] + inside))

    def at(self, rows: torch.Tensor) -> dict[str, torch.Tensor]:
        """Every field of these rows."""
        return {name: values[rows.to(values.device)] for name, values in self.fields.items()}
