"""Experience as rows of the learner's minibatches, to be kept and replayed later.

Off-policy rows are made from transitions as they are collected. PPO's have fields that exist only
after the collection (advantages, returns, probabilities of then), so they are taken from the
minibatches of the first epoch over each rollout, in which every row occurs once.

Rows that a component adds to a batch carry a field `<component>/replayed` of ones, by which others
know not to keep them a second time.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from gymnasium import spaces

from l2rl.batches import rows_in
from l2rl.component import Batch
from l2rl.views import TransitionBatch

_PPO_FIELDS = (
    "observations",
    "actions",
    "old_values",
    "old_log_prob",
    "advantages",
    "returns",
    "action_masks",
)


def off_policy_rows(
    batch: TransitionBatch, action_space: spaces.Space[Any]
) -> dict[str, np.ndarray]:
    """The transitions of a collection as DQN and SAC get them, each field (n, ...), in order.

    `actions` as their buffers keep them: SAC's scaled to [-1, 1]. `dones` are 0 where an episode
    was only cut. Masks of next states are not among them: see `OffPolicyRows`.
    """
    actions = batch.flat(batch.actions)
    if isinstance(action_space, spaces.Box):
        low, high = action_space.low, action_space.high
        actions = (2.0 * (actions - low) / (high - low) - 1.0).astype(np.float32)
    return {
        "observations": batch.flat(batch.observations),
        "actions": actions.reshape(len(actions), -1),
        "next_observations": batch.flat(batch.next_observations),
        "rewards": batch.flat(batch.rewards)[:, None].astype(np.float32),
        "dones": batch.flat(batch.terminated)[:, None].astype(np.float32),
        "belief": np.full(len(actions), batch.belief, np.int64),
    }


class OffPolicyRows:
    """Collections one after the other as rows, with the masks of next states where there are any.

    Those of the last step of a collection come with the next collection, so with masks that step
    is held back until then.
    """

    def __init__(self, action_space: spaces.Space[Any]) -> None:
        self._action_space = action_space
        self.held: dict[str, np.ndarray] = {}
        """Rows (n_envs, ...) of the last step, masks all False where they are still to come; empty
        for learners without masks."""

    def take(self, batch: TransitionBatch) -> dict[str, np.ndarray]:
        """What is complete now; may have no rows in it."""
        rows = off_policy_rows(batch, self._action_space)
        if batch.action_masks is None:
            return rows
        ended = (batch.terminated | batch.truncated)[:, :, None]
        following = np.concatenate([batch.action_masks[1:], np.ones_like(batch.action_masks[:1])])
        # What follows the end of an episode is the first state of another.
        rows["next_action_masks"] = batch.flat(following | ended)
        if self.held:
            self.held["next_action_masks"] |= batch.action_masks[0]
            rows = {name: np.concatenate([self.held[name], rows[name]]) for name in rows}
        last = batch.rewards.shape[1]
        self.held = {name: values[-last:].copy() for name, values in rows.items()}
        self.held["next_action_masks"] &= ended[-1]
        return {name: values[:-last] for name, values in rows.items()}

    def release(self) -> dict[str, np.ndarray]:
        """What was held back, all actions valid afterwards; empty if nothing was."""
        rows, self.held = self.held, {}
        if rows:
            rows["next_action_masks"][:] = True
        return rows


def on_policy_rows(batch: Batch, belief: int) -> dict[str, np.ndarray]:
    """The rows of a minibatch of PPO's that no component added, each field (n, ...)."""
    own = np.ones(rows_in(batch), bool)
    for name, mark in batch.items():
        if name.endswith("/replayed"):
            own &= mark.cpu().numpy() == 0
    rows = {f: batch[f].detach().cpu().numpy()[own] for f in _PPO_FIELDS if f in batch}
    return {**rows, "belief": np.full(int(own.sum()), belief, np.int64)}


class FirstEpoch:
    """Whether a minibatch of PPO's belongs to the first pass over its rollout."""

    def __init__(self) -> None:
        self.expected = 0
        """Rows of the rollout that were not seen yet."""

    def rollout_collected(self, batch: TransitionBatch) -> None:
        """A new rollout has replaced the one before."""
        self.expected = batch.rewards.size

    def take(self, rows: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Those of the rows (n, ...) that are seen for the first time."""
        count = min(len(next(iter(rows.values()))), self.expected)
        self.expected -= count
        return {name: values[:count] for name, values in rows.items()}


def as_batch(rows: Mapping[str, np.ndarray], device: torch.device, replayed_by: str) -> Batch:
    """Rows as a batch on the device, marked as added by the component `replayed_by`."""
    batch: Batch = {name: torch.as_tensor(values, device=device) for name, values in rows.items()}
    batch[f"{replayed_by}/replayed"] = torch.ones(rows_in(batch), device=device)
    return batch
