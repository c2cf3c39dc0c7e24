"""The floor without a framework: an ASGI function and a client of some lines, for streams, too.

It decodes a request, puts a system prompt first, sets the temperature and forwards, as the others
do; of an answer it looks at nothing. No timeout, no limit, no error is handled.
"""

from __future__ import annotations

import asyncio
import os
import socket
from typing import Any, cast

import httptools
import msgspec

from benchmarks.proxy.work import SYSTEM_PROMPT, TEMPERATURE

_PORT = int(os.environ.get("MOCK_PORT", "0"))
_HEAD = (
    b"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
    b"content-length: %d\r\n\r\n"
)
_TYPES = {True: b"text/event-stream", False: b"application/json"}
_pool: list[_Connection] = []


class _Connection(asyncio.Protocol):
    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._waiter: asyncio.Future[None] | None = None
        self.is_complete = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def on_body(self, body: bytes) -> None:
        self._pieces.append(body)

    def on_message_complete(self) -> None:
        self.is_complete = True

    def send(self, body: bytes) -> None:
        self.is_complete = False
        self._parser = httptools.HttpResponseParser(self)
        self._transport.write(_HEAD % len(body) + body)

    async def piece(self) -> bytes:
        while not (self._pieces or self.is_complete):
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Forward one request."""
    if scope["type"] != "http":
        return
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    asked = msgspec.json.decode(body)
    first = asked["messages"][0]
    first["content"] = f"{SYSTEM_PROMPT}\n\n{first['content']}"
    asked["temperature"] = TEMPERATURE
    connection = _pool.pop() if _pool else await _connected()
    connection.send(msgspec.json.encode(asked))
    if asked.get("stream"):
        await _stream(connection, send)
    else:
        await _whole(connection, send)
    _pool.append(connection)


async def _connected() -> _Connection:
    loop = asyncio.get_running_loop()
    return (await loop.create_connection(_Connection, "127.0.0.1", _PORT))[1]


async def _whole(connection: _Connection, send: Any) -> None:
    pieces = []
    while piece := await connection.piece():
        pieces.append(piece)
    body = b"".join(pieces)
    await _start(send, is_stream=False, fields=[(b"content-length", b"%d" % len(body))])
    await send({"type": "http.response.body", "body": body})


async def _stream(connection: _Connection, send: Any) -> None:
    await _start(send, is_stream=True, fields=[])
    while piece := await connection.piece():
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _start(send: Any, *, is_stream: bool, fields: list[tuple[bytes, bytes]]) -> None:
    headers = [(b"content-type", _TYPES[is_stream]), *fields]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
