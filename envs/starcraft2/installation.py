"""Where the game and its maps are, and what to say when they are not there. Cheap to import."""

from __future__ import annotations

import importlib.util
import os
import platform
from collections.abc import Iterable
from pathlib import Path

LIBRARIES = ("pysc2_evolved", "pysc2")
"""The Python libraries that will do, the better one first. Both have the same API."""
_BINARY = {"Windows": "SC2_x64.exe", "Darwin": "SC2.app/Contents/MacOS/SC2"}
_DEFAULT = {
    "Windows": "C:/Program Files (x86)/StarCraft II",
    "Darwin": "/Applications/StarCraft II",
}
MAPS = Path("Maps") / "mini_games"


def library_name() -> str | None:
    """The library that will be used, None when none is installed; imports nothing."""
    return next((name for name in LIBRARIES if importlib.util.find_spec(name)), None)


def base() -> Path:
    """The folder of the game: SC2PATH, or where its installer puts it."""
    default = _DEFAULT.get(platform.system(), "~/StarCraftII")
    return Path(os.environ.get("SC2PATH") or default).expanduser()


def builds() -> list[int]:
    """Numbers of the installed versions of the game, ascending."""
    binary = _BINARY.get(platform.system(), "SC2_x64")
    folders = (path.parent for path in base().glob(f"Versions/Base*/{binary.split('/')[0]}"))
    return sorted(int(f.name[4:]) for f in folders if f.name[4:].isdigit())


def missing(maps: Iterable[str]) -> str | None:
    """None when all is there; otherwise everything that is not, and how to get it, as one text."""
    lacking = []
    if library_name() is None:
        lacking.append("the Python package pysc2-evolved: pip install 'l2rl[sc2]'")
    if not builds():
        lacking.append(
            f"the game: there is no Versions/Base*/ with it in {base()}. Linux: unpack a package "
            "of https://github.com/Blizzard/s2client-proto#downloads (4.10 or newer) in your home "
            "directory, or set SC2PATH to where it is; Windows and macOS: install StarCraft II "
            "and run it once"
        )
    absent = [name for name in maps if not (base() / MAPS / f"{name}.SC2Map").is_file()]
    if absent:
        lacking.append(
            f"the maps {', '.join(absent)} in {base() / MAPS}: unpack mini_games.zip of "
            f"https://github.com/google-deepmind/pysc2/releases in {base() / 'Maps'}"
        )
    if not lacking:
        return None
    return "StarCraft II cannot be played here. What is missing:\n" + "\n".join(
        f"  - {one}" for one in lacking
    )
