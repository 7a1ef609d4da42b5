"""Making an expert at rest sparse: pruned by magnitude, then taught by what it was before."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch

from ..distillation import Student

Lesson = Callable[[Mapping[str, torch.Tensor]], torch.Tensor]
"""Parameters by name -> a scalar, how far they are from what the expert said on some states."""


def largest(weights: torch.Tensor, pruned_share: float) -> torch.Tensor:
    """bool of the weights' shape: False for exactly round(pruned_share * n) of them (half up),
    those of the smallest magnitude; of equal ones the last."""
    pruned = int(weights.numel() * pruned_share + 0.5)
    order = weights.detach().abs().reshape(-1).sort(descending=True, stable=True).indices
    kept = torch.ones(weights.numel(), dtype=torch.bool, device=weights.device)
    kept[order[weights.numel() - pruned :]] = False
    return kept.view(weights.shape)


def prunable(parameters: Mapping[str, torch.Tensor], names: Sequence[str]) -> list[str]:
    """Weights of layers among these names; biases and the like stay whole."""
    return [n for n in names if n.endswith("weight") and parameters[n].dim() > 1]


def pruned(
    parameters: Mapping[str, torch.Tensor],
    masks: Mapping[str, torch.Tensor],
    lesson: Lesson,
    *,
    updates: int,
    learning_rate: float,
) -> dict[str, torch.Tensor]:
    """Copies of these parameters, zero where a mask is False, after so many steps of Adam on
    `lesson` for all others."""
    student = Student(parameters, learning_rate)
    free = student.flat(
        {n: masks.get(n, torch.ones_like(p, dtype=torch.bool)) for n, p in parameters.items()}
    )
    student.put({n: p * masks[n] if n in masks else p for n, p in parameters.items()})
    for _ in range(updates):
        student.step(lesson(student.named()), free)
    return student.values()
