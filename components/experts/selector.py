"""A small classifier from an observation to the expert that knows it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import torch
from torch.nn import functional

from .pruning import largest

_MOMENTUM: Final = 0.9
_WEIGHT_DECAY: Final = 5e-4


class Selector:
    """One hidden layer of ReLUs. Trained from the beginning each time, as experts join: SGD with
    Nesterov momentum 0.9 and weight decay 5e-4, on as many rows of each expert."""

    def __init__(self, units: int, pruned_share: float) -> None:
        self.units = units
        self.pruned_share = pruned_share
        self.experts: list[int] = []
        self.tensors: dict[str, torch.Tensor] = {}
        """`mean`, `scale` of the inputs; `hidden`, `hidden_bias`, `output`, `output_bias`."""

    def train(
        self,
        samples: Mapping[int, torch.Tensor],
        *,
        updates: int,
        batch_size: int,
        learning_rate: float,
        generator: torch.Generator,
    ) -> None:
        """On observations (n, ...) of each expert; twice `updates` with pruning, which comes
        between."""
        self.experts = sorted(samples)
        inputs = [samples[expert].flatten(1).float() for expert in self.experts]
        self._draw(torch.cat(inputs), generator)
        weights = {n: t for n, t in self.tensors.items() if n not in ("mean", "scale")}
        for value in weights.values():
            value.requires_grad_()
        masks: dict[str, torch.Tensor] = {}
        for stage in range(2 if self.pruned_share else 1):
            if stage == 1:
                masks = {n: largest(weights[n], self.pruned_share) for n in ("hidden", "output")}
                _apply(weights, masks)
            self._descend(inputs, weights, masks, updates, batch_size, learning_rate, generator)
        self.tensors = {name: value.detach() for name, value in self.tensors.items()}

    def _draw(self, inputs: torch.Tensor, generator: torch.Generator) -> None:
        """New weights, and the scale of the inputs (n, d)."""
        size, count, device = inputs.shape[1], len(self.experts), inputs.device
        hidden = torch.randn(self.units, size, generator=generator) * (2.0 / size) ** 0.5
        output = torch.randn(count, self.units, generator=generator) * (1.0 / self.units) ** 0.5
        self.tensors = {
            "mean": inputs.mean(0),
            "scale": inputs.std(0, correction=0).clamp_min(1e-3),
            "hidden": hidden.to(device),
            "hidden_bias": torch.zeros(self.units, device=device),
            "output": output.to(device),
            "output_bias": torch.zeros(count, device=device),
        }

    def _descend(
        self,
        inputs: list[torch.Tensor],
        weights: dict[str, torch.Tensor],
        masks: Mapping[str, torch.Tensor],
        updates: int,
        batch_size: int,
        learning_rate: float,
        generator: torch.Generator,
    ) -> None:
        optimizer = torch.optim.SGD(
            weights.values(),
            lr=learning_rate,
            momentum=_MOMENTUM,
            nesterov=True,
            weight_decay=_WEIGHT_DECAY,
        )
        rows = max(1, batch_size // len(inputs))
        answers = torch.arange(len(inputs), device=inputs[0].device).repeat_interleave(rows)
        for _ in range(updates):
            chosen = [torch.randint(len(i), (rows,), generator=generator) for i in inputs]
            batch = torch.cat([i[c.to(i.device)] for i, c in zip(inputs, chosen, strict=True)])
            optimizer.zero_grad()
            functional.cross_entropy(self._scores(batch), answers).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            _apply(weights, masks)

    def _scores(self, inputs: torch.Tensor) -> torch.Tensor:
        t = self.tensors
        scaled = (inputs - t["mean"]) / t["scale"]
        hidden = functional.relu(functional.linear(scaled, t["hidden"], t["hidden_bias"]))
        return functional.linear(hidden, t["output"], t["output_bias"])

    def log_probabilities(self, observations: np.ndarray) -> np.ndarray:
        """(batch, experts) float32, in the order of `experts`."""
        inputs = torch.as_tensor(observations, device=self.tensors["mean"].device)
        with torch.no_grad():
            scores = self._scores(inputs.flatten(1).float())
        answer: np.ndarray = scores.log_softmax(1).cpu().numpy()
        return answer

    def state_dict(self) -> dict[str, Any]:
        return {"experts": list(self.experts), "tensors": dict(self.tensors)}

    def load_state_dict(self, state: Mapping[str, Any], device: torch.device) -> None:
        """Give back what `state_dict` read."""
        self.experts = list(state["experts"])
        self.tensors = {n: t.to(device, copy=True) for n, t in state["tensors"].items()}


def _apply(weights: Mapping[str, torch.Tensor], masks: Mapping[str, torch.Tensor]) -> None:
    with torch.no_grad():
        for name, mask in masks.items():
            weights[name].mul_(mask)
