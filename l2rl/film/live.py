"""A film in a terminal, as it happens, under the eyes and the fingers of a person."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType

import numpy as np
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from l2rl.environments import Controls
from l2rl.film.half_blocks import HalfBlocks, fitted
from l2rl.film.keyboard import HUNG_UP, Keyboard
from l2rl.film.pace import Pace

LINES = 4
"""Rows of text below the picture."""
_FLASH_S = 0.8
_SLOWEST, _FASTEST = 1 / 16, 64.0
_OWN_KEYS = {
    "q": "quit",
    "?": "these keys",
    "p": "pause",
    "+": "faster",
    "-": "slower",
}


class Quit(Exception):
    """The person has seen enough."""


class LiveView:
    """Shows pictures at the pace of their film, and takes keys meanwhile.

    Within a `with` block the terminal shows nothing else; afterwards it is as it was before.
    """

    def __init__(
        self,
        console: Console,
        descriptor: int,
        *,
        controls: Controls | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`descriptor`: where keys come from. `controls`: which of them are actions."""
        self._console, self._controls, self._clock = console, controls, clock
        self._keyboard = Keyboard(descriptor)
        self._live = Live(console=console, screen=True, auto_refresh=False)
        self._stack = ExitStack()
        self._due = 0.0
        self._keys: deque[str] = deque()
        self._action: int | None = None
        self._refused: tuple[str, float] | None = None
        self._last: tuple[np.ndarray, list[str]] | None = None
        self.pace: Pace | None = None
        """Of the film being shown; `+` and `-` change its speed."""

    def __enter__(self) -> LiveView:
        with ExitStack() as stack:
            stack.enter_context(self._keyboard)
            stack.enter_context(self._live)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    @property
    def size(self) -> tuple[int, int]:
        """Pixels that the terminal has for a picture: (width, height)."""
        width, height = self._console.size
        return max(width, 8), max(2 * (height - LINES), 8)

    def show(self, picture: np.ndarray, lines: list[str]) -> None:
        """Show a picture with lines of text below for as long as its film says, and see to keys.

        Raises `Quit` when the person asks for it.
        """
        self._last = picture, lines
        self._draw()
        fps = self.pace.fps if self.pace is not None else 10.0
        now = self._clock()
        # Late pictures are not caught up with: the film runs slower instead.
        self._due = max(self._due + 1 / fps, now)
        while True:
            self._keys += self._keyboard.pressed(max(self._due - self._clock(), 0.0))
            while self._keys:
                self._take(self._keys.popleft())
            if self._clock() >= self._due:
                return

    def take_action(self) -> int | None:
        """The action of the last such key since the last call, None without one."""
        action, self._action = self._action, None
        return action

    def flash(self, words: str) -> None:
        """Let words stand out for a moment: an action that was refused."""
        self._refused = words, self._clock() + _FLASH_S

    def _take(self, key: str) -> None:
        if key in ("q", HUNG_UP):
            raise Quit
        if key == "?":
            self._pause(self._help())
        elif key == "p":
            self._pause(None)
        elif key in "+-" and self.pace is not None:
            factor = 2.0 if key == "+" else 0.5
            self.pace.speed = min(max(self.pace.speed * factor, _SLOWEST), _FASTEST)
        elif self._controls is not None and key in self._controls.keys:
            self._action = self._controls.keys[key]

    def _pause(self, instead: Table | None) -> None:
        """Nothing moves until another key; `instead` of the picture something else is shown."""
        if instead is not None:
            self._live.update(Group(instead, Text("any key goes on", style="dim")), refresh=True)
        else:
            self._draw("paused: any key goes on")
        while not self._keys:
            self._keys += self._keyboard.pressed(0.2)
        if self._keys.popleft() in ("q", HUNG_UP):
            raise Quit
        self._due = self._clock()

    def _draw(self, note: str = "") -> None:
        assert self._last is not None
        picture, lines = self._last
        shown = [Text(line, no_wrap=True, overflow="ellipsis") for line in lines[: LINES - 1]]
        if self._refused is not None and self._clock() < self._refused[1]:
            shown.append(Text(self._refused[0], style="bold white on red"))
        else:
            shown.append(Text(note or self._hint(), style="dim"))
        self._live.update(Group(HalfBlocks(fitted(picture, self.size)), *shown), refresh=True)

    def _hint(self) -> str:
        speed = f"  speed {self.pace.speed:g}x" if self.pace is not None else ""
        return f"? keys  p pause  + - speed  q quit{speed}"

    def _help(self) -> Table:
        """Every key and what it does, actions with several keys on one line."""
        table = Table("key", "does", title="keys")
        for key, meaning in _OWN_KEYS.items():
            table.add_row(Text(key), meaning)
        if self._controls is not None:
            for action, name in enumerate(self._controls.names):
                keys = [key for key, value in self._controls.keys.items() if value == action]
                if keys:
                    shown = " ".join("space" if key == " " else key for key in keys)
                    table.add_row(Text(shown), Text(name))
        return table
