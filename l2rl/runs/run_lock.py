"""One writer per run: a lock that the operating system takes back when its process dies."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType

from l2rl.errors import UserError


class RunLockedError(UserError):
    """Another process is writing the run."""


class RunLock:
    """An exclusive `flock` on a small file that holds the owner's process id.

    The file lies beside the run's directory, so it is there before the directory is and survives
    its being moved aside. It is never deleted: deleting would let two processes lock two files of
    one name.
    """

    def __init__(self, path: Path) -> None:
        """Take the lock, or raise `RunLockedError` naming the process that holds it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.pread(self._descriptor, 32, 0).decode(errors="replace").strip()
            self.release()
            raise RunLockedError(
                f"Another process (id {owner or 'unknown'}) is writing this run (lock {path}). "
                "Wait for it or end it; a lock is never left behind by a dead process."
            ) from None
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Give the lock back; doing it twice is harmless."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> RunLock:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release()


def is_locked(path: Path) -> bool:
    """Whether some process holds the lock now."""
    if not path.exists():
        return False
    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
