"""A real HTTP/1.1 server on a loopback port that answers exactly what a test writes."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec

from proxy.tasks import cancel
from tests.certificates import ServerTls


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it came over the wire; header names in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The decoded body."""
        return msgspec.json.decode(self.body)


class Connection:
    """The server's end of one client connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def send(self, data: bytes) -> None:
        """Write these bytes as they are."""
        self._writer.write(data)
        await self._writer.drain()

    async def respond(
        self, body: bytes, *, status: int = 200, headers: bytes = b"content-type: application/json"
    ) -> None:
        """Write a whole response with a content length."""
        head = b"HTTP/1.1 %d Status\r\n%b\r\ncontent-length: %d\r\n\r\n"
        await self.send(head % (status, headers, len(body)) + body)

    async def start_stream(self, headers: bytes = b"content-type: text/event-stream") -> None:
        """Write the head of a chunked response."""
        await self.send(b"HTTP/1.1 200 OK\r\n%b\r\ntransfer-encoding: chunked\r\n\r\n" % headers)

    async def chunk(self, data: bytes) -> None:
        """Write one HTTP chunk; an empty one ends the response."""
        await self.send(b"%x\r\n%b\r\n" % (len(data), data))

    async def until_gone(self) -> None:
        """Wait until the client has closed its end."""
        while await self._reader.read(4096):
            pass

    def close(self) -> None:
        """End the connection in good order, after what has been written."""
        self._writer.close()

    def abort(self) -> None:
        """Break the connection off without an end."""
        self._writer.transport.abort()

    def reset(self) -> None:
        """Break it off with a reset, which also throws away what is still under way."""
        # As bytes, since uvloop's sockets take the option in no other way.
        linger = struct.pack("ii", 1, 0)
        sock = self._writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.abort()


Handler = Callable[[Received, Connection], Awaitable[None]]


@dataclass
class Loopback:
    """A running server: where it is and what it was asked."""

    url: str
    requests: list[Received] = field(default_factory=list)
    connections: int = 0
    ca_file: str | None = None


@asynccontextmanager
async def loopback(
    handler: Handler,
    *,
    socket_path: str | None = None,
    tls: ServerTls | None = None,
    reads_bodies: bool = True,
) -> AsyncIterator[Loopback]:
    """Serve ``handler`` until the block is left; connections are kept alive between requests.

    Without ``reads_bodies`` a request's body is left unread, as by a server that refuses it.
    """
    state = Loopback(url="")
    tasks: set[asyncio.Task[Any]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        state.connections += 1
        try:
            while (request := await _read(reader, reads_body=reads_bodies)) is not None:
                state.requests.append(request)
                await handler(request, Connection(reader, writer))
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            # Cancelled only by our own end below; Python 3.11's streams would log it as a failure.
            pass
        finally:
            tasks.discard(task)
            writer.close()

    if socket_path is not None:
        server = await asyncio.start_unix_server(serve, socket_path)
        state.url = f"unix:{socket_path}"
    elif tls is not None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls.context)
        state.url = f"https://localhost:{server.sockets[0].getsockname()[1]}/v1"
        state.ca_file = tls.ca_file
    else:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        state.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    try:
        yield state
    finally:
        server.close()
        for task in tuple(tasks):
            await cancel(task)


async def _read(reader: asyncio.StreamReader, *, reads_body: bool) -> Received | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    first, *lines = head.decode("latin-1").rstrip().split("\r\n")
    method, path, _ = first.split(" ")
    fields = (line.partition(":") for line in lines)
    headers = {name.lower(): value.strip() for name, _, value in fields}
    n_bytes = int(headers.get("content-length", "0")) if reads_body else 0
    body = await reader.readexactly(n_bytes)
    return Received(method, path, headers, body)
