"""Gathers what the environments answered during one collection, for `on_transitions`."""

from __future__ import annotations

from typing import Any

import numpy as np
from stable_baselines3.common.callbacks import BaseCallback

from l2rl.views import TransitionBatch


class TransitionTap(BaseCallback):
    """A callback that copies every step; present only when a component listens."""

    def __init__(self) -> None:
        super().__init__()
        self._steps: list[dict[str, np.ndarray]] = []

    def _on_step(self) -> bool:
        read, dones = self.locals, self.locals["dones"]
        next_observations = np.array(read["new_obs"], copy=True)
        truncated = np.zeros(len(dones), dtype=bool)
        for i in np.flatnonzero(dones):
            info: dict[str, Any] = read["infos"][i]
            if info.get("terminal_observation") is not None:
                next_observations[i] = info["terminal_observation"]
            truncated[i] = bool(info.get("TimeLimit.truncated", False))
        self._steps.append(
            {
                "observations": np.array(self.model._last_obs, copy=True),
                # PPO calls the clipped actions by a name of their own.
                "actions": np.array(read.get("clipped_actions", read["actions"]), copy=True),
                # Copied: PPO adds the bootstrap value of a time-out in place afterwards.
                "rewards": np.array(read["rewards"], dtype=np.float32, copy=True),
                "next_observations": next_observations,
                "terminated": np.asarray(dones, dtype=bool) & ~truncated,
                "truncated": truncated,
                **self._masks(),
                **self._sampled(),
            }
        )
        return True

    def _masks(self) -> dict[str, np.ndarray]:
        """What was valid when the agent acted; nothing for agents without masks."""
        masks = getattr(self.model, "acted_under", None)
        return {} if masks is None else {"action_masks": np.array(masks, copy=True)}

    def _sampled(self) -> dict[str, np.ndarray]:
        """PPO's actions before clipping; nothing where none are clipped."""
        read = self.locals
        if "clipped_actions" not in read or read["clipped_actions"] is read["actions"]:
            return {}
        return {"sampled_actions": np.array(read["actions"], copy=True)}

    def take(self, *, belief: int, first_index: int, env_steps: int) -> TransitionBatch | None:
        """Everything since the last call, or None if there was nothing."""
        if not self._steps:
            return None
        stacked = {key: np.stack([s[key] for s in self._steps]) for key in self._steps[0]}
        self._steps.clear()
        for array in stacked.values():
            array.setflags(write=False)
        return TransitionBatch(
            **stacked, belief=belief, first_index=first_index, env_steps=env_steps
        )
