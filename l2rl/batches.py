"""Putting batches together: for components that add rows of their own to a minibatch."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from l2rl.component import Batch

_NEUTRAL: Mapping[str, float | bool] = {
    "weights": 1.0,
    "index": -1,
    "action_masks": True,
    "next_action_masks": True,
}
"""What a row has in an optional field that its source does not keep."""


def joined(batch: Batch, rows: Batch, *, belief: int, gamma: float) -> Batch:
    """The rows of `batch`, then those of `rows`: a new batch with the fields of both.

    A field that only one of them has gets, in the other's rows, what changes nothing: weight 1,
    index -1, all actions valid, the discount `gamma`, the context `belief`; any other field 0.

    Raises `KeyError` if `rows` lack a field that every learner's loss reads.
    """
    size, added = rows_in(batch), rows_in(rows)
    missing = [f for f in batch if f not in rows and f not in _OPTIONAL and "/" not in f]
    if missing:
        raise KeyError(f"rows lack {', '.join(missing)}")
    result: Batch = {}
    for field in {**batch, **rows}:
        model = batch.get(field, rows.get(field))
        assert isinstance(model, torch.Tensor)
        parts = [
            source[field] if field in source else _neutral(field, model, count, belief, gamma)
            for source, count in ((batch, size), (rows, added))
        ]
        result[field] = torch.cat(parts)
    return result


_OPTIONAL = frozenset({*_NEUTRAL, "discounts", "belief"})


def rows_in(batch: Batch) -> int:
    """Number of rows of a batch; 0 for an empty one."""
    return len(batch["observations"]) if batch else 0


def _neutral(
    field: str, model: torch.Tensor, count: int, belief: int, gamma: float
) -> torch.Tensor:
    values: Mapping[str, float | bool] = {**_NEUTRAL, "discounts": gamma, "belief": belief}
    return model.new_full((count, *model.shape[1:]), values.get(field, 0))
