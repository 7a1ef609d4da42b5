"""Gradients of a learner's own loss on a batch that a component brings."""

from __future__ import annotations

from collections.abc import Callable

import torch

from l2rl.agents.multi_head import TaskHeads
from l2rl.component import Batch
from l2rl.engine.phase import Phase
from l2rl.randomness import derive_seed

LossOn = Callable[[Batch], torch.Tensor]
"""A batch -> the learner's scalar loss of one phase, with the parameters as they are."""


def gradients_on_batch(
    phase: Phase, loss_on: LossOn, seed: int, heads: TaskHeads, batch: Batch
) -> dict[str, torch.Tensor]:
    """Gradients by parameter name; without those that the loss does not depend on.

    Nothing else changes: the network is in evaluation mode for the pass (running statistics stay),
    and a loss that samples (SAC's) draws from a generator of this step, the same each time.
    """
    assert phase.network is not None
    was_training = phase.network.training
    phase.network.train(False)
    try:
        with torch.random.fork_rng(devices=[]), heads.for_batch(batch):
            torch.manual_seed(derive_seed(seed, "gradients_on", phase.name, phase.updates))
            found = torch.autograd.grad(
                loss_on(batch), list(phase.parameters.values()), allow_unused=True
            )
    finally:
        phase.network.train(was_training)
    return {n: g for n, g in zip(phase.parameters, found, strict=True) if g is not None}
