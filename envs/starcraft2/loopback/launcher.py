"""What runs in the game's place: the server, or a copy of one that waits ready.

Starting Python, numba and the compiled simulation takes seconds. Where many games are started, as
in tests, one process (`nursery.py`) does that once, and forks itself for every game. This process
then stays and is the game as far as its parent can tell: when it is killed the copy ends, and when
the copy ends so does this. Only the standard library is used, so that it starts in no time.
"""

from __future__ import annotations

import json
import os
import socket
import sys

NURSERY = "L2RL_LOOPBACK_NURSERY"
"""Environment variable: path of the nursery's socket."""


def ask_nursery(path: str) -> None:
    """Let the nursery fork a server for these arguments, with this process's output; wait."""
    line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    line.connect(path)
    request = json.dumps({"arguments": sys.argv[1:], "environment": _environment()}).encode()
    socket.send_fds(line, [request + b"\n"], [1, 2])
    line.recv(1)


def _environment() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if key.startswith("L2RL_")}


if __name__ == "__main__":
    nursery = os.environ.get(NURSERY)
    if nursery and os.path.exists(nursery):
        ask_nursery(nursery)
    else:
        server = [sys.executable, "-m", "l2rl.envs.starcraft2.loopback.server", *sys.argv[1:]]
        os.execv(sys.executable, server)
