"""A loopback server that speaks OpenAI's wire and follows a script."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import msgspec

from proxy.backends.render import Answer, Choice, ChunkTemplate, completion
from proxy.domain import Usage
from tests.conformance.backend_suite import Script
from tests.loopback import Connection, Loopback, Received, loopback

ANSWER = Answer("chatcmpl-1", "upstream", 1)
USAGE = Usage(7, 3)


@dataclass
class ScriptedServer:
    """Follows one script for every request.

    Args:
        script: what to do.
    """

    script: Script

    def __post_init__(self) -> None:
        """Nothing is running yet."""
        self._running = 0
        self._idle = asyncio.Event()
        self._idle.set()

    async def idle(self) -> None:
        """Wait until no request is being answered."""
        await self._idle.wait()

    async def handle(self, request: Received, connection: Connection) -> None:
        """Answer one request; ends when the client has left, where the script says to hold."""
        self._running += 1
        self._idle.clear()
        try:
            await self._answer(request, connection)
        finally:
            self._running -= 1
            if not self._running:
                self._idle.set()

    async def _answer(self, request: Received, connection: Connection) -> None:
        if self.script.status != 200:
            await self._refuse(connection)
        elif request.json.get("stream"):
            include = (request.json.get("stream_options") or {}).get("include_usage", False)
            await self._stream(connection, ChunkTemplate(ANSWER, include_usage=include))
        elif self.script.hold_after is not None:
            await connection.until_gone()
        else:
            choice = Choice("".join(self.script.deltas), "stop")
            await connection.respond(
                completion(ANSWER, [choice], USAGE),
                headers=b"content-type: application/json\r\nset-cookie: a=b\r\nserver: x",
            )

    async def _refuse(self, connection: Connection) -> None:
        error = {"message": "The script refuses.", "type": "x", "param": None, "code": None}
        await connection.respond(
            msgspec.json.encode({"error": error}),
            status=self.script.status,
            headers=b"content-type: application/json\r\nretry-after: 7",
        )

    async def _stream(self, connection: Connection, template: ChunkTemplate) -> None:
        await connection.start_stream(b"content-type: text/event-stream\r\nset-cookie: a=b")
        await connection.chunk(template.role())
        for index, delta in enumerate(self.script.deltas):
            if index == self.script.hold_after:
                await connection.until_gone()
                return
            if index == self.script.break_after:
                connection.abort()
                return
            await connection.chunk(template.delta(delta))
        await connection.chunk(template.finish("stop"))
        await connection.chunk(template.end(USAGE))
        await connection.chunk(b"")


@asynccontextmanager
async def openai_server(
    script: Script, *, socket_path: str | None = None
) -> AsyncIterator[tuple[ScriptedServer, Loopback]]:
    """Serve a script."""
    server = ScriptedServer(script)
    async with loopback(server.handle, socket_path=socket_path) as address:
        yield server, address
