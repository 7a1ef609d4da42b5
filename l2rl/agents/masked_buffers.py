"""SB3's rollout and replay buffers, with a mask beside each state that needs one.

PPO's keep the mask under which each action was chosen, DQN's the mask of each next state; nothing
is stored twice. Masks are noted just before the row they belong to is added.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from stable_baselines3.common.buffers import (
    DictReplayBuffer,
    DictRolloutBuffer,
    NStepReplayBuffer,
    ReplayBuffer,
    RolloutBuffer,
)

from l2rl.action_masks import mask_parts
from l2rl.errors import UserError

if TYPE_CHECKING:
    _Rollout = RolloutBuffer
    _Replay = ReplayBuffer
else:
    _Rollout = _Replay = object


class MaskedRolloutSamples(NamedTuple):
    """SB3's `RolloutBufferSamples`, and the masks."""

    observations: Any
    actions: torch.Tensor
    old_values: torch.Tensor
    old_log_prob: torch.Tensor
    advantages: torch.Tensor
    returns: torch.Tensor
    action_masks: torch.Tensor
    """(batch, n) bool."""


class MaskedReplaySamples(NamedTuple):
    """SB3's `ReplayBufferSamples`, and the masks."""

    observations: Any
    actions: torch.Tensor
    next_observations: Any
    dones: torch.Tensor
    rewards: torch.Tensor
    discounts: torch.Tensor | None
    next_action_masks: torch.Tensor
    """(batch, n) bool."""


class _KeepsMasks(_Rollout):
    """Mixed into SB3's rollout buffers, before them in the order of resolution."""

    def reset(self) -> None:
        size = sum(mask_parts(self.action_space))
        self.action_masks = np.zeros((self.buffer_size, self.n_envs, size), dtype=bool)
        super().reset()

    def note_masks(self, masks: np.ndarray) -> None:
        """Masks (n_envs, n) bool of the step that is added next."""
        self.action_masks[self.pos] = masks

    def _get_samples(self, batch_inds: np.ndarray, env: Any = None) -> Any:
        samples = super()._get_samples(batch_inds, env)
        # SB3 lays the steps of one environment after those of another.
        environments, steps = np.divmod(batch_inds, self.buffer_size)
        masks = self.to_torch(self.action_masks[steps, environments])
        return MaskedRolloutSamples(**samples._asdict(), action_masks=masks)


class MaskedRolloutBuffer(_KeepsMasks, RolloutBuffer):
    """SB3's `RolloutBuffer` with masks."""


class MaskedDictRolloutBuffer(_KeepsMasks, DictRolloutBuffer):
    """SB3's `DictRolloutBuffer` with masks."""


class _Watched(np.ndarray):
    """An array that remembers which of its rows were read last."""

    last_read: Any = None

    def __getitem__(self, index: Any) -> Any:
        self.last_read = index
        return self.view(np.ndarray)[index]


class _KeepsNextMasks(_Replay):
    """Mixed into SB3's replay buffers, before them in the order of resolution."""

    next_action_masks: np.ndarray
    """(rows, n_envs, n) bool, parallel to `next_observations`."""

    def __init__(self, *args: Any, optimize_memory_usage: bool = False, **kwargs: Any) -> None:
        """Raises `UserError` with `optimize_memory_usage`."""
        if optimize_memory_usage:
            raise UserError(
                "action masks need next observations of their own\n"
                "  set `optimize_memory_usage: false`"
            )
        super().__init__(*args, **kwargs)
        size = sum(mask_parts(self.action_space))
        self.next_action_masks = np.zeros((self.buffer_size, self.n_envs, size), dtype=bool)
        self._watch_next_observations()

    def _watch_next_observations(self) -> None:
        """SB3 draws environments and the ends of n-step returns while it samples, and does not
        tell which; but it reads next observations at just those places."""
        stored: Any = self.next_observations
        if isinstance(stored, Mapping):
            name = next(iter(stored))
            self._watched = stored[name].view(_Watched)
            self.next_observations = {**stored, name: self._watched}  # type: ignore[assignment]
        else:
            self.next_observations = self._watched = stored.view(_Watched)

    def note_next_masks(self, masks: np.ndarray) -> None:
        """Masks (n_envs, n) bool of the states that the transitions added next lead to."""
        self.next_action_masks[self.pos] = masks

    def _get_samples(self, batch_inds: np.ndarray, env: Any = None) -> Any:
        samples = super()._get_samples(batch_inds, env)
        rows, environments = self._watched.last_read[:2]
        masks = self.to_torch(self.next_action_masks[rows, environments])
        return MaskedReplaySamples(**samples._asdict(), next_action_masks=masks)


class MaskedReplayBuffer(_KeepsNextMasks, ReplayBuffer):
    """SB3's `ReplayBuffer` with masks."""


class MaskedNStepReplayBuffer(_KeepsNextMasks, NStepReplayBuffer):
    """SB3's `NStepReplayBuffer` with masks: those of the states the returns end in."""


class MaskedDictReplayBuffer(_KeepsNextMasks, DictReplayBuffer):
    """SB3's `DictReplayBuffer` with masks."""


MASKED: Mapping[type[Any], type[Any]] = {
    RolloutBuffer: MaskedRolloutBuffer,
    DictRolloutBuffer: MaskedDictRolloutBuffer,
    ReplayBuffer: MaskedReplayBuffer,
    NStepReplayBuffer: MaskedNStepReplayBuffer,
    DictReplayBuffer: MaskedDictReplayBuffer,
}
"""SB3's buffer -> ours."""


def masked_class(buffer: Any) -> type[Any]:
    """The class that keeps masks, for a buffer that SB3 made.

    Raises `UserError` for a buffer of a kind not known here.
    """
    if type(buffer) not in MASKED:
        raise UserError(
            f"a buffer of type {type(buffer).__name__} does not keep action masks\n"
            "  use one of SB3's own, or set `action_masks: false`"
        )
    return MASKED[type(buffer)]
