"""Where a lifetime is in its curriculum, and how those who watch it are told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from l2rl.lifetime import Lifetime


class Stopped(Exception):
    """The run was asked to stop, and has: its checkpoint is on disk."""


class Observer(Protocol):
    """Whoever watches a run (a progress display)."""

    def on_progress(self, lifetime: Lifetime) -> None:
        """After each iteration, sleep step and evaluation."""

    def on_message(self, text: str) -> None:
        """Something a person should know."""


class Silence:
    """Nobody watches."""

    def on_progress(self, lifetime: Lifetime) -> None:
        pass

    def on_message(self, text: str) -> None:
        pass


@dataclass
class Position:
    """Where in the curriculum the agent is. All env steps are the lifetime's."""

    block: int = 0
    inside: bool = False
    """The block has been entered and not yet left."""
    block_start_env_steps: int = 0
    block_episodes: int = 0
    sleep_steps: int = 0
    learning_blocks: int = 0
    """Learning blocks entered so far."""
    evaluations: int = 0
    last_evaluation_env_steps: int = -1
    next_evaluation_env_steps: int = 0
    next_log_env_steps: int = 0
    episodes: int = 0
    started: bool = False
    """What comes before the first block is done."""
    finished: bool = False
    """What comes after the last block is done."""
