"""No process is left behind, however the one that plays ends; and Ctrl-C leaves the game alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from l2rl.envs.starcraft2.vec_env import StarCraftVecEnv
from l2rl.errors import UserError
from tests.starcraft2.play import game_process, gone, stand_ins

PLAYER = """
import sys
import numpy as np
from l2rl.envs.starcraft2.vec_env import StarCraftVecEnv
from tests.starcraft2.play import game_process

env = StarCraftVecEnv("MoveToBeacon", {"limit_s": 5}, n_envs=2)
env.reset()
print(*[game.client.pid for game in env.games], *[game_process(env, i) for i in range(2)])
sys.stdout.flush()
while True:
    env.step(np.zeros(2, int))
"""


def all_gone(folder: Path) -> bool:
    """Whether every stand-in of this installation ends soon."""
    return all(gone(pid) for pid in stand_ins(folder))


def test_closing_ends_guard_game_and_temporary_folder(
    stand_in: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A place of its own, for others on this machine may play, too.
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    env = StarCraftVecEnv("MoveToBeacon", n_envs=2)
    env.reset()
    made = set(tmp_path.glob("sc-*"))
    assert len(made) == 2
    processes = [game_process(env, i) for i in range(2)]
    assert len(stand_ins(stand_in)) >= 4
    env.close()
    assert all(gone(pid) for pid in processes)
    assert stand_ins(stand_in) == []
    assert not any(path.exists() for path in made)
    env.close()


def test_an_environment_that_was_closed_goes_on_when_it_is_used_again(stand_in: Path) -> None:
    env, other = StarCraftVecEnv("MoveToBeacon"), StarCraftVecEnv("MoveToBeacon")
    for one in (env, other):
        one.reset()
        one.step(np.array([1]))
    env.close()
    assert env.step(np.array([3]))[0].tobytes() == other.step(np.array([3]))[0].tobytes()
    env.close()
    other.close()


def test_a_failure_leaves_nothing_either(stand_in: Path, faults: Callable[..., None]) -> None:
    env = StarCraftVecEnv("MoveToBeacon", {"restarts": 0, "attempts": 1})
    env.reset()
    faults({"fault": "garbage", "at": "step"})
    with pytest.raises(UserError):
        env.step(np.zeros(1, int))
    assert all_gone(stand_in)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_killing_the_player_ends_the_game(how: signal.Signals, stand_in: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", PLAYER], stdout=subprocess.PIPE, text=True) as one:
        assert one.stdout is not None
        processes = [int(word) for word in one.stdout.readline().split()]
        assert len(processes) == 4
        one.send_signal(how)
    assert all(gone(pid) for pid in processes)
    assert all_gone(stand_in)


def test_killing_the_guard_ends_the_game(stand_in: Path) -> None:
    env = StarCraftVecEnv("MoveToBeacon")
    env.reset()
    game = game_process(env)
    assert env.games[0].client is not None
    assert env.games[0].client.pid is not None
    os.kill(env.games[0].client.pid, signal.SIGKILL)
    assert gone(game)
    env.close()


def test_a_forked_copy_of_the_player_cannot_end_the_game(stand_in: Path) -> None:
    env = StarCraftVecEnv("MoveToBeacon")
    env.reset()
    child = os.fork()
    if child == 0:
        env.close()
        os._exit(0)
    os.waitpid(child, 0)
    env.step(np.zeros(1, int))
    assert env.drain_events() == []
    env.close()


def test_control_c_does_not_reach_the_game(stand_in: Path) -> None:
    """A run that is asked to stop plays on to its next safe point."""
    env = StarCraftVecEnv("MoveToBeacon")
    env.reset()
    assert os.getpgid(game_process(env)) != os.getpgid(0)
    assert os.getsid(game_process(env)) != os.getsid(0)
    time.sleep(0.1)
    env.step(np.zeros(1, int))
    assert env.drain_events() == []
    env.close()
