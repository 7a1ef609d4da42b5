"""The guard: a small process between a run and its game that ends the game when the run ends.

A game does not notice that the process that plays it is gone, and `kill -9` leaves that process
no time to say so. The guard is started as `python -I -S guard.py PARENT COMMAND...`, starts the
command, and kills it with all its children when process PARENT is gone, or when the guard is told
to stop (SIGTERM). Should the guard itself be killed, Linux kills the game. Standard library only,
so that it starts in a few milliseconds; POSIX only.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

LOOK_EVERY_S = 0.2
_PR_SET_PDEATHSIG = 1


def guarded(command: Sequence[str]) -> list[str]:
    """The command line that runs a command under the guard of this process."""
    return [sys.executable, "-I", "-S", os.path.abspath(__file__), str(os.getpid()), *command]


def main(arguments: Sequence[str]) -> int:
    """Run the command to its end, or to the end of its owner; the command's exit code."""
    parent, command = int(arguments[0]), list(arguments[1:])
    signal.signal(signal.SIGTERM, _stop)
    game = subprocess.Popen(command, start_new_session=True, preexec_fn=_tied_to(os.getpid()))
    orphaned = False
    try:
        while game.poll() is None and not orphaned:
            time.sleep(LOOK_EVERY_S)
            orphaned = os.getppid() != parent
    finally:
        _kill(game)
        if orphaned:
            _remove_temporary_directory(command)
    return game.returncode


def _stop(number: int, frame: Any) -> None:
    raise SystemExit(128 + number)


def _tied_to(guard: int) -> Callable[[], None] | None:
    """What the game's process does before it becomes the game: ask to die with its guard."""
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None).prctl

    def tie() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != guard:
            os._exit(1)

    return tie


def _kill(game: subprocess.Popen[bytes]) -> None:
    """End the game and whatever it has started: all are in a session of their own."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(game.pid, signal.SIGKILL)
    game.wait()


def _remove_temporary_directory(command: Sequence[str]) -> None:
    """What the owner would have removed had it lived."""
    if "-tempDir" in command[:-1]:
        shutil.rmtree(command[command.index("-tempDir") + 1], ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
