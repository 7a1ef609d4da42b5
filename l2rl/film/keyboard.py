"""Keys as they are pressed, without waiting and without Enter."""

from __future__ import annotations

import os
import select
from contextlib import suppress
from types import TracebackType
from typing import Any

from l2rl.errors import UserError

_SEQUENCES = {"A": "up", "B": "down", "C": "right", "D": "left"}
_NAMES = {"\t": "tab", "\r": "enter", "\n": "enter", "\x1b": "escape"}
HUNG_UP = "hung up"
"""Instead of a key: whoever pressed them is gone."""


class Keyboard:
    """The keyboard of a terminal for the time of a `with` block; the terminal is put back as it
    was, whatever happens."""

    def __init__(self, descriptor: int) -> None:
        """`descriptor`: the terminal's file descriptor, 0 for standard input."""
        self._descriptor = descriptor
        self._before: list[Any] | None = None

    def __enter__(self) -> Keyboard:
        termios, tty = _terminal_modules()
        self._before = termios.tcgetattr(self._descriptor)
        # Keys at once and not echoed; Ctrl-C stays an interrupt.
        tty.setcbreak(self._descriptor, termios.TCSANOW)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        termios, _ = _terminal_modules()
        # A terminal that is gone cannot be put back.
        with suppress(termios.error):
            termios.tcsetattr(self._descriptor, termios.TCSANOW, self._before)

    def pressed(self, wait_s: float = 0.0) -> list[str]:
        """Keys pressed since the last call, after waiting for one at most `wait_s` seconds.

        Characters, or `up`, `down`, `left`, `right`, `tab`, `enter`, `escape`.
        """
        if not select.select([self._descriptor], [], [], wait_s)[0]:
            return []
        try:
            data = os.read(self._descriptor, 1024)
        except OSError:
            return [HUNG_UP]
        return key_names(data.decode(errors="ignore")) if data else [HUNG_UP]


def key_names(text: str) -> list[str]:
    """What a terminal sends, as keys: `"a\\x1b[A"` is `["a", "up"]`."""
    keys, rest = [], text
    while rest:
        if rest[:2] in ("\x1b[", "\x1bO") and rest[2:3] in _SEQUENCES:
            keys.append(_SEQUENCES[rest[2]])
            rest = rest[3:]
        else:
            keys.append(_NAMES.get(rest[0], rest[0]))
            rest = rest[1:]
    return keys


def _terminal_modules() -> tuple[Any, Any]:
    try:
        import termios
        import tty
    except ImportError as error:
        raise UserError("keys can only be read in a Unix terminal; write a file instead") from error
    return termios, tty
