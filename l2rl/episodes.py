"""Notes every training episode that ends."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from stable_baselines3.common.callbacks import BaseCallback


@dataclass(frozen=True)
class Episode:
    """One finished training episode."""

    env_steps: int
    """Env steps of the lifetime when it ended."""
    environment: int
    episode_return: float
    length: int
    success: float | None


class EpisodeRecorder(BaseCallback):
    """Collects episodes from `infos[i]["episode"]` until they are drained."""

    def __init__(self) -> None:
        super().__init__()
        self._episodes: list[Episode] = []
        self._recent: deque[float] = deque(maxlen=20)

    @property
    def recent_return(self) -> float | None:
        """Mean of the last 20 returns, for displays; None before the first."""
        return sum(self._recent) / len(self._recent) if self._recent else None

    def _on_step(self) -> bool:
        dones = self.locals["dones"]
        if dones.any():
            infos = self.locals["infos"]
            for i in np.flatnonzero(dones):
                info = infos[i].get("episode")
                if info is not None:
                    success = info.get("success")
                    self._recent.append(float(info["r"]))
                    self._episodes.append(
                        Episode(
                            env_steps=self.model.num_timesteps,
                            environment=int(i),
                            episode_return=float(info["r"]),
                            length=int(info["l"]),
                            success=None if success is None else float(success),
                        )
                    )
        return True

    def drain(self) -> list[Episode]:
        """Episodes since the last call."""
        episodes, self._episodes = self._episodes, []
        return episodes
