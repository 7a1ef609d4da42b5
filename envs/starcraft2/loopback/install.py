"""Put the stand-in where the client library looks for the game."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from ...minigames.catalogue import GAMES

BUILD = 75689
"""A version of the game that the library knows: 4.10, the newest for Linux."""
MAP_TEXT = "Not a StarCraft II map: the name is all that the stand-in reads.\n"


def install(directory: Path) -> Path:
    """Make `directory` a value for SC2PATH that leads to the stand-in. Returns it.

    Raises `ValueError` where another game is already.
    """
    binary = directory / f"Versions/Base{BUILD}/SC2_x64"
    if binary.exists() and "loopback" not in binary.read_text(errors="replace")[:2000]:
        raise ValueError(f"{binary} is there already, and it is not the stand-in: leave it alone")
    binary.parent.mkdir(parents=True, exist_ok=True)
    binary.write_text(_script())
    os.chmod(binary, 0o755)
    maps = directory / "Maps" / "mini_games"
    maps.mkdir(parents=True, exist_ok=True)
    for name in GAMES:
        (maps / f"{name}.SC2Map").write_text(MAP_TEXT)
    return directory


def _script() -> str:
    """What is run in the game's place: the launcher beside this file, under this Python."""
    launcher = Path(__file__).with_name("launcher.py").resolve()
    return (
        "#!/bin/sh\n"
        "# The loopback stand-in of l2rl. This is not StarCraft II.\n"
        f'exec "{sys.executable}" -I -S "{launcher}" "$@"\n'
    )
