"""What the suites of upstream clients run on: a client, a server that misbehaves, one loop."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import uvloop

from proxy.upstream.base import Response, Timeouts, UpstreamClient
from proxy.upstream.endpoint import Endpoint
from tests.certificates import server_tls
from tests.loopback import Connection, Handler, Loopback, Received, loopback

HEADERS = ((b"content-type", b"application/json"), (b"x-test", b"1"))
PATIENT = Timeouts()
IMPATIENT = Timeouts(connect_s=0.5, first_byte_s=0.05, idle_s=0.05)

Act = Callable[[UpstreamClient, Loopback], Awaitable[None]]


class UpstreamHarness:
    """Inherit, and say how to make the client.

    Attributes:
        is_tls: whether the server on TCP speaks TLS.
        is_uvloop: whether to run on uvloop, as the server does, rather than on asyncio's own loop.
    """

    is_tls = False
    is_uvloop = False

    def make(self, *, max_connections: int = 1024) -> UpstreamClient:
        """A fresh client."""
        raise NotImplementedError

    @property
    def loop_factory(self) -> Callable[[], asyncio.AbstractEventLoop] | None:
        """What makes the loop; None for asyncio's own."""
        return uvloop.new_event_loop if self.is_uvloop else None

    def run(
        self,
        handler: Handler,
        act: Act,
        *,
        socket_path: str | None = None,
        max_connections: int = 1024,
        reads_bodies: bool = True,
    ) -> Loopback:
        """Run ``act`` against a server of ``handler``; in the end nothing may be left running."""
        tls = server_tls() if self.is_tls and socket_path is None else None

        async def main() -> Loopback:
            client = self.make(max_connections=max_connections)
            async with loopback(
                handler, socket_path=socket_path, tls=tls, reads_bodies=reads_bodies
            ) as server:
                try:
                    await act(client, server)
                finally:
                    await client.close()
            assert asyncio.all_tasks() == {asyncio.current_task()}
            return server

        with asyncio.Runner(loop_factory=self.loop_factory) as loop:
            return loop.run(main())


def at(server: Loopback, path: str) -> Endpoint:
    """The endpoint of ``path`` on a running server."""
    return Endpoint.parse(server.url, ca_file=server.ca_file).at(path)


def get(
    client: UpstreamClient, server: Loopback, timeouts: Timeouts = PATIENT
) -> AbstractAsyncContextManager[Response]:
    """Ask for ``/v1/x``."""
    return client.request("GET", at(server, "/x"), (), b"", timeouts)


def post(
    client: UpstreamClient, server: Loopback, body: bytes = b"{}", timeouts: Timeouts = PATIENT
) -> AbstractAsyncContextManager[Response]:
    """Post a body to ``/v1/x``, as the proxy does."""
    return client.request("POST", at(server, "/x"), HEADERS, body, timeouts)


def socket_towards(server: Loopback) -> socket.socket:
    """A duplicate of this process's connection to a server on TCP; close it."""
    port = urlsplit(server.url).port
    for descriptor in Path("/proc/self/fd").iterdir():
        if descriptor.is_socket():
            sock = socket.socket(fileno=os.dup(int(descriptor.name)))
            with suppress(OSError):  # it listens, and has no other end
                if sock.getpeername()[1:2] == (port,):
                    return sock
            sock.close()
    raise AssertionError(f"nothing is connected to {server.url}")


async def body_of(response: Response) -> bytes:
    """The whole body."""
    return b"".join([chunk async for chunk in response.chunks])


async def never(_: Received, connection: Connection) -> None:
    """A handler that must not be reached."""
    connection.abort()
