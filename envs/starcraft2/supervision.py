"""How patient the supervisor is with a game. Cheap to import."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Supervision:
    """Time-outs, and how often what fails is tried again."""

    call_timeout_s: float = 60.0
    """How long an answer to a step may take."""
    launch_timeout_s: float = 120.0
    """How long starting the process, and creating a game in it, may take."""
    recycle_after_episodes: int = 100
    """A process is replaced after so many episodes, since it grows; 0: never."""
    attempts: int = 3
    """How often one step, or one launch, is tried."""
    restarts: int = 50
    """Failures of all games in this Python process together before the run stops."""
