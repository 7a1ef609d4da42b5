"""The process in the game's place: takes the game's command line, serves its websocket.

    SC2_x64 -listen 127.0.0.1 -port 12345 ...

One connection at a time, as the game has it, answered in the order of its requests.
"""

from __future__ import annotations

import asyncio
import logging
import math
import os
import random
import sys
from collections.abc import Sequence
from typing import Any

from aiohttp import WSMsgType, web
from s2clientprotocol import sc2api_pb2 as sc_pb

from . import faults
from .session import VERSION, Session


class Server:
    """The websocket's side: bytes, connections, and the faults that were asked for."""

    def __init__(self) -> None:
        self.session = Session()
        self._connected = False

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One client, from its first message to its last."""
        if self._connected:
            return web.Response(status=503, text="Somebody else is connected.")
        self._connected = True
        # The client library sends its bytes as text, which they are not.
        line = web.WebSocketResponse(max_msg_size=0, decode_text=False)
        await line.prepare(request)
        try:
            async for message in line:
                if message.type in (WSMsgType.BINARY, WSMsgType.TEXT):
                    await self._reply(line, sc_pb.Request.FromString(message.data))
        finally:
            self._connected = False
        return line

    async def _reply(self, line: web.WebSocketResponse, request: sc_pb.Request) -> None:
        session = self.session
        loop = session.simulation.loop if session.simulation else 0
        fault = faults.due(str(request.WhichOneof("request")), loop, session.seed)
        if fault == "stuck":
            stuck = sc_pb.Response(id=request.id, status=session.status, step=sc_pb.ResponseStep())
            await line.send_bytes(stuck.SerializeToString())
            return
        response = session.answer(request)
        if fault is not None:
            await _strike(fault, line, response)
            return
        await line.send_bytes(response.SerializeToString())
        if session.status == sc_pb.quit:
            os._exit(0)


async def _strike(fault: str, line: web.WebSocketResponse, response: sc_pb.Response) -> None:
    """Answer as a broken game would."""
    if fault == "die":
        os._exit(1)
    elif fault == "hang":
        await asyncio.Event().wait()
    elif fault == "garbage":
        await line.send_bytes(random.Random(0).randbytes(300))
    elif fault == "empty":
        await line.send_bytes(b"")
    else:
        await _SPOILED[fault](response)
        await line.send_bytes(response.SerializeToString())


async def _slow(response: sc_pb.Response) -> None:
    await asyncio.sleep(0.1)


async def _no_status(response: sc_pb.Response) -> None:
    response.ClearField("status")


async def _wrong_id(response: sc_pb.Response) -> None:
    response.id += 1


async def _wrong_status(response: sc_pb.Response) -> None:
    response.status = sc_pb.launched


async def _error(response: sc_pb.Response) -> None:
    response.error.append("An error that was asked for.")


async def _not_a_number(response: sc_pb.Response) -> None:
    for unit in response.observation.observation.raw_data.units:
        unit.pos.x = math.nan


async def _off_the_map(response: sc_pb.Response) -> None:
    for unit in response.observation.observation.raw_data.units:
        unit.pos.y = 1e6


_SPOILED: dict[str, Any] = {
    "slow": _slow,
    "no_status": _no_status,
    "wrong_id": _wrong_id,
    "wrong_status": _wrong_status,
    "error": _error,
    "not_a_number": _not_a_number,
    "off_the_map": _off_the_map,
}


def main(arguments: Sequence[str]) -> None:
    """Serve until told to quit. Faults at `launch` strike first."""
    print(VERSION, flush=True)
    logging.basicConfig(level=logging.WARNING)
    fault = faults.due("launch", 0, 0)
    if fault == "die":
        print("The simulation dies at its launch, as asked.", flush=True)
        os._exit(1)
    host = arguments[list(arguments).index("-listen") + 1]
    port = int(arguments[list(arguments).index("-port") + 1])
    app = web.Application()
    app.add_routes([web.get("/sc2api", Server().handle)])
    web.run_app(app, host=host, port=port, print=None, handle_signals=False)


if __name__ == "__main__":
    main(sys.argv[1:])
