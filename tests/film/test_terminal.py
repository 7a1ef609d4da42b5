"""Pictures and keys in a terminal, through a pair of pseudo terminals."""

from __future__ import annotations

import os
import pty
import re
import termios
from collections.abc import Iterator

import numpy as np
import pytest
from rich.console import Console

from l2rl.environments import Controls
from l2rl.film.half_blocks import HalfBlocks, fitted
from l2rl.film.keyboard import HUNG_UP, Keyboard, key_names
from l2rl.film.live import LiveView, Quit
from l2rl.film.pace import Pace

PICTURE = np.zeros((20, 40, 3), np.uint8)
PICTURE[:, 20:] = (200, 100, 48)
CONTROLS = Controls(names=["stay", "go"], keys={" ": 0, "g": 1, "up": 1}, idle=0)


class Terminal:
    """A terminal of 40 x 14 cells, and the person in front of it."""

    def __init__(self) -> None:
        self.person, self.side = pty.openpty()
        self.file = os.fdopen(os.dup(self.side), "w", encoding="utf-8")
        self.console = Console(
            file=self.file, force_terminal=True, color_system="truecolor", width=40, height=14
        )

    def press(self, keys: str) -> None:
        os.write(self.person, keys.encode())

    def seen(self) -> str:
        """Everything written since the last call."""
        self.file.flush()
        os.set_blocking(self.person, False)
        data = b""
        try:
            while chunk := os.read(self.person, 1 << 20):
                data += chunk
        except BlockingIOError:
            pass
        return data.decode(errors="replace")

    def close(self) -> None:
        self.file.close()
        os.close(self.person)
        os.close(self.side)


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    one = Terminal()
    yield one
    one.close()


class Clock:
    """Time that passes a second whenever somebody looks."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


def view(terminal: Terminal) -> LiveView:
    made = LiveView(terminal.console, terminal.side, controls=CONTROLS, clock=Clock())
    made.pace = Pace(2, fps=10, speed=1)
    return made


def test_a_cell_shows_two_pixels_and_equal_neighbours_share_a_colour() -> None:
    console = Console(force_terminal=True, color_system="truecolor", width=8)
    picture = np.zeros((4, 8, 3), np.uint8)
    picture[1, 4:] = (248, 160, 80)
    with console.capture() as capture:
        console.print(HalfBlocks(picture))
    first, second = capture.get().splitlines()[:2]
    assert first == (
        "\x1b[38;2;0;0;0;48;2;0;0;0m▀▀▀▀\x1b[0m\x1b[38;2;0;0;0;48;2;248;160;80m▀▀▀▀\x1b[0m"
    )
    assert second.count("▀") == 8
    assert second.count("\x1b[38") == 1


@pytest.mark.parametrize(("size", "shape"), [((40, 40), (20, 40)), ((20, 99), (10, 20))])
def test_a_picture_is_made_to_fit_with_an_even_height(
    size: tuple[int, int], shape: tuple[int, int]
) -> None:
    assert fitted(PICTURE, size).shape[:2] == shape
    assert fitted(np.zeros((31, 47, 3), np.uint8), (50, 50)).shape[0] % 2 == 0


def test_keys_have_names() -> None:
    assert key_names("a\x1b[A\t?\x1bOD") == ["a", "up", "tab", "?", "left"]
    assert key_names("\x1b") == ["escape"]


def test_the_keyboard_reads_at_once_and_puts_the_terminal_back(terminal: Terminal) -> None:
    before = termios.tcgetattr(terminal.side)
    with Keyboard(terminal.side) as keyboard:
        assert termios.tcgetattr(terminal.side) != before
        assert keyboard.pressed() == []
        terminal.press("g\x1b[A")
        assert keyboard.pressed(1.0) == ["g", "up"]
    assert termios.tcgetattr(terminal.side) == before
    with pytest.raises(ZeroDivisionError), Keyboard(terminal.side):
        raise ZeroDivisionError
    assert termios.tcgetattr(terminal.side) == before
    assert "g" not in terminal.seen(), "what is pressed is not echoed"


def test_a_person_who_is_gone_is_noticed() -> None:
    person, side = pty.openpty()
    keyboard = Keyboard(side)
    os.close(person)
    assert keyboard.pressed(1.0) == [HUNG_UP]
    os.close(side)


def test_a_view_shows_pictures_and_words_and_leaves_the_terminal_as_it_was(
    terminal: Terminal,
) -> None:
    before = termios.tcgetattr(terminal.side)
    with view(terminal) as live:
        assert live.size == (40, 20)
        live.show(PICTURE, ["score 12"])
        shown = terminal.seen()
    assert termios.tcgetattr(terminal.side) == before
    after = terminal.seen()
    assert "\x1b[?1049h" in shown, "another screen"
    assert "\x1b[?1049l" in after, "and back"
    assert "\x1b[?25h" in after, "the cursor too"
    assert shown.count("▀") == 40 * 10
    assert "48;2;200;96;48" in shown
    assert "score 12" in shown
    assert "speed 1x" in shown


def test_the_last_action_pressed_is_taken_once(terminal: Terminal) -> None:
    with view(terminal) as live:
        assert live.take_action() is None
        terminal.press(" g")
        live.show(PICTURE, [])
        assert live.take_action() == 1
        assert live.take_action() is None
        terminal.press("x\x1b[A ")
        live.show(PICTURE, [])
        assert live.take_action() == 0


def test_keys_of_the_view_itself(terminal: Terminal) -> None:
    with view(terminal) as live:
        assert live.pace is not None
        terminal.press("++-")
        live.show(PICTURE, [])
        assert live.pace.speed == 2
        terminal.press("?x")
        live.show(PICTURE, [])
        help_text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", terminal.seen())
        assert re.search(r"g up\s+│ go", help_text), help_text
        assert re.search(r"space\s+│ stay", help_text)
        terminal.press("q")
        with pytest.raises(Quit):
            live.show(PICTURE, [])


def test_a_refused_action_stands_out_for_a_moment(terminal: Terminal) -> None:
    with view(terminal) as live:
        live._clock = lambda: 5.0  # time stands still
        live.flash("go: not possible now")
        live._last = PICTURE, []
        live._draw()
        assert "go: not possible now" in terminal.seen()
        live._clock = lambda: 6.0
        live._draw()
        assert "go: not possible now" not in terminal.seen()
