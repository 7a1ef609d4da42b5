"""`python -m l2rl.envs.starcraft2.loopback.nursery SOCKET MAP...`: servers forked from one that
has these maps ready.

See `launcher.py`. Every fork has its own memory, so games know nothing of each other.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Sequence

from .server import main as serve
from .simulation import Simulation


def main(path: str, maps: Sequence[str]) -> None:
    """Warm up, then fork a server for everyone who asks, until killed."""
    for name in maps:
        Simulation(name, 1).advance(1)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(path)
    listener.listen()
    while True:
        line, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            _become_server(line)
        line.close()


def _become_server(line: socket.socket) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    text, files, _, _ = socket.recv_fds(line, 1 << 20, 2)
    request = json.loads(text)
    for number, file in enumerate(files, 1):
        os.dup2(file, number)
        os.close(file)
    os.environ.update(request["environment"])
    threading.Thread(target=_end_with, args=(line,), daemon=True).start()
    try:
        serve(request["arguments"])
    finally:
        os._exit(0)


def _end_with(line: socket.socket) -> None:
    """End at once when the process at the other end of the line does."""
    line.recv(1)
    os._exit(1)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
