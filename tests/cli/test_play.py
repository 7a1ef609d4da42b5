"""`l2rl play`: films of any task, by chance, by rules, by hand; one message for each mistake."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from l2rl.cli.main import app
from l2rl.cli.play import parsed_settings
from l2rl.curriculum import Task
from l2rl.envs.minigames import SUITE
from l2rl.envs.minigames.spaces import N_ACTIONS, SELECT_NEXT
from l2rl.errors import UserError
from l2rl.film.camera import Camera
from l2rl.film.live import _OWN_KEYS
from l2rl.playing import controls_of, keyboard_policy, play, random_policy, visible_env
from tests.cli.test_commands import l2rl


def played(*arguments: str) -> str:
    """What `l2rl play` prints; it must succeed."""
    result = CliRunner().invoke(app, ["play", *arguments])
    assert result.exit_code == 0, result.output + repr(result.exception)
    return result.output


def frames(path: Path) -> int:
    with Image.open(path) as film:
        return int(film.n_frames)


def test_a_scripted_game_becomes_a_film(tmp_path: Path) -> None:
    film, last = tmp_path / "film.gif", tmp_path / "last.png"
    said = played(
        *("minigames/MoveToBeacon", "--set", "limit_s=10", "--seed", "3"),
        *("--gif", str(film), "--png", str(last)),
    )
    assert "episode 1: return" in said
    assert "20 env steps" in said
    with Image.open(film) as image:
        # 20 steps at 2 a second, 4 times as fast, 10 pictures a second: 25, and the start. The end
        # is held, which is one picture that stays.
        assert image.n_frames == 26
        assert image.size == (720, 454)
        durations = []
        for i in range(26):
            image.seek(i)
            durations.append(image.info["duration"])
        assert durations[-1] > 5 * durations[0] == 500
        end = np.asarray(image.convert("RGB")).astype(int)
    assert np.abs(end - np.asarray(Image.open(last)).astype(int)).mean() < 2


def test_the_same_seed_is_the_same_film(tmp_path: Path) -> None:
    for name in ("one", "other"):
        played(
            *("minigames/DefeatRoaches", "--policy", "random", "--variant", "few", "--steps", "6"),
            *("--gif", str(tmp_path / f"{name}.gif")),
        )
    assert (tmp_path / "one.gif").read_bytes() == (tmp_path / "other.gif").read_bytes()


def test_any_gymnasium_id_becomes_a_film(tmp_path: Path) -> None:
    pytest.importorskip("pygame", reason="Gymnasium draws CartPole with it")
    said = played("CartPole-v1", "--episodes", "2", "--gif", str(tmp_path / "film.gif"))
    assert "episode 2: return" in said
    lengths = [
        int(line.split(", ")[1].split()[0]) for line in said.splitlines() if "return" in line
    ]
    # 50 steps a second, 25 pictures: every second step, both starts, both ends.
    expected = sum(length // 2 + 2 for length in lengths)
    assert abs(frames(tmp_path / "film.gif") - expected) <= 2


def test_without_a_terminal_a_file_is_needed(capsys: pytest.CaptureFixture[str]) -> None:
    code, said = l2rl(capsys, "play", "minigames/MoveToBeacon")
    assert code == 2
    assert "no terminal" in said
    assert "--gif FILE" in said


MISTAKES = {
    "unknown task": (["minigames/MoveToBecon"], "MoveToBeacon"),
    "unknown id": (["CartPol-v1"], "CartPole"),
    "unknown variant": (["minigames/MoveToBeacon", "--variant", "wid"], "wide"),
    "unknown parameter": (["minigames/MoveToBeacon", "--set", "limitt_s=3"], "limit_s"),
    "no value": (["minigames/MoveToBeacon", "--set", "limit_s"], "key=value"),
    "unknown policy": (["minigames/MoveToBeacon", "--policy", "skripted"], "scripted"),
    "keyboard without one": (["minigames/MoveToBeacon", "--policy", "keyboard"], "terminal"),
    "no scripted policy": (["CartPole-v1", "--policy", "scripted"], "--policy random"),
    "planes for the script": (
        ["minigames/MoveToBeacon", "--policy", "scripted", "--set", "observation=planes"],
        "vector observations",
    ),
    "fps": (["minigames/MoveToBeacon", "--fps", "0"], "--fps 0"),
    "speed": (["minigames/MoveToBeacon", "--speed", "-1"], "--speed -1"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_message(
    mistake: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments, told = MISTAKES[mistake]
    code, said = l2rl(capsys, "play", *arguments, "--png", str(tmp_path / "x.png"))
    assert code == 2, said
    assert "Traceback" not in said
    assert told in said
    assert list(tmp_path.iterdir()) == []


def test_a_file_must_be_called_what_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = l2rl(capsys, "play", "minigames/MoveToBeacon", "--gif", str(tmp_path / "x.png"))
    assert code == 2
    assert "must end in .gif" in said


def test_settings_are_yaml() -> None:
    given = ["a=1", "b=true", "c=[1, 2.5]", "d=some text"]
    assert parsed_settings(given) == {"a": 1, "b": True, "c": [1, 2.5], "d": "some text"}
    with pytest.raises(UserError, match="not YAML"):
        parsed_settings(["a=[1"])


def test_every_action_has_a_key_and_no_key_two_meanings() -> None:
    controls = SUITE.controls("BuildMarines")
    assert set(controls.keys.values()) == set(range(N_ACTIONS))
    assert len(controls.names) == N_ACTIONS
    assert not set(controls.keys) & set(_OWN_KEYS)


def test_digits_play_what_has_ten_actions_at_most() -> None:
    task = Task("play", "CartPole-v1")
    env = visible_env(task, 0)
    controls = controls_of(task, env)
    assert controls is not None
    assert dict(controls.keys) == {"0": 0, "1": 1}
    env.close()


def test_a_key_acts_once_and_then_the_idle_action() -> None:
    pressed = iter([None, 5, None])
    act = keyboard_policy(SUITE.controls("MoveToBeacon"), lambda: next(pressed))
    seen = np.zeros((1, 164))
    assert [int(act(seen, None)[0]) for _ in range(3)] == [0, 5, 0]


def test_a_refused_action_is_told() -> None:
    env = visible_env(Task("play", "minigames/MoveToBeacon"), 0)
    camera = Camera(env, fps=10, speed=1, size=(80, 60), panel=False)
    moments = play(env, lambda seen, masks: np.array([SELECT_NEXT]), camera, episodes=1, steps=2)
    refused = [moment.refused for moment in moments]
    assert refused == [False, True, True, True]


@pytest.mark.xdist_group("functions")
@pytest.mark.parametrize("actions", ["macro", "functions"])
def test_chance_takes_valid_actions_only(actions: str) -> None:
    task = Task("play", "minigames/DefeatRoaches", parameters={"actions": actions})
    env = visible_env(task, 0)
    assert (controls_of(task, env) is None) == (actions == "functions")
    camera = Camera(env, fps=1, speed=100, size=(80, 60), panel=False)
    moments = list(play(env, random_policy(env, 0), camera, episodes=1, steps=60))
    assert not any(moment.refused for moment in moments)
    done = {int(np.atleast_1d(m.action)[0]) for m in moments if m.action is not None}
    assert len(done) > 10


def read_until(descriptor: int, wanted: bytes, seconds: float) -> bytes:
    """What a terminal shows until some text appears."""
    seen = b""
    while wanted not in seen and select.select([descriptor], [], [], seconds)[0]:
        try:
            chunk = os.read(descriptor, 1 << 16)
        except OSError:
            break
        if not chunk:
            break
        seen += chunk
    return seen


@pytest.mark.slow
def test_a_person_plays_in_a_terminal_and_gets_it_back() -> None:
    code = "import sys; sys.argv = ['l2rl', 'play', 'minigames/MoveToBeacon']; "
    code += "from l2rl.cli import main; main()"
    child, terminal = pty.fork()
    if child == 0:
        os.environ.update(TERM="xterm-256color", COLORTERM="truecolor")
        os.execv(sys.executable, [sys.executable, "-c", code])
    try:
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 90, 0, 0))
        before = termios.tcgetattr(terminal)
        seen = read_until(terminal, b"q quit", 120)
        assert b"\x1b[?1049h" in seen
        assert "▀".encode() in seen
        os.write(terminal, b"6")
        assert b"train marine: not possible now" in read_until(terminal, b"not possible now", 60)
        os.write(terminal, b"q")
        seen = read_until(terminal, b"not finished", 60)
        assert b"\x1b[?1049l" in seen
        assert termios.tcgetattr(terminal) == before
        assert os.waitpid(child, 0)[1] == 0
    except BaseException:
        os.kill(child, signal.SIGKILL)
        raise
    finally:
        os.close(terminal)
