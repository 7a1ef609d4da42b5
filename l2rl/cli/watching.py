"""What `play` and `replay` have in common: where films go, how fast they run, a terminal to see."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import numpy as np
from rich.console import Console

from l2rl.environments import Controls
from l2rl.errors import UserError
from l2rl.film.live import LiveView, Quit
from l2rl.film.recording import Recording
from l2rl.film.titled import titled

HELD_S = 0.8
"""Seconds that the end of an episode stays."""


def without_windows() -> None:
    """Environments that draw with pygame need no display, and should not speak of themselves."""
    os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")


def has_terminal() -> bool:
    """Whether a person sees what is written and can press keys."""
    return sys.stdin.isatty() and sys.stdout.isatty()


class Reel:
    """Pictures of one film with their strips."""

    def __init__(self, fps: float) -> None:
        self.recording = Recording(fps)
        self._last: np.ndarray | None = None

    def add(self, pictures: list[np.ndarray], left: str, right: str) -> None:
        """Append pictures with the same words below."""
        for picture in pictures:
            self._last = titled(picture, left, right)
            self.recording.add(self._last)

    def hold(self) -> None:
        """Let the last picture stay for a moment."""
        for _ in range(round(HELD_S * self.recording.fps)):
            if self._last is not None:
                self.recording.add(self._last)


def check_endings(*paths: tuple[Path | None, str]) -> None:
    """Raise `UserError` for a file whose ending is not the one of its option, before filming."""
    for path, ending in paths:
        if path is not None and path.suffix.lower() != ending:
            raise UserError(f"--{ending[1:]} {path}: its name must end in {ending}")


def check_speed(fps: float | None, speed: float | None) -> None:
    """Raise `UserError` for a pace that cannot be kept."""
    if fps is not None and not 0 < fps <= 60:
        raise UserError(f"--fps {fps:g} is not possible; it must be above 0 and at most 60")
    if speed is not None and not 0 < speed <= 1000:
        raise UserError(f"--speed {speed:g} is not possible; it must be above 0 and at most 1000")


@contextmanager
def live_view(console: Console, controls: Controls | None = None) -> Iterator[LiveView]:
    """A view that takes the terminal, and gives it back on `q`, Ctrl-C and SIGTERM too."""
    before = signal.signal(signal.SIGTERM, _leave)
    try:
        with LiveView(console, sys.stdin.fileno(), controls=controls) as view:
            yield view
    except (Quit, KeyboardInterrupt):
        pass
    finally:
        signal.signal(signal.SIGTERM, before)


def _leave(number: int, frame: FrameType | None) -> None:
    # Unwinding puts the terminal back; the default action would not.
    raise SystemExit(128 + number)
