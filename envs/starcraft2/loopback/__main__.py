"""`python -m l2rl.envs.starcraft2.loopback DIRECTORY`."""

from __future__ import annotations

import sys
from pathlib import Path

from .install import install

if len(sys.argv) != 2:
    sys.exit("usage: python -m l2rl.envs.starcraft2.loopback DIRECTORY")
try:
    where = install(Path(sys.argv[1]).resolve())
except (OSError, ValueError) as error:
    sys.exit(str(error))
print(f"The stand-in (a simulation, not StarCraft II) is ready: export SC2PATH={where}")
