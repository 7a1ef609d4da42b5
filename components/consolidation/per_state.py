"""Means over states of something made of each single state's gradient, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

import torch

CHUNK_NUMBERS = 2**23
"""Numbers in the gradients held at once: 32 MB in float32, which the allocator still recycles."""

PerStateGradients = Callable[[torch.Tensor, torch.Tensor | None], Mapping[str, torch.Tensor]]
"""(observations (n, ...), actions (n, ...) or None) -> gradients (n, ...) by parameter name."""


class Measure(Protocol):
    """What is averaged: element by element, such as `torch.abs`."""

    def __call__(self, rows: torch.Tensor, /, *, out: torch.Tensor) -> torch.Tensor: ...


def mean_over_states(
    functions: Iterable[PerStateGradients],
    parameters: Mapping[str, torch.Tensor],
    observations: torch.Tensor,
    actions: torch.Tensor | None,
    measure: Measure,
    *,
    chunk_numbers: int = CHUNK_NUMBERS,
) -> dict[str, torch.Tensor]:
    """The mean over states of `measure` of each function's gradients, summed over functions.

    `parameters`: those that the gradients are of. States are taken in chunks whose gradients have
    at most `chunk_numbers` numbers, but one state at least; as much again goes into `measure`.
    """
    total = {name: torch.zeros_like(value) for name, value in parameters.items()}
    step = max(1, chunk_numbers // sum(value.numel() for value in parameters.values()))
    step = min(step, len(observations))
    # Reused: fresh memory of this size costs more than the arithmetic. Not measured in place, as
    # two gradients may be one tensor.
    measured = {name: value.new_empty(step, *value.shape) for name, value in parameters.items()}
    for function in functions:
        for start in range(0, len(observations), step):
            some = slice(start, start + step)
            taken = None if actions is None else actions[some]
            for name, rows in function(observations[some], taken).items():
                part = measure(rows, out=measured[name][: len(rows)])
                total[name] += part.sum(dim=0)
    return {name: value / len(observations) for name, value in total.items()}
