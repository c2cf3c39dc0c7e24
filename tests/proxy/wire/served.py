"""A server on loopback with an application that says what it was asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import cast

from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from proxy.wire.http_server import server_config
from proxy.wire.server_connection import ServerConnection

GET = b"GET /a HTTP/1.1\r\nhost: x\r\n\r\n"
CLOSE = b"GET /last HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
GIVE_UP_S = 10


class App:
    """Answers with the method, the path, the query and the body; keeps what it was asked.

    Attributes:
        scopes: of all requests.
        gate: what answers wait for.
    """

    def __init__(self) -> None:
        self.scopes: list[Scope] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.asked = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one."""
        self.scopes.append(scope)
        self.asked.set()
        body, more = b"", True
        while more and scope["path"] != "/unread":
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        await self.gate.wait()
        said = b" ".join([scope["method"].encode(), scope["path"].encode(), body])
        length = (b"content-length", b"%d" % len(said))
        await send({"type": "http.response.start", "status": 200, "headers": [length]})
        await send({"type": "http.response.body", "body": said})


class Served:
    """A server and what it knows."""

    def __init__(self, app: App, port: int, state: ServerState) -> None:
        self.app = app
        self.port = port
        self.state = state

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A new connection."""
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def connect_directly(
        self,
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, ServerConnection]:
        """The only connection, and the server's end of it, to say where a read ends."""
        reader, writer = await self.connect()
        await until(lambda: bool(self.state.connections))
        (connection,) = self.state.connections
        return reader, writer, cast("ServerConnection", connection)

    async def all_of(self, data: bytes) -> bytes:
        """Send this, and read until the server closes the connection."""
        reader, writer = await self.connect()
        writer.write(data)
        try:
            async with asyncio.timeout(GIVE_UP_S):
                return await reader.read()
        finally:
            writer.close()


@asynccontextmanager
async def serving(keep_alive_s: float = 60) -> AsyncIterator[Served]:
    """Serve an `App`; nothing may be left of it afterwards."""
    app, state = App(), ServerState()
    config = server_config(app, keep_alive_s=keep_alive_s, drain_s=1, lifespan="off")
    config.load()
    server = await asyncio.get_running_loop().create_server(
        lambda: config.http_protocol_class(config=config, server_state=state, app_state={}),  # type: ignore[call-arg]  # uvicorn's own way to call it
        "127.0.0.1",
        0,
    )
    async with server:
        yield Served(app, server.sockets[0].getsockname()[1], state)
    await until(lambda: not (state.connections or state.tasks))


async def until(is_so: Callable[[], bool]) -> None:
    """Wait for the event loop to get there."""
    async with asyncio.timeout(GIVE_UP_S):
        while not is_so():  # noqa: ASYNC110 - what is waited for are sets of uvicorn's
            await asyncio.sleep(0)


def serve(test: Callable[[Served], Awaitable[None]], *, keep_alive_s: float = 60) -> None:
    """Run a test against a server."""

    async def main() -> None:
        async with serving(keep_alive_s) as served:
            await test(served)

    asyncio.run(main())


def posted(body: bytes, *fields: bytes, to: bytes = b"/a", framing: bytes = b"") -> bytes:
    """A POST; its body has a length unless the framing is another."""
    framing = framing or b"content-length: %d" % len(body)
    head = b"\r\n".join([b"POST %b HTTP/1.1" % to, b"host: x", *fields, framing])
    return b"%b\r\n\r\n%b" % (head, body)


def bodies(answer: bytes) -> list[bytes]:
    """The bodies of several answers, each with its length."""
    found = []
    while answer:
        head, _, answer = answer.partition(b"\r\n\r\n")
        length = int(head.partition(b"content-length: ")[2].split(b"\r\n")[0])
        found.append(answer[:length])
        answer = answer[length:]
    return found
