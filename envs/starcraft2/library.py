"""The Python library that speaks to StarCraft II, imported once in each process and kept quiet.

Importing this module imports `pysc2_evolved` or `pysc2`, and with it pygame and protobuf; so only
code that plays imports this module.
"""

from __future__ import annotations

import importlib
import logging
import os
import random
from types import ModuleType
from typing import Any

from .installation import library_name


def _import(module: str) -> ModuleType:
    name = library_name()
    if name is None:
        raise ImportError("pysc2-evolved is not installed: pip install 'l2rl[sc2]'")
    return importlib.import_module(f"{name}.{module}")


def _import_quietly(module: str) -> ModuleType:
    """Import without what pygame and the library say on the way.

    The library warns through the root logger, which for want of a handler would be given one:
    that would change how every other library logs.
    """
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
    silence, before = logging.NullHandler(), logging.root.manager.disable
    logging.root.addHandler(silence)
    logging.disable(logging.WARNING)
    try:
        return _import(module)
    finally:
        logging.disable(before)
        logging.root.removeHandler(silence)


def parse_flags_once() -> None:
    """Give absl's flags their defaults, which every process must do, and do once.

    Unparsed flags raise on reading; the older library reads them, and so does absl's logging.
    """
    from absl import flags

    if not flags.FLAGS.is_parsed():
        flags.FLAGS(["l2rl"])


sc2_env: Any = _import_quietly("env.sc2_env")
sc_process: Any = _import("lib.sc_process")
protocol: Any = _import("lib.protocol")
remote_controller: Any = _import("lib.remote_controller")
parse_flags_once()

# The library draws the map and the race, from lists of one, with Python's global generator. That
# belongs to the learner: a game restarted after a crash would shift the learner's numbers.
sc2_env.random = random.Random(0)
