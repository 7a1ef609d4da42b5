"""For these tests the game is the loopback stand-in, its processes forked from one that is warm."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from l2rl.envs.starcraft2.loopback.faults import VARIABLE
from l2rl.envs.starcraft2.loopback.install import install
from l2rl.envs.starcraft2.loopback.launcher import NURSERY

WARM = ("MoveToBeacon", "CollectMineralShards", "DefeatRoaches")
"""The maps that most tests are about; the others are compiled, or loaded, where they are played."""
WARM_WITHIN_S = 250.0
CONNECT_EVERY_S = 0.2


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All on one worker, so that there is one nursery."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents and item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group("starcraft2"))


@pytest.fixture(scope="session")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The socket of a process that forks stand-ins."""
    path = tmp_path_factory.mktemp("nursery") / "socket"
    command = [sys.executable, "-m", "l2rl.envs.starcraft2.loopback.nursery", str(path), *WARM]
    process = subprocess.Popen(command)
    deadline = time.monotonic() + WARM_WITHIN_S
    while not path.exists():
        assert process.poll() is None, "the nursery of stand-ins died"
        assert time.monotonic() < deadline, "the nursery of stand-ins does not get ready"
        time.sleep(0.05)
    yield path
    process.kill()
    process.wait()


@pytest.fixture(scope="session")
def game_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for SC2PATH with the stand-in and its maps."""
    return install(tmp_path_factory.mktemp("StarCraftII"))


@pytest.fixture(autouse=True)
def stand_in(
    nursery: Path, game_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """The stand-in is the installed game, and nothing has failed yet in this process."""
    from l2rl.envs.starcraft2.library import remote_controller
    from l2rl.envs.starcraft2.supervisor import RESTARTS

    # The library tries to connect once a second, and the stand-in is there sooner than that.
    clock = SimpleNamespace(sleep=lambda seconds: time.sleep(min(seconds, CONNECT_EVERY_S)))
    monkeypatch.setattr(remote_controller, "time", clock)
    monkeypatch.setenv("SC2PATH", str(game_folder))
    monkeypatch.setenv(NURSERY, str(nursery))
    monkeypatch.setenv(VARIABLE, str(tmp_path / "faults.json"))
    RESTARTS.count = 0
    return game_folder


@pytest.fixture
def faults(stand_in: Path) -> Callable[..., None]:
    """Ask for faults: `faults({"fault": "die", "at": "step", "loop": 80})`."""

    def ask(*wanted: dict[str, Any]) -> None:
        Path(os.environ[VARIABLE]).write_text(json.dumps(wanted))

    return ask
